//! What one request costs with Portcullis, with Envoy's own filters, and with none: CPU time of one Envoy process.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::cores::Cores;
use super::gateway::{self, EMPTY, NATIVE_KEY, NATIVE_STACK, PLAIN, PORTCULLIS};
use super::others::Others;
use super::report::{Report, Row, median};
use super::{cpu, load, machine};
use crate::stage::{Caller, ControlPlane, Envoy, Operator, Parts, Tokens, within};
use crate::{tools, workspace};

/// So many keys do both sides know.
const KEYS: usize = 1_000;
/// Requests before anything is measured, so that caches are warm and V8 has optimised the code.
const WARM_UP_REQUESTS: u32 = 20_000;
/// How long the filter may take to know all keys.
const SYNC: Duration = Duration::from_secs(60);

/// The most that Portcullis may cost above the empty Wasm filter, in microseconds.
const MOST_ABOVE_EMPTY_US: f64 = 2.5;
/// The most that a request with Portcullis may cost, in requests on the native stack.
const MOST_OF_NATIVE: f64 = 1.25;

/// A listener, a key, and what that is called.
struct Measure {
    name: &'static str,
    to: SocketAddr,
    key: Option<String>,
}

/// The keys of the control plane that requests are sent with.
struct Keys {
    usual: String,
    with_rules: String,
    foreign: String,
}

/// Measures, prints and writes what a request costs.
///
/// # Errors
/// When something does not start, or a listener does not answer as what it stands for would.
pub fn request(parts: &Parts, rounds: usize, requests: u32) -> Result<()> {
    if rounds < 5 || requests < 1_000 {
        bail!("fewer than 5 rounds or 1,000 requests say nothing");
    }
    let h2load = tools::h2load()?;
    let native_keys: Vec<String> = (0..KEYS).map(|number| format!("{number:064x}")).collect();
    let native_key = native_keys
        .get(KEYS / 2)
        .context("there are no keys")?
        .clone();

    // Envoy alone on one core and all else on the others: what moves between cores is measured with it.
    let cores = Cores::of_this_task()?;
    cores.all_but_first()?;
    let control_plane = ControlPlane::start(&parts.control_plane, Tokens::for_tests())?;
    eprintln!("==> registering {KEYS} keys");
    let keys = register(&control_plane.operator())?;
    let bootstrap = gateway::bootstrap(parts, &native_keys, control_plane.address())?;
    let token = [(
        "PORTCULLIS_GATEWAY_TOKEN",
        control_plane.tokens().gateway.as_str(),
    )];
    cores.only_first()?;
    let envoy = Envoy::start(&parts.envoy, &bootstrap, 1, &token);
    cores.all_but_first()?;
    let envoy = envoy?;
    let measures = measures(&envoy, &native_key, &keys)?;
    verify(&envoy, &measures, &keys)?;

    let mut costs = vec![Vec::with_capacity(rounds); measures.len()];
    for measure in &measures {
        load::send(
            &h2load,
            measure.to,
            measure.key.as_deref(),
            WARM_UP_REQUESTS,
        )?;
    }
    let others = Others::begin(Some(envoy.pid()))?;
    for round in 1..=rounds {
        eprintln!("==> round {round} of {rounds}");
        for (measure, costs) in measures.iter().zip(&mut costs) {
            let before = cpu::of_process(envoy.pid())?;
            load::send(&h2load, measure.to, measure.key.as_deref(), requests)?;
            let used = cpu::of_process(envoy.pid())?.saturating_sub(before);
            costs.push(used.as_secs_f64() * 1e6 / f64::from(requests));
        }
    }
    let mut rows = rows(&measures, &costs);
    rows.push(others.end()?);
    let report = Report {
        method: method(rounds, requests),
        machine: machine::describe(Some(&parts.envoy)),
        rows,
    };
    report.publish(&workspace::target_directory()?.join("bench/request.json"))
}

/// Puts as many keys into the control plane as the native filters know.
fn register(operator: &Operator) -> Result<Keys> {
    let endpoints = json!([
        {"method": "GET", "path": "/v1/orders"},
        {"method": "GET", "path": "/v1/orders/{id}"},
        {"method": "POST", "path": "/v1/orders"},
        {"method": "GET", "path": "/v1/invoices/{id}"},
    ]);
    let collection = operator.create_collection("orders", &endpoints)?;
    let client = operator.create_client("Benchmark")?;
    let profile = |name: &str, allow: &[&str]| {
        let rules = json!({"addresses": {"allow": allow}});
        operator
            .create_profile_with(&client, name, &[&collection], &rules)
            .map(|new| new.api_key)
    };
    let usual = profile("usual", &[])?;
    let with_rules = profile("with address rules", &["10.0.0.0/8", "127.0.0.0/8"])?;
    let foreign = profile("from elsewhere", &["203.0.113.0/24"])?;
    for number in 3..KEYS {
        profile(&format!("profile {number}"), &[])?;
    }
    Ok(Keys {
        usual,
        with_rules,
        foreign,
    })
}

