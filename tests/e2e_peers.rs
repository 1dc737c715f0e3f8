//! What other gates were found to get wrong, each as a sentence that holds here.

use portcullis_tests::{Play, get_at, outcome, set, until_answered};
use serde_json::json;
use xtask::stage::Caller;

#[test]
fn a_key_that_nobody_knows_is_written_to_no_log() {
    let play = Play::begin(1).unwrap();
    play.envoy.log_from("wasm", "trace").unwrap();
    let unknown = "sk_live_somebody_elses_secret_0123456789";
    let mut caller = play.caller().unwrap();
    for (number, (name, value)) in (0..).zip([
        ("api-token", unknown.to_owned()),
        ("authorization", format!("Bearer {unknown}")),
        ("authorization", format!("Bearer ey.{unknown}.x")),
        ("authorization", format!("Basic {unknown}")),
    ]) {
        let host = format!("case-{number}.test");
        let answer = get_at(&mut caller, &host, "/orders/1")
            .header(name, value)
            .send()
            .unwrap();
        assert_eq!(outcome(&answer), "credential_invalid");
        play.envoy.access_of(&host).unwrap();
    }
    let control_plane = &play.control_plane;
    for log in [
        play.envoy.log(),
        play.envoy.printed(),
        control_plane.log(),
        control_plane.printed(),
    ] {
        assert!(!log.contains(unknown), "{log}");
    }
}

#[test]
fn an_address_that_the_caller_writes_into_a_header_is_not_taken_for_theirs() {
    let play = Play::begin(1).unwrap();
    let near = json!({"addresses": {"allow": ["203.0.113.0/24"]}});
    let member = play.member_with("Near", &near).unwrap();
    let mut caller = play.caller().unwrap();
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.5"),
        ("x-forwarded-for", "203.0.113.5, 10.0.0.1"),
        ("x-forwarded-for", "10.0.0.1, 203.0.113.5"),
        ("x-real-ip", "203.0.113.5"),
        ("forwarded", "for=203.0.113.5"),
        ("x-envoy-external-address", "203.0.113.5"),
        ("true-client-ip", "203.0.113.5"),
    ] {
        let answer = caller
            .get("/orders/1")
            .key(member.key())
            .header(name, value)
            .send()
            .unwrap();
        assert_eq!(outcome(&answer), "address_not_allowed", "{name}: {value}");
    }
}

#[test]
fn the_leftmost_address_is_not_trusted_behind_a_proxy_either() {
    let play = Play::begin(1).unwrap();
    let near = json!({"addresses": {"allow": ["203.0.113.0/24"]}});
    let member = play.member_with("Near", &near).unwrap();
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let envoy = play
        .another_envoy(|it| {
            it.at(manager, |manager| {
                manager["xff_num_trusted_hops"] = json!(1)
            })
        })
        .unwrap();
    let mut caller = Caller::connect(envoy.gateway().unwrap()).unwrap();
    until_answered(&mut caller, member.key(), "address_not_allowed").unwrap();
    for (value, expected) in [
        ("198.51.100.7, 203.0.113.5", "permitted"),
        ("203.0.113.5, 198.51.100.7", "address_not_allowed"),
        ("203.0.113.5, unknown", "address_not_allowed"),
    ] {
        let request = caller.get("/orders/1").key(member.key());
        let answer = request.header("x-forwarded-for", value).send().unwrap();
        assert_eq!(outcome(&answer), expected, "{value}");
    }
}

#[test]
fn a_worker_that_was_idle_lets_a_disabled_client_pass_not_even_once() {
    let play = Play::begin(4).unwrap();
    let member = play.member("Acme").unwrap();
    let mut callers = play.envoy.callers_on_every_worker().unwrap();
    for caller in &mut callers {
        until_answered(caller, member.key(), "permitted").unwrap();
    }
    play.operator()
        .enable_client(&member.client, false)
        .unwrap();
    let mut busy = play.caller().unwrap();
    until_answered(&mut busy, member.key(), "client_disabled").unwrap();
    // A later change has arrived as well: whoever was to be woken for the first one has been.
    play.member("Later").unwrap();
    for caller in &mut callers {
        let answer = caller.get("/orders/1").key(member.key()).send().unwrap();
        assert_eq!(outcome(&answer), "client_disabled");
    }
}

#[test]
fn the_configuration_is_not_logged() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let settings = json!({"credential_header": "x-marker-of-this-test"});
    let envoy = play
        .another_envoy(|bootstrap| set(bootstrap, &settings))
        .unwrap();
    let mut caller = Caller::connect(envoy.gateway().unwrap()).unwrap();
    until_answered(&mut caller, member.key(), "credential_missing").unwrap();
    let log = envoy.log();
    assert!(
        !log.contains("x-marker-of-this-test") && !log.contains("control_plane\""),
        "{log}"
    );
}
