//! Which access profiles and collections the metrics of this process tell apart. A host never forgets a metric, so those
//! that come first keep their labels, whatever becomes of them, and all others share one. The table is one value that all
//! VMs share and that outlives them: the bound holds for the process, and a VM that begins anew takes no label twice.

use portcullis_feed::{CollectionId, ProfileId};
use serde::{Deserialize, Serialize};

use crate::layout::LABELS;
use crate::memory::{Expect, SharedMemory};

/// How often it is tried to be entered while others are faster. Whoever is not gets in the next time.
const ATTEMPTS: u32 = 4;

/// How many bytes the label of a collection has at most.
const LONGEST_LABEL: usize = 64;

/// How much is told apart at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many access profiles.
    pub profiles: usize,
    /// How many collections.
    pub collections: usize,
}

/// What a VM knows of the table.
#[derive(Debug)]
pub struct Labels<M> {
    memory: M,
    table: Table,
}

/// Both in the order of the identifiers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Table {
    profiles: Vec<ProfileId>,
    collections: Vec<(CollectionId, Box<str>)>,
}

impl<M: SharedMemory> Labels<M> {
    /// Knows nothing yet.
    pub fn new(memory: M) -> Self {
        Self {
            memory,
            table: Table::default(),
        }
    }

    /// Whether an access profile has a label of its own: its identifier.
    #[must_use]
    pub fn has_profile(&self, profile: &ProfileId) -> bool {
        self.table.profiles.binary_search(profile).is_ok()
    }

    /// The label of a collection, if it has one of its own: what it was called when it came, of `A-Za-z0-9_-/`.
    #[must_use]
    pub fn of_collection(&self, collection: &CollectionId) -> Option<&str> {
        let place = self.table.place(collection).ok()?;
        let (_, label) = self.table.collections.get(place)?;
        Some(label)
    }

    /// Whether there is room for further access profiles, and for further collections, as far as is known here.
    #[must_use]
    pub fn has_room(&self, bounds: Bounds) -> (bool, bool) {
        let table = &self.table;
        (
            table.profiles.len() < bounds.profiles,
            table.collections.len() < bounds.collections,
        )
    }

    /// Has these told apart from now on, as far as the bounds allow: the first of them first.
    pub fn admit(
        &mut self,
        bounds: Bounds,
        profiles: &[ProfileId],
        collections: &[(CollectionId, &str)],
    ) {
        for _ in 0..ATTEMPTS {
            let (for_profiles, for_collections) = self.has_room(bounds);
            // What is full stays as it is, so there is no need to look.
            if (profiles.is_empty() || !for_profiles)
                && (collections.is_empty() || !for_collections)
            {
                return;
            }
            let expect = self.look();
            if !self.table.enter(bounds, profiles, collections) {
                return;
            }
            let bytes = postcard::to_allocvec(&self.table).unwrap_or_default();
            if self.memory.write(LABELS, &bytes, expect).is_ok() {
                return;
            }
        }
        // What could not be entered has no label.
        self.look();
    }

    /// Takes the table as it is, and tells what a write into it has to expect.
    fn look(&mut self) -> Expect {
        let read = self.memory.read(LABELS);
        let bytes = read.as_ref().map_or(&[][..], |(bytes, _)| bytes);
        self.table = postcard::from_bytes(bytes).unwrap_or_default();
        Expect::as_read(read.as_ref())
    }
}

impl Table {
    /// Enters what is new, and tells whether anything was.
    fn enter(
        &mut self,
        bounds: Bounds,
        profiles: &[ProfileId],
        collections: &[(CollectionId, &str)],
    ) -> bool {
        let before = self.profiles.len().saturating_add(self.collections.len());
        for profile in profiles {
            if self.profiles.len() >= bounds.profiles {
                break;
            }
            if let Err(place) = self.profiles.binary_search(profile) {
                self.profiles.insert(place, *profile);
            }
        }
        for (collection, name) in collections {
            if self.collections.len() >= bounds.collections {
                break;
            }
            if let Err(place) = self.place(collection) {
                let label = self.free_label(*collection, name);
                self.collections.insert(place, (*collection, label));
            }
        }
        self.profiles.len().saturating_add(self.collections.len()) > before
    }

    /// What a collection is called, or its identifier where another has that label already.
    fn free_label(&self, collection: CollectionId, name: &str) -> Box<str> {
        let plain = name.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'/' => char::from(byte),
            _ => '_',
        });
        let label: String = plain.take(LONGEST_LABEL).collect();
        // These say that there is none, and all others.
        let is_taken = ["", "none", "other"].contains(&label.as_str())
            || self.collections.iter().any(|(_, known)| **known == label);
        match is_taken {
            true => collection.to_string().into(),
            false => label.into(),
        }
    }

    fn place(&self, collection: &CollectionId) -> Result<usize, usize> {
        self.collections
            .binary_search_by_key(collection, |(known, _)| *known)
    }
}