fn measures(envoy: &Envoy, native_key: &str, keys: &Keys) -> Result<Vec<Measure>> {
    let measure = |name, listener: &str, key: Option<&str>| -> Result<Measure> {
        Ok(Measure {
            name,
            to: envoy.address_of(listener)?,
            key: key.map(str::to_owned),
        })
    };
    Ok(vec![
        measure("no filter", PLAIN, None)?,
        measure("native api_key_auth", NATIVE_KEY, Some(native_key))?,
        measure(
            "native api_key_auth + rbac + local_ratelimit",
            NATIVE_STACK,
            Some(native_key),
        )?,
        measure("empty Wasm filter", EMPTY, Some(&keys.usual))?,
        measure("Portcullis, API key", PORTCULLIS, Some(&keys.usual))?,
        measure(
            "Portcullis, API key and address rules",
            PORTCULLIS,
            Some(&keys.with_rules),
        )?,
    ])
}

/// Makes sure that each listener does what it is measured for.
fn verify(envoy: &Envoy, measures: &[Measure], keys: &Keys) -> Result<()> {
    let status = |to: SocketAddr, key: Option<&str>| -> Result<u16> {
        let mut caller = Caller::connect(to)?;
        let request = load::HEADERS
            .iter()
            .fold(caller.get(load::PATH), |request, (name, value)| {
                request.header(name, value)
            });
        Ok(key
            .into_iter()
            .fold(request, crate::stage::Request::key)
            .send()?
            .status)
    };
    within(SYNC, "Portcullis permits the measured requests", || {
        measures
            .iter()
            .all(|measure| {
                status(measure.to, measure.key.as_deref()).is_ok_and(|status| status == 200)
            })
            .then_some(())
    })?;
    let portcullis = envoy.address_of(PORTCULLIS)?;
    for listener in [
        envoy.address_of(NATIVE_KEY)?,
        envoy.address_of(NATIVE_STACK)?,
        portcullis,
    ] {
        for key in [None, Some("0123456789abcdef")] {
            let status = status(listener, key)?;
            if status != 401 {
                bail!("{listener} answers {status} to the key {key:?}, not 401");
            }
        }
    }
    match status(portcullis, Some(&keys.foreign))? {
        403 => Ok(()),
        status => bail!("Portcullis answers {status} to a foreign address, not 403"),
    }
}

fn rows(measures: &[Measure], costs: &[Vec<f64>]) -> Vec<Row> {
    let mut rows: Vec<Row> = measures
        .iter()
        .zip(costs)
        .map(|(measure, costs)| Row::median_of(measure.name, costs, "µs CPU"))
        .collect();
    let [_, _, native, empty, portcullis @ ..] = costs else {
        return rows;
    };
    // Each round's figures are compared with one another: what disturbs the machine disturbs them alike.
    let paired = |ours: &[f64], theirs: &[f64], compare: fn(f64, f64) -> f64| {
        median(
            &ours
                .iter()
                .zip(theirs)
                .map(|(ours, theirs)| compare(*ours, *theirs))
                .collect::<Vec<_>>(),
        )
    };
    for (measure, costs) in measures.iter().skip(4).zip(portcullis) {
        let above = paired(costs, empty, |ours, theirs| ours - theirs);
        let name = format!("{}: above the empty filter", measure.name);
        rows.push(Row::at_most(name, above, "µs CPU", MOST_ABOVE_EMPTY_US));
        let share = paired(costs, native, |ours, theirs| ours / theirs);
        let name = format!("{}: of the native stack", measure.name);
        rows.push(Row::at_most(name, share, "×", MOST_OF_NATIVE));
    }
    rows
}

fn method(rounds: usize, requests: u32) -> String {
    format!(
        "CPU time of one Envoy process (concurrency 1, on a core of its own; all threads, from schedstat) for each request, answered by a \
         direct response: {rounds} rounds of {requests} HTTP/1.1 requests with 10 headers over {} kept connections \
         for each measure, measures in turn within a round, after {WARM_UP_REQUESTS} requests each to warm up. \
         Values are medians over the rounds; comparisons are medians of what each round compares. Both sides know \
         {KEYS} keys and are sent one of them. The native filters forward no client name and leave the credential \
         where it is; Portcullis also matches a route, removes the credential and sets identity headers, but does not \
         limit rates yet.",
        load::CONNECTIONS,
    )
}
