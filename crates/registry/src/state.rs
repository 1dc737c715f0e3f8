//! What is live: one small value that the leader replaces after each change, and that every VM reads when it is woken.

use portcullis_feed::{Epoch, Revision};
use serde::{Deserialize, Serialize};

use crate::layout::{STATE, Side};
use crate::memory::{Expect, SharedMemory, Version, WriteConflict};

/// How many changed pages are remembered. A VM that has missed more than these forgets its whole cache.
const JOURNAL_LENGTH: usize = 256;

/// What is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Which pages count: those with this number, on this side.
    pub generation: u64,
    /// Where they are.
    pub side: Side,
    /// From which life of the control plane's database they come.
    pub epoch: Epoch,
    /// Up to which revision they are complete.
    pub revision: Revision,
    /// Counts the changes of collections within the generation.
    routes_version: u64,
    journal: Journal,
}

/// Which pages of records changed lately, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Journal {
    /// How many changes there have been in all, those no longer remembered included.
    count: u64,
    pages: Vec<u32>,
}

impl State {
    /// The state in which a new generation becomes live.
    #[must_use]
    pub fn begin(generation: u64, side: Side, epoch: Epoch, revision: Revision) -> Self {
        Self {
            generation,
            side,
            epoch,
            revision,
            routes_version: 0,
            journal: Journal::default(),
        }
    }

    /// Takes note that a page of records has changed.
    pub fn note_changed(&mut self, page: u32) {
        let journal = &mut self.journal;
        if journal.pages.len() >= JOURNAL_LENGTH {
            journal.pages.remove(0);
        }
        journal.pages.push(page);
        journal.count = journal.count.saturating_add(1);
    }

    /// Takes note that pages may have changed that nobody noted: every VM must forget its whole cache.
    pub fn note_unknown_changes(&mut self) {
        let forgotten = u64::try_from(JOURNAL_LENGTH).unwrap_or(u64::MAX);
        self.journal.count = self
            .journal
            .count
            .saturating_add(forgotten)
            .saturating_add(1);
        self.journal.pages.clear();
    }

    /// Takes note that a collection has changed.
    pub fn note_routes_changed(&mut self) {
        self.routes_version = self.routes_version.wrapping_add(1);
    }

    /// Whether the collections are the same in both states.
    #[must_use]
    pub fn has_routes_of(&self, other: &Self) -> bool {
        (self.generation, self.routes_version) == (other.generation, other.routes_version)
    }

    /// Which pages of records changed since `earlier`, or None when that is not known any more.
    #[must_use]
    pub fn changed_since(&self, earlier: &Self) -> Option<&[u32]> {
        if self.generation != earlier.generation {
            return None;
        }
        let missed = self.journal.count.checked_sub(earlier.journal.count)?;
        let missed = usize::try_from(missed).ok()?;
        let from = self.journal.pages.len().checked_sub(missed)?;
        self.journal.pages.get(from..)
    }

    /// Reads what is live. None before the first sync was complete.
    #[must_use]
    pub fn read(memory: &impl SharedMemory) -> Option<(Self, Version)> {
        let (bytes, version) = memory.read(STATE)?;
        Some((postcard::from_bytes(&bytes).ok()?, version))
    }

    /// Makes this what is live.
    ///
    /// # Errors
    /// When someone else did meanwhile.
    pub fn write(&self, memory: &impl SharedMemory, expect: Expect) -> Result<(), WriteConflict> {
        let bytes = postcard::to_allocvec(self).map_err(|_| WriteConflict)?;
        memory.write(STATE, &bytes, expect)
    }
}
