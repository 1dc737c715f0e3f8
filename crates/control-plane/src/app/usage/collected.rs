//! What is counted, for those who have it told elsewhere: sums by access profile and collection, in memory, since they were
//! last taken. A batch is new to one process only, whichever it reaches, so no two processes have the same in theirs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use portcullis_feed::{CollectionId, ProfileId, UsageBatch};
use portcullis_store::{UsageCounts, UsageGroup};

use crate::app::{App, Refusal};

/// How much is told apart at most. What comes after that is one sum.
const MOST: usize = 20_000;

/// What a sum is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UsageAbout {
    /// An access profile, where it is known who called, and a collection, where there is one.
    Of(Option<ProfileId>, Option<CollectionId>),
    /// Everything for which there was no room.
    Others,
}

/// What a sum is about, as people know it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageNames {
    /// Whose profile it is.
    pub client: Option<Named>,
    /// The access profile.
    pub profile: Option<Named>,
    /// The collection.
    pub collection: Option<Named>,
}

/// An identifier, and what people call it, if it is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The identifier.
    pub id: String,
    /// The name; of a collection with its version.
    pub name: Option<String>,
}

/// Sums of what was counted.
#[derive(Debug, Default)]
pub struct UsageSums(HashMap<UsageAbout, UsageCounts>);

/// What was counted since it was last taken. None as long as nobody takes it.
#[derive(Default)]
pub(in crate::app) struct Collected(Mutex<Option<UsageSums>>);

impl UsageSums {
    /// Adds counts.
    pub fn add(&mut self, about: UsageAbout, counts: &UsageCounts) {
        self.place(about).add(counts);
    }

    fn add_batch(&mut self, batch: &UsageBatch) {
        for row in &batch.rows {
            let about = UsageAbout::Of(row.profile, row.collection);
            self.place(about).add_row(row);
        }
    }

    fn place(&mut self, about: UsageAbout) -> &mut UsageCounts {
        let has_room = self.0.len() < MOST || self.0.contains_key(&about);
        let about = if has_room { about } else { UsageAbout::Others };
        self.0.entry(about).or_default()
    }

    /// What a sum amounts to.
    #[must_use]
    pub fn of(&self, about: &UsageAbout) -> Option<&UsageCounts> {
        self.0.get(about)
    }

    /// What there are sums of.
    pub fn abouts(&self) -> impl Iterator<Item = UsageAbout> {
        self.0.keys().copied()
    }

    /// Forgets a sum.
    pub fn forget(&mut self, about: &UsageAbout) {
        self.0.remove(about);
    }
}

impl IntoIterator for UsageSums {
    type Item = (UsageAbout, UsageCounts);
    type IntoIter = std::collections::hash_map::IntoIter<UsageAbout, UsageCounts>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Collected {
    /// Adds a batch that is counted now, and was not before.
    pub(super) fn add(&self, batch: &UsageBatch) {
        if let Some(sums) = self.lock().as_mut() {
            sums.add_batch(batch);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<UsageSums>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Collects from now on what is counted, to be taken now and then.
    pub fn collect_usage(&self) {
        self.usage_collected
            .lock()
            .get_or_insert_with(UsageSums::default);
    }

    /// What was counted since it was last taken.
    #[must_use]
    pub fn take_collected_usage(&self) -> UsageSums {
        let mut collected = self.usage_collected.lock();
        collected.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What people call that which sums are about.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn names_of_usage(
        &self,
        abouts: &[UsageAbout],
    ) -> Result<HashMap<UsageAbout, UsageNames>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let of = |about: &UsageAbout| match about {
            UsageAbout::Of(profile, collection) => (*profile, *collection),
            UsageAbout::Others => (None, None),
        };
        let profiles: Vec<ProfileId> = abouts.iter().filter_map(|about| of(about).0).collect();
        let collections = abouts.iter().filter_map(|about| of(about).1);
        let collections = distinct(collections.map(|id| id.to_string()));
        let clients = snapshot.clients_of_profiles(&profiles).await?;
        let client_ids = distinct(clients.values().cloned());
        let profiles = distinct(profiles.iter().map(ToString::to_string));
        let mut names = snapshot
            .usage_names(UsageGroup::Client, &client_ids)
            .await?;
        names.extend(snapshot.usage_names(UsageGroup::Profile, &profiles).await?);
        let group = UsageGroup::Collection;
        names.extend(snapshot.usage_names(group, &collections).await?);
        let named = |id: String| Named {
            name: names.get(&id).cloned(),
            id,
        };
        let told = |about: &UsageAbout| {
            let (profile, collection) = of(about);
            let client = profile.and_then(|profile| clients.get(&profile));
            UsageNames {
                client: client.cloned().map(named),
                profile: profile.map(|id| named(id.to_string())),
                collection: collection.map(|id| named(id.to_string())),
            }
        };
        Ok(abouts.iter().map(|about| (*about, told(about))).collect())
    }
}

fn distinct(ids: impl Iterator<Item = String>) -> Vec<String> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[cfg(test)]
mod tests {
    use portcullis_feed::UsageRow;

    use super::*;

    fn batch(profiles: std::ops::Range<u128>) -> UsageBatch {
        let row = |number| UsageRow {
            profile: Some(ProfileId::from_parts(0, number)),
            requests: 2,
            ..UsageRow::default()
        };
        UsageBatch {
            rows: profiles.map(row).collect(),
            ..UsageBatch::default()
        }
    }

    #[test]
    fn sums_are_bounded_and_lose_nothing() {
        let most = u128::try_from(MOST).unwrap();
        let mut sums = UsageSums::default();
        sums.add_batch(&batch(0..most + 5));
        sums.add_batch(&batch(0..3));
        assert_eq!(sums.abouts().count(), MOST + 1);
        let requests = |about| sums.of(&about).unwrap().requests;
        let first = UsageAbout::Of(Some(ProfileId::from_parts(0, 0)), None);
        assert_eq!((requests(first), requests(UsageAbout::Others)), (4, 10));
    }

    #[test]
    fn nothing_is_collected_as_long_as_nobody_takes_it() {
        let collected = Collected::default();
        collected.add(&batch(0..3));
        assert!(collected.lock().is_none());
    }
}
