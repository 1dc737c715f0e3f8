//! Rate limits, exact over all VMs of a process: how far the slots of each count are given out stands in shared memory,
//! and each VM takes some in advance, so that few requests have to look there.
//!
//! A VM takes as many slots at once as it needs for a short time, by how many it used lately, within bounds: what it takes
//! and does not use is lost to the others. A slot is gone when its time has passed; so where callers call less often than
//! they may, and slots of the near future are nobody's yet, it takes those of that time, most of which nobody would use.
//! Where nothing is left, it knows until when, and refuses without a look. A count of which no slot of the future is given
//! out is as good as none: it is left out when its page is written next, so that pages hold only who called lately.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use portcullis_engine::hashing::ByFirstBytes;
use portcullis_engine::limit::{Allowance, Exhausted, Lease, Limit, LimitId};

use crate::layout;
use crate::memory::{Expect, SharedMemory};

/// For how long ahead slots are taken, in nanoseconds. What a VM loses when its callers go elsewhere is what passes in
/// this time.
const HORIZON_NS: u64 = 20_000_000;

/// For how many requests slots are taken at once at most: then the look costs each of them a few nanoseconds.
const MOST_AT_ONCE: u64 = 64;

/// Of how many parts of a burst one may be taken at once, or waited for.
const PARTS_OF_BURST: u32 = 4;

/// Of how many parts of a burst one may be slots of the near future that all VMs together hold and may never use.
const PARTS_OF_BURST_UNUSED: u32 = 16;

/// How many counts a VM remembers.
const MOST_SEATS: usize = 16_384;

/// How often it is tried to write before a request is refused: each failure means that another VM took slots.
const ATTEMPTS: u32 = 64;

/// For how long a request is refused whose count cannot be written, in nanoseconds.
const PAUSE_NS: u64 = 1_000_000;

/// How many bytes the name of a count has on a page: of its 16, those by which no two of a million are alike.
const NAME: usize = 14;

/// How many bytes an entry of a page has: a name, and up to when slots are given out. Most pages hold one entry, and what
/// has up to 22 bytes the host keeps where its key is, instead of in a place of its own.
const ENTRY: usize = NAME + 8;

/// The counts, as one VM keeps them.
#[derive(Debug)]
pub struct Limiter<M> {
    memory: M,
    seats: RefCell<HashMap<LimitId, Seat, ByFirstBytes>>,
}

/// What a VM knows of a count.
#[derive(Debug, Clone, Copy, Default)]
struct Seat {
    lease: Lease,
    /// When it took slots last.
    taken_ns: u64,
    /// How many were used since then.
    used: u32,
    /// Up to when slots were given out when it looked last.
    given_until_ns: u64,
    /// Before that, nothing is left.
    closed_until_ns: u64,
}

impl<M: SharedMemory> Limiter<M> {
    /// One that remembers nothing.
    pub fn new(memory: M) -> Self {
        Self {
            memory,
            seats: RefCell::default(),
        }
    }

    /// Counts a request, at a time of a clock that all VMs share and that never goes back, or refuses it.
    ///
    /// # Errors
    /// When the limit is reached.
    pub fn admit(&self, limit: &Limit, now_ns: u64) -> Result<Allowance, Exhausted> {
        let mut seats = self.seats.borrow_mut();
        if seats.len() >= MOST_SEATS && !seats.contains_key(&limit.id) {
            tidy(&mut seats, now_ns);
        }
        let seat = seats.entry(limit.id).or_default();
        if !seat.take(limit, now_ns) {
            if now_ns < seat.closed_until_ns {
                return Err(seat.exhausted(now_ns));
            }
            self.renew(seat, limit, now_ns);
            if !seat.take(limit, now_ns) {
                return Err(seat.exhausted(now_ns));
            }
        }
        Ok(limit.allowance(seat.given_until_ns, now_ns, seat.lease.left))
    }

    /// Takes slots, or notes until when there are none.
    fn renew(&self, seat: &mut Seat, limit: &Limit, now_ns: u64) {
        let need = seat.need(limit, now_ns);
        let key = layout::limit_key(&limit.id);
        for _ in 0..ATTEMPTS {
            let read = self.memory.read(&key);
            let page = read.as_ref().map_or(&[][..], |(bytes, _)| bytes);
            let given_until_ns = find(page, &limit.id).unwrap_or(0);
            match limit.lease(
                given_until_ns,
                now_ns,
                need.slots(limit, given_until_ns, now_ns),
            ) {
                Ok((lease, until_ns)) => {
                    let page = replaced(page, &limit.id, until_ns, now_ns);
                    let expect = Expect::as_read(read.as_ref());
                    if self.memory.write(&key, &page, expect).is_ok() {
                        seat.lease = lease;
                        (seat.taken_ns, seat.used) = (now_ns, 0);
                        seat.given_until_ns = until_ns;
                        return;
                    }
                }
                Err(one_at_ns) => {
                    // Not for the very next slot: others look for it too, and each look costs something.
                    let more = limit.span_ns(need.count.saturating_sub(1));
                    seat.given_until_ns = given_until_ns;
                    seat.closed_until_ns = one_at_ns.saturating_add(more);
                    return;
                }
            }
        }
        seat.closed_until_ns = now_ns.saturating_add(PAUSE_NS);
    }
}

