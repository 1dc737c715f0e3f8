//! Many records at once: written with as few statements as databases take. What is written of one record, and how, is
//! said where its kind is.

mod reading;
pub(crate) mod writing;

use std::collections::BTreeSet;

use portcullis_feed::{ClientId, ProfileId};

use crate::audit::Audited;
use crate::{AccessProfile, ApiKey, Client, Collection, Edit, Logo, Policy, StoreError};
use crate::{client, collection, key, policy, profile};

/// How many values a statement has at most. Databases take many more, but longer statements are not faster.
const MOST_VALUES: usize = 4_000;

/// What becomes of one record. At least one of the states is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<R> {
    /// The state that there is. None of a new record.
    pub before: Option<R>,
    /// The state that there is to be. None of a record that goes.
    pub after: Option<R>,
}

/// What becomes of many records, together. Names and identities may change hands among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Policies. Those that go belong to no profile then.
    pub policies: Vec<Change<Policy>>,
    /// Collections. Those that go are granted by no profile then.
    pub collections: Vec<Change<Collection>>,
    /// Clients. Their profiles go with them.
    pub clients: Vec<Change<Client>>,
    /// The logos that clients get, in place of those that they had.
    pub logos: Vec<(ClientId, Logo)>,
    /// Profiles. Their keys go with them.
    pub profiles: Vec<Change<AccessProfile>>,
    /// Keys. None goes by itself, and of one that exists only the ends change.
    pub keys: Vec<Change<ApiKey>>,
}

impl<R> Change<R> {
    /// The record, if it goes.
    fn gone(&self) -> Option<&R> {
        match (&self.before, &self.after) {
            (Some(before), None) => Some(before),
            _ => None,
        }
    }

    /// Whether somebody who is told `carried` of the record is told something else.
    fn is_told<'a, T: PartialEq>(&'a self, carried: impl Fn(&'a R) -> T) -> bool {
        self.before.as_ref().map(&carried) != self.after.as_ref().map(&carried)
    }
}

impl Edit {
    /// Gives many records their new state.
    ///
    /// # Errors
    /// When the database fails, or the outcome is one that it does not take: a reference to what does not exist, a name
    /// or an identity that somebody else has, a key that exists under another id.
    pub async fn put_batch(&mut self, batch: &Batch, now_ms: u64) -> Result<(), StoreError> {
        // Callers go first: their identities and the digests of their keys are free then.
        let orphans = self.remove_callers(batch, now_ms).await?;
        self.free_names(batch).await?;
        let policies: Vec<_> = after(&batch.policies).collect();
        self.put_rows(policy::PUT, &policies, |it| policy::values(it))
            .await?;
        let collections: Vec<_> = after(&batch.collections).collect();
        self.put_rows(collection::PUT, &collections, |it| collection::values(it))
            .await?;
        let clients: Vec<_> = after(&batch.clients).collect();
        self.put_rows(client::PUT, &clients, |it| client::values(it))
            .await?;
        for (client, logo) in &batch.logos {
            self.put_logo(*client, logo).await?;
        }
        self.put_profiles(batch).await?;
        let keys: Vec<_> = after(&batch.keys).collect();
        self.put_rows(key::PUT, &keys, |it| key::values(it)).await?;
        self.remove_catalogue(batch, now_ms).await?;
        self.mark_told(batch).await?;
        self.enter_each(&batch.policies).await?;
        self.enter_each(&batch.collections).await?;
        for profile in &orphans {
            self.enter(Some(profile), None).await?;
        }
        self.enter_each(&batch.clients).await?;
        self.enter_each(&batch.profiles).await?;
        self.enter_each(&batch.keys).await
    }

    /// Enters in the audit what became of records.
    async fn enter_each<R: Audited>(&mut self, changes: &[Change<R>]) -> Result<(), StoreError> {
        for Change { before, after } in changes {
            self.enter(before.as_ref(), after.as_ref()).await?;
        }
        Ok(())
    }

    async fn put_profiles(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let key = self.read().secret_key.clone();
        let profiles: Vec<_> = after(&batch.profiles).collect();
        self.put_rows(profile::PUT, &profiles, |it| profile::values(it, &key))
            .await?;
        let grants = |profile: &'_ AccessProfile| profile.collections.clone();
        let regranted = batch.profiles.iter().filter(|it| it.is_told(grants));
        let regranted: Vec<_> = regranted.filter_map(|it| it.after.as_ref()).collect();
        let ids: Vec<_> = regranted.iter().map(|profile| profile.id).collect();
        self.run_each("DELETE FROM profile_collections WHERE profile_id IN ", &ids)
            .await?;
        let grants: Vec<_> = regranted.into_iter().flat_map(profile::grants).collect();
        self.put_rows(profile::GRANT, &grants, |grant| Ok(grant.clone()))
            .await
    }

