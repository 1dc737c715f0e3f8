//! The records that a VM has used lately.

use std::sync::Arc;

use portcullis_engine::Holder;
use portcullis_engine::hashing::ByFirstBytes;
use portcullis_engine::recent::Recent;
use portcullis_feed::Digest;

use crate::layout;

/// What an entry weighs beside its encoded record, in bytes: its place in the cache and in the memory of what was dropped,
/// and what a holder has that its record has not.
const ENTRY_BYTES: usize = 230;

/// How many bytes an encoded record usually has.
const USUAL_RECORD_BYTES: usize = 130;

/// How many changed pages are kept in mind before what came from them is looked for and dropped.
pub(crate) const MOST_CHANGED: usize = 256;

/// The records that a VM has used lately. Bounded by weight.
#[derive(Debug)]
pub(crate) struct Cache {
    /// No caller can choose what is in it: only known keys are.
    recent: Recent<Digest, Entry, ByFirstBytes>,
    /// Going through all entries at each change would hold up requests.
    changed: Changed,
    changes: u32,
}

/// Pages that have changed, each with the number of its last change, in order.
#[derive(Debug, Default)]
struct Changed(Vec<(u32, u32)>);

impl Changed {
    fn place(&self, page: u32) -> Result<usize, usize> {
        self.0.binary_search_by_key(&page, |(page, _)| *page)
    }

    /// The number of the last change of a page, and 0 where there was none.
    fn last(&self, page: u32) -> u32 {
        let found = self.place(page).ok().and_then(|place| self.0.get(place));
        found.map_or(0, |(_, change)| *change)
    }

    fn note(&mut self, page: u32, change: u32) {
        match self.place(page) {
            Ok(place) => {
                if let Some(known) = self.0.get_mut(place) {
                    known.1 = change;
                }
            }
            Err(place) => self.0.insert(place, (page, change)),
        }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    holder: Arc<Holder>,
    /// How many changes there had been when it was read.
    changes: u32,
}

impl Entry {
    fn is_outdated(&self, digest: &Digest, changed: &Changed) -> bool {
        changed.last(layout::record_page(digest)) > self.changes
    }
}

impl Cache {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            recent: Recent::new(bytes, ENTRY_BYTES + USUAL_RECORD_BYTES),
            changed: Changed::default(),
            changes: 0,
        }
    }

    pub(crate) fn find(&self, digest: &Digest) -> Option<Arc<Holder>> {
        let found = self.recent.find(digest);
        let entry = found.filter(|entry| !entry.is_outdated(digest, &self.changed));
        entry.map(|entry| entry.holder)
    }

    pub(crate) fn insert(&mut self, digest: Digest, holder: Arc<Holder>, record_bytes: usize) {
        // Decoded, what may be long in a record takes as much as encoded.
        let bytes = record_bytes.saturating_add(ENTRY_BYTES);
        let entry = Entry {
            holder,
            changes: self.changes,
        };
        self.recent.insert(digest, entry, bytes);
    }

    pub(crate) fn forget(&mut self, pages: &[u32]) {
        let Some(changes) = self.changes.checked_add(1) else {
            self.clear();
            return;
        };
        self.changes = changes;
        for &page in pages {
            self.changed.note(page, self.changes);
        }
        if self.changed.0.len() > MOST_CHANGED {
            let changed = std::mem::take(&mut self.changed);
            self.recent
                .retain(|digest, entry| !entry.is_outdated(digest, &changed));
        }
    }

    pub(crate) fn clear(&mut self) {
        self.recent.clear();
        self.changed = Changed::default();
        self.changes = 0;
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.recent.len()
    }
}
