//! What whoever watches a gateway sees of it, and what becomes of a gateway that has heard nothing for too long.

use std::time::{Duration, Instant};

use anyhow::Result;
use portcullis_tests::{Play, outcome, until, until_answered};
use serde_json::json;
use xtask::stage::{Envoy, within};

/// How long the leader may take until it publishes again, on a machine that may be busy.
const SOON: Duration = Duration::from_secs(10);

/// A metric of the filter once it is what a test expects.
fn metric(envoy: &Envoy, name: &str, expected: impl Fn(u64) -> bool) -> Result<u64> {
    let full_name = format!("wasmcustom.portcullis.{name}");
    let expected = || {
        envoy
            .count(&full_name)
            .ok()
            .filter(|value| expected(*value))
    };
    Ok(within(SOON, &format!("{name} is as expected"), expected)?.0)
}

#[test]
fn the_metrics_tell_how_far_a_gateway_is_and_what_it_holds() {
    let play = Play::begin(2).unwrap();
    let member = play.member("Acme").unwrap();
    let envoy = &play.envoy;
    let revision = metric(envoy, "feed.revision", |revision| revision > 2).unwrap();
    let profiles = play.operator();
    profiles.refresh_key(&member.profile.id).unwrap();
    metric(envoy, "feed.revision", |newer| newer > revision).unwrap();
    for (name, expected) in [
        ("feed.lag", 0),
        ("vms", 3),
        ("registry.profiles", 1),
        // The new key, and the old one, whose holder is told that it is revoked.
        ("registry.credentials", 2),
        ("feed.errors", 0),
        ("feed.signature_errors", 0),
        ("feed.resyncs", 0),
    ] {
        let value = metric(envoy, name, |value| value == expected);
        assert_eq!(value.unwrap(), expected, "{name}");
    }
    metric(envoy, "registry.bytes", |bytes| bytes > 200).unwrap();
    // The question is held while nothing changes.
    metric(envoy, "feed.contact_age_ms", |age| age > 500).unwrap();
    let hits = envoy.count("wasmcustom.portcullis.cache.hits").unwrap();
    let mut caller = play.caller().unwrap();
    for _ in 0..20 {
        caller.get("/orders/1").key(member.key()).send().unwrap();
    }
    metric(envoy, "cache.hits", |now| now >= hits + 19).unwrap();
    metric(envoy, "cache.misses", |misses| misses > 0).unwrap();
}

#[test]
fn a_vm_that_serves_requests_leaves_the_lead_to_the_main_thread() {
    let begun = Instant::now();
    let play = Play::begin_set(&json!({"control_plane":
        {"cluster": "portcullis_control_plane", "wait_s": 1, "feed_keys": "environment"}}))
    .unwrap();
    let leader = || {
        let log = play.envoy.log();
        let line = log
            .lines()
            .rfind(|line| line.contains("this VM asks the control plane"))?;
        // `[time][thread][level]…`; the main thread has the number of the process.
        let thread = line.split(['[', ']']).nth(3)?.parse::<u32>().ok()?;
        Some(thread == play.envoy.pid())
    };
    let mut caller = play.caller().unwrap();
    within(SOON, "the main thread leads", || {
        caller.get("/orders/1").send().ok()?;
        leader()?.then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {}", play.envoy.log()));
    let member = play.member("Acme").unwrap();
    until_answered(&mut caller, member.key(), "permitted").unwrap();
    within(SOON, "the main thread leads last", || {
        leader()?.then_some(())
    })
    .unwrap_or_else(|error| panic!("{error}: {}", play.envoy.log()));
    let changes = play
        .envoy
        .count("wasmcustom.portcullis.leadership_changes")
        .unwrap();
    // A lease runs for two seconds. A busy machine may keep its holder from its work for longer: then another one leads
    // until the main thread does again.
    let most = 2 + begun.elapsed().as_secs();
    assert!((1..=most).contains(&changes), "{changes} of {most}");
}

#[test]
fn what_is_too_old_is_not_decided_by_where_that_is_wished() {
    let mut play = Play::begin_set(&json!({
        "control_plane": {"cluster": "portcullis_control_plane", "wait_s": 1, "feed_keys": "environment"},
        "max_staleness_s": 6,
    }))
    .unwrap();
    let patient = play.another_envoy(Ok).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();
    let mut at_patient = xtask::stage::Caller::connect(patient.gateway().unwrap()).unwrap();
    until_answered(&mut at_patient, member.key(), "permitted").unwrap();
    until_answered(&mut caller, member.key(), "permitted").unwrap();

    play.control_plane.kill();
    until_answered(&mut caller, member.key(), "not_ready").unwrap();
    let answer = caller.get("/orders/1").send().unwrap();
    assert_eq!(
        (answer.status, outcome(&answer).as_str()),
        (503, "not_ready")
    );
    assert!(answer.header("retry-after").is_some());
    until_answered(&mut at_patient, member.key(), "permitted").unwrap();

    play.control_plane.restart().unwrap();
    until_answered(&mut caller, member.key(), "permitted").unwrap();
    // A question that is held and answered with nothing is contact too.
    let quiet = Instant::now();
    until(&mut caller, "eight seconds have passed", |caller| {
        let answer = caller.get("/orders/1").key(member.key()).send()?;
        anyhow::ensure!(outcome(&answer) == "permitted", "{}", outcome(&answer));
        Ok(quiet.elapsed() > Duration::from_secs(8))
    })
    .unwrap();
}
