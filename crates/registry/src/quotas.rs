//! How much of its quotas this Envoy has let pass, exact over all VMs of a process: how much of each is given out stands in
//! shared memory, and each VM takes some in advance, the fewer the less is left.
//!
//! This is no count over all gateways: it keeps one that hears late, or nothing, from letting more pass than a quota has.
//! What a VM takes and does not use is lost until the window ends. A count whose window has passed is as good as none: it
//! is left out when its page is written next.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use portcullis_engine::hashing::ByFirstBytes;
use portcullis_engine::quota::{Quota, QuotaId, Window};

use crate::layout;
use crate::memory::{Expect, SharedMemory};

/// How many requests are taken at once at most.
const MOST_AT_ONCE: u64 = 64;

/// Of how many parts of what is left one may be taken at once.
const PARTS_OF_REST: u64 = 256;

/// Of how many parts of a quota one may be taken before it is told how much was used, whatever else there is to tell.
const PARTS_UNTOLD: u64 = 200;

/// How many counts a VM remembers.
const MOST_SEATS: usize = 16_384;

/// How often it is tried to write before a request is refused: each failure means that another VM took some.
const ATTEMPTS: u32 = 64;

/// How many bytes an entry of a page has: an identifier, when its window ends, and how much of it is given out.
const ENTRY: usize = 32;

/// The counts, as one VM keeps them.
#[derive(Debug)]
pub struct Quotas<M> {
    memory: M,
    seats: RefCell<HashMap<QuotaId, Seat, ByFirstBytes>>,
    /// How often it was told how much was used.
    rounds: Cell<u64>,
    is_urgent: Cell<bool>,
}

/// What a VM knows of a count.
#[derive(Debug, Clone, Copy, Default)]
struct Seat {
    /// Which window it is about, by its end.
    until_ms: u64,
    /// How many requests it has taken and not used.
    left: u64,
    /// Whether all are given out.
    is_closed: bool,
    /// How many it has taken since it was last told how much was used, and when that was.
    untold: u64,
    round: u64,
}

impl<M: SharedMemory> Quotas<M> {
    /// One that remembers nothing.
    pub fn new(memory: M) -> Self {
        Self {
            memory,
            seats: RefCell::default(),
            rounds: Cell::default(),
            is_urgent: Cell::default(),
        }
    }

    /// Whether so much of a quota was used since the last time that the control plane should hear of it soon.
    pub const fn is_urgent(&self) -> bool {
        self.is_urgent.get()
    }

    /// What was used so far is on its way to the control plane.
    pub fn told(&self) {
        self.is_urgent.set(false);
        self.rounds.set(self.rounds.get().wrapping_add(1));
    }

    /// Counts a request in a window, unless as many as the quota has are given out. Tells whether it was counted.
    pub fn spend(&self, quota: &Quota, window: Window) -> bool {
        let mut seats = self.seats.borrow_mut();
        if seats.len() >= MOST_SEATS && !seats.contains_key(&quota.id) {
            // What is lost are a few requests of each, or a look.
            seats.retain(|_, seat| seat.until_ms > window.from_ms && seat.left > 0);
            if seats.len() >= MOST_SEATS / 2 {
                seats.clear();
            }
        }
        let seat = seats.entry(quota.id).or_default();
        if seat.until_ms != window.until_ms {
            *seat = Seat {
                until_ms: window.until_ms,
                ..Seat::default()
            };
        }
        if seat.left == 0 && !seat.is_closed {
            self.renew(seat, quota, window);
        }
        match seat.left.checked_sub(1) {
            Some(left) => {
                seat.left = left;
                true
            }
            None => false,
        }
    }

    /// Takes some, or notes that none are left.
    fn renew(&self, seat: &mut Seat, quota: &Quota, window: Window) {
        let key = layout::quota_key(&quota.id);
        for _ in 0..ATTEMPTS {
            let read = self.memory.read(&key);
            let page = read.as_ref().map_or(&[][..], |(bytes, _)| bytes);
            let given = find(page, quota.id.as_bytes(), window.until_ms).unwrap_or(0);
            let rest = quota.requests.saturating_sub(given);
            if rest == 0 {
                seat.is_closed = true;
                return;
            }
            let taken = (rest / PARTS_OF_REST).clamp(1, MOST_AT_ONCE);
            let given = given.saturating_add(taken);
            let page = replaced(page, quota.id.as_bytes(), window, given);
            if self
                .memory
                .write(&key, &page, Expect::as_read(read.as_ref()))
                .is_ok()
            {
                seat.left = taken;
                self.note(seat, taken, quota.requests);
                return;
            }
        }
    }

    fn note(&self, seat: &mut Seat, taken: u64, requests: u64) {
        let round = self.rounds.get();
        if seat.round != round {
            (seat.round, seat.untold) = (round, 0);
        }
        seat.untold = seat.untold.saturating_add(taken);
        if seat.untold.saturating_mul(PARTS_UNTOLD) >= requests {
            self.is_urgent.set(true);
        }
    }
}

/// The number of times at which any VM had much to tell of a quota. The leader looks whether it has grown.
#[must_use]
pub fn hurries(memory: &impl SharedMemory) -> u64 {
    read_hurries(memory).0
}

/// Has the leader tell soon what was handed over.
pub fn hurry(memory: &impl SharedMemory) {
    let (hurries, expect) = read_hurries(memory);
    let next = hurries.wrapping_add(1).to_le_bytes();
    // Where it fails, another VM hurries too.
    let _ = memory.write(layout::HURRIES, &next, expect);
}

fn read_hurries(memory: &impl SharedMemory) -> (u64, Expect) {
    let read = memory.read(layout::HURRIES);
    let bytes = read.as_ref().and_then(|(bytes, _)| bytes.first_chunk());
    let hurries = bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    (hurries, Expect::as_read(read.as_ref()))
}

type Entry<'a> = (&'a [u8; 16], u64, u64);

/// The entries of a page.
fn entries(page: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    page.as_chunks::<ENTRY>().0.iter().filter_map(|entry| {
        let (id, rest) = entry.split_first_chunk::<16>()?;
        let (until_ms, given) = rest.split_first_chunk::<8>()?;
        let given = given.first_chunk()?;
        Some((
            id,
            u64::from_le_bytes(*until_ms),
            u64::from_le_bytes(*given),
        ))
    })
}

fn find(page: &[u8], id: &[u8; 16], until_ms: u64) -> Option<u64> {
    let mut entries = entries(page);
    entries
        .find(|(known, until, _)| *known == id && *until == until_ms)
        .map(|(_, _, given)| given)
}

/// A page on which so many of a count are given out, and nothing stands that had passed when its window began.
fn replaced(page: &[u8], id: &[u8; 16], window: Window, given: u64) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(page.len().saturating_add(ENTRY));
    let mut push = |(id, until_ms, given): Entry<'_>| {
        replaced.extend(id);
        replaced.extend(until_ms.to_le_bytes());
        replaced.extend(given.to_le_bytes());
    };
    entries(page)
        .filter(|(known, until_ms, _)| *known != id && *until_ms > window.from_ms)
        .for_each(&mut push);
    push((id, window.until_ms, given));
    replaced
}
