//! Usage: batches as gateways send them, and usage of the past in a database.

use std::path::Path;

use anyhow::Result;
use portcullis_feed::usage::LATENCY_BUCKETS;
use portcullis_feed::{UsageBatch, UsageRow};
use portcullis_store::{Store, UsageSince};

use crate::database;
use crate::population::Population;

/// How many minutes a day has.
const DAY: u64 = 24 * 60;

/// How many rows are counted at once.
const AT_ONCE: usize = 4_000;

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
}

/// Writes usage of the last days into a database that [`database::fill`] has made: of each profile in so many minutes of
/// each day. Tells how many requests that are.
///
/// # Errors
/// When the database cannot be written.
pub async fn fill(
    folder: &Path,
    population: &Population,
    days: u64,
    minutes_a_day: u64,
    now_ms: u64,
) -> Result<u64> {
    let store = database::open_again(folder, population).await?;
    let callers = Callers::of(population);
    let today = now_ms / 60_000 / DAY * DAY;
    let (mut batch, mut requests) = (1, 0);
    for day in 0..days {
        for time in 0..minutes_a_day {
            let minute = today - day * DAY + time * (DAY / minutes_a_day);
            // Of today only what has been.
            let minute = minute.min(now_ms / 60_000);
            let mut first = 0;
            while first < population.profiles {
                let end = (first + AT_ONCE).min(population.profiles);
                let rows = (first..end).map(|number| {
                    let requests = 1 + (number as u64 * 7 + day * 13 + time) % 500;
                    callers.row(number, minute, requests)
                });
                let rows: Vec<_> = rows.collect();
                requests += rows.iter().map(|row| row.requests).sum::<u64>();
                count(&store, batch, rows, now_ms).await?;
                batch += 1;
                first = end;
            }
        }
    }
    store.close().await;
    Ok(requests)
}

async fn count(store: &Store, number: u64, rows: Vec<UsageRow>, now_ms: u64) -> Result<()> {
    let batch = UsageBatch {
        instance: "00000000000000f1".into(),
        name: "the past".into(),
        number,
        rows,
        ..UsageBatch::default()
    };
    store.count_usage(&[batch], now_ms).await?;
    while store.roll_up_usage(&KEPT).await? {}
    Ok(())
}
