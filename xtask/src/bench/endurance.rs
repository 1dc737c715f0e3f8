//! Whether Envoy's memory grows while records change without end, and while keys come and go by the hundred thousand.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::machine;
use super::memory;
use super::others::Others;
use super::populated::Populated;
use super::report::{Report, Row};
use super::scale::{self, Records, Scale};
use super::scene::{Known, Scene, pace};
use crate::stage::Parts;
use crate::workspace;

/// Those that are left alone, with whose keys the load is made: whole clients.
const LEFT_ALONE: Records = Records(2_400);
const WORKERS: usize = 2;
const LOAD_PER_SECOND: u32 = 200;
/// How many operators share the changes: enough for the control plane to be busy all the time.
const OPERATORS: usize = 4;
/// How many of all changes come before anything is judged, one in so many, and no fewer than so many for each profile:
/// gateways hear of the last twenty keys that each had, so that it takes as many refreshes until these are no more.
const WARM_UP_PART: usize = 5;
const LEAST_EACH: usize = 50;
/// How many changes there are for each profile that is changed, and how many such profiles at least.
const CHANGES_EACH: usize = 250;
const FEWEST_CHANGED: usize = 48;
/// How often the memory is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// The least that counts as noise: what the allocator takes from the system at once.
const LEAST_NOISE_MIB: f64 = 1.0;
const MIB: f64 = 1024.0 * 1024.0;
/// Longer than anything here takes.
const LONGEST_S: u32 = 24 * 60 * 60;

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Endurance {
    /// How many profiles there are. Where they are few, a new key mostly stands on a page of shared memory that was never
    /// written, and no page goes away again.
    pub profiles: usize,
    /// How many changes are judged.
    pub changes: usize,
    /// How many there are at most each minute; as many as the control plane takes, when absent.
    pub per_minute: Option<u32>,
    /// How many profiles are made and deleted in each cycle, and how many cycles there are.
    pub turnover: usize,
    /// How often all of them come and go.
    pub cycles: usize,
    /// For how long Envoy is watched while nothing changes, in seconds.
    pub idle_s: u64,
}

/// Measures, prints and writes how Envoy's memory grows.
///
/// # Errors
/// When something does not start, a change is refused, or a request that should not be.
pub fn endurance(parts: &Parts, how_much: &Endurance) -> Result<()> {
    if how_much.changes < 1_000 || how_much.cycles < 2 || how_much.idle_s < 5 {
        bail!("fewer than 1,000 changes, 2 cycles or 5 idle seconds say nothing");
    }
    let scale = Scale::build()?;
    if how_much.profiles < 2 * LEFT_ALONE.0 {
        bail!(
            "fewer than {} profiles leave none to change",
            2 * LEFT_ALONE.0
        );
    }
    let records = Records(how_much.profiles);
    let populated = Populated::of(&scale, records)?;
    let others = Others::begin()?;
    let scene = Scene::start(parts, &populated, WORKERS)?;
    scene.wait_for(&Known::last_of(&scale, records)?)?;
    let mut load = scale.prepare(&pace(&scene, LEFT_ALONE, 0, LOAD_PER_SECOND, LONGEST_S))?;
    load.begin()?;
    let mut rows = changes(&scene, &scale, how_much)?;
    rows.extend(turnover(&scene, &scale, how_much)?);
    scale::expect_status(&load.stop()?, 200)?;
    // What has not ended yet is not counted as ours.
    drop(scene);
    rows.push(others.end()?);
    let report = Report {
        method: method(how_much),
        machine: machine::describe(Some(&parts.envoy)),
        rows,
    };
    report.publish(&workspace::target_directory()?.join("bench/endurance.json"))
}

/// The memory at some moments.
#[derive(Debug, Default)]
struct Watched {
    /// Seconds since the first look.
    at_s: Vec<f64>,
    resident_mib: Vec<f64>,
    allocated_mib: Vec<f64>,
}

