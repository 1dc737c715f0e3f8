//! What happens when something falls: the control plane, a VM, a configuration that cannot work.

use portcullis_tests::{Play, bootstrap, outcome, until, until_answered};
use xtask::stage::{Envoy, Parts, Tokens};

#[test]
fn without_its_control_plane_a_gate_decides_as_before_and_catches_up_when_it_is_back() {
    let mut play = Play::begin(2).unwrap();
    let (one, two) = (play.member("One").unwrap(), play.member("Two").unwrap());
    play.control_plane.kill();
    for caller in &mut play.envoy.callers_on_every_worker().unwrap() {
        for (key, expected) in [
            (one.key(), "permitted"),
            (two.key(), "permitted"),
            ("unknown", "credential_invalid"),
        ] {
            let answer = caller.get("/orders/1").key(key).send().unwrap();
            assert_eq!(outcome(&answer), expected);
        }
    }

    play.control_plane.restart().unwrap();
    play.operator().enable_client(&one.client, false).unwrap();
    for caller in &mut play.envoy.callers_on_every_worker().unwrap() {
        until_answered(caller, one.key(), "client_disabled").unwrap();
        until_answered(caller, two.key(), "permitted").unwrap();
    }
}

#[test]
fn a_gate_that_meets_another_database_takes_its_clients_and_forgets_the_old_ones() {
    let mut play = Play::begin(2).unwrap();
    let old = play.member("Old").unwrap();
    let parts = Parts::from_environment().unwrap();
    let address = play.control_plane.address();
    play.control_plane.stop();
    let data = tempfile::tempdir().unwrap();
    let tokens = play.control_plane.tokens().clone();
    play.control_plane =
        xtask::stage::ControlPlane::start_on(&parts.control_plane, tokens, data.path(), address)
            .unwrap();
    play.orders = portcullis_tests::create_orders(&play.operator()).unwrap();

    let new = play.member("New").unwrap();

    for caller in &mut play.envoy.callers_on_every_worker().unwrap() {
        until_answered(caller, new.key(), "permitted").unwrap();
        until_answered(caller, old.key(), "credential_invalid").unwrap();
    }
}

#[test]
fn a_vm_that_was_brought_down_recovers_by_itself_and_still_knows_its_clients() {
    let mut play = Play::begin_with_doors(1).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();
    // What the new VM knows, it knows from the registry: nobody else can tell it.
    play.control_plane.kill();

    for round in 0..2 {
        let fallen = caller
            .get("/orders/1")
            .key(member.key())
            .header("x-portcullis-trap", "1")
            .send();
        assert_ne!(
            fallen.map(|answer| answer.status).unwrap_or(503),
            200,
            "round {round}"
        );
        let mut caller = play.caller().unwrap();
        until(&mut caller, "the VM is back", |caller| {
            let answer = caller.get("/orders/1").key(member.key()).send()?;
            let outcome = outcome(&answer);
            assert!(
                ["permitted", "503"].contains(&outcome.as_str()),
                "round {round}: {outcome}"
            );
            Ok(outcome == "permitted")
        })
        .unwrap();
    }

    play.control_plane.restart().unwrap();
    play.operator()
        .enable_client(&member.client, false)
        .unwrap();
    until_answered(&mut play.caller().unwrap(), member.key(), "client_disabled").unwrap();
}

#[test]
fn a_request_cannot_bring_the_shipped_filter_down() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();
    let answer = caller
        .get("/orders/1")
        .key(member.key())
        .header("x-portcullis-trap", "1")
        .send()
        .unwrap();
    assert_eq!(answer.status, 200);
}

