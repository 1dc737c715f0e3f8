//! What limits and counting cost, as CPU time of one Envoy, and how much passes under more requests than may.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::cores::Cores;
use super::load::{self, Header};
use super::others::Others;
use super::report::{Report, Row, median, paired};
use super::{cpu, gateway, machine, quotas};
use crate::stage::{Caller, ControlPlane, Envoy, Operator, Parts, Tokens, within};
use crate::{tools, workspace};

/// How long the filter may take to know a key.
const SYNC: Duration = Duration::from_secs(60);
/// Requests before anything is measured.
const WARM_UP_REQUESTS: u32 = 20_000;
/// What a limit may cost a request, in microseconds.
const MOST_FOR_A_LIMIT_US: f64 = 0.5;
/// What counting may cost a request, in microseconds.
const MOST_FOR_COUNTING_US: f64 = 1.0;
/// What passes of what may.
const LEAST_SHARE: f64 = 0.98;
const MOST_SHARE: f64 = 1.0;
/// The numbers of workers that share a limit.
const WORKERS: [usize; 3] = [1, 2, 4];
/// The limits that are kept under more requests than may pass: requests a second.
const LIMITS: [u32; 4] = [5, 50, 500, 5_000];

/// How many requests should pass at least, for their share to say something.
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
    let others = Others::begin(None)?;
    let mut rows = price(parts, &control_plane, &cores, &h2load, &records, how_much)?;
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
    rows.extend(quotas::overrun(parts, &h2load)?);
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

/// What a limit that is never reached costs, and what counting does.
fn price(
    parts: &Parts,
    control_plane: &ControlPlane,
    cores: &Cores,
    h2load: &Path,
    records: &Records,
    how_much: Limits,
) -> Result<Vec<Row>> {
    let start = |counts: bool| -> Result<(Envoy, SocketAddr)> {
        let bootstrap = gateway::alone_counting(parts, control_plane.address(), counts)?;
        let environment = control_plane.tokens().gateway_environment();
        cores.only_first()?;
        let envoy = Envoy::start(&parts.envoy, &bootstrap, 1, &environment);
        cores.all_but_first()?;
        let envoy = envoy?;
        let to = envoy.gateway()?;
        await_keys(to, &[&records.free, &records.limited])?;
        Ok((envoy, to))
    };
    let (silent, to_silent) = start(false)?;
    let (counting, to_counting) = start(true)?;
    let measures = [
        (
            "API key, nothing counted",
            &silent,
            to_silent,
            &records.free,
        ),
        (
            "API key with a limit, nothing counted",
            &silent,
            to_silent,
            &records.limited,
        ),
        (
            "API key, usage counted",
            &counting,
            to_counting,
            &records.free,
        ),
        (
            "API key with a limit, usage counted",
            &counting,
            to_counting,
            &records.limited,
        ),
    ];
    for (_, _, to, key) in &measures {
        load::send(h2load, *to, Some(key), WARM_UP_REQUESTS)?;
    }
    let mut costs = vec![Vec::with_capacity(how_much.rounds); measures.len()];
    for round in 1..=how_much.rounds {
        eprintln!("==> round {round} of {}", how_much.rounds);
        for ((_, envoy, to, key), costs) in measures.iter().zip(&mut costs) {
            let before = cpu::of_process(envoy.pid())?;
            load::send(h2load, *to, Some(key), how_much.requests)?;
            let used = cpu::of_process(envoy.pid())?.saturating_sub(before);
            costs.push(used.as_secs_f64() * 1e6 / f64::from(how_much.requests));
        }
    }
    let mut rows: Vec<Row> = measures
        .iter()
        .zip(&costs)
        .map(|((name, ..), costs)| Row::median_of(*name, costs, "µs CPU"))
        .collect();
    let [free, limited, counted, _] = costs.as_slice() else {
        bail!("there are four measures");
    };
    let more = |ours: &[f64]| median(&paired(ours, free, |ours, theirs| ours - theirs));
    rows.push(Row::at_most(
        "a limit: more for each request",
        more(limited),
        "µs CPU",
        MOST_FOR_A_LIMIT_US,
    ));
    rows.push(Row::at_most(
        "counting usage: more for each request",
        more(counted),
        "µs CPU",
        MOST_FOR_COUNTING_US,
    ));
    Ok(rows)
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
        let permitted = load::flood(h2load, to, key, Duration::from_secs(stretch_s))?;
        let took = begun.elapsed().as_secs_f64();
        // The burst is as large as the limit, and nobody has called before.
        let allowed = f64::from(*limit) * (1.0 + took);
        let share = f64::from(permitted) / allowed;
        let name = format!("{limit} a second, {workers} workers: of what may pass");
        eprintln!("==> {name}: {permitted} of {allowed:.0} in {took:.2} s");
        let row = Row::at_least(name, share, "×", LEAST_SHARE);
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
    } = how_much;
    format!(
        "Price: CPU time of one Envoy process for each request (concurrency 1, both Envoys on one core that nothing else \
         uses; all threads, from schedstat), answered by a direct response: {rounds} rounds of {requests} HTTP/1.1 \
         requests with 10 headers over {} kept connections for each measure, measures in turn within a round; \
         differences are medians of what each round compares. The limit is never reached. Saturation: h2load sends as \
         fast as it is answered for {stretch_s} s, or until {LEAST_PASSED} may have passed; what may pass is the burst, as large as the limit, and the rate \
         times the whole time that h2load ran, its start included. More than that fails the run. Quota: {}",
        load::CONNECTIONS,
        quotas::METHOD,
    )
}