    /// Tells which profiles went with their clients.
    async fn remove_callers(
        &mut self,
        batch: &Batch,
        now_ms: u64,
    ) -> Result<Vec<AccessProfile>, StoreError> {
        let clients: Vec<_> = gone(&batch.clients).map(|client| client.id).collect();
        let orphans = self.read().profiles_of(&clients).await?;
        let mut profiles: Vec<_> = orphans.iter().map(|profile| profile.id).collect();
        profiles.extend(gone(&batch.profiles).map(|profile| profile.id));
        profiles.sort_unstable();
        profiles.dedup();
        self.mark_each(profile::KIND, &profiles, Some(now_ms))
            .await?;
        self.run_each("DELETE FROM access_profiles WHERE id IN ", &profiles)
            .await?;
        self.run_each("DELETE FROM clients WHERE id IN ", &clients)
            .await?;
        Ok(orphans)
    }

    /// When nobody needs them any more.
    async fn remove_catalogue(&mut self, batch: &Batch, now_ms: u64) -> Result<(), StoreError> {
        let collections: Vec<_> = gone(&batch.collections).map(|it| it.id).collect();
        self.mark_each(collection::KIND, &collections, Some(now_ms))
            .await?;
        self.run_each("DELETE FROM collections WHERE id IN ", &collections)
            .await?;
        let policies: Vec<_> = gone(&batch.policies).map(|it| it.id).collect();
        self.run_each("DELETE FROM policies WHERE id IN ", &policies)
            .await
    }

    /// What changes hands is nobody's for a moment: each row of a statement is held against the others by itself.
    async fn free_names(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let known = batch.collections.iter().filter_map(|it| it.before.as_ref());
        let collections: Vec<_> = known.map(|collection| collection.id).collect();
        self.run_each(
            "UPDATE collections SET version = id WHERE id IN ",
            &collections,
        )
        .await?;
        let known = batch.profiles.iter().filter_map(|it| it.before.as_ref());
        let identified = known.filter(|profile| profile.has_identity());
        let profiles: Vec<_> = identified.map(|profile| profile.id).collect();
        self.run_each(
            "UPDATE access_profiles SET token_issuer = NULL, token_client = NULL WHERE id IN ",
            &profiles,
        )
        .await
    }

    /// Gives what gateways are told differently the next revisions, each once.
    async fn mark_told(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let collections = batch.collections.iter();
        let collections = collections.filter(|it| it.is_told(Collection::as_carried));
        let collections = collections.filter_map(|it| it.after.as_ref());
        let collections: Vec<_> = collections.map(|it| it.id).collect();
        self.mark_each(collection::KIND, &collections, None).await?;
        let profiles = self.told_profiles(batch).await?;
        self.mark_each(profile::KIND, &profiles, None).await
    }

    async fn told_profiles(&mut self, batch: &Batch) -> Result<Vec<ProfileId>, StoreError> {
        let mut told = BTreeSet::new();
        let profiles = batch
            .profiles
            .iter()
            .filter(|it| it.is_told(profile::carried));
        told.extend(profiles.filter_map(|it| it.after.as_ref()).map(|it| it.id));
        told.extend(after(&batch.keys).map(|key| key.profile_id));
        let clients = batch
            .clients
            .iter()
            .filter(|it| it.is_told(Client::as_carried));
        let clients = clients.filter(|it| it.before.is_some());
        let clients: Vec<ClientId> = clients
            .filter_map(|it| it.after.as_ref())
            .map(|it| it.id)
            .collect();
        told.extend(self.read().profile_ids_of(&clients).await?);
        for change in batch
            .policies
            .iter()
            .filter(|it| it.is_told(Policy::as_carried))
        {
            if let (Some(_), Some(policy)) = (&change.before, &change.after) {
                let profiles = self.read().profiles_under(policy.id, u32::MAX).await?;
                told.extend(profiles.into_iter().map(|profile| profile.id));
            }
        }
        Ok(told.into_iter().collect())
    }
}

fn after<R>(changes: &[Change<R>]) -> impl Iterator<Item = &R> {
    changes.iter().filter_map(|change| change.after.as_ref())
}

fn gone<R>(changes: &[Change<R>]) -> impl Iterator<Item = &R> {
    changes.iter().filter_map(Change::gone)
}
