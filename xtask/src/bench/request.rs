//! What one request costs with Portcullis, with Envoy's own filters, and with none: CPU time of one Envoy process.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::cores::Cores;
use super::gateway::{self, EMPTY, NATIVE_KEY, NATIVE_STACK, PLAIN, PORTCULLIS};
use super::load::{self, Header, Load};
use super::native::Native;
use super::others::Others;
use super::report::{Report, Row, median, paired};
use super::tokens::{self, FIRST_SIGHTS, Issuer};
use super::{cpu, machine};
use crate::stage::{Caller, ControlPlane, Envoy, Operator, Parts, Tokens, within};
use crate::{tools, workspace};

/// So many keys do both sides know.
const KEYS: usize = 1_000;
/// Requests before anything is measured, so that caches are warm and V8 has optimised the code.
const WARM_UP_REQUESTS: u32 = 20_000;
/// Which of the measures by key is Portcullis with nothing but a key.
const API_KEY: usize = 4;
/// How long the filter may take to know all keys.
const SYNC: Duration = Duration::from_secs(60);

/// The most that Portcullis may cost above the empty Wasm filter, in microseconds.
const MOST_ABOVE_EMPTY_US: f64 = 2.5;
/// The most that a request with Portcullis may cost, in requests on the native stack.
const MOST_OF_NATIVE: f64 = 1.25;

/// A listener, what is sent to it, and what that is called.
pub struct Measure {
    /// What it is called.
    pub name: String,
    /// Where the listener is.
    pub to: SocketAddr,
    /// What is sent.
    pub load: Load,
}

impl Measure {
    /// Sends what one turn has, and answers how many requests that were. Turn 0 is there to warm up.
    fn turn(&self, h2load: &Path, native: &Native, turn: usize, requests: u32) -> Result<usize> {
        match &self.load {
            Load::Same(credential) => {
                let count = if turn == 0 {
                    WARM_UP_REQUESTS
                } else {
                    requests
                };
                load::send(h2load, self.to, credential.as_ref(), count)?;
                Ok(usize::try_from(count)?)
            }
            Load::Different(once) => {
                let turns = once.chunks_exact(FIRST_SIGHTS);
                let requests = turns
                    .into_iter()
                    .nth(turn)
                    .context("nothing is left to send")?;
                native.send(self.to, load::CONNECTIONS, requests)?;
                Ok(requests.len())
            }
        }
    }
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
    let native = Native::build()?;
    let native_keys: Vec<String> = (0..KEYS).map(|number| format!("{number:064x}")).collect();
    let native_key = native_keys
        .get(KEYS / 2)
        .context("there are no keys")?
        .clone();

    // Envoy alone on one core and all else on the others: what moves between cores is measured with it.
    let cores = Cores::of_this_task()?;
    cores.all_but_first()?;
    let control_plane = ControlPlane::start(&parts.control_plane, Tokens::for_tests())?;
    eprintln!("==> signing tokens, and registering {KEYS} profiles");
    let issuers = Issuer::all(&native, rounds)?;
    let keys = register(&control_plane.operator(), &issuers)?;
    let bootstrap = gateway::bootstrap(parts, &native_keys, &issuers, control_plane.address())?;
    let environment = control_plane.tokens().gateway_environment();
    cores.only_first()?;
    let envoy = Envoy::start(&parts.envoy, &bootstrap, 1, &environment);
    cores.all_but_first()?;
    let envoy = envoy?;
    let by_key = by_key(&envoy, &native_key, &keys)?;
    let by_token = tokens::measures(&envoy, &issuers)?;
    verify(&envoy, &by_key, &by_token, &keys, &issuers)?;

    let measures: Vec<&Measure> = by_key.iter().chain(&by_token).collect();
    let mut costs = vec![Vec::with_capacity(rounds); measures.len()];
    for measure in &measures {
        measure.turn(&h2load, &native, 0, requests)?;
    }
    let others = Others::begin()?;
    for round in 1..=rounds {
        eprintln!("==> round {round} of {rounds}");
        for (measure, costs) in measures.iter().zip(&mut costs) {
            let before = cpu::of_process(envoy.pid())?;
            let count = measure.turn(&h2load, &native, round, requests)?;
            let used = cpu::of_process(envoy.pid())?.saturating_sub(before);
            costs.push(used.as_secs_f64() * 1e6 / f64::from(u32::try_from(count)?));
        }
    }
    let (costs_by_key, costs_by_token) = costs.split_at(by_key.len());
    let mut rows = rows(&by_key, costs_by_key);
    let api_key = costs_by_key.get(API_KEY).context("no row of an API key")?;
    rows.extend(tokens::rows(&by_token, costs_by_token, api_key));
    rows.push(others.end()?);
    let report = Report {
        method: method(rounds, requests),
        machine: machine::describe(Some(&parts.envoy)),
        rows,
    };
    report.publish(&workspace::target_directory()?.join("bench/request.json"))
}

