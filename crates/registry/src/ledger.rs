//! The one value that the leader replaces after each step: which generation is live, which one is being filled, and in
//! which term of leadership that was written. Because it is one value, a leader that was replaced can neither end what
//! it began nor undo what its successor did: its write names a version that is gone.

use portcullis_feed::{Epoch, Revision};
use serde::{Deserialize, Serialize};

use crate::doubt::Doubt;
use crate::layout::{LEDGER, Side};
use crate::memory::{Expect, SharedMemory, Version, WriteConflict};
use crate::state::{Sizes, State};

/// What is live and what is to become so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The term of the leader that wrote this.
    pub term: u64,
    /// How many generations were begun. The newest has this number.
    pub begun: u64,
    /// What requests are decided by. None before the first sync was complete.
    pub live: Option<State>,
    /// A generation that is being filled beside it.
    pub build: Option<Build>,
    /// Whether there is more on the pages than is said here.
    pub doubt: Doubt,
    /// Whether nobody has led for long: what is live is not decided by until it is known to be the newest again.
    pub deserted: bool,
}

/// A generation that is being filled. Whoever leads goes on with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Its number.
    pub generation: u64,
    /// On which side it is written.
    pub side: Side,
    /// From which life of the control plane's database it comes, as soon as that is known.
    pub epoch: Option<Epoch>,
    /// Up to which revision it is filled.
    pub revision: Revision,
    /// How much it holds.
    pub sizes: Sizes,
}

impl Ledger {
    /// Reads it. None when it was never written.
    #[must_use]
    pub fn read(memory: &impl SharedMemory) -> Option<(Self, Version)> {
        let (bytes, version) = memory.read(LEDGER)?;
        // One that cannot be read says nothing, and is written over by whoever leads.
        Some((postcard::from_bytes(&bytes).unwrap_or_default(), version))
    }

    /// Writes it.
    ///
    /// # Errors
    /// When someone else did meanwhile.
    pub fn write(&self, memory: &impl SharedMemory, expect: Expect) -> Result<(), WriteConflict> {
        let bytes = postcard::to_allocvec(self).map_err(|_| WriteConflict)?;
        memory.write(LEDGER, &bytes, expect)
    }

    /// Takes note that nobody has led for long: see [`is_deserted`](crate::lease::is_deserted).
    pub fn desert(memory: &impl SharedMemory) {
        if let Some((mut ledger, version)) = Self::read(memory).filter(|(it, _)| !it.deserted) {
            ledger.deserted = true;
            // Whoever was quicker found the same, or leads by now.
            let _ = ledger.write(memory, Expect::Unchanged(version));
        }
    }

    /// What requests are decided by.
    #[must_use]
    pub fn in_force(self) -> Option<State> {
        self.live.filter(|_| !self.deserted)
    }

    /// What to ask the control plane for: what changed after this revision of this epoch.
    #[must_use]
    pub fn position(&self) -> (Option<Epoch>, Revision) {
        match (&self.build, &self.live) {
            (Some(build), _) => (build.epoch.clone(), build.revision),
            (None, Some(live)) => (Some(live.epoch.clone()), live.revision),
            (None, None) => (None, 0),
        }
    }

    /// Begins a generation where there is none at all, and tells whether it has.
    pub fn begin_if_empty(&mut self) -> bool {
        let is_empty = self.live.is_none() && self.build.is_none();
        if is_empty {
            self.start_over();
        }
        is_empty
    }

    /// Begins a new generation from nothing, beside the live one.
    pub fn start_over(&mut self) {
        self.begun = self.begun.saturating_add(1);
        self.doubt = Doubt::None;
        self.build = Some(Build {
            generation: self.begun,
            side: self.live.as_ref().map_or(Side::A, |live| live.side.other()),
            epoch: None,
            revision: 0,
            sizes: Sizes::default(),
        });
    }
}
