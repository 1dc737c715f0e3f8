//! How long a withdrawn key keeps working: in one Envoy under load, and across a thousand gateways. And what it costs to
//! wait for news.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::counting::Counting;
use super::others::Others;
use super::populated::Populated;
use super::report::{Report, Row, percentile};
use super::scale::{self, Records, Scale};
use super::scene::{self, Known, Scene, pace};
use super::{cpu, machine};
use crate::stage::{Envoy, Parts};
use crate::workspace;

/// How many profiles there are.
const RECORDS: Records = Records(12_000);
/// Those whose keys are never withdrawn: with them the load is made. A number of whole clients.
const LEFT_ALONE: Records = Records(1_200);
/// How many workers the Envoy has whose refusals are awaited, and how many connections present the withdrawn key.
const WORKERS: usize = 4;
const CONNECTIONS: usize = 16;
/// How often each of them does.
const PROBE_INTERVAL_US: u64 = 2_000;
/// What else the workers have to do.
const LOAD_PER_SECOND: u32 = 1_000;
/// How many workers the idle Envoy has.
const IDLE_WORKERS: usize = 16;
/// How many profiles each of many gateways has.
const SPREAD_RECORDS: Records = Records(1_200);

/// The aims, in milliseconds.
const MEDIAN_IN_ENVOY_MS: f64 = 20.0;
const P99_IN_ENVOY_MS: f64 = 100.0;
const P99_ACROSS_MS: f64 = 1_000.0;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Revocations {
    /// How many keys are withdrawn in the Envoy.
    pub changes: usize,
    /// How many gateways there are without an Envoy.
    pub gateways: usize,
    /// How many keys are withdrawn before these.
    pub changes_across: usize,
    /// For how long the idle Envoy is watched, in seconds.
    pub idle_s: u64,
}

/// Measures, prints and writes how long a withdrawn key keeps working.
///
/// # Errors
/// When something does not start, or a key works that should not.
pub fn revoke(parts: &Parts, how_much: &Revocations) -> Result<()> {
    let scale = Scale::build()?;
    let others = Others::begin()?;
    let mut rows = in_envoy(parts, &scale, how_much)?;
    rows.extend(across(parts, &scale, how_much)?);
    rows.extend(idle(parts, &scale, how_much)?);
    rows.push(others.end()?);
    let report = Report {
        method: method(how_much),
        machine: machine::describe(Some(&parts.envoy)),
        rows,
    };
    report.publish(&workspace::target_directory()?.join("bench/revoke.json"))
}

/// In one Envoy, on all of its workers.
fn in_envoy(parts: &Parts, scale: &Scale, how_much: &Revocations) -> Result<Vec<Row>> {
    eprintln!(
        "==> withdrawing {} keys before an Envoy with {WORKERS} workers",
        how_much.changes
    );
    let scene = Scene::start(parts, &Populated::of(scale, RECORDS)?, WORKERS)?;
    scene.wait_for(&Known::last_of(scale, RECORDS)?)?;
    // It ends when the other is done: a change never takes that long.
    let seconds = u32::try_from(how_much.changes)?.saturating_add(60);
    let mut load = scale.prepare(&pace(&scene, LEFT_ALONE, 0, LOAD_PER_SECOND, seconds))?;
    let before = scene.envoy.connections_of_workers(scene.gateway)?;
    let mut revoking = scale.prepare(&json!({"revoke": {
        "gateway": scene.gateway,
        "control_plane": scene.serving.control_plane.address(),
        "token": scene.serving.control_plane.tokens().operator,
        "records": RECORDS.json(),
        "first": LEFT_ALONE.0,
        "connections": CONNECTIONS,
        "changes": how_much.changes,
        "probe_interval_us": PROBE_INTERVAL_US,
    }}))?;
    expect_all_workers(&scene.envoy, scene.gateway, &before)?;
    load.begin()?;
    revoking.begin()?;
    let told = revoking.end()?;
    scale::expect_status(&load.stop()?, 200)?;
    let worst: Vec<f64> = lists(&told)?
        .iter()
        .map(|change| percentile(change, 100.0))
        .collect();
    let name = |what: &str| format!("REST answer to refusal on all workers of an Envoy: {what}");
    Ok(vec![
        Row::at_most(
            name("p50"),
            percentile(&worst, 50.0),
            "ms",
            MEDIAN_IN_ENVOY_MS,
        ),
        Row::at_most(name("p99"), percentile(&worst, 99.0), "ms", P99_IN_ENVOY_MS),
        Row::measured(name("longest"), percentile(&worst, 100.0), "ms"),
    ])
}

/// Every worker has to hold some of the connections that present the key.
fn expect_all_workers(envoy: &Envoy, gateway: std::net::SocketAddr, before: &[u64]) -> Result<()> {
    let now = envoy.connections_of_workers(gateway)?;
    let gained: Vec<u64> = now
        .iter()
        .zip(before)
        .map(|(now, before)| now.saturating_sub(*before))
        .collect();
    if gained.contains(&0) {
        bail!("the connections did not reach all workers: {gained:?}");
    }
    Ok(())
}