/// Puts as many keys into the control plane as the native filters know.
fn register(operator: &Operator, issuers: &[Issuer]) -> Result<Keys> {
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
    for issuer in issuers {
        let name = format!("with {} tokens", issuer.algorithm);
        operator.create_profile_with(&client, &name, &[&collection], &issuer.access())?;
    }
    for number in 3..KEYS {
        profile(&format!("profile {number}"), &[])?;
    }
    Ok(Keys {
        usual,
        with_rules,
        foreign,
    })
}

fn by_key(envoy: &Envoy, native_key: &str, keys: &Keys) -> Result<Vec<Measure>> {
    let measure = |name: &str, listener: &str, key: Option<&str>| -> Result<Measure> {
        Ok(Measure {
            name: name.to_owned(),
            to: envoy.address_of(listener)?,
            load: Load::Same(key.map(api_key)),
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

fn api_key(key: &str) -> Header {
    ("api-token", key.to_owned())
}

/// Makes sure that each listener does what it is measured for.
fn verify(
    envoy: &Envoy,
    by_key: &[Measure],
    by_token: &[Measure],
    keys: &Keys,
    issuers: &[Issuer],
) -> Result<()> {
    let status = |to: SocketAddr, credential: Option<&Header>| -> Result<u16> {
        let mut caller = Caller::connect(to)?;
        let request = load::HEADERS
            .iter()
            .fold(caller.get(load::PATH), |request, (name, value)| {
                request.header(name, value)
            });
        let request = credential
            .into_iter()
            .fold(request, |request, (name, value)| {
                request.header(name, value)
            });
        Ok(request.send()?.status)
    };
    // Tokens that are to be seen for the first time are left for that.
    let is_permitted = |measure: &Measure| match &measure.load {
        Load::Same(credential) => {
            status(measure.to, credential.as_ref()).is_ok_and(|status| status == 200)
        }
        Load::Different(_) => true,
    };
    within(SYNC, "Portcullis permits the measured requests", || {
        by_key
            .iter()
            .chain(by_token)
            .all(is_permitted)
            .then_some(())
    })?;
    let refused = |listener: SocketAddr, credential: Option<&Header>| {
        let status = status(listener, credential)?;
        if status != 401 {
            bail!("{listener} answers {status} to the credential {credential:?}, not 401");
        }
        Ok(())
    };
    let portcullis = envoy.address_of(PORTCULLIS)?;
    for listener in [NATIVE_KEY, NATIVE_STACK, PORTCULLIS] {
        let listener = envoy.address_of(listener)?;
        refused(listener, None)?;
        refused(listener, Some(&api_key("0123456789abcdef")))?;
    }
    for issuer in issuers {
        refused(portcullis, Some(&issuer.forged()))?;
        for is_cached in [false, true] {
            let native = envoy.address_of(&gateway::native_token(issuer.algorithm, is_cached))?;
            refused(native, None)?;
            refused(native, Some(&issuer.forged()))?;
        }
    }
    match status(portcullis, Some(&api_key(&keys.foreign)))? {
        403 => Ok(()),
        status => bail!("Portcullis answers {status} to a foreign address, not 403"),
    }
}

fn rows(measures: &[Measure], costs: &[Vec<f64>]) -> Vec<Row> {
    let mut rows: Vec<Row> = measures
        .iter()
        .zip(costs)
        .map(|(measure, costs)| Row::median_of(measure.name.as_str(), costs, "µs CPU"))
        .collect();
    let [_, _, native, empty, portcullis @ ..] = costs else {
        return rows;
    };
    for (measure, costs) in measures.iter().skip(API_KEY).zip(portcullis) {
        let above = median(&paired(costs, empty, |ours, theirs| ours - theirs));
        let name = format!("{}: above the empty filter", measure.name);
        rows.push(Row::at_most(name, above, "µs CPU", MOST_ABOVE_EMPTY_US));
        let share = median(&paired(costs, native, |ours, theirs| ours / theirs));
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
         limit rates yet. Tokens have an issuer, an audience and an end, which both sides check; at first sight, each \
         turn has {FIRST_SIGHTS} requests over the same number of connections, no token is sent to Portcullis twice, and the \
         comparisons are with rows that the same program sends.",
        load::CONNECTIONS,
    )
}
