//! Who leads: a lease in shared memory, taken by compare-and-swap, renewed while its holder lives, taken over when it
//! lapses. Only the leader speaks with the control plane and writes pages.

use serde::{Deserialize, Serialize};

use crate::layout::LEASE;
use crate::memory::{Expect, QueueId, SharedMemory};

/// How long a lease runs after each renewal, in milliseconds.
pub const LEASE_MS: u64 = 2_000;

/// How long a VM that serves requests holds back when a lease has lapsed, in favour of one that does not: longer than
/// between two ticks.
pub const COURTESY_MS: u64 = 1_000;

/// How long nobody has led until a registry counts as deserted, in milliseconds: any VM that ticks would have.
pub const DESERTED_MS: u64 = 10_000;

/// Whether there was a leader once and has been none for long: all VMs of this format were gone, as after a roll-back to
/// an older filter. What they have left is as old as that.
#[must_use]
pub fn is_deserted(memory: &impl SharedMemory, now_ms: u64) -> bool {
    memory
        .read(LEASE)
        .and_then(|(bytes, _)| postcard::from_bytes::<Holding>(&bytes).ok())
        .is_some_and(|it| it.until_ms.saturating_add(DESERTED_MS) < now_ms)
}

/// One VM's claim to leadership.
#[derive(Debug)]
pub struct Lease<M> {
    memory: M,
    /// Tells this VM from all others.
    candidate: u64,
    held: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holding {
    candidate: u64,
    term: u64,
    until_ms: u64,
    /// The queue that wakes the leader.
    bell: Option<QueueId>,
}

impl<M: SharedMemory> Lease<M> {
    /// A claim that is not made yet. `candidate` must differ between all VMs of the process.
    pub fn new(memory: M, candidate: u64) -> Self {
        Self {
            memory,
            candidate,
            held: None,
        }
    }

    /// Renews the lease when it is ours, takes it when it has lapsed, and answers the term while it is ours.
    ///
    /// `now_ms` may jump: a lease that would run for longer than any is given has lapsed too. `bell` is the queue that
    /// wakes this VM.
    pub fn tend(
        &mut self,
        now_ms: u64,
        serves_requests: bool,
        bell: Option<QueueId>,
    ) -> Option<u64> {
        let (holding, expect) = self.read();
        let courtesy_ms = if serves_requests { COURTESY_MS } else { 0 };
        let term = match &holding {
            Some(it) if it.candidate == self.candidate && self.held == Some(it.term) => {
                let is_fresh = it.until_ms.saturating_sub(now_ms) > LEASE_MS / 2;
                if is_fresh && it.bell == bell && !is_absurd(it, now_ms) {
                    return self.held;
                }
                it.term
            }
            Some(it)
                if is_absurd(it, now_ms) || it.until_ms.saturating_add(courtesy_ms) <= now_ms =>
            {
                it.term.saturating_add(1)
            }
            Some(_) => {
                self.held = None;
                return None;
            }
            None => 1,
        };
        let mine = Holding {
            candidate: self.candidate,
            term,
            until_ms: now_ms.saturating_add(LEASE_MS),
            bell,
        };
        self.held = self.write(&mine, expect).then_some(term);
        self.held
    }

    /// Lets the lease lapse at this moment, so that the next candidate need not wait: at once one that serves no
    /// requests, a little later any.
    pub fn release(&mut self, now_ms: u64) {
        let Some(term) = self.held.take() else {
            return;
        };
        let (holding, expect) = self.read();
        let is_ours = holding.is_some_and(|it| it.candidate == self.candidate && it.term == term);
        if is_ours {
            let lapsed = Holding {
                candidate: 0,
                term,
                until_ms: now_ms,
                bell: None,
            };
            // When someone has taken it meanwhile, there is nothing to give back.
            self.write(&lapsed, expect);
        }
    }

    /// Wakes the leader, when that is another VM.
    pub fn ring_leader(&self) {
        let (holding, _) = self.read();
        let of_another = holding.filter(|it| it.candidate != self.candidate);
        if let Some(bell) = of_another.and_then(|it| it.bell) {
            self.memory.ring(bell);
        }
    }

    fn read(&self) -> (Option<Holding>, Expect) {
        let read = self.memory.read(LEASE);
        let expect = Expect::as_read(read.as_ref());
        let holding = read.and_then(|(bytes, _)| postcard::from_bytes(&bytes).ok());
        (holding, expect)
    }

    fn write(&self, holding: &Holding, expect: Expect) -> bool {
        postcard::to_allocvec(holding)
            .is_ok_and(|bytes| self.memory.write(LEASE, &bytes, expect).is_ok())
    }
}

fn is_absurd(holding: &Holding, now_ms: u64) -> bool {
    holding.until_ms > now_ms.saturating_add(LEASE_MS)
}
