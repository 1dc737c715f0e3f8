//! Whether each of very many requests is counted once, while the control plane is killed and workers fall.

use std::net::SocketAddr;
use std::path::Path;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};

use super::gateway;
use super::limits::await_keys;
use super::load::{self, Header};
use super::report::Row;
use crate::stage::{Caller, ControlPlane, Envoy, Operator, Parts, Tokens, within};

/// How often the control plane is killed, for how long, and how often a worker falls.
const KILLED: u32 = 5;
const AWAY: Duration = Duration::from_secs(3);
const FALLEN: u32 = 2;
/// How many workers there are.
const WORKERS: usize = 2;
/// How long it may take until all is told, after the last request.
const TOLD: Duration = Duration::from_secs(180);
/// How it is measured.
pub const METHOD: &str = "one Envoy with two workers and the control plane share the cores of this machine, and h2load \
                          sends as fast as it is answered. In the middle of each of seven equal parts the control plane \
                          is killed and started again after 3 s (five parts), or a request brings its worker down (two). \
                          What Envoy's own counters say was decided has to be told, or told to be lost, and no more.";

/// Counts so many requests.
///
/// # Errors
/// When something does not start, or the sums never become what they should be.
pub fn counted(parts: &Parts, h2load: &Path, requests: u32) -> Result<Vec<Row>> {
    eprintln!(
        "==> counting {requests} requests while the control plane is killed and workers fall"
    );
    let mut control_plane = ControlPlane::start(&parts.control_plane, Tokens::for_tests())?;
    let key = profile(&control_plane.operator())?;
    let bootstrap = gateway::alone(parts, control_plane.address())?
        .module("portcullis.wasm", &parts.filter_with_doors())?;
    let environment = control_plane.tokens().gateway_environment();
    let envoy = Envoy::start(&parts.envoy, &bootstrap, WORKERS, &environment)?;
    let to = envoy.gateway()?;
    await_keys(to, &[&key])?;
    let portion = requests / (KILLED + FALLEN);
    let mut answered: u64 = 0;
    for number in 0..KILLED + FALLEN {
        // A worker falls in the middle of the kills.
        let falls = number % 3 == 1;
        eprintln!("==> part {} of {}", number + 1, KILLED + FALLEN);
        answered += thread::scope(|scope| {
            let load = scope.spawn(|| load::send_any(h2load, to, &key, portion / 2));
            if falls {
                fell(to, &key);
            } else {
                control_plane.kill();
                thread::sleep(AWAY);
                control_plane.restart()?;
            }
            let first = joined(load)?;
            let second = load::send_any(h2load, to, &key, portion - portion / 2)?;
            anyhow::Ok(u64::from(first) + u64::from(second))
        })?;
    }
    let operator = control_plane.operator();
    let (accounts, _) = within(TOLD, "every request is told, or told to be lost", || {
        let accounts = Accounts::read(&operator, &envoy).ok()?;
        (accounts.told + accounts.lost >= accounts.decided).then_some(accounts)
    })?;
    let Accounts {
        told,
        permitted,
        lost,
        decided,
    } = accounts;
    ensure!(
        told + lost == decided,
        "{told} requests are told and {lost} are lost of {decided}: some count twice"
    );
    let missing = answered.saturating_sub(permitted + lost);
    let name = |what: &str| format!("{decided} requests: {what}");
    Ok(vec![
        Row::measured(name("told"), count(told), ""),
        Row::measured(
            name("told to be lost with a fallen worker"),
            count(lost),
            "",
        ),
        Row::at_most(name("permitted, and neither"), count(missing), "", 0.0),
    ])
}

/// What is said of all requests.
struct Accounts {
    told: u64,
    permitted: u64,
    lost: u64,
    decided: u64,
}

impl Accounts {
    fn read(operator: &Operator, envoy: &Envoy) -> Result<Self> {
        let get =
            |path: &str| Ok::<_, anyhow::Error>(operator.call("GET", path, &Value::Null)?.body);
        let number = |value: &Value| value.as_u64().context("no number");
        let totals = get("/usage/totals")?;
        let gateways = get("/usage/gateways")?;
        let gateways = gateways["items"].as_array().context("no gateways")?;
        let lost: Result<Vec<u64>> = gateways.iter().map(|it| number(&it["lost"])).collect();
        let stats = envoy.admin("/stats?filter=usage.decided")?;
        let decided = stats.lines().filter_map(|line| line.rsplit_once(": "));
        let decided: Result<Vec<u64>, _> = decided.map(|(_, count)| count.parse()).collect();
        Ok(Self {
            told: number(&totals["requests"])?,
            permitted: number(&totals["permitted"])?,
            lost: lost?.iter().sum(),
            decided: decided?.iter().sum(),
        })
    }
}

fn profile(operator: &Operator) -> Result<Header> {
    let endpoints = json!([{"method": "GET", "path": "/v1/orders/{id}"}]);
    let collection = operator.create_collection("orders", &endpoints)?;
    let client = operator.create_client("Counted")?;
    let new = operator.create_profile_with(&client, "counted", &[&collection], &json!({}))?;
    Ok(("api-token", new.api_key))
}

/// Brings a worker down, in the middle of its requests.
fn fell(to: SocketAddr, (name, value): &Header) {
    thread::sleep(AWAY);
    if let Ok(mut caller) = Caller::connect(to) {
        let request = caller.get(load::PATH).header(name, value.clone());
        // There is no answer, or none that matters.
        request.header("x-portcullis-trap", "1").send().ok();
    }
}

fn joined(load: ScopedJoinHandle<'_, Result<u32>>) -> Result<u32> {
    load.join().map_err(|_| anyhow!("the load fell"))?
}

#[expect(clippy::cast_precision_loss, reason = "nobody sends that many")]
const fn count(number: u64) -> f64 {
    number as f64
}
