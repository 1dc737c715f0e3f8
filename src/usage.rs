//! What this VM counts of its requests, until the leader fetches it: who called what, how it ended, what it took.
//!
//! A request is counted when it is decided, which costs no call to the host; how it ended when the headers of its answer
//! come by. Counts are kept under the very records that decided, and get their names only when they are handed over.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use portcullis_engine::{Denial, DenialReason, Holder, Permit, Subject};
use portcullis_feed::usage::{LONGEST_ENDPOINT, latency_bucket};
use portcullis_registry::labels::Bounds;
use portcullis_registry::usage::{Alike, Counts, Fallen, Parcel, Refused, Tally, hand_over};

use crate::breakdown::{Breakdown, observe};
use crate::host::{self, HeaderPairs, Shared};
use crate::metrics::Counter;
use crate::spreading::Spreading;
use crate::vm::Moment;

/// How often counts are handed over, in milliseconds. Sooner, when there is much to tell of a quota.
const HANDED_OVER_EVERY_MS: u64 = 5_000;
/// How many kinds of requests are told apart between two hand-overs. Of others it is only known that there were some.
const MOST_KINDS: usize = 16_384;
/// How many refusals are kept between two hand-overs.
const MOST_REFUSED: usize = 64;
const MINUTE_MS: u64 = 60_000;

/// The counts of a VM.
#[derive(Default)]
pub(crate) struct Usage {
    rows: RefCell<Rows>,
    /// In which minute the rows are counted.
    minute: Cell<u64>,
    /// What was counted in earlier minutes, and what could not be handed over yet.
    held: RefCell<Parcel>,
    refused: RefCell<Vec<Refused>>,
    lost: Cell<u64>,
    handed_over_ms: Cell<u64>,
    place: Cell<Option<u32>>,
    /// How many requests the VMs of each place have decided: outlives them.
    decided: RefCell<Vec<Counter>>,
    /// What was decided before this VM had a place.
    decided_before: Cell<u64>,
    breakdown: RefCell<Breakdown>,
}

/// A request that was let through and is not answered yet.
pub(crate) struct Counted {
    subject: Subject,
    /// Where it was counted, if it was.
    at: Option<Place>,
    begun_ns: u64,
}

/// Rows one after the other: where each of many callers calls once, the next row is beside the last one, and not anywhere in
/// several megabytes.
#[derive(Default)]
struct Rows {
    places: HashMap<Kind, usize, Spreading>,
    rows: Vec<Row>,
    /// How often they were handed over.
    round: u64,
}

/// A row, until they are handed over.
#[derive(Debug, Clone, Copy)]
struct Place {
    round: u64,
    row: usize,
}

/// Which records a request met: their addresses, since a row keeps them alive, and the place of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Kind(usize, usize, u32);

/// Requests that met the same records.
pub(crate) struct Row {
    pub(crate) subject: Subject,
    pub(crate) counts: Counts,
    /// How many of those that were let through would have been refused, and why.
    pub(crate) observed: Vec<(DenialReason, u64)>,
}

impl Kind {
    fn of(subject: &Subject) -> Self {
        let holder = subject.holder.as_ref();
        let collection = subject.collection.as_ref();
        Self(
            holder.map_or(0, |it| Arc::as_ptr(it).addr()),
            collection.map_or(0, |it| Arc::as_ptr(it).addr()),
            subject.place.map_or(u32::MAX, u32::from),
        )
    }
}

impl Usage {
    /// Has metrics tell so many access profiles and collections apart from now on.
    pub(crate) fn tell_apart(&self, bounds: Bounds) {
        self.breakdown.borrow_mut().bound(bounds);
    }

