//! What requests feel while everything is synced anew, and while records change all the time.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};
use serde_json::json;

use super::Sync;
use crate::bench::cores::Cores;
use crate::bench::populated::Populated;
use crate::bench::report::{Row, percentile};
use crate::bench::scale::{self, Job, Records, Scale};
use crate::bench::scene::{Known, Scene, pace};
use crate::stage::Parts;

/// How many requests a second there are: few enough for nobody to wait for a processor.
const PER_SECOND: u32 = 2_000;
/// How many requests come before anything is measured, in seconds.
const WARM_UP_S: u32 = 10;
/// Longer than any resync.
const LONGEST_S: u32 = 120;
/// Whose keys callers present: those of whole clients, which nobody changes.
const CALLING: Records = Records(12_000);
const CHANGES_PER_MINUTE: u32 = 1_000;
/// Where the filter counts how often it began again.
const RESYNCS: &str = "wasmcustom.portcullis.feed.resyncs";
/// The most that the 99th percentile may be, in that of quiet times.
const MOST: f64 = 1.2;

/// How it is measured.
pub fn method(how_much: &Sync) -> String {
    format!(
        "Latency: one Envoy (concurrency 1) with all profiles; its worker thread has the first core for itself, its other \
         threads, the control plane, who changes and who calls share the other cores, where the callers come first \
         (in real time, or with nice −15 where that is not allowed) and the control plane last (idle class), as if they \
         were on other machines. {PER_SECOND} requests a second, evenly spaced, over 32 kept connections, each \
         with one of {} keys (popularity by Zipf's law), from the moment in which each should have been sent to its answer: \
         who waits behind a slow answer waits too. Stretches take turns: {} quiet ones of {} s, as many during \
         {CHANGES_PER_MINUTE} changes a minute (key refreshes, clients disabled and enabled, profiles made and deleted), \
         as many during a whole resync beside the live records, which another control plane in the place of the first \
         makes necessary, and as many as quiet as the first, but that a loop which touches no memory and knows nothing of \
         Envoy keeps the other cores busy, at normal priority: by these one sees what a machine does to latencies that \
         is fully used at all. A value is that of all stretches of its kind together.",
        CALLING.0, how_much.stretches, how_much.stretch_s
    )
}

/// The rows of latencies.
pub fn rows(
    parts: &Parts,
    scale: &Scale,
    cores: &Cores,
    how_much: &Sync,
    many: &Populated,
) -> Result<Vec<Row>> {
    eprintln!(
        "==> requests while {} profiles are synced anew, and change",
        many.records.0
    );
    cores.all_but_first()?;
    let mut scene = Scene::start(parts, many, 1)?;
    scene.wait_for(&Known::last_of(scale, many.records)?)?;
    cores.part_workers(scene.envoy.pid())?;
    scene.serving.give_way()?;
    let mut callers = Callers { scale, turn: 0 };
    callers.call(&scene, WARM_UP_S)?.perform()?;
    let (mut quiet, mut changing, mut syncing) = (Vec::new(), Vec::new(), Vec::new());
    let mut beside_a_loop = Vec::new();
    let mut resyncs = Vec::new();
    for stretch in 1..=how_much.stretches {
        eprintln!("==> stretch {stretch} of {}", how_much.stretches);
        quiet.extend(latencies(
            callers.call(&scene, how_much.stretch_s)?.perform()?,
        )?);
        let calling = callers.call(&scene, how_much.stretch_s)?;
        beside_a_loop.extend(latencies(while_looping(|| calling.perform())?)?);
        changing.extend(latencies(while_changing(
            &mut callers,
            &scene,
            how_much.stretch_s,
            many,
        )?)?);
        let resync = while_syncing(parts, &mut callers, &mut scene, many)?;
        syncing.extend(resync.latencies);
        resyncs.push(resync.took_s);
    }
    cores.all()?;
    let name = |percent: &str, kind: &str| format!("latency of requests, {percent}: {kind}");
    let mut rows = vec![Row::median_of(
        "resync beside the live records, until it is live",
        &resyncs,
        "s",
    )];
    for (percent, place) in [("p50", 50.0), ("p99", 99.0), ("p99.9", 99.9)] {
        let of_quiet = percentile(&quiet, place);
        rows.push(Row::measured(name(percent, "quiet"), of_quiet, "ms"));
        let beside_loop = percentile(&beside_a_loop, place);
        let kind = "beside a loop that has nothing to do with it";
        rows.push(Row::measured(name(percent, kind), beside_loop, "ms"));
        for (kind, values) in [("during changes", &changing), ("during a resync", &syncing)] {
            let value = percentile(values, place);
            rows.push(Row::measured(name(percent, kind), value, "ms"));
            if percent == "p99" {
                let name = name(percent, &format!("{kind}, of quiet"));
                rows.push(Row::at_most(name, value / of_quiet, "×", MOST));
                let name = format!("latency of requests, p99: {kind}, of beside that loop");
                rows.push(Row::measured(name, value / beside_loop, "×"));
            }
        }
    }
    Ok(rows)
}