impl Seat {
    fn take(&mut self, limit: &Limit, now_ns: u64) -> bool {
        let has_taken = self.lease.take(limit, now_ns);
        self.used = self.used.saturating_add(u32::from(has_taken));
        has_taken
    }

    /// What it should take next, by how many slots were used in the time since it took some.
    fn need(&self, limit: &Limit, now_ns: u64) -> Need {
        let used = u64::from(self.used);
        let passed_ns = now_ns.saturating_sub(self.taken_ns).max(1);
        // For the horizon, or until so many requests have come, if that is sooner.
        let each_ns = passed_ns.checked_div(used).unwrap_or(HORIZON_NS).max(1);
        let for_ns = HORIZON_NS.min(each_ns.saturating_mul(MOST_AT_ONCE));
        let count = for_ns.checked_div(each_ns).unwrap_or(0);
        if count < 2 {
            return Need {
                count: 1,
                for_ns: 0,
            };
        }
        let in_time = HORIZON_NS.checked_div(limit.interval_ns).unwrap_or(0);
        let most = u64::from(limit.burst / PARTS_OF_BURST).min(in_time);
        Need {
            count: u32::try_from(count.min(most)).unwrap_or(u32::MAX).max(1),
            for_ns: for_ns.min(limit.span_ns(limit.burst / PARTS_OF_BURST_UNUSED)),
        }
    }

    fn exhausted(&self, now_ns: u64) -> Exhausted {
        let from_now = |at_ns: u64| Duration::from_nanos(at_ns.saturating_sub(now_ns));
        Exhausted {
            retry_in: from_now(self.closed_until_ns),
            full_in: from_now(self.given_until_ns),
        }
    }

    /// Whether anything would be lost with it but how many slots it takes at once.
    fn is_in_use(&self, now_ns: u64) -> bool {
        self.lease.left > 0 && self.given_until_ns > now_ns || self.closed_until_ns > now_ns
    }
}

/// How many slots a VM should take.
struct Need {
    /// So many at least.
    count: u32,
    /// And all from now on for so long that nobody has.
    for_ns: u64,
}

impl Need {
    fn slots(&self, limit: &Limit, given_until_ns: u64, now_ns: u64) -> u32 {
        let ahead_ns = given_until_ns.saturating_sub(now_ns);
        let free_ns = self.for_ns.saturating_sub(ahead_ns);
        let free = free_ns.checked_div(limit.interval_ns).unwrap_or(0);
        u32::try_from(free).unwrap_or(u32::MAX).max(self.count)
    }
}

/// Makes room: what is lost with a seat are a few slots, or a look.
fn tidy(seats: &mut HashMap<LimitId, Seat, ByFirstBytes>, now_ns: u64) {
    seats.retain(|_, seat| seat.is_in_use(now_ns));
    if seats.len() >= MOST_SEATS / 2 {
        seats.clear();
    }
}

/// The entries of a page.
fn entries(page: &[u8]) -> impl Iterator<Item = (&[u8; NAME], u64)> {
    page.as_chunks::<ENTRY>().0.iter().filter_map(|entry| {
        let (id, until_ns) = entry.split_first_chunk::<NAME>()?;
        Some((id, u64::from_le_bytes(*until_ns.first_chunk()?)))
    })
}

fn name(id: &LimitId) -> &[u8; NAME] {
    let [name @ .., _, _] = id.as_bytes();
    name
}

fn find(page: &[u8], id: &LimitId) -> Option<u64> {
    let mut entries = entries(page);
    entries
        .find(|(known, _)| *known == name(id))
        .map(|(_, until_ns)| until_ns)
}

/// A page on which slots of a count are given out up to a time, and nothing stands that has passed.
fn replaced(page: &[u8], id: &LimitId, until_ns: u64, now_ns: u64) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(page.len().saturating_add(ENTRY));
    let name = name(id);
    let mut push = |id: &[u8; NAME], until_ns: u64| {
        replaced.extend(id);
        replaced.extend(until_ns.to_le_bytes());
    };
    entries(page)
        .filter(|(known, until_ns)| *known != name && *until_ns > now_ns)
        .for_each(|(known, until_ns)| push(known, until_ns));
    push(name, until_ns);
    replaced
}
