//! What is live: a part of the [`Ledger`](crate::ledger::Ledger), which every VM reads when it is woken.

use portcullis_feed::{Epoch, Revision};
use serde::{Deserialize, Serialize};

use crate::layout::Side;
use crate::ledger::Build;

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
    /// How much they hold.
    pub sizes: Sizes,
    /// Counts the changes of collections within the generation.
    routes_version: u64,
    journal: Journal,
}

/// How much a generation holds. After the fall of a leader in the middle of a page it may be wrong by that page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// How many access profiles have credentials.
    pub profiles: u64,
    /// How many credentials there are: keys, and names of profiles with tokens.
    pub credentials: u64,
    /// How many bytes all pages have.
    pub bytes: u64,
}

/// Which pages of records changed lately, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Journal {
    /// How many changes there have been in all, those no longer remembered included.
    count: u64,
    pages: Vec<u32>,
}

impl State {
    /// The state in which a filled generation becomes live.
    #[must_use]
    pub fn begin(build: &Build, epoch: Epoch, revision: Revision) -> Self {
        Self {
            generation: build.generation,
            side: build.side,
            epoch,
            revision,
            sizes: build.sizes,
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
}