/// Callers who draw anew each time.
struct Callers<'s> {
    scale: &'s Scale,
    turn: usize,
}

impl Callers<'_> {
    fn call(&mut self, scene: &Scene, seconds: u32) -> Result<Job> {
        self.turn += 1;
        self.scale
            .prepare_preferred(&pace(scene, CALLING, self.turn, PER_SECOND, seconds))
    }
}

/// Does something while a loop keeps a core busy: one of those on which this task may run.
fn while_looping<T>(work: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let outcome = work();
        is_over.store(true, Ordering::Relaxed);
        outcome
    })
}

fn while_changing(
    callers: &mut Callers<'_>,
    scene: &Scene,
    seconds: u32,
    many: &Populated,
) -> Result<serde_json::Value> {
    let control_plane = &scene.serving.control_plane;
    let changes = CHANGES_PER_MINUTE * seconds / 60;
    let mut changing = callers.scale.prepare(&json!({"change": {
        "control_plane": control_plane.address(), "token": control_plane.tokens().operator,
        "records": many.records.json(), "from": CALLING.0, "to": many.records.0, "changes": changes,
        "per_minute": CHANGES_PER_MINUTE, "operators": 1, "what": "mixed"
    }}))?;
    let mut calling = callers.call(scene, seconds)?;
    changing.begin()?;
    calling.begin()?;
    let told = calling.end()?;
    changing.end()?;
    Ok(told)
}

/// A resync, and the latencies meanwhile.
struct Resync {
    took_s: f64,
    latencies: Vec<f64>,
}

/// Puts another control plane in the place of the first: on a copy of the same database, whose history is not the one
/// that Envoy has followed.
fn while_syncing(
    parts: &Parts,
    callers: &mut Callers<'_>,
    scene: &mut Scene,
    many: &Populated,
) -> Result<Resync> {
    let resyncs = scene.envoy.count(RESYNCS)?;
    scene.serving.replace(&parts.control_plane, many.copy()?)?;
    scene.serving.give_way()?;
    let mut calling = callers.call(scene, LONGEST_S)?;
    // Only this control plane knows it, so Envoy does when it has everything.
    let made = Known::made_now(&scene.serving.control_plane)?;
    let begun = std::time::Instant::now();
    calling.begin()?;
    made.wait(scene.gateway)?;
    let took_s = begun.elapsed().as_secs_f64();
    if !calling.is_running()? {
        bail!("the resync took longer than {LONGEST_S} s");
    }
    if scene.envoy.count(RESYNCS)? != resyncs + 1 {
        bail!("another control plane did not have Envoy begin again once");
    }
    Ok(Resync {
        took_s,
        latencies: latencies(calling.stop()?)?,
    })
}

/// The milliseconds that requests took. All of them were permitted.
fn latencies(told: serde_json::Value) -> Result<Vec<f64>> {
    scale::expect_status(&told, 200)?;
    let micros = scale::numbers(&told, "latencies_us")?;
    Ok(micros.into_iter().map(|micros| micros / 1e3).collect())
}
