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
    /// Counts are as they were handed over, where it can be: each batch replaces this whole value, and would otherwise have
    /// all that waits behind it read and written.
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

/// How it ended with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The control plane has taken the one of this number.
    Taken(u64),
    /// It will never take it. Its requests are counted nowhere, and the next one says so.
    Refused(u64),
}

impl Outbox {
    /// Ends a batch, fetches what the VMs have counted, notes what those that have fallen had not handed over, and answers
    /// the batch that is to be sent: one that has not ended, or a new one if there is anything to tell. To be called by the
    /// leader; one that was overtaken changes nothing, and has nothing to send. All of that replaces the one value once: it
    /// may hold what ten thousand callers did.
    ///
    /// A leader that falls before it has said how it ended with a batch leaves it to be sent once more, and not to be
    /// counted again.
    #[must_use]
    pub fn turn(
        memory: &impl SharedMemory,
        ended: Option<Ended>,
        fallen: &[Fallen],
    ) -> Option<Batch> {
        let (mut outbox, expect) = Self::read(memory);
        let mut has_news = ended.is_some_and(|ended| outbox.end(ended));
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
        has_news |= !arrived.is_empty();
        outbox.put(arrived);
        for fallen in fallen {
            has_news |= outbox.miss(*fallen);
        }
        has_news |= outbox.batch.is_none() && outbox.begin();
        if has_news && !outbox.write(memory, expect) {
            return None;
        }
        for (place, number, as_read) in fetched {
            mailbox::clear(memory, place, number, as_read);
        }
        let number = outbox.number;
        let parcel = outbox.batch?;
        Some(Batch { number, parcel })
    }

    /// Makes a batch of what waits. Tells whether there is anything.
    fn begin(&mut self) -> bool {
        let waiting = &mut self.waiting;
        if waiting.is_empty() {
            return false;
        }
        let packets = waiting.packets.len().min(1);
        let refused = waiting.refused.len().min(MOST_REFUSALS);
        self.batch = Some(Parcel {
            packets: waiting.packets.drain(..packets).collect(),
            refused: waiting.refused.drain(..refused).collect(),
            lost: std::mem::take(&mut waiting.lost),
        });
        self.number = self.number.saturating_add(1);
        true
    }

    /// Tells whether it is the batch that is on its way.
    fn end(&mut self, ended: Ended) -> bool {
        let (Ended::Taken(number) | Ended::Refused(number)) = ended;
        let is_it = self.number == number;
        let Some(batch) = self.batch.take_if(|_| is_it) else {
            return false;
        };
        if ended == Ended::Refused(number) {
            self.lose(batch.requests());
        }
        true
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
            packets = Packet::all(&mut self.shrunk(merged(tallies)).into_iter());
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
            self.lose(requests(&mut left_out.into_iter(), 0));
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
