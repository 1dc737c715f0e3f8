//! Observing: what would be refused passes, and operators see it.

use portcullis_tests::{Play, get_at, outcome, set, text, until, until_answered};
use serde_json::json;
use xtask::stage::Caller;

#[test]
fn a_profile_that_is_observed_passes_where_it_would_be_refused_and_that_is_noted() {
    let play = Play::begin(1).unwrap();
    let further = json!({"addresses": {"allow": ["203.0.113.0/24"]}, "observe": true});
    let member = play.member_with("Acme", &further).unwrap();
    let mut caller = play.caller().unwrap();
    let counter = "wasmcustom.portcullis.observed.address_not_allowed";
    let before = play.envoy.count(counter).unwrap();
    play.service.forget();

    let request = get_at(&mut caller, "elsewhere.test", "/orders/7").key(member.key());
    assert_eq!(outcome(&request.send().unwrap()), "permitted");
    let line = play.envoy.access_of("elsewhere.test").unwrap();
    let said = ["decision", "reason", "judged_address", "client"];
    let said = said.map(|field| text(&line, field).unwrap());
    let expected = ["observed", "address_not_allowed", "127.0.0.1"];
    assert_eq!(said[..3], expected, "{line}");
    assert_eq!(said[3], member.client, "{line}");
    assert_eq!(line["status"], 200);
    assert_eq!(play.envoy.count(counter).unwrap(), before + 1);
    let seen = &play.service.seen()[0];
    assert_eq!(seen.values("x-client-id"), [member.client.as_str()]);
    assert!(seen.values("api-token").is_empty(), "{seen:?}");

    let other = play
        .member_with("Other", &json!({"observe": true}))
        .unwrap();
    for (host, path, code) in [
        ("stock.test", "/stock", "collection_not_granted"),
        ("nowhere.test", "/nowhere", "endpoint_not_found"),
        ("archive.test", "/orders/archive", "endpoint_disabled"),
    ] {
        let answer = get_at(&mut caller, host, path)
            .key(other.key())
            .send()
            .unwrap();
        assert_eq!(outcome(&answer), "permitted", "{path}");
        let line = play.envoy.access_of(host).unwrap();
        let said = ["decision", "reason"].map(|field| text(&line, field).unwrap());
        assert_eq!(said, ["observed", code], "{line}");
    }
}

#[test]
fn a_profile_that_is_observed_opens_nothing_to_who_is_not_its_client_any_more() {
    let play = Play::begin(1).unwrap();
    let member = play.member_with("Acme", &json!({"observe": true})).unwrap();
    let operator = play.operator();
    let mut caller = play.caller().unwrap();
    let new = operator.refresh_key(&member.profile.id).unwrap();
    until_answered(&mut caller, member.key(), "credential_revoked").unwrap();
    until_answered(&mut caller, &new, "permitted").unwrap();
    operator.enable_client(&member.client, false).unwrap();
    until_answered(&mut caller, &new, "client_disabled").unwrap();
    operator.enable_client(&member.client, true).unwrap();
    operator
        .change_profile(&member.profile.id, &json!({"enabled": false}))
        .unwrap();
    until_answered(&mut caller, &new, "profile_disabled").unwrap();
    let answer = caller.get("/orders/7;x=1").key(&new).send().unwrap();
    assert_eq!(outcome(&answer), "request_ambiguous");
}

#[test]
fn a_filter_that_only_observes_lets_everything_pass_and_notes_what_it_would_refuse() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let envoy = play
        .another_envoy(|bootstrap| set(bootstrap, &json!({"observe": true})))
        .unwrap();
    let mut caller = Caller::connect(envoy.gateway().unwrap()).unwrap();
    // Before the gate knows its clients, everything passes too.
    until(&mut caller, "the gate is ready", |caller| {
        caller.get("/orders/1").send()?;
        Ok(envoy.count("wasmcustom.portcullis.observed.credential_missing")? > 0)
    })
    .unwrap();
    play.service.forget();

    for (host, path, key, code) in [
        ("missing.test", "/orders/7", None, "credential_missing"),
        (
            "unknown.test",
            "/orders/7",
            Some("unknown"),
            "credential_invalid",
        ),
        (
            "stock.test",
            "/stock",
            Some(member.key()),
            "collection_not_granted",
        ),
        (
            "nowhere.test",
            "/nowhere",
            Some(member.key()),
            "endpoint_not_found",
        ),
        (
            "ambiguous.test",
            "/orders/7;x=1",
            Some(member.key()),
            "request_ambiguous",
        ),
    ] {
        let mut request = get_at(&mut caller, host, path).header("x-client-id", "forged");
        if let Some(key) = key {
            request = request.key(key);
        }
        assert_eq!(outcome(&request.send().unwrap()), "permitted", "{host}");
        let line = envoy.access_of(host).unwrap();
        let said = ["decision", "reason"].map(|field| text(&line, field).unwrap());
        assert_eq!(said, ["observed", code], "{line}");
        let counter = format!("wasmcustom.portcullis.observed.{code}");
        assert!(envoy.count(&counter).unwrap() > 0, "{counter}");
    }
    let seen = play.service.seen();
    assert!(
        seen.iter()
            .all(|it| !it.values("x-client-id").contains(&"forged")),
        "{seen:?}"
    );
    // A key that is not known here may be one of the service's own.
    assert_eq!(seen[1].values("api-token"), ["unknown"]);
    assert!(seen[2].values("api-token").is_empty(), "{seen:?}");
    assert_eq!(seen[2].values("x-client-id"), [member.client.as_str()]);
    for reason in [
        "credential_missing",
        "credential_invalid",
        "collection_not_granted",
    ] {
        let refused = format!("wasmcustom.portcullis.refused.{reason}");
        assert_eq!(envoy.count(&refused).unwrap(), 0, "{reason}");
    }
}
