//! Counts of requests that are alike.

use std::collections::HashMap;

use portcullis_feed::usage::{
    LARGEST_BYTES, LARGEST_COUNT, LATENCY_BUCKETS, MOST_ROWS, RefusalSample, STATUS_CLASSES,
    UsageRow,
};
use portcullis_feed::{CollectionId, ProfileId};
use serde::{Deserialize, Serialize};

/// What requests that are alike have in common. Names are those of the records that decided, or of the packet that they
/// came in: a batch has thousands, of which none is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Alike<'n> {
    /// In which minute they were counted: minutes since 1970, UTC.
    pub minute: u64,
    /// Whose they are.
    pub profile: Option<ProfileId>,
    /// The public id of the key that they came with.
    pub key_id: Option<&'n str>,
    /// Which collection they asked for.
    pub collection: Option<CollectionId>,
    /// Which endpoint of it.
    pub endpoint: Option<&'n str>,
}

/// How many requests, how they ended, and what they took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// How many.
    pub requests: u64,
    /// How many of them were permitted.
    pub permitted: u64,
    /// How those that have ended did.
    pub ends: Ends,
    /// How many were refused for which reason: codes and counts.
    pub denials: Vec<(Box<str>, u64)>,
    /// How many bytes the bodies of requests had.
    pub bytes_in: u64,
    /// How many bytes the bodies of answers had.
    pub bytes_out: u64,
}

/// How requests ended, and after how long. Most kinds of requests end in one or two ways between two parcels, of which the
/// first takes no memory of its own: where each of many callers calls once, it is what their counts take that makes
/// caches cold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ends {
    first: End,
    more: Vec<End>,
}

/// How many requests ended in one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    class: u8,
    bucket: u8,
    count: u64,
}

/// Requests that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally<'n> {
    /// What they have in common.
    #[serde(borrow)]
    pub alike: Alike<'n>,
    /// How many, and how they ended.
    pub counts: Counts,
}

/// What there is to tell, on its way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    pub(super) packets: Vec<Packet>,
    /// Some of the requests that were refused.
    pub refused: Vec<Refused>,
    /// How many requests could not be counted.
    pub lost: u64,
}

/// Counts as they travel: written, and not to be read by whoever only passes them on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Packet {
    /// How many tallies it has: as many as a batch may have at most.
    pub(super) rows: usize,
    /// How many requests they are about.
    pub(super) requests: u64,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

/// A request that was refused, as it travels; here in a form in which nothing is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of a `RefusalSample`")]
pub struct Refused {
    pub at_ms: u64,
    pub reason: String,
    pub status: u16,
    pub method: String,
    pub path: String,
    pub address: Option<String>,
    pub key_id: Option<String>,
    pub profile: Option<ProfileId>,
    pub collection: Option<CollectionId>,
    pub decision_id: String,
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, more: &Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.requests, more.requests);
        add(&mut self.permitted, more.permitted);
        add(&mut self.bytes_in, more.bytes_in);
        add(&mut self.bytes_out, more.bytes_out);
        for end in more.ends.all() {
            self.ends.count(end.class, end.bucket, end.count);
        }
        for (code, count) in &more.denials {
            self.deny(code, *count);
        }
    }

    /// Counts refusals for a reason, by its code.
    pub fn deny(&mut self, code: &str, count: u64) {
        match self.denials.iter_mut().find(|(known, _)| **known == *code) {
            Some((_, sum)) => *sum = sum.saturating_add(count),
            None => self.denials.push((code.into(), count)),
        }
    }
}

impl Ends {
    /// Counts requests by the class of their status (0 where there was none) and the bucket of how long they took.
    pub fn count(&mut self, class: u8, bucket: u8, count: u64) {
        let is_it = |end: &End| end.count == 0 || (end.class, end.bucket) == (class, bucket);
        let mut known = std::iter::once(&mut self.first).chain(&mut self.more);
        match known.find(|end| is_it(end)) {
            Some(end) => {
                let count = end.count.saturating_add(count);
                *end = End {
                    class,
                    bucket,
                    count,
                };
            }
            None => self.more.push(End {
                class,
                bucket,
                count,
            }),
        }
    }

    /// How many ended with each class of status.
    #[must_use]
    pub fn statuses(&self) -> [u64; STATUS_CLASSES] {
        self.sums(|end| end.class)
    }

    /// How many took so long, by bucket.
    #[must_use]
    pub fn latencies(&self) -> [u64; LATENCY_BUCKETS] {
        self.sums(|end| end.bucket)
    }

    fn all(&self) -> impl Iterator<Item = &End> {
        let all = std::iter::once(&self.first).chain(&self.more);
        all.filter(|end| end.count > 0)
    }

