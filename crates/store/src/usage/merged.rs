//! Rows that are about the same, added up in memory.

use std::collections::HashMap;

use portcullis_feed::{CollectionId, ProfileId, UsageRow};

use super::UsageCounts;

/// Into how many parts profiles are divided in the journal, so that each can be added up without the others.
const PARTS: u8 = 16;

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) minute: u64,
    pub(super) profile: Option<ProfileId>,
    pub(super) key_id: Option<String>,
    pub(super) collection: Option<CollectionId>,
    pub(super) endpoint: Option<String>,
}

/// Rows by what they are about.
#[derive(Default)]
pub(super) struct Merged(HashMap<Key, UsageCounts>);

impl Key {
    fn of(row: &UsageRow) -> Self {
        Self {
            minute: row.minute,
            profile: row.profile,
            key_id: row.key_id.clone(),
            collection: row.collection,
            endpoint: row.endpoint.clone(),
        }
    }

    /// Which part it belongs to: the same for all rows of a profile.
    fn part(&self) -> u8 {
        let last = self
            .profile
            .and_then(|profile| profile.as_bytes().last().copied());
        last.unwrap_or(0) % PARTS
    }
}

impl Merged {
    pub(super) fn add<'a>(&mut self, rows: impl IntoIterator<Item = &'a UsageRow>) {
        for row in rows {
            self.0.entry(Key::of(row)).or_default().add_row(row);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &UsageCounts)> {
        self.0.iter()
    }

    /// As rows, by their parts.
    pub(super) fn into_parts(self) -> Vec<(u8, Vec<UsageRow>)> {
        let mut parts: Vec<(u8, Vec<UsageRow>)> =
            (0..PARTS).map(|part| (part, Vec::new())).collect();
        for (key, counts) in self.0 {
            if let Some((_, rows)) = parts.get_mut(usize::from(key.part())) {
                rows.push(UsageRow {
                    minute: key.minute,
                    profile: key.profile,
                    key_id: key.key_id,
                    collection: key.collection,
                    endpoint: key.endpoint,
                    ..counts.into_row()
                });
            }
        }
        parts
    }
}
