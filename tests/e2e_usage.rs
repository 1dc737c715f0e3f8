//! Usage: what gateways count arrives, each request once, whatever falls meanwhile.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

use std::time::Duration;

use portcullis_tests::{Member, Play, outcome, until_answered};
use serde_json::Value;
use xtask::stage::{Caller, within};

/// Counts are handed over every five seconds, and fetched and sent as often; what fails waits as long.
const TOLD: Duration = Duration::from_secs(60);

/// The sums of a profile, or of everybody.
fn totals(play: &Play, query: &str) -> Value {
    let path = format!("/usage/totals?{query}");
    let reply = play.operator().call("GET", &path, &Value::Null).unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body
}

/// Waits until so many requests of a profile are told.
#[track_caller]
fn until_at_least(play: &Play, member: &Member, requests: u64) -> Value {
    let query = format!("profile_id={}", member.profile.id);
    let (told, _) = within(TOLD, "the requests are told", || {
        let told = totals(play, &query);
        (told["requests"].as_u64() >= Some(requests)).then_some(told)
    })
    .unwrap();
    told
}

fn call(caller: &mut Caller, member: &Member, path: &str, times: u64) -> u64 {
    (0..times).fold(0, |permitted, _| {
        let answer = caller.get(path).key(member.key()).send().unwrap();
        permitted + u64::from(answer.status == 200)
    })
}

#[test]
fn requests_are_told_with_who_called_what_and_how_it_ended() {
    let play = Play::begin(2).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();
    let before = 1;
    assert_eq!(call(&mut caller, &member, "/orders/7", 20), 20);
    assert_eq!(call(&mut caller, &member, "/stock", 3), 0);
    let stranger = caller.get("/orders/7").key("unknown").send().unwrap();
    assert_eq!(outcome(&stranger), "credential_invalid");

    let awaited = until_at_least(&play, &member, 23 + before);
    assert_eq!(awaited["refused"], 3, "{awaited}");
    assert_eq!(awaited["statuses"]["4xx"], 3, "{awaited}");
    assert_eq!(
        awaited["statuses"]["2xx"], awaited["permitted"],
        "{awaited}"
    );
    assert_eq!(awaited["reasons"]["collection_not_granted"], 3, "{awaited}");
    assert!(awaited["bytes_out"].as_u64() > Some(0), "{awaited}");
    within(TOLD, "the stranger is told", || {
        let strangers = totals(&play, "reason=credential_invalid");
        (strangers["requests"].as_u64() >= Some(1)).then_some(())
    })
    .unwrap();

    let keys = format!("/access-profiles/{}/keys", member.profile.id);
    let keys = play.operator().call("GET", &keys, &Value::Null).unwrap();
    assert!(
        keys.body["items"][0]["last_used_at"].is_string(),
        "{keys:?}"
    );
    let refusals = format!("/usage/refusals?profile_id={}", member.profile.id);
    let refusals = play
        .operator()
        .call("GET", &refusals, &Value::Null)
        .unwrap();
    let refusal = &refusals.body["items"][0];
    assert_eq!(refusal["path"], "/stock", "{refusals:?}");
    assert_eq!(refusal["reason"], "collection_not_granted");
    assert!(!refusals.body.to_string().contains(member.key()));
}

#[test]
fn each_request_is_told_once_though_the_control_plane_is_killed_again_and_again() {
    let mut play = Play::begin(2).unwrap();
    let member = play.stranger("Acme", &serde_json::json!({})).unwrap();
    let known = play.member("Other").unwrap();
    let mut callers: Vec<Caller> = (0..4).map(|_| play.caller().unwrap()).collect();
    let mut made = 0;
    for _ in 0..3 {
        for caller in &mut callers {
            made += call(caller, &member, "/orders/7", 50);
        }
        play.control_plane.kill();
        for caller in &mut callers {
            made += call(caller, &member, "/orders/7", 50);
        }
        play.control_plane.restart().unwrap();
        until_at_least(&play, &member, made);
    }
    assert!(made > 1_000, "{made}");
    let told = until_at_least(&play, &member, made);
    assert_eq!(told["requests"], made, "{told}");
    assert_eq!(told["permitted"], made, "{told}");
    drop(known);
}

/// How many requests all VMs of the Envoy have decided, as its own counters say: they outlive VMs.
fn decided(play: &Play) -> u64 {
    let stats = play.envoy.admin("/stats?filter=usage.decided").unwrap();
    let counts = stats.lines().filter_map(|line| line.rsplit_once(": "));
    counts.map(|(_, count)| count.parse::<u64>().unwrap()).sum()
}

/// How many requests the gateways know not to have told.
fn lost(play: &Play) -> u64 {
    let reply = play.operator().call("GET", "/usage/gateways", &Value::Null);
    let reply = reply.unwrap().body;
    let items = reply["items"].as_array().unwrap();
    items.iter().filter_map(|item| item["lost"].as_u64()).sum()
}

#[test]
fn what_a_worker_takes_along_when_it_falls_is_told_to_the_last_request() {
    let play = Play::begin_with_doors(2).unwrap();
    let member = play.member("Acme").unwrap();
    let (mut made, mut rounds) = (0, 0);
    // A worker may fall just after it has handed over everything: then nothing is lost, and another one falls.
    while lost(&play) == 0 {
        rounds += 1;
        assert!(rounds < 10, "nothing is ever lost");
        for mut caller in play.envoy.callers_on_every_worker().unwrap() {
            until_answered(&mut caller, member.key(), "permitted").unwrap();
            made += call(&mut caller, &member, "/orders/7", 40);
        }
        let mut caller = play.caller().unwrap();
        let request = caller.get("/orders/7").key(member.key());
        request.header("x-portcullis-trap", "1").send().ok();
        // What is asked of the VM that takes its place counts from the first request on, before it has ever ticked.
        let mut callers = play.envoy.callers_on_every_worker().unwrap();
        for caller in &mut callers {
            until_answered(caller, member.key(), "permitted").unwrap();
            made += call(caller, &member, "/orders/7", 5);
        }
        within(TOLD, "every request is told, or told to be lost", || {
            let told = totals(&play, "").get("requests")?.as_u64()?;
            (told + lost(&play) == decided(&play)).then_some(())
        })
        .unwrap();
    }
    assert!(decided(&play) > made, "{made} were made and more awaited");
    assert!(lost(&play) <= made, "{made} were made");
}
