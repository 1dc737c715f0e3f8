//! Operators who change records without end: keys refreshed, clients disabled and enabled, profiles made and deleted.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use scale::Population;
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::Operator;
use super::{Records, micros, ready};

/// Make so many changes.
#[derive(Debug, Deserialize)]
pub struct Change {
    control_plane: SocketAddr,
    token: String,
    records: Records,
    /// Which profiles are changed: those from this number on, because somebody calls with the keys of the others,
    from: usize,
    /// and below this one.
    to: usize,
    changes: usize,
    /// How many at most.
    per_minute: Option<u32>,
    /// How many operators share them.
    operators: usize,
    what: What,
}

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Half of the changes refresh a key, a quarter disables or enables a client, a quarter makes or deletes a profile.
    Mixed,
    /// All profiles that are made are deleted again, after all of them are there.
    Turnover,
}

impl Change {
    /// Tells how long it took, and each change by itself. Waits to be told when all is prepared.
    pub fn perform(self) -> Result<Value> {
        let population = self.records.population();
        let operators = self.operators.max(1);
        let connect = || Operator::connect(self.control_plane, &self.token);
        let mut connected: Vec<Operator> =
            (0..operators).map(|_| connect()).collect::<Result<_>>()?;
        ready()?;
        let begin = Instant::now();
        let interval = self
            .per_minute
            .map(|count| Duration::from_secs(60) / count.max(1));
        let (this, population) = (&self, &population);
        let times: Vec<Vec<u64>> = thread::scope(|scope| {
            let threads: Vec<_> = connected
                .iter_mut()
                .enumerate()
                .map(|(place, operator)| {
                    scope.spawn(move || {
                        let mut work = Work::new(this, population, place);
                        let mut times = Vec::new();
                        for number in (place..this.changes).step_by(operators) {
                            if let Some(interval) = interval {
                                let due = begin + interval * u32::try_from(number)?;
                                thread::sleep(due.saturating_duration_since(Instant::now()));
                            }
                            let sent = Instant::now();
                            work.change(operator, number)?;
                            times.push(micros(sent.elapsed()));
                        }
                        anyhow::Ok(times)
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| anyhow!("an operator fell"))?)
                .collect::<Result<_>>()
        })?;
        let times: Vec<u64> = times.into_iter().flatten().collect();
        Ok(json!({"changes": times.len(), "took_us": micros(begin.elapsed()), "times_us": times}))
    }
}

/// What one operator has under way.
struct Work<'j> {
    job: &'j Change,
    population: &'j Population,
    /// Profiles that this operator made, the oldest first.
    made: std::collections::VecDeque<String>,
    /// Each operator has profiles of its own.
    next: usize,
    place: usize,
    disabled: Option<String>,
}

impl<'j> Work<'j> {
    fn new(job: &'j Change, population: &'j Population, place: usize) -> Self {
        Self {
            job,
            population,
            made: std::collections::VecDeque::new(),
            next: job.from + place,
            place,
            disabled: None,
        }
    }

    fn change(&mut self, operator: &mut Operator, number: usize) -> Result<()> {
        match self.job.what {
            What::Turnover if number < self.job.changes / 2 => self.make(operator),
            What::Turnover => self.delete(operator),
            What::Mixed => match number / self.job.operators.max(1) % 4 {
                0 | 2 => {
                    let profile = self.population.profile(self.next_with_key()?).id;
                    operator.refresh_key(profile)
                }
                1 => self.switch(operator),
                _ if self.made.len() < 100 => self.make(operator),
                _ => self.delete(operator),
            },
        }
    }

    fn switch(&mut self, operator: &mut Operator) -> Result<()> {
        if let Some(client) = self.disabled.take() {
            return operator.enable_client(client, true);
        }
        let client = self
            .population
            .client(self.population.client_of(self.next_with_key()?));
        operator.enable_client(client.id, false)?;
        self.disabled = Some(client.id.to_string());
        Ok(())
    }

    fn make(&mut self, operator: &mut Operator) -> Result<()> {
        let like = self.population.profile(self.next_with_key()?);
        let profile = json!({
            "client_id": like.client_id.to_string(),
            "name": "made by a benchmark",
            "collections": like.collections.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        let made = operator.call("POST", "/access-profiles", &profile)?;
        let id = made["id"].as_str().context("a profile without id")?;
        self.made.push_back(id.to_owned());
        Ok(())
    }

    fn delete(&mut self, operator: &mut Operator) -> Result<()> {
        // Who made one fewer than half of its turns has none left in the last.
        let Some(id) = self.made.pop_front() else {
            return self.make(operator);
        };
        operator.call("DELETE", &format!("/access-profiles/{id}"), &Value::Null)?;
        Ok(())
    }

    /// A profile whose key can be refreshed, in turn.
    fn next_with_key(&mut self) -> Result<usize> {
        let Change { from, to, .. } = *self.job;
        for _ in from..to {
            if self.next >= to {
                self.next = from + self.place;
            }
            let number = self.next;
            self.next += self.job.operators.max(1);
            if self.population.is_callable(number) {
                return Ok(number);
            }
        }
        bail!("no profile from {from} to {to} has a key")
    }
}
