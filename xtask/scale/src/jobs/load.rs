//! Callers, whose keys are as popular as those of real ones.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use scale::Popularity;
use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::{Wire, call};
use super::{Records, micros, ready};

/// How many requests are drawn before a stretch at a fixed rate. In a longer one they come again.
const MOST_DRAWN: usize = 50_000;

/// Tell so many requests, as they are sent.
#[derive(Debug, Deserialize)]
pub struct Draw {
    records: Records,
    /// By which power of its rank a profile calls less often than the first.
    exponent: f64,
    /// Tells apart the requests of one turn from those of another.
    turn: u64,
    requests: usize,
}

/// Send so many requests a second for a while, or until it is told to stop, whether or not earlier ones are answered.
#[derive(Debug, Deserialize)]
pub struct Pace {
    to: SocketAddr,
    records: Records,
    exponent: f64,
    turn: u64,
    connections: usize,
    per_second: u32,
    seconds: u32,
}

impl Draw {
    /// Tells them in the order in which they are to be sent.
    pub fn perform(self) -> Result<Value> {
        let requests = drawn(self.records, self.exponent, self.turn, self.requests)?;
        let texts: Result<Vec<String>, _> = requests.into_iter().map(String::from_utf8).collect();
        Ok(json!({"requests": texts?}))
    }
}

impl Pace {
    /// Tells how many were answered with which status, and for each how many microseconds its answer came after the
    /// moment in which it should have been sent: who waits behind a slow answer waits too.
    pub fn perform(self) -> Result<Value> {
        let count = usize::try_from(self.per_second.saturating_mul(self.seconds))?;
        let requests = drawn(
            self.records,
            self.exponent,
            self.turn,
            count.min(MOST_DRAWN),
        )?;
        let mut wires = connect(self.to, self.connections)?;
        ready()?;
        let is_stopped = Arc::new(AtomicBool::new(false));
        stop_when_told(Arc::clone(&is_stopped));
        let interval = Duration::from_secs(1) / self.per_second.max(1);
        let begin = Instant::now();
        let answered = together(&mut wires, |place, wire| {
            let mut counts = BTreeMap::new();
            let mut latencies = Vec::new();
            for number in (place..count).step_by(self.connections) {
                if is_stopped.load(Ordering::Relaxed) {
                    break;
                }
                let due = begin + interval * u32::try_from(number)?;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let request = requests.get(number % requests.len());
                let request = request.context("there is nothing to send")?;
                *counts.entry(wire.status(request)?).or_default() += 1;
                latencies.push(micros(due.elapsed()));
            }
            Ok((counts, latencies))
        })?;
        let (counts, latencies): (Vec<_>, Vec<_>) = answered.into_iter().unzip();
        let latencies: Vec<u64> = latencies.into_iter().flatten().collect();
        Ok(json!({"statuses": summed(counts), "latencies_us": latencies}))
    }
}

/// Waits for the word on the standard input. Its end alone means nothing.
fn stop_when_told(is_stopped: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut word = String::new();
        if std::io::stdin().read_line(&mut word).is_ok() && word.trim() == "stop" {
            is_stopped.store(true, Ordering::Relaxed);
        }
    });
}

/// So many requests, by popularity. Those of the same profile are the same bytes.
fn drawn(records: Records, exponent: f64, turn: u64, count: usize) -> Result<Vec<Vec<u8>>> {
    let population = records.population();
    let mut popularity = Popularity::of(&population, exponent, turn);
    (0..count)
        .map(|_| {
            let number = popularity.draw().context("nobody may call")?;
            Ok(call(
                &population.path(number),
                &population.presented_key(number),
            ))
        })
        .collect()
}

fn connect(to: SocketAddr, count: usize) -> Result<Vec<Wire>> {
    (0..count).map(|_| Wire::connect(to)).collect()
}

/// Has each connection used by a thread of its own.
fn together<T: Send>(
    wires: &mut [Wire],
    use_it: impl Fn(usize, &mut Wire) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let use_it = &use_it;
    thread::scope(|scope| {
        let threads: Vec<ScopedJoinHandle<'_, Result<T>>> = wires
            .iter_mut()
            .enumerate()
            .map(|(place, wire)| scope.spawn(move || use_it(place, wire)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("a caller fell"))?)
            .collect()
    })
}

fn summed(counts: Vec<BTreeMap<u16, usize>>) -> BTreeMap<u16, usize> {
    counts
        .into_iter()
        .flatten()
        .fold(BTreeMap::new(), |mut sum, (status, count)| {
            *sum.entry(status).or_default() += count;
            sum
        })
}