    fn sums<const N: usize>(&self, place: impl Fn(&End) -> u8) -> [u64; N] {
        let mut sums = [0_u64; N];
        for end in self.all() {
            if let Some(sum) = sums.get_mut(usize::from(place(end))) {
                *sum = sum.saturating_add(end.count);
            }
        }
        sums
    }
}

impl Parcel {
    /// Whether it tells nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.refused.is_empty() && self.lost == 0
    }

    /// Adds counts, as long as it has no more than `most` kinds of requests. None of the counts are alike, save with those
    /// that were there before.
    pub fn add<'n>(&mut self, new: &mut dyn ExactSizeIterator<Item = Tally<'n>>, most: usize) {
        if new.len() == 0 {
            return;
        }
        let before = std::mem::take(&mut self.packets);
        if before.is_empty() {
            self.fill(new, most);
            return;
        }
        let mut all: Vec<Tally<'_>> = before.iter().flat_map(Packet::tallies).collect();
        for tally in new {
            all.push(tally);
        }
        self.fill(&mut merged(all).into_iter(), most);
    }

    fn fill(&mut self, tallies: &mut dyn Iterator<Item = Tally<'_>>, most: usize) {
        self.packets = Packet::all(&mut tallies.take(most));
        self.lost = requests(tallies, self.lost);
    }

    /// What was counted.
    #[must_use]
    pub fn tallies(&self) -> Vec<Tally<'_>> {
        self.packets.iter().flat_map(Packet::tallies).collect()
    }

    /// How many requests it is about, those that were lost included.
    pub(super) fn requests(&self) -> u64 {
        let counted = self.packets.iter().map(|packet| packet.requests);
        counted.fold(self.lost, u64::saturating_add)
    }
}

impl Packet {
    /// As few as can be, with all of these.
    pub(super) fn all(tallies: &mut dyn Iterator<Item = Tally<'_>>) -> Vec<Self> {
        let (mut packets, mut some) = (Vec::new(), Vec::new());
        loop {
            some.extend(tallies.take(MOST_ROWS));
            if some.is_empty() {
                return packets;
            }
            packets.push(Self {
                rows: some.len(),
                // Into memory, and made of what can always be written.
                bytes: postcard::to_allocvec(&some).unwrap_or_default(),
                requests: requests(&mut some.drain(..), 0),
            });
        }
    }

    /// What is in it. Nothing that was written by [`Packet::all`] is unreadable.
    #[inline(never)]
    pub(super) fn tallies(&self) -> Vec<Tally<'_>> {
        postcard::from_bytes(&self.bytes).unwrap_or_default()
    }
}

/// How many requests counts are about, added to some more.
pub(super) fn requests(tallies: &mut dyn Iterator<Item = Tally<'_>>, more: u64) -> u64 {
    let requests = tallies.map(|tally| tally.counts.requests);
    requests.fold(more, u64::saturating_add)
}

/// Puts together what is alike.
pub(super) fn merged(tallies: Vec<Tally<'_>>) -> Vec<Tally<'_>> {
    let mut sums: HashMap<Alike<'_>, Counts> = HashMap::new();
    for tally in tallies {
        sums.entry(tally.alike).or_default().add(&tally.counts);
    }
    let sums = sums.into_iter();
    sums.map(|(alike, counts)| Tally { alike, counts })
        .collect()
}

impl<'n> From<&'n Tally<'_>> for UsageRow<&'n str> {
    fn from(tally: &'n Tally<'_>) -> Self {
        let Tally { alike, counts } = tally;
        Self {
            minute: alike.minute,
            profile: alike.profile,
            key_id: alike.key_id,
            collection: alike.collection,
            endpoint: alike.endpoint,
            requests: counts.requests.min(LARGEST_COUNT),
            permitted: counts.permitted.min(LARGEST_COUNT),
            statuses: sparse(&counts.ends.statuses()),
            denials: counts
                .denials
                .iter()
                .map(|(code, count)| (code.as_ref(), (*count).min(LARGEST_COUNT)))
                .collect(),
            // Callers can say what they like about the length of what they send.
            bytes_in: counts.bytes_in.min(LARGEST_BYTES),
            bytes_out: counts.bytes_out.min(LARGEST_BYTES),
            latencies: sparse(&counts.ends.latencies()),
        }
    }
}

fn sparse(counts: &[u64]) -> Vec<(u8, u64)> {
    let counted = (0..).zip(counts).filter(|(_, count)| **count > 0);
    counted
        .map(|(place, count)| (place, (*count).min(LARGEST_COUNT)))
        .collect()
}

impl From<&Refused> for RefusalSample {
    fn from(refused: &Refused) -> Self {
        let refused = refused.clone();
        Self {
            at_ms: refused.at_ms,
            reason: refused.reason,
            status: refused.status,
            method: refused.method,
            path: refused.path,
            address: refused.address,
            key_id: refused.key_id,
            profile: refused.profile,
            collection: refused.collection,
            decision_id: Some(refused.decision_id),
        }
    }
}