    /// Counts a request that is let through. To be told of its answer.
    pub(crate) fn permit(
        &self,
        permit: &Permit<'_>,
        headers: &[(&[u8], &[u8])],
        moment: &Moment,
    ) -> Counted {
        let subject = permit.subject();
        self.count_decided();
        let bytes_in = content_length(headers.iter().copied());
        let at = self.count(&subject, None, |row| {
            let counts = &mut row.counts;
            counts.requests = counts.requests.saturating_add(1);
            counts.permitted = counts.permitted.saturating_add(1);
            counts.bytes_in = counts.bytes_in.saturating_add(bytes_in);
            if let Some(denial) = permit.observed() {
                observe(&mut row.observed, denial.reason, 1);
            }
        });
        let begun_ns = moment.ns();
        Counted {
            subject,
            at,
            begun_ns,
        }
    }

    /// Counts a request that is refused, and so answered at once.
    pub(crate) fn deny(&self, denial: &Denial<'_>, headers: &[(&[u8], &[u8])]) {
        self.count_decided();
        let bytes_in = content_length(headers.iter().copied());
        self.count(&denial.subject(), None, |row| {
            let counts = &mut row.counts;
            counts.requests = counts.requests.saturating_add(1);
            counts.bytes_in = counts.bytes_in.saturating_add(bytes_in);
            counts.deny(denial.reason.code(), 1);
            end(counts, denial.reason.status(), 0);
        });
    }

    /// Keeps a refusal for whoever looks into them.
    pub(crate) fn keep(&self, refused: Refused) {
        let mut kept = self.refused.borrow_mut();
        if kept.len() < MOST_REFUSED {
            kept.push(refused);
        }
    }

    /// Counts how a request ended, by its answer. One that was refused behind this filter, because it came too often over
    /// the whole fleet, was counted as permitted too soon.
    pub(crate) fn answer(&self, counted: &Counted, answer: &HeaderPairs, is_refused: bool) {
        let status = answer.iter().find(|(name, _)| *name == b":status");
        let status = status.and_then(|(_, status)| number(status)).unwrap_or(0);
        let bytes_out = content_length(answer.iter());
        let took_ms = host::monotonic_ns().saturating_sub(counted.begun_ns) / 1_000_000;
        self.count(&counted.subject, counted.at, |row| {
            let counts = &mut row.counts;
            if is_refused {
                // It has been handed over if the answer took long: then one permit too many stays counted.
                counts.permitted = counts.permitted.saturating_sub(1);
                counts.deny(DenialReason::RateLimitExceeded.code(), 1);
            }
            counts.bytes_out = counts.bytes_out.saturating_add(bytes_out);
            end(counts, u16::try_from(status).unwrap_or(0), took_ms);
        });
    }

    /// In the host, at once: what is in this VM falls with it.
    fn count_decided(&self) {
        match self.place.get() {
            Some(place) => self.decided_at(place, |decided| decided.count(1)),
            None => self
                .decided_before
                .set(self.decided_before.get().saturating_add(1)),
        }
    }

    /// What VMs had decided that have fallen.
    pub(crate) fn fallen(&self, places: Vec<u32>) -> Vec<Fallen> {
        let places = places.into_iter();
        places
            .map(|place| Fallen {
                place,
                decided: self.decided_at(place, Counter::total),
            })
            .collect()
    }

    /// Each is defined only where it counts or is asked for, and then once: a definition takes memory of the host.
    fn decided_at<T: Default>(&self, place: u32, act: impl FnOnce(&Counter) -> T) -> T {
        let place = usize::try_from(place).unwrap_or(0);
        let mut decided = self.decided.borrow_mut();
        while decided.len() <= place {
            let name = format!("portcullis.usage.decided.{}", decided.len());
            decided.push(Counter::named(name));
        }
        decided.get(place).map(act).unwrap_or_default()
    }

    /// Counts in the row of a subject, which may be known. Tells where, unless there is no room for it.
    fn count(
        &self,
        subject: &Subject,
        at: Option<Place>,
        count: impl FnOnce(&mut Row),
    ) -> Option<Place> {
        let mut rows = self.rows.borrow_mut();
        let at = at.filter(|at| at.round == rows.round);
        let Some(at) = at.or_else(|| rows.place(subject)) else {
            self.lost.set(self.lost.get().saturating_add(1));
            return None;
        };
        rows.rows.get_mut(at.row).map(count);
        Some(at)
    }

