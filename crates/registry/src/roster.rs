//! Which VMs there are: each keeps a place with a queue of its own, so that the leader can wake them all, and says there
//! what it has applied.
//! Places are taken over from VMs that have fallen silent, so neither keys nor queues grow with crashes and reloads.

use portcullis_feed::Revision;
use serde::{Deserialize, Serialize};

use crate::layout::roster_key;
use crate::memory::{Expect, QueueId, SharedMemory};

/// How many VMs can be in one process: Envoy has one on each worker and one on the main thread, and twice as many while
/// a listener drains.
pub const PLACES: u32 = 1_024;

/// A VM that has not been heard of for this long has lost its place, in milliseconds.
pub const SILENCE_MS: u64 = 6_000;

/// A VM that has not been heard of for this long is taken to have fallen, in milliseconds: one that was only held up has
/// come back until then.
const FALLEN_MS: u64 = 15_000;

/// One VM's place in the roster.
#[derive(Debug)]
pub struct Roster<M> {
    memory: M,
    member: u64,
    place: Option<u32>,
    queue: Option<QueueId>,
}

/// What a VM says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// What it has applied, once it knows anything.
    pub applied: Option<Applied>,
    /// Whether it has served a request. The one on Envoy's main thread never does.
    pub serves_requests: bool,
}

/// What a VM decides by: a revision within a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Applied {
    /// The number of the generation.
    pub generation: u64,
    /// Everything up to here.
    pub revision: Revision,
}

/// What all VMs that are alive have said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// How many there are.
    pub members: u32,
    /// What every one of them has applied. None as long as one knows nothing.
    pub applied: Option<Applied>,
    /// The queue of one that serves no requests and is not who asks.
    pub idle: Option<QueueId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    member: u64,
    queue: QueueId,
    report: Report,
    seen_ms: u64,
}

impl Entry {
    fn is_silent(&self, now_ms: u64) -> bool {
        self.is_silent_for(SILENCE_MS, now_ms)
    }

    fn is_silent_for(&self, ms: u64, now_ms: u64) -> bool {
        // Who was held up after it had looked at the clock must not take the others for silent.
        now_ms.saturating_sub(self.seen_ms) > ms
    }
}

/// How many places were ever taken: the first ones.
#[must_use]
pub fn occupied(memory: &impl SharedMemory) -> u32 {
    let taken = |place: &u32| memory.read(&roster_key(*place)).is_some();
    (0..PLACES)
        .take_while(taken)
        .fold(0, |count, _| u32::saturating_add(count, 1))
}

impl<M: SharedMemory> Roster<M> {
    /// A VM without a place yet. `member` must differ between all VMs of the process.
    pub fn new(memory: M, member: u64) -> Self {
        Self {
            memory,
            member,
            place: None,
            queue: None,
        }
    }

    /// Says that this VM lives and what it has applied. Takes a place when it has none or has lost it.
    pub fn report(&mut self, report: Report, now_ms: u64) {
        if self
            .place
            .is_some_and(|place| self.keep(place, report, now_ms))
        {
            return;
        }
        self.place = (0..PLACES).find(|&place| self.take(place, report, now_ms));
    }

    /// Opens the queue again, so that it wakes whatever runs in this VM now. A host may bind a queue to the context that
    /// opened it, and contexts end while their VM goes on. Only right after [`report`](Self::report): a place that was
    /// lost has a queue that is another VM's.
    pub fn reopen(&mut self) {
        if let Some(place) = self.place {
            self.queue = self.memory.open_queue(&roster_key(place)).or(self.queue);
        }
    }

    /// The place of this VM, as long as it has one.
    #[must_use]
    pub const fn place(&self) -> Option<u32> {
        self.place
    }

    /// The queue that wakes this VM.
    #[must_use]
    pub fn queue(&self) -> Option<QueueId> {
        self.queue
    }

    /// Wakes every VM that is alive but this one.
    pub fn wake_others(&self, now_ms: u64) {
        self.alive(now_ms)
            .filter(|entry| entry.member != self.member)
            .for_each(|entry| self.memory.ring(entry.queue));
    }

    /// Asks all VMs that are alive.
    #[must_use]
    pub fn census(&self, now_ms: u64) -> Census {
        let mut census = Census::default();
        for entry in self.alive(now_ms) {
            let applied = entry.report.applied;
            census.applied = match census.members {
                0 => applied,
                // Nothing is less than anything.
                _ => census.applied.min(applied),
            };
            census.members = census.members.saturating_add(1);
            if !entry.report.serves_requests && entry.member != self.member {
                census.idle = Some(entry.queue);
            }
        }
        census
    }

    /// The places of VMs that have fallen, or ended without a word, and that nobody has taken since.
    #[must_use]
    pub fn fallen(&self, now_ms: u64) -> Vec<u32> {
        let entries = (0..PLACES).map_while(|place| Some((place, self.read(place)?.0)));
        entries
            .filter(|(_, entry)| entry.is_silent_for(FALLEN_MS, now_ms))
            .map(|(place, _)| place)
            .collect()
    }

    fn alive(&self, now_ms: u64) -> impl Iterator<Item = Entry> {
        (0..PLACES)
            .map_while(|place| self.read(place))
            .map(|(entry, _)| entry)
            .filter(move |entry| !entry.is_silent(now_ms))
    }

    fn keep(&mut self, place: u32, report: Report, now_ms: u64) -> bool {
        let Some((entry, expect)) = self
            .read(place)
            .filter(|(entry, _)| entry.member == self.member)
        else {
            return false;
        };
        let is_due = entry.report != report || now_ms.abs_diff(entry.seen_ms) > SILENCE_MS / 4;
        !is_due
            || self.write(
                place,
                &Entry {
                    report,
                    seen_ms: now_ms,
                    ..entry
                },
                expect,
            )
    }

    fn take(&mut self, place: u32, report: Report, now_ms: u64) -> bool {
        let expect = match self.read(place) {
            Some((entry, _)) if !entry.is_silent(now_ms) => return false,
            Some((_, expect)) => expect,
            None => Expect::Absent,
        };
        // The place first, the queue after it: opening a queue takes it away from whoever had it.
        let mut entry = Entry {
            member: self.member,
            queue: 0,
            report,
            seen_ms: now_ms,
        };
        if !self.write(place, &entry, expect) {
            return false;
        }
        let Some(queue) = self.memory.open_queue(&roster_key(place)) else {
            return false;
        };
        entry.queue = queue;
        self.queue = Some(queue);
        self.read(place).is_some_and(|(known, expect)| {
            known.member == self.member && self.write(place, &entry, expect)
        })
    }

    fn read(&self, place: u32) -> Option<(Entry, Expect)> {
        let (bytes, version) = self.memory.read(&roster_key(place))?;
        // An entry that cannot be read belongs to nobody.
        let entry = postcard::from_bytes(&bytes).unwrap_or(Entry {
            member: 0,
            queue: 0,
            report: Report::default(),
            seen_ms: 0,
        });
        Some((entry, Expect::Unchanged(version)))
    }

    fn write(&self, place: u32, entry: &Entry, expect: Expect) -> bool {
        postcard::to_allocvec(entry).is_ok_and(|bytes| {
            self.memory
                .write(&roster_key(place), &bytes, expect)
                .is_ok()
        })
    }
}
