//! Percentiles of latencies, from buckets.

use portcullis_feed::usage::{LATENCY_BOUNDS_MS, LATENCY_BUCKETS};
use serde::Serialize;
use utoipa::ToSchema;

/// How long requests took, in milliseconds: within the bucket in which a percentile is, requests are taken to be spread
/// evenly. What took longer than a minute counts as a minute.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(as = UsageLatency)]
pub struct Latency {
    /// Half of them took at most so long.
    #[schema(example = 8.4)]
    pub p50_ms: f64,
    /// 95 of a hundred took at most so long.
    #[schema(example = 61.0)]
    pub p95_ms: f64,
    /// 99 of a hundred took at most so long.
    #[schema(example = 240.5)]
    pub p99_ms: f64,
}

impl Latency {
    /// Of so many requests in each bucket; none of no requests.
    #[must_use]
    pub fn of(buckets: &[u64; LATENCY_BUCKETS]) -> Option<Self> {
        Some(Self {
            p50_ms: percentile(buckets, 0.50)?,
            p95_ms: percentile(buckets, 0.95)?,
            p99_ms: percentile(buckets, 0.99)?,
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "what is told is rounded anyway")]
fn percentile(buckets: &[u64; LATENCY_BUCKETS], part: f64) -> Option<f64> {
    let all: u64 = buckets
        .iter()
        .fold(0, |sum, count| sum.saturating_add(*count));
    if all == 0 {
        return None;
    }
    let wanted = all as f64 * part;
    let (mut before, mut lower) = (0.0, 0.0);
    for (count, bound) in buckets.iter().zip(LATENCY_BOUNDS_MS) {
        let (count, bound) = (*count as f64, f64::from(bound));
        if count > 0.0 && before + count >= wanted {
            let within = (wanted - before).max(0.0) / count;
            return Some(rounded(lower + (bound - lower) * within));
        }
        before += count;
        lower = bound;
    }
    Some(lower)
}

fn rounded(ms: f64) -> f64 {
    (ms * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_in_their_buckets() {
        let mut buckets = [0; LATENCY_BUCKETS];
        assert_eq!(Latency::of(&buckets), None);
        buckets[3] = 100;
        let latency = Latency::of(&buckets).unwrap();
        assert_eq!(
            (latency.p50_ms, latency.p95_ms, latency.p99_ms),
            (7.5, 9.8, 10.0)
        );
        buckets[16] = 1;
        assert!(Latency::of(&buckets).unwrap().p99_ms <= 10.0);
        buckets[16] = 1_000;
        assert_eq!(Latency::of(&buckets).unwrap().p50_ms, 60_000.0);
        let mut one = [0; LATENCY_BUCKETS];
        one[0] = 1;
        assert_eq!(Latency::of(&one).unwrap().p50_ms, 0.5);
    }
}
