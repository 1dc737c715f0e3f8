//! What limits and counting cost, as CPU time of one Envoy, and how much passes under more requests than may.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::cores::Cores;
use super::load::{self, Header};
use super::others::Others;
use super::report::{Report, Row};
use super::{gateway, machine, prices, quotas};
use crate::stage::{Caller, ControlPlane, Envoy, Operator, Parts, Tokens, within};
use crate::{tools, workspace};

/// How long the filter may take to know a key.
const SYNC: Duration = Duration::from_secs(60);
/// What passes of what may.
const LEAST_SHARE: f64 = 0.98;
const MOST_SHARE: f64 = 1.0;
/// The numbers of workers that share a limit.
const WORKERS: [usize; 3] = [1, 2, 4];
/// The limits that are kept under more requests than may pass: requests a second.
const LIMITS: [u32; 4] = [5, 50, 500, 5_000];
/// How many times as many requests have to come as may pass, for their share to say something.
const TOO_MANY: f64 = 1.2;
/// How many requests should pass at least, for the same.
const LEAST_PASSED: u32 = 200;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many rounds.
    pub rounds: usize,
    /// How many requests each measure has in a round.
    pub requests: u32,
    /// For how long more requests come than may pass, in seconds.
    pub stretch_s: u64,
    /// Only one part of it.
    pub only: Option<LimitsPart>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LimitsPart {
    /// What limits and counting cost a request.
    Price,
    /// How much passes of what may, under more requests.
    Saturation,
    /// How far traffic over several Envoys runs over a quota that they share.
    Quota,
}

impl Limits {
    fn has(&self, part: LimitsPart) -> bool {
        self.only.is_none_or(|only| only == part)
    }
}

/// Measures, prints and writes what limits cost and keep.
///
/// # Errors
/// When something does not start, or does not answer as it should.
pub fn limits(parts: &Parts, how_much: Limits) -> Result<()> {
    if how_much.rounds < 5 || how_much.requests < 1_000 || how_much.stretch_s == 0 {
        bail!("fewer than 5 rounds, 1,000 requests or a second say nothing");
    }
    let h2load = tools::h2load()?;
    let cores = Cores::of_this_task()?;
    cores.all_but_first()?;
    let control_plane = ControlPlane::start(&parts.control_plane, Tokens::for_tests())?;
    let records = Records::make(&control_plane.operator())?;
    let others = Others::begin()?;
    let mut rows = Vec::new();
    if how_much.has(LimitsPart::Price) {
        let (free, limited) = (&records.free, &records.limited);
        let prices = prices::rows(
            parts,
            &control_plane,
            &cores,
            &h2load,
            [free, limited],
            how_much,
        )?;
        rows.extend(prices);
    }
    if how_much.has(LimitsPart::Saturation) {
        for workers in WORKERS {
            rows.extend(saturated(
                parts,
                &control_plane,
                &h2load,
                &records,
                workers,
                how_much,
            )?);
        }
    }
    if how_much.has(LimitsPart::Quota) {
        rows.extend(quotas::overrun(parts, &h2load)?);
    }
    rows.push(others.end()?);
    let report = Report {
        method: method(how_much),
        machine: machine::describe(Some(&parts.envoy)),
        rows,
    };
    report.publish(&workspace::target_directory()?.join("bench/limits.json"))
}

/// Keys of profiles without a limit, with one that is never reached, and with some that are.
struct Records {
    free: Header,
    limited: Header,
    tight: Vec<(u32, Header)>,
}

impl Records {
    fn make(operator: &Operator) -> Result<Self> {
        let endpoints = json!([{"method": "GET", "path": "/v1/orders/{id}"}]);
        let collection = operator.create_collection("orders", &endpoints)?;
        let client = operator.create_client("Benchmark")?;
        let profile = |name: &str, further: &Value| -> Result<Header> {
            let new = operator.create_profile_with(&client, name, &[&collection], further)?;
            Ok(("api-token", new.api_key))
        };
        let limited = |requests: u32| -> Result<Header> {
            let name = format!("{requests} a second");
            let limit = json!({"requests": requests, "per": "second"});
            let draft = json!({"name": name, "rate_limit": limit});
            let policy = operator.call("POST", "/policies", &draft)?;
            profile(&name, &json!({"policy_id": policy.body["id"]}))
        };
        let tight = LIMITS.map(|requests| Ok((requests, limited(requests)?)));
        Ok(Self {
            free: profile("free", &json!({}))?,
            limited: limited(100_000_000)?,
            tight: tight.into_iter().collect::<Result<_>>()?,
        })
    }
}

/// Waits until keys are known.
pub fn await_keys(to: SocketAddr, keys: &[&Header]) -> Result<()> {
    let permits = |(name, value): &Header| -> Result<bool> {
        let mut caller = Caller::connect(to)?;
        let answer = caller.get(load::PATH).header(name, value.clone()).send()?;
        Ok(answer.status != 401 && answer.status != 503)
    };
    within(SYNC, "the keys are known", || {
        let known = keys.iter().all(|key| permits(key).unwrap_or(false));
        known.then_some(())
    })?;
    Ok(())
}

/// How much passes of what may, while more requests come.
fn saturated(
    parts: &Parts,
    control_plane: &ControlPlane,
    h2load: &Path,
    records: &Records,
    workers: usize,
    how_much: Limits,
) -> Result<Vec<Row>> {
    let bootstrap = gateway::alone(parts, control_plane.address())?;
    let environment = control_plane.tokens().gateway_environment();
    let envoy = Envoy::start(&parts.envoy, &bootstrap, workers, &environment)?;
    let to = envoy.gateway()?;
    await_keys(to, &[&records.free])?;
    let mut rows = Vec::new();
    for (limit, key) in &records.tight {
        // Where few may pass, one more or less weighs much.
        let stretch_s = how_much.stretch_s.max(u64::from(LEAST_PASSED / limit));
        let begun = Instant::now();
        let (permitted, came) = load::flood(h2load, to, key, Duration::from_secs(stretch_s))?;
        let took = begun.elapsed().as_secs_f64();
        // The burst is as large as the limit, and nobody has called before.
        let allowed = f64::from(*limit) * (1.0 + took);
        let share = f64::from(permitted) / allowed;
        let name = format!("{limit} a second, {workers} workers: of what may pass");
        eprintln!("==> {name}: {permitted} of {allowed:.0} in {took:.2} s, {came} came");
        let row = if f64::from(came) < allowed * TOO_MANY {
            let name = format!("{name}, of which only {came} requests came");
            Row::measured(name, share, "×")
        } else {
            Row::at_least(name, share, "×", LEAST_SHARE)
        };
        if share > MOST_SHARE {
            bail!("{permitted} requests passed in {took:.3} s, and no more than {allowed:.1} may");
        }
        rows.push(row);
    }
    Ok(rows)
}

fn method(how_much: Limits) -> String {
    let Limits {
        rounds,
        requests,
        stretch_s,
        only: _,
    } = how_much;
    format!(
        "Price: {} {rounds} rounds of {requests} requests for each measure. Saturation: h2load sends as \
         fast as it is answered for {stretch_s} s, or until {LEAST_PASSED} may have passed; what may pass is the burst, as large as the limit, and the rate \
         times the whole time that h2load ran, its start included. More than that fails the run, and where fewer than {TOO_MANY} times as many came, a share says nothing of the limit. Quota: {}",
        prices::METHOD,
        quotas::METHOD,
    )
}
