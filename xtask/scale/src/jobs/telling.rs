//! Many gateways that tell usage, and somebody who makes records meanwhile.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use hyper::Method;
use portcullis_feed::{USAGE_PATH, UsageBatch};
use scale::http::Connection;
use scale::usage::{self, Callers};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Records, micros, ready};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a gateway waits before it sends a batch again that was not taken.
const PAUSE: Duration = Duration::from_secs(1);

/// How many requests each row tells.
const REQUESTS: u64 = 17;

/// Tell usage from so many gateways, each of which sends a batch so often.
#[derive(Debug, Deserialize)]
pub struct Tell {
    control_plane: SocketAddr,
    gateway_token: String,
    operator_token: String,
    records: Records,
    gateways: usize,
    rows: usize,
    every_s: u64,
    seconds: u64,
}

/// What came of the batches of a gateway.
#[derive(Default)]
struct Told {
    statuses: BTreeMap<u16, u64>,
    failures: u64,
    latencies_us: Vec<u64>,
    requests: u64,
}

impl Tell {
    /// Tells how many answers had which status, how long each took after the moment in which its batch should have been
    /// sent, how many requests were told, and how long the making of records took meanwhile.
    pub fn perform(self) -> Result<Value> {
        let callers = Rc::new(Callers::of(&self.records.population()));
        ready()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let together = LocalSet::new();
        runtime.block_on(together.run_until(self.run(callers)))
    }

    async fn run(self, callers: Rc<Callers>) -> Result<Value> {
        let begin = Instant::now();
        let period = Duration::from_secs(self.every_s);
        let end = begin + Duration::from_secs(self.seconds);
        let mut gateways = Vec::new();
        for number in 0..self.gateways {
            let offset = period.mul_f64(fraction(number, self.gateways));
            let connection = Connection::new(self.control_plane, &self.gateway_token);
            let gateway = Gateway {
                number,
                rows: self.rows,
                connection,
                callers: Rc::clone(&callers),
            };
            gateways.push(tokio::task::spawn_local(gateway.run(
                begin + offset,
                period,
                end,
            )));
        }
        let operator = Connection::new(self.control_plane, &self.operator_token);
        let edits = tokio::task::spawn_local(edits(operator, end));
        let mut all = Told::default();
        for gateway in gateways {
            let told = gateway.await?;
            for (status, count) in told.statuses {
                *all.statuses.entry(status).or_default() += count;
            }
            all.failures += told.failures;
            all.latencies_us.extend(told.latencies_us);
            all.requests += told.requests;
        }
        Ok(json!({
            "statuses": all.statuses, "failures": all.failures, "latencies_us": all.latencies_us,
            "requests": all.requests, "edits_us": edits.await??,
        }))
    }
}

/// One gateway: it sends what it has until that is taken.
struct Gateway {
    number: usize,
    rows: usize,
    connection: Connection,
    callers: Rc<Callers>,
}

impl Gateway {
    async fn run(mut self, first: Instant, period: Duration, end: Instant) -> Told {
        let mut told = Told::default();
        let (mut due, mut number) = (first, 0);
        while due < end {
            sleep_until(due).await;
            number += 1;
            let batch = self.batch(number);
            self.send(&batch, &mut told).await;
            told.requests += batch.rows.iter().map(|row| row.requests).sum::<u64>();
            told.latencies_us.push(micros(due.elapsed()));
            due += period;
        }
        told
    }

    fn batch(&self, number: u64) -> UsageBatch {
        let minute = now_ms() / 60_000;
        // Others each time, so that all profiles are busy before all gateways.
        let first = self.number * 7_919 + usize::try_from(number).unwrap_or(0) * 13;
        let rows = (0..self.rows).map(|row| self.callers.row(first + row * 101, minute, REQUESTS));
        UsageBatch {
            instance: format!("{:016x}", self.number),
            name: format!("edge-{}", self.number),
            number,
            rows: rows.collect(),
            ..UsageBatch::default()
        }
    }

    async fn send(&mut self, batch: &UsageBatch, told: &mut Told) {
        let body = serde_json::to_vec(batch).unwrap_or_default();
        loop {
            let (connection, body) = (&mut self.connection, body.clone());
            let answer = connection.exchange(Method::POST, USAGE_PATH, &[], body, PATIENCE);
            match answer.await {
                Ok(answer) => {
                    *told.statuses.entry(answer.status).or_default() += 1;
                    if answer.status == 204 {
                        return;
                    }
                }
                Err(_) => told.failures += 1,
            }
            sleep(PAUSE).await;
        }
    }
}

/// Makes a client ten times a second, and tells how long each took.
async fn edits(mut operator: Connection, end: Instant) -> Result<Vec<u64>> {
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let began = Instant::now();
        let draft = json!({"name": "made meanwhile"}).to_string().into_bytes();
        let made = operator.exchange(Method::POST, "/api/v1/clients", &[], draft, PATIENCE);
        let status = made.await?.status;
        anyhow::ensure!(status == 201, "a client was refused with {status}");
        latencies.push(micros(began.elapsed()));
        sleep(Duration::from_millis(100)).await;
    }
    Ok(latencies)
}

fn now_ms() -> u64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    since_1970.map_or(0, |time| {
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "there are not that many gateways"
)]
fn fraction(number: usize, all: usize) -> f64 {
    number as f64 / all as f64
}

/// Write usage of the past into a database that was made before.
#[derive(Debug, Deserialize)]
pub struct Past {
    folder: PathBuf,
    records: Records,
    days: u64,
    minutes_a_day: u64,
    /// How many refusals there are of these days.
    #[serde(default)]
    refusals: u64,
}

impl Past {
    /// Tells how many requests that are.
    pub fn perform(self) -> Result<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let population = self.records.population();
        let past = usage::Past {
            days: self.days,
            minutes_a_day: self.minutes_a_day,
            refusals: self.refusals,
            now_ms: now_ms(),
        };
        let filled = usage::fill(&self.folder, &population, &past);
        let requests = runtime.block_on(filled).context("usage of the past")?;
        Ok(json!({"requests": requests}))
    }
}
