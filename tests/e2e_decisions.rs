//! Who is permitted and who is refused, and what either is told.

use jiff::{SignedDuration, Timestamp};
use portcullis_tests::{
    Case, Play, create_orders, get_at, outcome, start_envoy, text, until_answered,
};
use serde_json::json;
use xtask::stage::{ControlPlane, Parts, Service, Tokens};

#[test]
fn every_reason_for_refusal_is_told_with_its_status_and_stands_in_the_access_log() {
    let play = Play::begin(1).unwrap();
    let mut caller = play.caller().unwrap();

    for (number, case) in (0..).zip(play.cases().unwrap()) {
        let Case {
            path,
            key,
            status,
            outcome: code,
        } = case;
        let host = format!("case-{number}.test");
        let mut request = get_at(&mut caller, &host, path);
        if let Some(key) = &key {
            request = request.key(key);
        }
        let answer = request.send().unwrap();

        assert_eq!(
            (answer.status, outcome(&answer).as_str()),
            (status, code),
            "{path}"
        );
        let line = play.envoy.access_of(&host).unwrap();
        let said = ["decision", "reason"].map(|field| line[field].as_str());
        if status == 200 {
            assert_eq!(said, [None, None], "{line}");
            continue;
        }
        assert_eq!(said, [Some("refused"), Some(code)], "{line}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.json()["status"], status);
        assert_eq!(
            answer.header("www-authenticate").is_some(),
            status == 401,
            "{code}"
        );
        assert_eq!(
            text(&line, "details").unwrap(),
            format!("portcullis.{code}")
        );
    }
}

#[test]
fn the_access_log_names_who_called_once_that_is_proven_and_never_the_key() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();
    let who = (
        Some(member.client.as_str()),
        Some(member.profile.id.as_str()),
    );

    for (number, (path, key, reason, (client, profile), collection)) in (0..).zip([
        (
            "/stock",
            member.key(),
            "collection_not_granted",
            who,
            Some("stock/v1"),
        ),
        ("/nowhere", member.key(), "endpoint_not_found", who, None),
        (
            "/orders/7",
            "some other key",
            "credential_invalid",
            (None, None),
            None,
        ),
    ]) {
        let host = format!("case-{number}.test");
        let request = get_at(&mut caller, &host, path);
        let forged = request.key(key).header("x-client-id", "cl_forged");
        let answer = forged.send().unwrap();
        let line = play.envoy.access_of(&host).unwrap();
        let said = ["reason", "client", "access_profile", "collection"];
        let said = said.map(|field| line[field].as_str());
        assert_eq!(said, [Some(reason), client, profile, collection], "{line}");
        // The decision, as the caller is told it, and no address, since none was judged.
        let answer = answer.json();
        assert_eq!(line["decision_id"], answer["decision"], "{line}");
        assert!(line["decision_id"].is_string(), "{line}");
        assert!(line["judged_address"].is_null(), "{line}");
        assert!(!line.to_string().contains(key), "{line}");
    }

    let request = get_at(&mut caller, "permitted.test", "/orders/7?x=1");
    request.key(member.key()).send().unwrap();
    let line = play.envoy.access_of("permitted.test").unwrap();
    let said = ["client", "access_profile", "collection", "path"].map(|field| line[field].clone());
    let expected = [
        member.client.as_str(),
        &member.profile.id,
        "orders/v1",
        "/orders/7",
    ];
    assert_eq!(said, expected.map(serde_json::Value::from));
    assert!(!line.to_string().contains(member.key()), "{line}");
}

#[test]
fn the_access_log_names_the_decision_of_permitted_requests_where_that_is_wanted() {
    let play = Play::begin_set(&json!({"log_permitted": true})).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();
    let mut ids = ["one.test", "two.test"].map(|host| {
        let request = get_at(&mut caller, host, "/orders/7");
        request.key(member.key()).send().unwrap();
        let line = play.envoy.access_of(host).unwrap();
        assert_eq!(line["decision"], "permitted", "{line}");
        assert!(line["reason"].is_null(), "{line}");
        text(&line, "decision_id").unwrap().to_owned()
    });
    ids.sort();
    assert!(
        ids[0] != ids[1] && ids.iter().all(|id| id.len() == 16),
        "{ids:?}"
    );
}

#[test]
fn a_grpc_caller_is_told_in_a_grpc_status() {
    let play = Play::begin(1).unwrap();
    let off = play.member_with("Off", &json!({"enabled": false})).unwrap();
    let mut caller = play.caller().unwrap();
    play.service.forget();
    // UNAUTHENTICATED and PERMISSION_DENIED.
    for (key, status) in [("unknown", "16"), (off.key(), "7")] {
        let request = caller.request("POST", "/orders");
        let answer = request
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .key(key)
            .send()
            .unwrap();
        assert_eq!(answer.header("grpc-status"), Some(status), "{answer:?}");
    }
    assert!(play.service.seen().is_empty());
}

#[test]
fn an_expired_profile_is_refused_and_told_so() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let expires_at = (Timestamp::now() + SignedDuration::from_secs(2)).to_string();
    play.operator()
        .change_profile(&member.profile.id, &json!({"expires_at": expires_at}))
        .unwrap();
    let mut caller = play.caller().unwrap();
    until_answered(&mut caller, member.key(), "credential_expired").unwrap();
    let answer = caller.get("/orders/1").key("unknown").send().unwrap();
    assert_eq!(outcome(&answer), "credential_invalid");
}

#[test]
fn nothing_passes_before_the_first_sync_and_everything_works_after_it() {
    let parts = Parts::from_environment().unwrap();
    let mut control_plane =
        ControlPlane::not_yet(&parts.control_plane, Tokens::for_tests()).unwrap();
    let service = Service::start().unwrap();
    let token = control_plane.tokens().gateway.clone();
    let envoy = start_envoy(&control_plane, &service, 2, &token, Ok).unwrap();
    let mut caller = xtask::stage::Caller::connect(envoy.gateway().unwrap()).unwrap();

    let early = caller.get("/orders/1").key("any").send().unwrap();
    assert_eq!((early.status, outcome(&early).as_str()), (503, "not_ready"));
    assert_eq!(early.header("retry-after"), Some("1"));

    control_plane.restart().unwrap();
    let operator = control_plane.operator();
    let orders = create_orders(&operator).unwrap();
    let client = operator.create_client("Acme").unwrap();
    let profile = operator
        .create_profile(&client, "Production", &[&orders])
        .unwrap();
    until_answered(&mut caller, &profile.api_key, "permitted").unwrap();
    assert_eq!(
        service.seen().len(),
        1,
        "only the permitted request arrived"
    );
}