impl Watched {
    /// Looks until there is no reason any more.
    fn watch(scene: &Scene, mut is_going_on: impl FnMut() -> Result<bool>) -> Result<Self> {
        let begin = Instant::now();
        let mut this = Self::default();
        while is_going_on()? {
            let memory = memory::of(&scene.envoy)?;
            this.at_s.push(begin.elapsed().as_secs_f64());
            this.resident_mib.push(memory.resident / MIB);
            this.allocated_mib.push(memory.allocated / MIB);
            std::thread::sleep(LOOK);
        }
        Ok(this)
    }

    /// By how much a straight line through the second half of the values rises in the whole time.
    fn growth(&self, values: &[f64]) -> f64 {
        let half = values.len() / 2;
        let (times, values) = (self.at_s.get(half..), values.get(half..));
        let whole = self.at_s.last().copied().unwrap_or(0.0);
        slope(times.unwrap_or_default(), values.unwrap_or_default()) * whole
    }
}

fn changes(scene: &Scene, scale: &Scale, how_much: &Endurance) -> Result<Vec<Row>> {
    let most = how_much.profiles - LEFT_ALONE.0;
    let changed = (how_much.changes / CHANGES_EACH).clamp(FEWEST_CHANGED, most);
    let warm_up = (how_much.changes / WARM_UP_PART).max(changed * LEAST_EACH);
    eprintln!("==> {warm_up} changes to warm up");
    let records = Records(how_much.profiles);
    Changes::mixed(records, changed, warm_up)
        .prepare(scene, scale)?
        .perform()?;
    eprintln!("==> {} s without a change", how_much.idle_s);
    let begin = Instant::now();
    let idle = Watched::watch(scene, || {
        Ok(begin.elapsed() < Duration::from_secs(how_much.idle_s))
    })?;
    eprintln!("==> {} changes", how_much.changes);
    let mut judged = Changes::mixed(records, changed, how_much.changes);
    judged.per_minute = how_much.per_minute;
    let mut changing = judged.prepare(scene, scale)?;
    changing.begin()?;
    let busy = Watched::watch(scene, || changing.is_running())?;
    let told = changing.end()?;
    let per_second = rate(&told)?;
    let noise = spread(&idle.resident_mib).max(LEAST_NOISE_MIB);
    let name = |what: &str| format!("{} changes: {what}", how_much.changes);
    Ok(vec![
        Row::measured(name("rate"), per_second, "/ s"),
        Row::measured("Envoy's memory before", mean(&idle.resident_mib), "MiB"),
        Row::measured(
            "what it wanders without a change",
            spread(&idle.resident_mib),
            "MiB",
        ),
        Row::at_most(
            name("growth of Envoy's memory"),
            busy.growth(&busy.resident_mib),
            "MiB",
            noise,
        ),
        Row::measured(
            name("growth of what is allocated"),
            busy.growth(&busy.allocated_mib),
            "MiB",
        ),
    ])
}

fn turnover(scene: &Scene, scale: &Scale, how_much: &Endurance) -> Result<Vec<Row>> {
    let mut after = Vec::new();
    for cycle in 1..=how_much.cycles {
        eprintln!(
            "==> {} profiles made and deleted, {cycle} of {}",
            how_much.turnover, how_much.cycles
        );
        let turnover = Changes {
            what: "turnover",
            ..Changes::mixed(
                Records(how_much.profiles),
                FEWEST_CHANGED,
                how_much.turnover * 2,
            )
        };
        turnover.prepare(scene, scale)?.perform()?;
        after.push(scene.settled_memory()?.resident / MIB);
    }
    let (first, last) = (
        after.first().copied().unwrap_or(0.0),
        after.last().copied().unwrap_or(0.0),
    );
    let name = |what: &str| {
        format!(
            "{} profiles made and deleted {} times: {what}",
            how_much.turnover, how_much.cycles
        )
    };
    Ok(vec![
        Row::measured(name("memory after the first time"), first, "MiB"),
        Row::at_most(
            name("growth since then"),
            last - first,
            "MiB",
            LEAST_NOISE_MIB,
        ),
    ])
}

/// Changes to some of the records.
struct Changes {
    records: Records,
    /// To so many profiles.
    changed: usize,
    count: usize,
    per_minute: Option<u32>,
    what: &'static str,
}