    /// Hands over what is due, or `is_urgent`, when this VM has a place of its own. Tells whether it did.
    pub(crate) fn tick(&self, place: Option<u32>, is_urgent: bool, now_ms: u64) -> bool {
        self.move_to(place);
        let minute = host::now_ms() / MINUTE_MS;
        let is_due =
            is_urgent || now_ms.saturating_sub(self.handed_over_ms.get()) >= HANDED_OVER_EVERY_MS;
        if self.minute.get() != minute || is_due {
            self.hold();
            self.minute.set(minute);
        }
        let Some(place) = place.filter(|_| is_due) else {
            return false;
        };
        self.handed_over_ms.set(now_ms);
        let mut held = self.held.borrow_mut();
        let is_handed_over = !held.is_empty() && hand_over(&Shared, place, &held);
        if is_handed_over {
            *held = Parcel::default();
        }
        is_handed_over
    }

    /// Counts by another place from now on, if it is another one.
    fn move_to(&self, place: Option<u32>) {
        self.place.set(place);
        if let Some(place) = place {
            self.decided_at(place, |decided| decided.count(self.decided_before.take()));
        }
    }

    /// Gives what was counted its names, and has metrics tell it.
    fn hold(&self) {
        let mut held = self.held.borrow_mut();
        held.lost = held.lost.saturating_add(self.lost.take());
        held.refused.append(&mut self.refused.borrow_mut());
        held.refused.truncate(MOST_REFUSED);
        let minute = match self.minute.get() {
            // Before the first tick: these are of now, and not of 1970.
            0 => host::now_ms() / MINUTE_MS,
            minute => minute,
        };
        let mut rows = self.rows.borrow_mut();
        self.breakdown.borrow_mut().publish(&rows.rows);
        let mut tallies = rows.rows.iter_mut().map(|row| Tally {
            alike: alike(minute, &row.subject),
            counts: std::mem::take(&mut row.counts),
        });
        held.add(&mut tallies, MOST_KINDS);
        rows.clear();
    }
}

impl Rows {
    /// The row of a subject. None where there is none and no room for one.
    fn place(&mut self, subject: &Subject) -> Option<Place> {
        let kind = Kind::of(subject);
        let known = self.places.get(&kind).copied();
        let row = known.or_else(|| {
            let next = self.rows.len();
            if next >= MOST_KINDS {
                return None;
            }
            self.rows.push(Row {
                subject: subject.clone(),
                counts: Counts::default(),
                observed: Vec::new(),
            });
            self.places.insert(kind, next);
            Some(next)
        })?;
        let round = self.round;
        Some(Place { round, row })
    }

    fn clear(&mut self) {
        self.places.clear();
        self.rows.clear();
        self.round = self.round.wrapping_add(1);
    }
}

fn alike(minute: u64, subject: &Subject) -> Alike<'_> {
    let holder = subject.holder.as_deref();
    let collection = subject.collection.as_deref();
    let endpoint = collection.zip(subject.place);
    Alike {
        minute,
        profile: holder.map(|holder| holder.profile()),
        key_id: holder.and_then(Holder::key_id),
        collection: collection.map(|collection| collection.id),
        endpoint: endpoint.and_then(|(collection, place)| {
            let name = collection.endpoints.get(usize::from(place))?;
            Some(shortened(name, LONGEST_ENDPOINT))
        }),
    }
}

/// As much of a text as fits into so many bytes. What is longer would have its whole batch refused.
pub(crate) fn shortened(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

fn end(counts: &mut Counts, status: u16, took_ms: u64) {
    let class = u8::try_from(status / 100).unwrap_or(0);
    let class = if class > 5 { 0 } else { class };
    counts.ends.count(class, latency_bucket(took_ms), 1);
}

fn content_length<'h>(mut headers: impl Iterator<Item = (&'h [u8], &'h [u8])>) -> u64 {
    let found = headers.find(|(name, _)| *name == b"content-length");
    found.and_then(|(_, value)| number(value)).unwrap_or(0)
}

/// What digits stand for.
#[inline(never)]
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
