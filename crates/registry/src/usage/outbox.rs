//! What is to be sent to the control plane, and what it has not said yet that it has.

use portcullis_feed::usage::MOST_REFUSALS;
use serde::{Deserialize, Serialize};

use super::mailbox;
use super::tally::{Packet, Parcel, Tally, merged, requests};
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
    /// It, until the control plane has taken it: one packet at most.
    batch: Option<Parcel>,
    /// Counts are as they were handed over, where it can be: each batch replaces this whole value three times, and would
    /// otherwise have all that waits behind it read and written as often.
    waiting: Parcel,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its number.
    pub number: u64,
    /// What it tells.
    pub parcel: Parcel,
}

impl Outbox {
    /// Fetches what the VMs have counted, and notes what those that have fallen had not handed over. To be called by the
    /// leader; one that was overtaken changes nothing.
    pub fn fetch(memory: &impl SharedMemory, fallen: &[Fallen]) {
        let (mut outbox, expect) = Self::read(memory);
        let mut fetched = Vec::new();
        let mut arrived = Vec::new();
        for place in 0..roster::occupied(memory) {
            let (mailbox, as_read) = mailbox::open(memory, place);
            let Some(parcel) = mailbox.parcel else {
                continue;
            };
            fetched.push((place, mailbox.number, as_read));
            arrived.extend(outbox.take(place, mailbox.number, parcel));
        }
        let mut has_news = !arrived.is_empty();
        outbox.put(arrived);
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
        if let Some(parcel) = outbox.batch {
            let number = outbox.number;
            return Some(Batch { number, parcel });
        }
        let waiting = &mut outbox.waiting;
        if waiting.is_empty() {
            return None;
        }
        let packets = waiting.packets.len().min(1);
        let refused = waiting.refused.len().min(MOST_REFUSALS);
        let parcel = Parcel {
            packets: waiting.packets.drain(..packets).collect(),
            refused: waiting.refused.drain(..refused).collect(),
            lost: std::mem::take(&mut waiting.lost),
        };
        outbox.number = outbox.number.saturating_add(1);
        outbox.batch = Some(parcel.clone());
        let number = outbox.number;
        let batch = Batch { number, parcel };
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
        let is_it = outbox.number == number;
        let Some(batch) = outbox.batch.take_if(|_| is_it) else {
            return;
        };
        if is_lost {
            outbox.lose(batch.requests());
        }
        // Where it fails, it is sent once more, and not counted again.
        let _ = outbox.write(memory, expect);
    }

    /// Takes in a parcel, and answers its counts, unless it was taken in before.
    fn take(&mut self, place: u32, number: u64, parcel: Parcel) -> Option<Vec<Packet>> {
        let (fetched, told) = self.fetched_from(place)?;
        if number <= *fetched {
            return None;
        }
        *fetched = number;
        *told = told.saturating_add(parcel.requests());
        self.lose(parcel.lost);
        let room = MOST_REFUSALS.saturating_sub(self.waiting.refused.len());
        let refused = parcel.refused.into_iter();
        self.waiting.refused.extend(refused.take(room));
        Some(parcel.packets)
    }

    /// Puts the counts of some VMs with what waits. What is alike is added where several have counted, or what was counted
    /// before still waits.
    fn put(&mut self, arrived: Vec<Vec<Packet>>) {
        if arrived.is_empty() {
            return;
        }
        let mut packets = std::mem::take(&mut self.waiting.packets);
        let is_alone = packets.is_empty() && arrived.len() == 1;
        packets.extend(arrived.into_iter().flatten());
        let rows = packets.iter().map(|packet| packet.rows);
        if !is_alone || rows.sum::<usize>() > MOST_WAITING {
            let tallies = packets.iter().flat_map(Packet::tallies).collect();
            packets = Packet::all(&self.shrunk(merged(tallies)));
        }
        self.waiting.packets = packets;
    }

    /// Notes how many requests a VM has taken along. Tells whether there were any that are not noted yet.
    fn miss(&mut self, fallen: Fallen) -> bool {
        let Some((_, told)) = self.fetched_from(fallen.place) else {
            return false;
        };
        let missing = fallen.decided.saturating_sub(*told);
        *told = told.saturating_add(missing);
        self.lose(missing);
        missing > 0
    }

    fn lose(&mut self, requests: u64) {
        self.waiting.lost = self.waiting.lost.saturating_add(requests);
    }

    fn fetched_from(&mut self, place: u32) -> Option<&mut (u64, u64)> {
        let place = usize::try_from(place).ok()?;
        if self.fetched.len() <= place {
            self.fetched.resize(place.saturating_add(1), (0, 0));
        }
        self.fetched.get_mut(place)
    }

    /// Keeps to the bound: by telling less of when, and only then by telling less of how many.
    fn shrunk<'n>(&mut self, mut tallies: Vec<Tally<'n>>) -> Vec<Tally<'n>> {
        if tallies.len() <= MOST_WAITING {
            return tallies;
        }
        for Tally { alike, .. } in &mut tallies {
            alike.minute = alike.minute.saturating_sub(alike.minute % HOUR);
        }
        let mut coarse = merged(tallies);
        if coarse.len() > MOST_WAITING {
            // Those who call least are told of least.
            let most = |tally: &Tally<'_>| std::cmp::Reverse(tally.counts.requests);
            coarse.select_nth_unstable_by_key(MOST_WAITING, most);
            let left_out = coarse.split_off(MOST_WAITING);
            self.lose(requests(&left_out, 0));
        }
        coarse
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
