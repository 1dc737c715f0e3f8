//! The first sync: how long it takes, who works for it, and how much memory it leaves.

use anyhow::Result;

use crate::bench::cpu;
use crate::bench::populated::Populated;
use crate::bench::report::Row;
use crate::bench::scale::{Records, Scale};
use crate::bench::scene::{Known, Scene};
use crate::stage::Parts;

/// The aims: seconds for so many profiles.
const SOME_S: f64 = 3.0;
const MANY_S: f64 = 30.0;
/// Bytes for each profile.
const BYTES_EACH: f64 = 250.0;
/// By how many per cent the memory may differ between one worker and several.
const APART_PERCENT: f64 = 10.0;
/// How many are several.
const WORKERS: usize = 4;

/// How it is measured.
pub const METHOD: &str = "First sync: each time a new Envoy before a control plane with the records (compiled as it \
    ships, on a copy of the database that was just made; the filter as in demo.yaml), nothing pinned; from the start of \
    the Envoy process, which compiles the filter first, until it permits the key of the last profile, asked for \
    about every 20 ms. Memory: Pss of /proc/PID/smaps_rollup once it changes by less than 0.1 % in a second, less that of an Envoy \
    whose control plane has no profiles.";

/// The rows of the first sync and of memory.
pub fn rows(parts: &Parts, scale: &Scale, some: &Populated, many: &Populated) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    measured(parts, scale, some, 1, SOME_S, &mut rows)?;
    let mut each = Vec::new();
    for workers in [1, WORKERS] {
        let nothing = Populated::of(scale, Records(0))?;
        let empty = Scene::start(parts, &nothing, workers)?;
        let made = Known::made_now(&empty.serving.control_plane)?;
        empty.wait_for(&made)?;
        let before = empty.settled_memory()?;
        drop(empty);
        let scene = measured(parts, scale, many, workers, MANY_S, &mut rows)?;
        let after = scene.settled_memory()?;
        let Records(profiles) = many.records;
        let profiles = f64::from(u32::try_from(profiles)?);
        let bytes = (after.resident - before.resident) / profiles;
        let name = |what: &str| {
            format!(
                "Envoy's memory for each of {profiles} profiles, {}: {what}",
                of(workers)
            )
        };
        rows.push(Row::at_most(name("all"), bytes, "B", BYTES_EACH));
        let allocated = (after.allocated - before.allocated) / profiles;
        rows.push(Row::measured(name("of it allocated"), allocated, "B"));
        each.push(bytes);
    }
    if let [one, several] = each.as_slice() {
        let apart = (several - one).abs() / one * 100.0;
        let name = format!("memory for each profile: {} against one", of(WORKERS));
        rows.push(Row::at_most(name, apart, "%", APART_PERCENT));
    }
    Ok(rows)
}

/// One first sync.
fn measured(
    parts: &Parts,
    scale: &Scale,
    populated: &Populated,
    workers: usize,
    most_s: f64,
    rows: &mut Vec<Row>,
) -> Result<Scene> {
    let Records(profiles) = populated.records;
    eprintln!(
        "==> first sync of {profiles} profiles into an Envoy with {}",
        of(workers)
    );
    let known = Known::last_of(scale, populated.records)?;
    let serving = populated.serve(&parts.control_plane)?;
    let before = cpu::of_process(serving.control_plane.pid()?)?;
    let scene = Scene::before(parts, serving, workers)?;
    let took = scene.wait_for(&known)?;
    let served = cpu::of_process(scene.serving.control_plane.pid()?)?.saturating_sub(before);
    let applied = cpu::of_process(scene.envoy.pid())?;
    let name = |what: &str| format!("first sync of {profiles} profiles, {}: {what}", of(workers));
    rows.push(Row::at_most(name("all"), took.as_secs_f64(), "s", most_s));
    rows.push(Row::measured(
        name("until Envoy is ready"),
        scene.ready.as_secs_f64(),
        "s",
    ));
    rows.push(Row::measured(
        name("control plane"),
        served.as_secs_f64(),
        "s CPU",
    ));
    rows.push(Row::measured(name("Envoy"), applied.as_secs_f64(), "s CPU"));
    Ok(scene)
}

fn of(workers: usize) -> String {
    match workers {
        1 => "1 worker".into(),
        _ => format!("{workers} workers"),
    }
}
