//! What is counted of requests that have something in common.

use std::collections::BTreeMap;

use portcullis_feed::UsageRow;
use portcullis_feed::usage::{LATENCY_BUCKETS, STATUS_CLASSES};

/// What is counted of requests that have something in common. Counts that are too large for a database stay as large as
/// it can say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageCounts {
    /// How many there were.
    pub requests: u64,
    /// How many of them were permitted.
    pub permitted: u64,
    /// How many bytes came.
    pub bytes_in: u64,
    /// How many bytes went.
    pub bytes_out: u64,
    /// How many ended with which class of status: see [`STATUS_CLASSES`].
    pub statuses: [u64; STATUS_CLASSES],
    /// How many took how long: see [`LATENCY_BOUNDS_MS`](portcullis_feed::usage::LATENCY_BOUNDS_MS).
    pub latencies: [u64; LATENCY_BUCKETS],
    /// How many were refused for which reason.
    pub denials: BTreeMap<String, u64>,
}

impl UsageCounts {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.add_totals([
            other.requests,
            other.permitted,
            other.bytes_in,
            other.bytes_out,
        ]);
        for (sum, count) in self.statuses.iter_mut().zip(other.statuses) {
            *sum = sum.saturating_add(count);
        }
        for (sum, count) in self.latencies.iter_mut().zip(other.latencies) {
            *sum = sum.saturating_add(count);
        }
        for (reason, count) in &other.denials {
            self.add_denials(reason, *count);
        }
    }

    /// Adds those of a row.
    pub fn add_row(&mut self, row: &UsageRow) {
        self.add_totals([row.requests, row.permitted, row.bytes_in, row.bytes_out]);
        for (class, count) in &row.statuses {
            if let Some(sum) = self.statuses.get_mut(usize::from(*class)) {
                *sum = sum.saturating_add(*count);
            }
        }
        for (bucket, count) in &row.latencies {
            if let Some(sum) = self.latencies.get_mut(usize::from(*bucket)) {
                *sum = sum.saturating_add(*count);
            }
        }
        for (reason, count) in &row.denials {
            self.add_denials(reason, *count);
        }
    }

    /// How they stand in a row, without what it is about.
    pub(super) fn into_row(self) -> UsageRow {
        UsageRow {
            requests: self.requests,
            permitted: self.permitted,
            statuses: sparse(&self.statuses),
            denials: self.denials.into_iter().collect(),
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            latencies: sparse(&self.latencies),
            ..UsageRow::default()
        }
    }

    fn add_totals(&mut self, totals: [u64; 4]) {
        let sums = [
            &mut self.requests,
            &mut self.permitted,
            &mut self.bytes_in,
            &mut self.bytes_out,
        ];
        for (sum, count) in sums.into_iter().zip(totals) {
            *sum = sum.saturating_add(count);
        }
    }

    fn add_denials(&mut self, reason: &str, count: u64) {
        match self.denials.get_mut(reason) {
            Some(sum) => *sum = sum.saturating_add(count),
            None => {
                self.denials.insert(reason.to_owned(), count);
            }
        }
    }
}

fn sparse(counts: &[u64]) -> Vec<(u8, u64)> {
    (0_u8..)
        .zip(counts.iter().copied())
        .filter(|(_, count)| *count > 0)
        .collect()
}
