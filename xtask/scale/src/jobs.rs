//! The jobs: what is wanted, in the words of who wants it.

mod changes;
mod creating;
mod filling;
mod load;
mod operator;
mod revocation;
mod spreading;
mod telling;
mod wire;

use std::io::Write as _;

use anyhow::Result;
use scale::Population;
use serde::Deserialize;
use serde_json::{Value, json};

/// One job.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Make a database.
    Fill(filling::Fill),
    /// Tell the key and the path of a profile that may call.
    Caller(Records),
    /// Tell what callers send.
    Draw(load::Draw),
    /// Send requests at a fixed rate.
    Pace(load::Pace),
    /// Make clients, one after the other.
    Create(creating::Create),
    /// Change records as operators do.
    Change(changes::Change),
    /// Withdraw keys, and see when each connection is refused.
    Revoke(revocation::Revoke),
    /// Withdraw keys, and see when each of many gateways hears of it.
    Spread(spreading::Spread),
    /// Tell usage from many gateways.
    Tell(telling::Tell),
    /// Write usage of the past into a database.
    Past(telling::Past),
}

/// Made-up records.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Records {
    seed: u64,
    profiles: usize,
}

impl Job {
    /// Does it, and tells what came of it.
    pub fn perform(self) -> Result<Value> {
        match self {
            Self::Fill(job) => job.perform(),
            Self::Caller(records) => records.last_caller(),
            Self::Draw(job) => job.perform(),
            Self::Pace(job) => job.perform(),
            Self::Create(job) => job.perform(),
            Self::Change(job) => job.perform(),
            Self::Revoke(job) => job.perform(),
            Self::Spread(job) => job.perform(),
            Self::Tell(job) => job.perform(),
            Self::Past(job) => job.perform(),
        }
    }
}

impl Records {
    fn population(self) -> Population {
        Population {
            seed: self.seed,
            profiles: self.profiles,
        }
    }

    /// The last of those who may call: what it presents is known when everything is.
    fn last_caller(self) -> Result<Value> {
        let population = self.population();
        let number = (0..self.profiles)
            .rev()
            .find(|&number| population.is_callable(number));
        let number = number.unwrap_or(0);
        Ok(json!({"key": population.presented_key(number), "path": population.path(number)}))
    }
}

/// Says that all is prepared, and waits to be told to go on.
fn ready() -> Result<()> {
    println!("ready");
    std::io::stdout().flush()?;
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// Whole microseconds, as results are given.
fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
