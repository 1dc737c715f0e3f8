//! Usage: batches as gateways send them, and usage of the past in a database.

use std::path::Path;

use anyhow::Result;
use portcullis_feed::usage::LATENCY_BUCKETS;
use portcullis_feed::{RefusalSample, UsageBatch, UsageRow};
use portcullis_store::{Store, UsageSince};

use crate::database;
use crate::population::Population;

/// How many minutes a day has.
const DAY: u64 = 24 * 60;

/// How many rows are counted at once.
const AT_ONCE: usize = 4_000;

/// How many refusals are counted at once: as many as are kept of one batch.
const REFUSALS_AT_ONCE: usize = 200;

/// Why they are refused, in turn, and with which status.
const REASONS: [(&str, u16); 4] = [
    ("address_not_allowed", 403),
    ("rate_limit_exceeded", 429),
    ("collection_not_granted", 403),
    ("endpoint_not_found", 404),
];

/// Everything is kept, except for minutes, which only the newest usage has.
const KEPT: UsageSince = UsageSince {
    minutes: u64::MAX,
    hours: 0,
    days: 0,
};

/// Who calls, and what: made once, since keys take long.
#[derive(Debug)]
pub struct Callers(Vec<UsageRow>);

impl Callers {
    /// Each profile of a population.
    #[must_use]
    pub fn of(population: &Population) -> Self {
        let callers = (0..population.profiles).map(|number| {
            let profile = population.profile(number);
            let key = population.keys(number, &profile).into_iter().next();
            UsageRow {
                profile: Some(profile.id),
                key_id: key.map(|key| key.id),
                collection: profile.collections.first().copied(),
                endpoint: Some(format!("GET /v1/resource-{}/{{id}}", number % 20)),
                ..UsageRow::default()
            }
        });
        Self(callers.collect())
    }

    /// The requests of one of them, whatever its number, in one minute.
    #[must_use]
    pub fn row(&self, number: usize, minute: u64, requests: u64) -> UsageRow {
        let number = number % self.0.len().max(1);
        let refused = requests / 100;
        let bucket = u8::try_from(number % LATENCY_BUCKETS).unwrap_or(0);
        UsageRow {
            minute,
            requests,
            permitted: requests - refused,
            statuses: vec![(2, requests - refused), (4, refused)],
            denials: match refused {
                0 => Vec::new(),
                refused => vec![("quota_exceeded".into(), refused)],
            },
            bytes_in: requests * 40,
            bytes_out: requests * 900,
            latencies: vec![(bucket, requests / 2), (3, requests - requests / 2)],
            ..self.0.get(number).cloned().unwrap_or_default()
        }
    }

    /// A request of one of them that was refused, whatever its number.
    fn refusal(&self, number: u64, at_ms: u64) -> RefusalSample {
        let place = usize::try_from(number).unwrap_or(0);
        let caller = self.0.get(place % self.0.len().max(1)).cloned();
        let caller = caller.unwrap_or_default();
        let (reason, status) = REASONS
            .get(place % REASONS.len())
            .copied()
            .unwrap_or_default();
        RefusalSample {
            at_ms,
            reason: reason.into(),
            status,
            method: "GET".into(),
            path: format!("/v1/orders/{number}"),
            address: Some(format!("203.0.113.{}", number % 250)),
            key_id: caller.key_id,
            profile: caller.profile,
            collection: caller.collection,
            decision_id: None,
        }
    }
}

/// What was called in the last days.
#[derive(Debug, Clone, Copy)]
pub struct Past {
    /// How many days.
    pub days: u64,
    /// In how many minutes of each day every profile called.
    pub minutes_a_day: u64,
    /// How many of these requests are told one by one, since they were refused.
    pub refusals: u64,
    /// Its end: milliseconds since 1970, UTC.
    pub now_ms: u64,
}

/// Writes what was called in the last days into a database that [`database::fill`] has made. Tells how many requests that
/// are, without those that are told one by one.
///
/// # Errors
/// When the database cannot be written.
pub async fn fill(folder: &Path, population: &Population, past: &Past) -> Result<u64> {
    let store = database::open_again(folder, population).await?;
    let callers = Callers::of(population);
    let requests = fill_sums(&store, &callers, population.profiles, past).await?;
    fill_refusals(&store, &callers, past).await?;
    store.close().await;
    Ok(requests)
}

async fn fill_sums(store: &Store, callers: &Callers, profiles: usize, past: &Past) -> Result<u64> {
    let today = past.now_ms / 60_000 / DAY * DAY;
    let (mut number, mut requests) = (1, 0);
    for day in 0..past.days {
        for time in 0..past.minutes_a_day {
            let minute = today - day * DAY + time * (DAY / past.minutes_a_day);
            // Of today only what has been.
            let minute = minute.min(past.now_ms / 60_000);
            let mut first = 0;
            while first < profiles {
                let end = (first + AT_ONCE).min(profiles);
                let rows = (first..end).map(|number| {
                    let requests = 1 + (number as u64 * 7 + day * 13 + time) % 500;
                    callers.row(number, minute, requests)
                });
                let rows: Vec<_> = rows.collect();
                requests += rows.iter().map(|row| row.requests).sum::<u64>();
                let batch = UsageBatch {
                    instance: "00000000000000f1".into(),
                    name: "the past".into(),
                    number,
                    rows,
                    ..UsageBatch::default()
                };
                count(store, batch, past.now_ms).await?;
                number += 1;
                first = end;
            }
        }
    }
    Ok(requests)
}

/// Refusals of all callers in turn, at even distances in time.
async fn fill_refusals(store: &Store, callers: &Callers, past: &Past) -> Result<()> {
    let apart_ms = past.days * DAY * 60_000 / past.refusals.max(1);
    let samples: Vec<RefusalSample> = (0..past.refusals)
        .map(|number| callers.refusal(number, past.now_ms - number * apart_ms))
        .collect();
    for (number, refusals) in (1..).zip(samples.chunks(REFUSALS_AT_ONCE)) {
        let batch = UsageBatch {
            instance: "00000000000000f2".into(),
            name: "the past".into(),
            number,
            refusals: refusals.to_vec(),
            ..UsageBatch::default()
        };
        count(store, batch, past.now_ms).await?;
    }
    Ok(())
}

async fn count(store: &Store, batch: UsageBatch, now_ms: u64) -> Result<()> {
    store.count_usage(&[batch], now_ms).await?;
    while store.roll_up_usage(&KEPT).await? {}
    Ok(())
}
