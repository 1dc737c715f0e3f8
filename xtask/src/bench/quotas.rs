//! How far traffic runs over a quota that several Envoys share.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::json;

use super::gateway;
use super::limits::await_keys;
use super::load::{self, Header};
use super::report::Row;
use crate::stage::{Caller, ControlPlane, Envoy, Operator, Parts, Tokens, within};

/// How many Envoys share it.
const ENVOYS: u32 = 3;
/// How many requests come each second, to all of them together.
const PER_SECOND: u32 = 5_000;
/// How many requests a day has.
const QUOTA: u32 = 100_000;
/// For how many seconds of traffic a quota may run over at most, and by which part of it for each worker besides, as
/// `docs/limits.md` says.
const LATE_BY_S: u32 = 5;
const UNTOLD_PARTS: u32 = 200;
/// For how long requests come: until the quota is used up, and as long as it may take until all have heard, with some to
/// spare.
const STRETCH: Duration = Duration::from_secs(50);
/// How it is measured.
pub const METHOD: &str = "three Envoys with one worker each and the control plane share the cores of this machine; h2load \
                          sends 5,000 requests a second to all of them together, and what is answered with 200 beyond \
                          the quota counts. All of them have to refuse in the end.";
const DAY_S: u64 = 86_400;

/// Measures it.
///
/// # Errors
/// When something does not start, the day ends meanwhile, or somebody does not refuse in the end.
pub fn overrun(parts: &Parts, h2load: &Path) -> Result<Vec<Row>> {
    eprintln!("==> {ENVOYS} Envoys share a quota of {QUOTA} a day");
    let control_plane = ControlPlane::start(&parts.control_plane, Tokens::for_tests())?;
    let key = profile(&control_plane.operator())?;
    let bootstrap = gateway::alone(parts, control_plane.address())?;
    let environment = control_plane.tokens().gateway_environment();
    let envoys = (0..ENVOYS).map(|_| Envoy::start(&parts.envoy, &bootstrap, 1, &environment));
    let envoys: Vec<Envoy> = envoys.collect::<Result<_>>()?;
    let doors: Vec<SocketAddr> = envoys.iter().map(Envoy::gateway).collect::<Result<_>>()?;
    for to in &doors {
        await_keys(*to, &[&key])?;
    }
    let day = today()?;
    let per_second = PER_SECOND / ENVOYS;
    let (to, key) = (&doors, &key);
    let permitted: Vec<u32> = thread::scope(|scope| {
        let flows: Vec<_> = to
            .iter()
            .map(|to| scope.spawn(move || load::flow(h2load, *to, key, per_second, STRETCH)))
            .collect();
        let ended = flows.into_iter().map(|flow| {
            flow.join()
                .map_err(|_| anyhow!("a flow of requests fell"))?
        });
        ended.collect::<Result<_>>()
    })?;
    ensure!(
        today()? == day,
        "the day ended meanwhile, and with it the quota: measure again"
    );
    for to in &doors {
        within(Duration::from_secs(30), "the quota is refused", || {
            let refused = is_used_up(*to, key).unwrap_or(false);
            refused.then_some(())
        })?;
    }
    let permitted: u32 = permitted.iter().sum();
    ensure!(
        permitted >= QUOTA,
        "only {permitted} requests passed: too few came to use up a quota of {QUOTA}"
    );
    let over = f64::from(permitted.saturating_sub(QUOTA));
    let name = format!("{ENVOYS} Envoys, {PER_SECOND} a second, {QUOTA} a day: beyond the quota");
    let untold = ENVOYS.saturating_mul(QUOTA / UNTOLD_PARTS);
    let bound = f64::from(LATE_BY_S.saturating_mul(PER_SECOND).saturating_add(untold));
    let late = over / f64::from(PER_SECOND);
    Ok(vec![
        Row::at_most(name, over, "", bound),
        Row::measured("the same as a time of that traffic", late, "s"),
    ])
}

fn profile(operator: &Operator) -> Result<Header> {
    let endpoints = json!([{"method": "GET", "path": "/v1/orders/{id}"}]);
    let collection = operator.create_collection("orders", &endpoints)?;
    let client = operator.create_client("Quota")?;
    let draft = json!({"name": "a day", "quota": {"requests": QUOTA, "per": "day"}});
    let policy = operator.call("POST", "/policies", &draft)?;
    let further = json!({"policy_id": policy.body["id"]});
    let new = operator.create_profile_with(&client, "a day", &[&collection], &further)?;
    Ok(("api-token", new.api_key))
}

fn is_used_up(to: SocketAddr, (name, value): &Header) -> Result<bool> {
    let mut caller = Caller::connect(to)?;
    let answer = caller.get(load::PATH).header(name, value.clone()).send()?;
    Ok(answer.status == 429)
}

fn today() -> Result<u64> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(since_1970.context("a clock before 1970")?.as_secs() / DAY_S)
}