impl Changes {
    /// Of every kind, as fast as the control plane takes them.
    const fn mixed(records: Records, changed: usize, count: usize) -> Self {
        Self {
            records,
            changed,
            count,
            per_minute: None,
            what: "mixed",
        }
    }

    fn prepare(&self, scene: &Scene, scale: &Scale) -> Result<scale::Job> {
        let control_plane = &scene.serving.control_plane;
        scale.prepare(&json!({"change": {
            "control_plane": control_plane.address(), "token": control_plane.tokens().operator,
            "records": self.records.json(), "from": LEFT_ALONE.0, "to": LEFT_ALONE.0 + self.changed,
            "changes": self.count, "per_minute": self.per_minute, "operators": OPERATORS, "what": self.what
        }}))
    }
}

fn rate(told: &Value) -> Result<f64> {
    let count = told["changes"].as_f64().unwrap_or(0.0);
    let took_us = told["took_us"].as_f64().unwrap_or(0.0);
    if took_us <= 0.0 {
        bail!("a job told no time: {told}");
    }
    Ok(count / took_us * 1e6)
}

/// The slope of the straight line with the least squares of distances.
fn slope(times: &[f64], values: &[f64]) -> f64 {
    let (time, value) = (mean(times), mean(values));
    let pairs = || times.iter().zip(values).map(|(t, v)| (t - time, v - value));
    let square: f64 = pairs().map(|(t, _)| t * t).sum();
    if square > 0.0 {
        pairs().map(|(t, v)| t * v).sum::<f64>() / square
    } else {
        0.0
    }
}

fn mean(values: &[f64]) -> f64 {
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
    values.iter().sum::<f64>() / f64::from(count.max(1))
}

fn spread(values: &[f64]) -> f64 {
    let highest = values.iter().copied().max_by(f64::total_cmp).unwrap_or(0.0);
    let lowest = values.iter().copied().min_by(f64::total_cmp).unwrap_or(0.0);
    highest - lowest
}

fn method(how_much: &Endurance) -> String {
    let rate = how_much.per_minute.map_or_else(
        || "as fast as the control plane takes them from four operators".to_owned(),
        |count| format!("{count} a minute"),
    );
    format!(
        "One Envoy (concurrency {WORKERS}) with {} profiles and {LOAD_PER_SECOND} requests a second; memory is Pss of \
         /proc/PID/smaps_rollup, every half second, and what is allocated comes from Envoy's admin page. After changes to warm \
         up (a fifth as many, and enough for every changed profile to have had more keys than gateways are told of) and {} \
         idle seconds, {} changes (half of them key refreshes, a quarter clients disabled and enabled, a quarter profiles \
         made and deleted) to one profile for each {CHANGES_EACH} of them, {rate}. Growth is what the straight line of least squares through \
         the second half of the looks would rise over all changes; noise is the distance between the highest and the \
         lowest look of the idle stretch, at least {LEAST_NOISE_MIB} MiB. Then {} profiles are made and, when all are \
         there, deleted, {} times; memory when it has settled, compared with the first time.",
        how_much.profiles, how_much.idle_s, how_much.changes, how_much.turnover, how_much.cycles
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_that_of_the_second_half_over_the_whole_time() {
        let at_s: Vec<f64> = (0..=10).map(f64::from).collect();
        let watched = Watched {
            at_s,
            ..Watched::default()
        };
        let warming = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0];
        assert_eq!(watched.growth(&warming), 0.0);
        let leaking: Vec<f64> = (0..=10)
            .map(|second| 3.0 + f64::from(second) / 2.0)
            .collect();
        assert!((watched.growth(&leaking) - 5.0).abs() < 1e-9);
        assert_eq!(watched.growth(&[]), 0.0);
    }

    #[test]
    fn the_spread_is_between_the_highest_and_the_lowest() {
        assert_eq!(spread(&[2.0, 5.0, 3.0]), 3.0);
        assert_eq!(spread(&[]), 0.0);
    }
}
