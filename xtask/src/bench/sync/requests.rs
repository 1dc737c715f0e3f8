//! What a request costs before many profiles, beside what it costs before few.

use anyhow::Result;
use serde_json::json;

use super::Sync;
use crate::bench::cores::Cores;
use crate::bench::cpu;
use crate::bench::load::CONNECTIONS;
use crate::bench::native::Native;
use crate::bench::populated::Populated;
use crate::bench::report::{Row, median, paired};
use crate::bench::scale::{Records, Scale};
use crate::bench::scene::{EXPONENT, Known, Scene};
use crate::stage::Parts;

/// How many requests a turn has.
const REQUESTS: usize = 10_000;
/// How many there are before the first turn. Of 1,000,000 profiles the first 130,000 requests fill the filter's cache, and it
/// takes some hundred thousand more until it knows whom to keep: sooner, most misses are those of first calls.
const WARM_UP_REQUESTS: usize = 500_000;
/// The most that a request may cost, in requests before few profiles.
const MOST: f64 = 1.15;

/// How it is measured.
pub fn method(how_much: &Sync) -> String {
    format!(
        "Requests: two Envoys (concurrency 1) at once on one core, the load and the control planes on the others; CPU time \
         of each Envoy (all threads, from schedstat) for each of {REQUESTS} requests over {CONNECTIONS} kept \
         connections, as fast as they are answered, the two in turn, {} rounds after {WARM_UP_REQUESTS} requests each; keys by Zipf's law over all \
         profiles, drawn anew for each turn, answered directly with 200.",
        how_much.rounds
    )
}

/// The rows of requests.
pub fn rows(
    parts: &Parts,
    scale: &Scale,
    cores: &Cores,
    how_much: &Sync,
    few: &Populated,
    many: &Populated,
) -> Result<Vec<Row>> {
    cores.all_but_first()?;
    let start = |populated: &Populated| -> Result<Scene> {
        let serving = populated.serve(&parts.control_plane)?;
        cores.only_first()?;
        let scene = Scene::before(parts, serving, 1);
        cores.all_but_first()?;
        let scene = scene?;
        scene.wait_for(&Known::last_of(scale, populated.records)?)?;
        Ok(scene)
    };
    eprintln!(
        "==> requests before {} and {} profiles",
        few.records.0, many.records.0
    );
    let sides = [(few.records, start(few)?), (many.records, start(many)?)];
    let native = Native::build()?;
    let turn = |records: Records, scene: &Scene, turn: usize, requests: usize| -> Result<f64> {
        let drawn = scale.perform(&json!({"draw": {
            "records": records.json(), "exponent": EXPONENT, "turn": turn, "requests": requests
        }}))?;
        let drawn: Vec<String> = serde_json::from_value(drawn["requests"].clone())?;
        let before = cpu::of_process(scene.envoy.pid())?;
        native.send(scene.gateway, CONNECTIONS, &drawn)?;
        let used = cpu::of_process(scene.envoy.pid())?.saturating_sub(before);
        Ok(used.as_secs_f64() * 1e6 / f64::from(u32::try_from(requests)?))
    };
    let mut costs = [Vec::new(), Vec::new()];
    for (records, scene) in &sides {
        turn(*records, scene, 0, WARM_UP_REQUESTS)?;
    }
    for round in 1..=how_much.rounds {
        eprintln!("==> round {round} of {}", how_much.rounds);
        for ((records, scene), costs) in sides.iter().zip(&mut costs) {
            costs.push(turn(*records, scene, round, REQUESTS)?);
        }
    }
    cores.all()?;
    let [of_few, of_many] = &costs;
    let name = |records: Records| format!("request before {} profiles, skewed keys", records.0);
    let ratio = median(&paired(of_many, of_few, |many, few| many / few));
    Ok(vec![
        Row::median_of(name(few.records), of_few, "µs CPU"),
        Row::median_of(name(many.records), of_many, "µs CPU"),
        Row::at_most(
            "request before many profiles: of that before few",
            ratio,
            "×",
            MOST,
        ),
    ])
}
