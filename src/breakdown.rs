//! Metrics of requests by access profile and by collection, of which a bounded number are told apart. They are made of what
//! a VM has counted, every few seconds, so that no request waits for them.

use std::collections::BinaryHeap;
use std::fmt;

use portcullis_engine::{DenialReason, Subject};
use portcullis_feed::ProfileId;
use portcullis_feed::usage::{LATENCY_BOUNDS_MS, STATUS_CLASSES};
use portcullis_registry::labels::{Bounds, Labels};
use portcullis_registry::usage::Counts;

use crate::host::Shared;
use crate::metrics::Counter;
use crate::usage::Row;

/// The counters, and what they tell apart.
pub(crate) struct Breakdown {
    labels: Labels<Shared>,
    bounds: Bounds,
    /// In the order of their names.
    counters: Vec<Counter>,
}

/// What requests are filed under. None of it is text that a caller has chosen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Label<'l> {
    /// Nobody who has proved who it is, or no collection.
    None,
    /// Whatever is not told apart.
    Other,
    Profile(ProfileId),
    Collection(&'l str),
}

/// Requests that are filed under the same label.
struct Sum<'l> {
    label: Label<'l>,
    counts: Counts,
    observed: Vec<(DenialReason, u64)>,
}

impl Default for Breakdown {
    fn default() -> Self {
        Self {
            labels: Labels::new(Shared),
            bounds: Bounds {
                profiles: 0,
                collections: 0,
            },
            counters: Vec::new(),
        }
    }
}

impl Breakdown {
    /// Tells so many apart from now on. What has a label keeps it.
    pub(crate) fn bound(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Counts what was counted since the last time.
    pub(crate) fn publish(&mut self, rows: &[Row]) {
        self.admit(rows);
        let (mut by_profile, mut by_collection) = (Vec::new(), Vec::new());
        for row in rows {
            file(&mut by_profile, profile_label(&self.labels, row), row);
            file(&mut by_collection, collection_label(&self.labels, row), row);
        }
        let mut told = Vec::new();
        for sum in &by_profile {
            sum.tell_decisions("profile", &mut told);
        }
        for sum in &by_collection {
            sum.tell_decisions("collection", &mut told);
            sum.tell_answers(&mut told);
        }
        told.into_iter()
            .for_each(|(name, count)| self.count(name, count));
    }

    /// Has those told apart that are not yet, as far as there is room: who calls most comes first.
    fn admit(&mut self, rows: &[Row]) {
        let (mut profiles, mut collections) = (Vec::new(), Vec::new());
        let (for_profiles, for_collections) = self.labels.has_room(self.bounds);
        let is_new = |row: &Row| {
            for_profiles && profile_label(&self.labels, row) == Label::Other
                || for_collections && collection_label(&self.labels, row) == Label::Other
        };
        let mut by_requests: BinaryHeap<(u64, usize)> = (rows.iter().enumerate())
            .filter(|(_, row)| is_new(row))
            .map(|(place, row)| (row.counts.requests, place))
            .collect();
        while let Some((_, place)) = by_requests.pop() {
            let Some(Row { subject, .. }) = rows.get(place) else {
                continue;
            };
            profiles.extend(profile_of(subject));
            let collection = subject.collection.as_deref();
            collections.extend(collection.map(|it| (it.id, it.label.as_ref())));
        }
        self.labels.admit(self.bounds, &profiles, &collections);
    }

    fn count(&mut self, name: String, more: u64) {
        let found = self
            .counters
            .binary_search_by(|counter| counter.name().cmp(&name));
        let place = found.unwrap_or_else(|place| {
            self.counters.insert(place, Counter::named(name));
            place
        });
        if let Some(counter) = self.counters.get(place) {
            counter.count(more);
        }
    }
}

fn profile_label<'l>(labels: &'l Labels<Shared>, row: &Row) -> Label<'l> {
    match profile_of(&row.subject) {
        None => Label::None,
        Some(profile) if labels.has_profile(&profile) => Label::Profile(profile),
        Some(_) => Label::Other,
    }
}

fn collection_label<'l>(labels: &'l Labels<Shared>, row: &Row) -> Label<'l> {
    let Some(collection) = row.subject.collection.as_deref() else {
        return Label::None;
    };
    let label = labels.of_collection(&collection.id);
    label.map_or(Label::Other, Label::Collection)
}

fn profile_of(subject: &Subject) -> Option<ProfileId> {
    let holder = subject.holder.as_deref()?;
    Some(holder.profile())
}

/// Adds a row to the sum of its label. Sums are in the order of their labels.
fn file<'l>(sums: &mut Vec<Sum<'l>>, label: Label<'l>, row: &Row) {
    let found = sums.binary_search_by(|sum| sum.label.cmp(&label));
    let place = found.unwrap_or_else(|place| {
        sums.insert(place, Sum::of(label));
        place
    });
    if let Some(sum) = sums.get_mut(place) {
        sum.counts.add(&row.counts);
        for (reason, count) in &row.observed {
            observe(&mut sum.observed, *reason, *count);
        }
    }
}

/// Notes that so many requests were let through although there was a reason to refuse them.
pub(crate) fn observe(observed: &mut Vec<(DenialReason, u64)>, reason: DenialReason, count: u64) {
    match observed.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, sum)) => *sum = sum.saturating_add(count),
        None => observed.push((reason, count)),
    }
}

