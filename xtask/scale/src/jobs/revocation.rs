//! How long a withdrawn key keeps working: from the answer to the operator to the first refusal on each connection.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::Operator;
use super::wire::{Wire, call};
use super::{Records, micros, ready};

/// How often a key must be permitted on each connection before it is withdrawn, and refused after it was.
const CONFIRMATIONS: u32 = 5;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_micros(200);

/// Withdraw keys one after the other, while each connection presents the one that is about to be withdrawn.
#[derive(Debug, Deserialize)]
pub struct Revoke {
    gateway: SocketAddr,
    control_plane: SocketAddr,
    token: String,
    records: Records,
    /// The profile to begin with.
    first: usize,
    connections: usize,
    changes: usize,
    /// The least time between two requests of a connection, in microseconds.
    probe_interval_us: u64,
}

/// What all connections present, and what came of it.
struct Target {
    request: Vec<u8>,
    seen: Vec<Mutex<Seen>>,
}

/// What one connection has seen.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    permits: u32,
    refusals: u32,
    first_refusal: Option<Instant>,
    /// Permitted after it was refused: the worst of all.
    is_reopened: bool,
    failed: bool,
}

impl Revoke {
    /// Tells, for each change, the microseconds of each connection. Waits to be told when all is connected.
    pub fn perform(self) -> Result<Value> {
        let population = self.records.population();
        let wires: Vec<Wire> = (0..self.connections)
            .map(|_| Wire::connect(self.gateway))
            .collect::<Result<_>>()?;
        let mut operator = Operator::connect(self.control_plane, &self.token)?;
        ready()?;
        let current: Mutex<Option<Arc<Target>>> = Mutex::new(None);
        let interval = Duration::from_micros(self.probe_interval_us);
        let measured = thread::scope(|scope| {
            for (place, wire) in wires.into_iter().enumerate() {
                let current = &current;
                scope.spawn(move || probe(wire, place, current, interval));
            }
            let mut candidates =
                (self.first..population.profiles).filter(|&number| population.is_callable(number));
            let mut measure = |number: usize| {
                let profile = candidates.next().context("there are not enough profiles")?;
                let target = Arc::new(Target {
                    request: call(
                        &population.path(profile),
                        &population.presented_key(profile),
                    ),
                    seen: (0..self.connections).map(|_| Mutex::default()).collect(),
                });
                *current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&target));
                target.wait("is permitted", |seen| seen.permits >= CONFIRMATIONS)?;
                // Its client may just have been enabled again: what was refused until then does not count.
                target.begin();
                let is_client = number % 2 == 1;
                let profile = population.profile(profile);
                if is_client {
                    operator.enable_client(profile.client_id, false)?;
                } else {
                    operator.refresh_key(profile.id)?;
                }
                let answered = Instant::now();
                target.wait("is refused", |seen| seen.refusals > CONFIRMATIONS)?;
                let latencies = target.latencies(answered);
                if is_client {
                    // Others of its profiles may be next.
                    operator.enable_client(profile.client_id, true)?;
                }
                latencies
            };
            let measured: Result<Vec<Vec<u64>>> = (0..self.changes).map(&mut measure).collect();
            *current.lock().unwrap_or_else(PoisonError::into_inner) = None;
            measured
        });
        Ok(json!({"latencies_us": measured?}))
    }
}

impl Target {
    fn begin(&self) {
        for seen in &self.seen {
            let mut seen = locked(seen);
            *seen = Seen {
                failed: seen.failed,
                ..Seen::default()
            };
        }
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Seen) -> bool) -> Result<()> {
        let begin = Instant::now();
        for (place, seen) in self.seen.iter().enumerate() {
            loop {
                let seen = *locked(seen);
                if is_so(&seen) {
                    break;
                }
                if seen.failed || begin.elapsed() > PATIENCE {
                    bail!("the key {what} on connection {place}: not so, but {seen:?}");
                }
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    fn latencies(&self, answered: Instant) -> Result<Vec<u64>> {
        self.seen
            .iter()
            .map(|seen| {
                let seen = locked(seen);
                if seen.is_reopened {
                    return Err(anyhow!("a key was permitted after it had been refused"));
                }
                let refused = seen.first_refusal.context("a refusal without a time")?;
                // A refusal may come before the operator has the answer.
                Ok(micros(refused.saturating_duration_since(answered)))
            })
            .collect()
    }
}

/// Presents whatever key is current until there is none.
fn probe(mut wire: Wire, place: usize, current: &Mutex<Option<Arc<Target>>>, interval: Duration) {
    let mut has_begun = false;
    loop {
        let target = current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(target) = target else {
            if has_begun {
                return;
            }
            thread::sleep(PAUSE);
            continue;
        };
        has_begun = true;
        let Some(seen) = target.seen.get(place) else {
            return;
        };
        let sent = Instant::now();
        let status = wire.status(&target.request);
        let answered = Instant::now();
        let mut seen = locked(seen);
        match status {
            Ok(200) => {
                seen.is_reopened |= seen.refusals > 0;
                seen.permits += 1;
            }
            Ok(401 | 403) => {
                seen.refusals += 1;
                seen.first_refusal.get_or_insert(answered);
            }
            Ok(_) | Err(_) => seen.failed = true,
        }
        let is_over = seen.failed;
        drop(seen);
        if is_over {
            return;
        }
        thread::sleep((sent + interval).saturating_duration_since(Instant::now()));
    }
}

fn locked(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
