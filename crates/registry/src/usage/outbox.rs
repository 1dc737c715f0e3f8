//! What is to be sent to the control plane, and what it has not said yet that it has.

use portcullis_feed::usage::{MOST_REFUSALS, MOST_ROWS};
use serde::{Deserialize, Serialize};

use super::mailbox;
use super::tally::{Parcel, Refused, Tally, merged, requests};
use crate::layout::OUTBOX;
use crate::memory::{Expect, SharedMemory};
use crate::roster;

/// How many tallies wait at most, while the control plane is away. Before some are lost, minutes become hours.
const MOST_WAITING: usize = 20_000;

/// How many minutes an hour has.
const HOUR: u64 = 60;

/// What is to be sent.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbox {
    /// The number of the last batch, from 1.
    number: u64,
    /// It, until the control plane has taken it.
    batch: Option<Batch>,
    waiting: Vec<Tally>,
    refused: Vec<Refused>,
    lost: u64,
    /// Up to which parcel each box was fetched, and how many requests all parcels from there were about.
    fetched: Vec<(u64, u64)>,
}

/// A VM that has fallen, or has ended without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallen {
    /// Which place it had in the roster.
    pub place: u32,
    /// How many requests were decided by all VMs that ever had this place.
    pub decided: u64,
}

/// A batch on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Its number.
    pub number: u64,
    /// Requests.
    pub tallies: Vec<Tally>,
    /// Some of those that were refused.
    pub refused: Vec<Refused>,
    /// How many requests are known not to be counted anywhere.
    pub lost: u64,
}

impl Outbox {
    /// Fetches what the VMs have counted, and notes what those that have fallen had not handed over. To be called by the
    /// leader; one that was overtaken changes nothing.
    pub fn fetch(memory: &impl SharedMemory, fallen: &[Fallen]) {
        let (mut outbox, expect) = Self::read(memory);
        let mut fetched = Vec::new();
        let mut has_news = false;
        for place in 0..roster::occupied(memory) {
            let (mailbox, as_read) = mailbox::open(memory, place);
            let Some(parcel) = mailbox.parcel else {
                continue;
            };
            fetched.push((place, mailbox.number, as_read));
            has_news |= outbox.take(place, mailbox.number, parcel);
        }
        for fallen in fallen {
            has_news |= outbox.miss(*fallen);
        }
        if has_news && !outbox.write(memory, expect) {
            return;
        }
        for (place, number, as_read) in fetched {
            mailbox::clear(memory, place, number, as_read);
        }
    }

    /// The batch that is to be sent: the last one, or a new one if there is anything to tell.
    #[must_use]
    pub fn next(memory: &impl SharedMemory) -> Option<Batch> {
        let (mut outbox, expect) = Self::read(memory);
        if let Some(batch) = outbox.batch {
            return Some(batch);
        }
        if outbox.waiting.is_empty() && outbox.refused.is_empty() && outbox.lost == 0 {
            return None;
        }
        let rest = outbox
            .waiting
            .split_off(outbox.waiting.len().min(MOST_ROWS));
        let more = outbox
            .refused
            .split_off(outbox.refused.len().min(MOST_REFUSALS));
        outbox.number = outbox.number.saturating_add(1);
        let batch = Batch {
            number: outbox.number,
            tallies: std::mem::replace(&mut outbox.waiting, rest),
            refused: std::mem::replace(&mut outbox.refused, more),
            lost: std::mem::take(&mut outbox.lost),
        };
        outbox.batch = Some(batch.clone());
        outbox.write(memory, expect).then_some(batch)
    }

    /// The control plane has taken a batch.
    pub fn settle(memory: &impl SharedMemory, number: u64) {
        Self::end(memory, number, false);
    }

    /// The control plane will never take a batch. Its requests are counted nowhere, and the next one says so.
    pub fn give_up(memory: &impl SharedMemory, number: u64) {
        Self::end(memory, number, true);
    }

    fn end(memory: &impl SharedMemory, number: u64, is_lost: bool) {
        let (mut outbox, expect) = Self::read(memory);
        let Some(batch) = outbox.batch.take_if(|batch| batch.number == number) else {
            return;
        };
        if is_lost {
            let lost = outbox.lost.saturating_add(batch.lost);
            outbox.lost = requests(&batch.tallies, lost);
        }
        // Where it fails, it is sent once more, and not counted again.
        let _ = outbox.write(memory, expect);
    }

    /// Takes in a parcel, unless it was taken in before.
    fn take(&mut self, place: u32, number: u64, parcel: Parcel) -> bool {
        let Some((fetched, told)) = self.fetched_from(place) else {
            return false;
        };
        if number <= *fetched {
            return false;
        }
        *fetched = number;
        *told = requests(&parcel.tallies, told.saturating_add(parcel.lost));
        self.lost = self.lost.saturating_add(parcel.lost);
        let room = MOST_REFUSALS.saturating_sub(self.refused.len());
        self.refused.extend(parcel.refused.into_iter().take(room));
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting = merged(waiting.into_iter().chain(parcel.tallies));
        self.shrink();
        true
    }

    /// Notes how many requests a VM has taken along. Tells whether there were any that are not noted yet.
    fn miss(&mut self, fallen: Fallen) -> bool {
        let Some((_, told)) = self.fetched_from(fallen.place) else {
            return false;
        };
        let missing = fallen.decided.saturating_sub(*told);
        *told = told.saturating_add(missing);
        self.lost = self.lost.saturating_add(missing);
        missing > 0
    }

    fn fetched_from(&mut self, place: u32) -> Option<&mut (u64, u64)> {
        let place = usize::try_from(place).ok()?;
        if self.fetched.len() <= place {
            self.fetched.resize(place.saturating_add(1), (0, 0));
        }
        self.fetched.get_mut(place)
    }

    /// Keeps to the bound: by telling less of when, and only then by telling less of how many.
    fn shrink(&mut self) {
        if self.waiting.len() <= MOST_WAITING {
            return;
        }
        let coarse = std::mem::take(&mut self.waiting).into_iter();
        self.waiting = merged(coarse.map(|mut tally| {
            tally.alike.minute = tally.alike.minute.saturating_sub(tally.alike.minute % HOUR);
            tally
        }));
        if self.waiting.len() > MOST_WAITING {
            // Those who call least are told of least.
            let most = |tally: &Tally| std::cmp::Reverse(tally.counts.requests);
            self.waiting.select_nth_unstable_by_key(MOST_WAITING, most);
            let left_out = self.waiting.split_off(MOST_WAITING);
            self.lost = requests(&left_out, self.lost);
        }
    }

    fn read(memory: &impl SharedMemory) -> (Self, Expect) {
        let read = memory.read(OUTBOX);
        let bytes = read.as_ref().map_or(&[][..], |(bytes, _)| bytes);
        let outbox = postcard::from_bytes(bytes).unwrap_or_default();
        (outbox, Expect::as_read(read.as_ref()))
    }

    fn write(&self, memory: &impl SharedMemory, expect: Expect) -> bool {
        postcard::to_allocvec(self).is_ok_and(|bytes| memory.write(OUTBOX, &bytes, expect).is_ok())
    }
}
