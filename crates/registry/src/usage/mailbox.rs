//! The box of each VM. Only its VM fills it, and only the leader empties it.

use serde::{Deserialize, Serialize};

use super::tally::Parcel;
use crate::layout;
use crate::memory::{Expect, SharedMemory};

/// What is in a box.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Mailbox<P = Parcel> {
    /// The number of the last parcel that was put in, from 1.
    pub(super) number: u64,
    /// It, unless it was fetched.
    pub(super) parcel: Option<P>,
}

/// Puts a parcel into the box of the VM that has this place in the roster. Not when the one before is still in it.
#[must_use]
pub fn hand_over(memory: &impl SharedMemory, place: u32, parcel: &Parcel) -> bool {
    let (mailbox, expect) = open(memory, place);
    if mailbox.parcel.is_some() {
        return false;
    }
    let filled = Mailbox {
        number: mailbox.number.saturating_add(1),
        parcel: Some(parcel),
    };
    let Ok(bytes) = postcard::to_allocvec(&filled) else {
        return false;
    };
    let key = layout::mailbox_key(place);
    memory.write(&key, &bytes, expect).is_ok()
}

/// What is in a box, and what a write into it has to expect.
pub(super) fn open(memory: &impl SharedMemory, place: u32) -> (Mailbox, Expect) {
    let read = memory.read(&layout::mailbox_key(place));
    let bytes = read.as_ref().map_or(&[][..], |(bytes, _)| bytes);
    let mailbox = postcard::from_bytes(bytes).unwrap_or_default();
    (mailbox, Expect::as_read(read.as_ref()))
}

/// Takes a parcel out of a box, if it is still the same.
pub(super) fn clear(memory: &impl SharedMemory, place: u32, number: u64, expect: Expect) {
    let parcel = None::<&Parcel>;
    let empty = Mailbox { number, parcel };
    if let Ok(bytes) = postcard::to_allocvec(&empty) {
        // Where it fails, the next leader finds a parcel that it knows.
        let _ = memory.write(&layout::mailbox_key(place), &bytes, expect);
    }
}