/// Across many gateways, which take nothing of the machine but reading the page.
fn across(parts: &Parts, scale: &Scale, how_much: &Revocations) -> Result<Vec<Row>> {
    let Revocations {
        gateways,
        changes_across,
        ..
    } = *how_much;
    eprintln!("==> withdrawing {changes_across} keys before {gateways} gateways");
    let serving = Populated::of(scale, SPREAD_RECORDS)?.serve(&parts.control_plane)?;
    let control_plane = &serving.control_plane;
    let spreading = scale.prepare(&json!({"spread": {
        "control_plane": control_plane.address(),
        "operator_token": control_plane.tokens().operator,
        "gateway_token": control_plane.tokens().gateway,
        "feed_keys": [control_plane.tokens().feed_key()],
        "records": SPREAD_RECORDS.json(),
        "gateways": gateways,
        "changes": changes_across,
    }}))?;
    let before = cpu::of_process(control_plane.pid()?)?;
    let told = spreading.perform()?;
    let used = cpu::of_process(control_plane.pid()?)?.saturating_sub(before);
    if told["failures"] != 0 {
        bail!(
            "the gateways were not served: {} failures",
            told["failures"]
        );
    }
    let changes = lists(&told)?;
    let all: Vec<f64> = changes.concat();
    let last: Vec<f64> = changes
        .iter()
        .map(|change| percentile(change, 100.0))
        .collect();
    let name = |what: &str| format!("REST answer to arrival at {gateways} gateways: {what}");
    let per_change = used.as_secs_f64() * 1e3 / f64::from(u32::try_from(changes.len())?);
    Ok(vec![
        Row::measured(name("p50"), percentile(&all, 50.0), "ms"),
        Row::at_most(name("p99"), percentile(&all, 99.0), "ms", P99_ACROSS_MS),
        Row::median_of(name("the last one"), &last, "ms"),
        Row::measured(name("control plane, each change"), per_change, "ms CPU"),
    ])
}

/// What waiting costs an Envoy with many workers.
fn idle(parts: &Parts, scale: &Scale, how_much: &Revocations) -> Result<Vec<Row>> {
    eprintln!(
        "==> watching an idle Envoy with {IDLE_WORKERS} workers for {} s",
        how_much.idle_s
    );
    let serving = Populated::of(scale, SPREAD_RECORDS)?.serve(&parts.control_plane)?;
    let control_plane = &serving.control_plane;
    let counting = Counting::before(control_plane.address())?;
    let envoy = scene::start(parts, control_plane, counting.address, IDLE_WORKERS)?;
    Known::last_of(scale, SPREAD_RECORDS)?.wait(envoy.gateway()?)?;
    let used = || -> Result<_> {
        Ok((
            cpu::of_process(envoy.pid())?,
            cpu::of_process(control_plane.pid()?)?,
        ))
    };
    let (envoy_before, control_plane_before) = used()?;
    let questions_before = counting.questions();
    std::thread::sleep(Duration::from_secs(how_much.idle_s));
    let (envoy_after, control_plane_after) = used()?;
    let minutes = Duration::from_secs(how_much.idle_s).as_secs_f64() / 60.0;
    let each_minute = |before: Duration, after: Duration| {
        after.saturating_sub(before).as_secs_f64() * 1e3 / minutes
    };
    let questions = counting.questions().saturating_sub(questions_before);
    let name = |what: &str| format!("idle Envoy with {IDLE_WORKERS} workers: {what}");
    Ok(vec![
        Row::at_most(
            name("questions open at once"),
            f64::from(counting.most_open()),
            "",
            1.0,
        ),
        Row::measured(name("questions"), f64::from(questions) / minutes, "/ min"),
        Row::measured(
            name("Envoy"),
            each_minute(envoy_before, envoy_after),
            "ms CPU / min",
        ),
        Row::measured(
            name("control plane"),
            each_minute(control_plane_before, control_plane_after),
            "ms CPU / min",
        ),
    ])
}

/// For each change, the milliseconds that were measured.
fn lists(told: &Value) -> Result<Vec<Vec<f64>>> {
    let changes = told["latencies_us"]
        .as_array()
        .context("a job told no `latencies_us`")?;
    let milliseconds = |change: &Value| -> Result<Vec<f64>> {
        let micros: Vec<f64> = serde_json::from_value(change.clone())?;
        Ok(micros.into_iter().map(|micros| micros / 1e3).collect())
    };
    changes.iter().map(milliseconds).collect()
}

fn method(how_much: &Revocations) -> String {
    let Revocations {
        changes,
        gateways,
        changes_across,
        idle_s,
    } = *how_much;
    format!(
        "All programs share the cores of this machine; the control plane is compiled as it ships and asked without a proxy. \
         In one Envoy (concurrency {WORKERS}, {} profiles, connections balanced exactly): {CONNECTIONS} connections, of which \
         every worker has some, present the same key every {} ms, while {LOAD_PER_SECOND} requests a second with other \
         keys (popularity by Zipf's law) come over 32 more. When all of them permit it, the key is refreshed or its client \
         disabled, in turn, {changes} times; from the moment in which the REST call was answered to the latest of the \
         first refusals on all connections, as received by the caller. A key that is permitted after a refusal fails the \
         run. Across {gateways} gateways without an Envoy, in one process, over a kept connection each, with {} profiles: \
         {changes_across} keys are refreshed 200 ms apart; from the REST answer until each gateway has read the page and \
         checked its signature. Idle: {idle_s} s after the first sync, questions counted by a proxy in between.",
        RECORDS.0,
        PROBE_INTERVAL_US / 1_000,
        SPREAD_RECORDS.0,
    )
}