#[test]
fn a_configuration_that_can_never_work_stops_envoy_with_one_sentence() {
    let parts = Parts::from_environment().unwrap();
    for (configuration, sentence) in [
        (
            r#"{"control_plane": {"cluster": "c"}, "colour": 1}"#,
            "unknown field `colour`",
        ),
        (
            r#"{"control_plane": {"clusters": "c"}}"#,
            "unknown field `clusters`",
        ),
        (r#"{"control_plane": {}}"#, "missing field `cluster`"),
        ("{}", "missing field `control_plane`"),
        (
            r#"{"control_plane": {"cluster": ""}}"#,
            "`control_plane.cluster` is empty",
        ),
        (
            r#"{"control_plane": {"cluster": "c"}, "credential_header": "a b"}"#,
            "`a b` cannot be used here",
        ),
        (
            "",
            "there is none: give it as a google.protobuf.StringValue",
        ),
        ("[1]", "give it as a google.protobuf.StringValue"),
        (r#"{"control_plane""#, "EOF while parsing"),
    ] {
        let bootstrap = bootstrap(&parts.filter())
            .unwrap()
            .configuration(configuration)
            .unwrap();
        let tokens = Tokens::for_tests();
        let token = tokens.gateway_environment();
        let refusal = format!(
            "{:#}",
            Envoy::start(&parts.envoy, &bootstrap, 1, &token).unwrap_err()
        );
        let line = refusal.lines().find(|line| line.contains(sentence));
        let line =
            line.unwrap_or_else(|| panic!("no `{sentence}` for `{configuration}` in {refusal}"));
        assert!(
            line.contains("portcullis: the plugin configuration cannot be used"),
            "{line}"
        );
    }
}

#[test]
fn a_gateway_without_a_token_does_not_start_and_says_what_is_missing() {
    let parts = Parts::from_environment().unwrap();
    let bootstrap = bootstrap(&parts.filter()).unwrap();
    let refusal = Envoy::start(&parts.envoy, &bootstrap, 1, &[]).unwrap_err();
    assert!(
        format!("{refusal:#}").contains("`PORTCULLIS_GATEWAY_TOKEN`"),
        "{refusal:#}"
    );
}

#[test]
fn a_gateway_whose_token_is_wrong_stays_shut_and_says_so() {
    let play = Play::begin(1).unwrap();
    let token = "not-the-token-of-any-gateway";
    let envoy = play.another_envoy_with_token(token, Ok).unwrap();
    let mut caller = xtask::stage::Caller::connect(envoy.gateway().unwrap()).unwrap();
    until(&mut caller, "the log says why", |caller| {
        assert_eq!(caller.get("/orders/1").send()?.status, 503);
        Ok(envoy
            .log()
            .contains("it does not know this gateway's token"))
    })
    .unwrap();
    assert!(!envoy.log().contains(token));
}

#[test]
fn a_gateway_whose_cluster_is_not_there_yet_stays_shut_and_says_so() {
    let play = Play::begin(1).unwrap();
    let configuration = r#"{"control_plane": {"cluster": "nowhere"}}"#;
    let envoy = play
        .another_envoy(|bootstrap| bootstrap.configuration(configuration))
        .unwrap();
    let mut caller = xtask::stage::Caller::connect(envoy.gateway().unwrap()).unwrap();
    until(&mut caller, "the log says why", |caller| {
        assert_eq!(caller.get("/orders/1").send()?.status, 503);
        Ok(envoy
            .log()
            .contains("cluster `nowhere` is unknown to this Envoy"))
    })
    .unwrap();
}

#[test]
fn several_envoys_follow_one_control_plane() {
    let play = Play::begin(1).unwrap();
    let other = play.another_envoy(Ok).unwrap();
    let member = play.member("Acme").unwrap();
    let mut callers = [
        play.caller().unwrap(),
        xtask::stage::Caller::connect(other.gateway().unwrap()).unwrap(),
    ];
    for caller in &mut callers {
        until_answered(caller, member.key(), "permitted").unwrap();
    }
    play.operator().refresh_key(&member.profile.id).unwrap();
    for caller in &mut callers {
        until_answered(caller, member.key(), "credential_revoked").unwrap();
    }
}
