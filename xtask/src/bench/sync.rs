//! What a million profiles cost: until they are there, in memory, and for each request.

mod first;
mod latency;
mod requests;

use anyhow::{Result, bail};

use super::cores::Cores;
use super::machine;
use super::others::Others;
use super::populated::Populated;
use super::report::Report;
use super::scale::{Records, Scale};
use crate::stage::Parts;
use crate::workspace;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Sync {
    /// How many profiles are many.
    pub many: usize,
    /// How often the two Envoys whose requests are compared take their turns.
    pub rounds: usize,
    /// How long each stretch of requests is whose latencies are compared, in seconds.
    pub stretch_s: u32,
    /// How many pairs of stretches, one quiet and one not, there are.
    pub stretches: usize,
    /// Only this part. All of them, when absent.
    pub only: Option<Part>,
}

/// A part of this benchmark, which can be measured on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The first sync, and memory.
    First,
    /// What a request costs.
    Requests,
    /// How long requests take meanwhile.
    Latency,
}

/// How many profiles are few, beside which many are judged.
const FEW: Records = Records(1_000);
/// How many are there in between.
const SOME: Records = Records(100_000);

/// Measures, prints and writes what many profiles cost.
///
/// # Errors
/// When something does not start, or a request is answered otherwise than it should.
pub fn sync(parts: &Parts, how_much: &Sync) -> Result<()> {
    if how_much.many < 10_000
        || how_much.rounds < 5
        || how_much.stretches == 0
        || how_much.stretch_s == 0
    {
        bail!("fewer than 10,000 profiles, 5 rounds or a stretch of a second say nothing");
    }
    let scale = Scale::build()?;
    let [few, some, many] =
        [FEW, SOME, Records(how_much.many)].map(|records| Populated::of(&scale, records));
    let (few, some, many) = (few?, some?, many?);
    let cores = Cores::of_this_task()?;
    let others = Others::begin()?;
    let (mut rows, mut methods) = (Vec::new(), Vec::new());
    if how_much.has(Part::First) {
        rows.extend(first::rows(parts, &scale, &some, &many)?);
        methods.push(first::METHOD.to_owned());
    }
    if how_much.has(Part::Requests) {
        rows.extend(requests::rows(
            parts, &scale, &cores, how_much, &few, &many,
        )?);
        methods.push(requests::method(how_much));
    }
    if how_much.has(Part::Latency) {
        rows.extend(latency::rows(parts, &scale, &cores, how_much, &many)?);
        methods.push(latency::method(how_much));
    }
    rows.push(others.end()?);
    let report = Report {
        method: methods.join(" "),
        machine: machine::describe(Some(&parts.envoy)),
        rows,
    };
    report.publish(&workspace::target_directory()?.join("bench/sync.json"))
}

impl Sync {
    fn has(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }
}