impl<'l> Sum<'l> {
    fn of(label: Label<'l>) -> Self {
        Self {
            label,
            counts: Counts::default(),
            observed: Vec::new(),
        }
    }

    /// How many were decided how, each by the name of its counter.
    fn tell_decisions(&self, by: &str, told: &mut Vec<(String, u64)>) {
        let name = format!("portcullis.{by}_requests.{}", self.label);
        let observed = self.observed.iter().map(|(_, count)| *count);
        let observed_in_all = observed.fold(0, u64::saturating_add);
        let permitted = self.counts.permitted.saturating_sub(observed_in_all);
        tell(told, format_args!("{name}.permitted"), permitted);
        for (reason, count) in &self.observed {
            let code = reason.code();
            tell(told, format_args!("{name}.observed.{code}"), *count);
        }
        for (code, count) in &self.counts.denials {
            tell(told, format_args!("{name}.refused.{code}"), *count);
        }
    }

    /// How answers ended, and of how many requests that were let through they took at most so many milliseconds.
    fn tell_answers(&self, told: &mut Vec<(String, u64)>) {
        let Self { label, counts, .. } = self;
        const CLASSES: [&str; STATUS_CLASSES] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];
        for (class, count) in CLASSES.iter().zip(counts.ends.statuses()) {
            let name = format_args!("portcullis.collection_responses.{label}.{class}");
            tell(told, name, count);
        }
        // Refusals are counted as if they had taken no time.
        let mut refused = counts.requests.saturating_sub(counts.permitted);
        let mut within = 0_u64;
        for (place, count) in counts.ends.latencies().into_iter().enumerate() {
            within = within.saturating_add(count.saturating_sub(std::mem::take(&mut refused)));
            let name = format_args!("portcullis.collection_latency_ms_bucket.{label}.");
            match LATENCY_BOUNDS_MS.get(place) {
                Some(bound) => tell(told, format_args!("{name}{bound}"), within),
                None => tell(told, format_args!("{name}+Inf"), within),
            }
        }
    }
}

/// What a counter has to count, unless it is nothing.
fn tell(told: &mut Vec<(String, u64)>, name: fmt::Arguments<'_>, count: u64) {
    if count > 0 {
        told.push((name.to_string(), count));
    }
}

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Other => f.write_str("other"),
            Self::Profile(profile) => profile.fmt(f),
            Self::Collection(label) => f.write_str(label),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(permitted: u64, refused: &[(&str, u64)], observed: &[(DenialReason, u64)]) -> Row {
        let in_all: u64 = refused.iter().map(|(_, count)| count).sum();
        let mut counts = Counts {
            requests: permitted.saturating_add(in_all),
            permitted,
            ..Counts::default()
        };
        counts.ends.count(4, 0, in_all);
        for (code, count) in refused {
            counts.deny(code, *count);
        }
        Row {
            subject: Subject {
                holder: None,
                collection: None,
                place: None,
            },
            counts,
            observed: observed.to_vec(),
        }
    }

    fn told(sum: &Sum<'_>, tell: impl FnOnce(&Sum<'_>, &mut Vec<(String, u64)>)) -> Vec<String> {
        let mut told = Vec::new();
        tell(sum, &mut told);
        let line = |(name, count): &(String, u64)| format!("{name} {count}");
        told.iter().map(line).collect()
    }

    #[test]
    fn each_request_is_told_once_by_its_decision() {
        let mut sums = Vec::new();
        let observed = [(DenialReason::AddressNotAllowed, 2)];
        file(&mut sums, Label::Other, &row(5, &[], &observed));
        let refused = [("quota_exceeded", 3), ("rate_limit_exceeded", 1)];
        file(&mut sums, Label::Other, &row(1, &refused, &[]));
        file(&mut sums, Label::None, &row(0, &[("not_ready", 4)], &[]));
        assert_eq!(sums.len(), 2);
        let lines = |sum| told(sum, |sum, told| sum.tell_decisions("profile", told));
        assert_eq!(
            lines(&sums[0]),
            ["portcullis.profile_requests.none.refused.not_ready 4"]
        );
        assert_eq!(
            lines(&sums[1]),
            [
                "portcullis.profile_requests.other.permitted 4",
                "portcullis.profile_requests.other.observed.address_not_allowed 2",
                "portcullis.profile_requests.other.refused.quota_exceeded 3",
                "portcullis.profile_requests.other.refused.rate_limit_exceeded 1",
            ]
        );
    }

    #[test]
    fn latencies_add_up_from_bucket_to_bucket_and_leave_refusals_out() {
        let mut sums = Vec::new();
        let mut answered = row(4, &[("quota_exceeded", 7)], &[]);
        answered.counts.ends.count(2, 1, 1);
        answered.counts.ends.count(2, 15, 2);
        answered.counts.ends.count(2, 16, 1);
        file(&mut sums, Label::Collection("orders/v1"), &answered);
        let lines = told(&sums[0], |sum, told| sum.tell_answers(told));
        let expected = [
            "portcullis.collection_responses.orders/v1.2xx 4",
            "portcullis.collection_responses.orders/v1.4xx 7",
            "portcullis.collection_latency_ms_bucket.orders/v1.2 1",
        ];
        assert_eq!(lines[..3], expected);
        let expected = [
            "portcullis.collection_latency_ms_bucket.orders/v1.60000 3",
            "portcullis.collection_latency_ms_bucket.orders/v1.+Inf 4",
        ];
        assert_eq!(lines.last_chunk(), Some(&expected.map(String::from)));
    }
}
