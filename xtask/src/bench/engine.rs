//! What the engine costs on its own, without Envoy and without a virtual machine.

use anyhow::{Result, bail};

use super::cores::Cores;
use super::machine;
use super::native::Native;
use super::others::Others;
use super::report::{Report, Row};
use crate::workspace;

/// Which measures have an aim, by how their names begin, and the most that they may take, in nanoseconds.
const AIMS: [(&str, f64); 2] = [
    ("address among ", 200.0),
    ("path read and routed among ", 1_000.0),
];

/// Measures, prints and writes what the engine costs.
///
/// # Errors
/// When it cannot be built, or does not decide as it should.
pub fn engine(rounds: usize) -> Result<()> {
    if rounds < 5 {
        bail!("fewer than 5 rounds say nothing");
    }
    let native = Native::build()?;
    let cores = Cores::of_this_task()?;
    cores.only_first()?;
    eprintln!("==> {rounds} rounds");
    let others = Others::begin()?;
    let measured = native.engine(rounds)?;
    let mut rows: Vec<Row> = measured
        .iter()
        .map(|(name, values)| row(name, values))
        .collect();
    rows.push(others.end()?);
    let report = Report {
        method: method(rounds),
        machine: machine::describe(None),
        rows,
    };
    report.publish(&workspace::target_directory()?.join("bench/engine.json"))
}

fn row(name: &str, values: &[f64]) -> Row {
    let row = Row::median_of(name, values, "ns");
    match AIMS.iter().find(|(begin, _)| name.starts_with(begin)) {
        Some((_, most)) => row.aiming_at(*most),
        None => row,
    }
}

fn method(rounds: usize) -> String {
    format!(
        "Nanoseconds for each call of the engine, compiled natively, on one core: {rounds} rounds, the measures in turn \
         within a round, each for at least 4 ms. Values are medians over the rounds. Lists are half IPv4, half IPv6, \
         and 1,024 different addresses or paths are asked for in turn. Decisions are whole ones on requests with 10 \
         headers, with the records in the cache; 64 tokens are sent in turn for a first sight, to a cache that keeps \
         none. Signatures are verified in pure Rust: RSA has 2,048 bits."
    )
}
