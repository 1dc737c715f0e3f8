//! What a limit costs a request, and what counting does: listeners of one Envoy that differ in that alone.

use std::path::Path;

use anyhow::{Result, bail};
use serde_json::json;

use super::cores::Cores;
use super::cpu;
use super::gateway::{self, NATIVE_LIMIT, PLAIN};
use super::limits::{Limits, await_keys};
use super::load::{self, Header};
use super::report::{Row, median, paired};
use crate::stage::{ControlPlane, Envoy, Parts};

/// How it is measured.
pub const METHOD: &str = "CPU time of one Envoy process for each request (concurrency 1, on a core that nothing else uses; all \
                          threads, from schedstat), answered by a direct response: HTTP/1.1 requests with 10 headers over kept \
                          connections, measures in turn within a round, of which another is the first each time: rounds are short, since a shared machine changes from second to second; differences are medians of what each round compares. \
                          All listeners are served by one VM. The limit is never reached.";

/// After how many rounds it is said how many there were.
const ROUNDS_TOLD: usize = 25;
/// Requests before anything is measured.
const WARM_UP_REQUESTS: u32 = 20_000;
/// What a limit may cost a request, in microseconds.
const MOST_FOR_A_LIMIT_US: f64 = 0.5;
/// What counting may cost a request, in microseconds.
const MOST_FOR_COUNTING_US: f64 = 1.0;

/// Neither counts nor tells.
const SILENT: &str = "silent";
/// Tells callers of their limit.
const TELLING: &str = "telling";
/// Counts.
const COUNTING: &str = "counting";
/// As it ships.
const SHIPPED: &str = "shipped";

/// What each costs, and what that is more. The first key has no limit.
pub fn rows(
    parts: &Parts,
    control_plane: &ControlPlane,
    cores: &Cores,
    h2load: &Path,
    [free, limited]: [&Header; 2],
    how_much: Limits,
) -> Result<Vec<Row>> {
    let sets = [
        (SILENT, json!({"usage": false, "tell_limits": false})),
        (TELLING, json!({"usage": false})),
        (COUNTING, json!({"tell_limits": false})),
        (SHIPPED, json!({})),
    ];
    let bootstrap = gateway::beside_native_limit(parts, control_plane.address(), &sets)?;
    let environment = control_plane.tokens().gateway_environment();
    cores.only_first()?;
    let envoy = Envoy::start(&parts.envoy, &bootstrap, 1, &environment);
    cores.all_but_first()?;
    let envoy = envoy?;

    let (free, limited) = (Some(free), Some(limited));
    let measures = [
        ("no filter", PLAIN, None),
        ("Envoy's own limit, told", NATIVE_LIMIT, None),
        ("API key, nothing counted", SILENT, free),
        (
            "API key and a limit, nothing counted nor told",
            SILENT,
            limited,
        ),
        (
            "API key and a limit, told, nothing counted",
            TELLING,
            limited,
        ),
        ("API key, counted", COUNTING, free),
        ("API key, as shipped", SHIPPED, free),
        ("API key and a limit, as shipped", SHIPPED, limited),
    ];
    let mut sendings = Vec::with_capacity(measures.len());
    for (_, listener, key) in measures {
        let to = envoy.address_of(listener)?;
        await_keys(to, key.as_slice())?;
        load::send(h2load, to, key, WARM_UP_REQUESTS)?;
        sendings.push((to, key, Vec::with_capacity(how_much.rounds)));
    }
    for round in 1..=how_much.rounds {
        if round % ROUNDS_TOLD == 0 {
            eprintln!("==> round {round} of {}", how_much.rounds);
        }
        // Each comes first as often as any other.
        let (earlier, later) = sendings.split_at_mut(round % measures.len());
        for (to, key, costs) in later.iter_mut().chain(earlier) {
            let before = cpu::of_process(envoy.pid())?;
            load::send(h2load, *to, *key, how_much.requests)?;
            let used = cpu::of_process(envoy.pid())?.saturating_sub(before);
            costs.push(used.as_secs_f64() * 1e6 / f64::from(how_much.requests));
        }
    }
    let costs: Vec<Vec<f64>> = sendings.into_iter().map(|(.., costs)| costs).collect();
    let mut rows: Vec<Row> = measures
        .iter()
        .zip(&costs)
        .map(|((name, ..), costs)| Row::median_of(*name, costs, "µs CPU"))
        .collect();
    let [plain, native, silent, untold, told, counted, shipped, whole] = costs.as_slice() else {
        bail!("there are eight measures");
    };
    let more =
        |ours: &[f64], than: &[f64]| median(&paired(ours, than, |ours, theirs| ours - theirs));
    let name = "Envoy's own limit, kept and told: more for each request";
    rows.push(Row::measured(name, more(native, plain), "µs CPU"));
    for (name, ours, than, most) in [
        ("a limit, kept", untold, silent, MOST_FOR_A_LIMIT_US),
        ("a limit, kept and told", told, silent, MOST_FOR_A_LIMIT_US),
        (
            "a limit, kept and told beside counting",
            whole,
            shipped,
            MOST_FOR_A_LIMIT_US,
        ),
        ("counting", counted, silent, MOST_FOR_COUNTING_US),
    ] {
        let name = format!("{name}: more for each request");
        rows.push(Row::at_most(name, more(ours, than), "µs CPU", most));
    }
    Ok(rows)
}
