//! Any of several control planes knows what all of them do, and the others go on when one falls.

use anyhow::Result;
use portcullis_tests::{Replicas, create_orders, outcome, until_answered, until_in_step};
use serde_json::{Value, json};
use xtask::stage::{Caller, Envoy, NewProfile, Operator, Service};

/// Revokes the key of a profile at once, and tells who has applied it.
fn revoke(operator: &Operator, profile: &NewProfile) -> Result<Value> {
    let path = format!("/access-profiles/{}", profile.id);
    let key = operator.call("GET", &path, &Value::Null)?.body["keys"][0]["id"].clone();
    let key = key.as_str().unwrap_or_default();
    let path = format!("{path}/keys/{key}?wait=applied&timeout=30");
    let reply = operator.call("DELETE", &path, &Value::Null)?;
    Ok(reply.body["applied"].clone())
}

/// What every worker of a gate answers to the key of a profile.
fn answers(envoy: &Envoy, profile: &NewProfile) -> Result<Vec<String>> {
    let mut callers = envoy.callers_on_every_worker()?;
    let answers = callers.iter_mut().map(|caller| {
        let answer = caller.get("/orders/1").key(&profile.api_key).send()?;
        Ok(outcome(&answer))
    });
    answers.collect()
}

#[test]
fn what_is_done_at_one_control_plane_is_so_at_all_and_a_killed_one_takes_nothing_with_it() {
    let mut replicas = Replicas::begin(3).unwrap();
    let service = Service::start().unwrap();
    let orders = create_orders(&replicas.operator(0).unwrap()).unwrap();
    let edges = [1, 2].map(|workers| replicas.envoy(&service, workers).unwrap());
    for number in 0..3 {
        until_in_step(&replicas.operator(number).unwrap(), edges.len()).unwrap();
    }

    // Each change at another control plane than the one before, and than those that the gateways ask.
    let mut profiles = Vec::new();
    for number in 0..6 {
        let operator = replicas.operator(number % 3).unwrap();
        let client = operator.create_client(&format!("Acme {number}")).unwrap();
        let operator = replicas.operator((number + 1) % 3).unwrap();
        let profile = operator.create_profile(&client, "Production", &[&orders]);
        profiles.push(profile.unwrap());
    }
    for edge in &edges {
        let mut caller = Caller::connect(edge.gateway().unwrap()).unwrap();
        for profile in &profiles {
            until_answered(&mut caller, &profile.api_key, "permitted").unwrap();
        }
    }
    for (number, profile) in profiles.iter().take(3).enumerate() {
        let applied = revoke(&replicas.operator(number).unwrap(), profile).unwrap();
        assert_eq!(
            (&applied["gateways"], &applied["applied"]),
            (&json!(2), &json!(2)),
            "{applied}"
        );
        for edge in &edges {
            let answers = answers(edge, profile).unwrap();
            assert!(
                answers.iter().all(|it| it == "credential_revoked"),
                "{answers:?}"
            );
        }
    }

    // Whatever it was doing.
    replicas.plane(2).unwrap().kill();
    for (number, profile) in profiles.iter().skip(3).enumerate() {
        let operator = replicas.operator(number % 2).unwrap();
        let applied = revoke(&operator, profile).unwrap();
        assert_eq!(
            (&applied["gateways"], &applied["applied"]),
            (&json!(2), &json!(2)),
            "{applied}"
        );
        for edge in &edges {
            let answers = answers(edge, profile).unwrap();
            assert!(
                answers.iter().all(|it| it == "credential_revoked"),
                "{answers:?}"
            );
        }
    }
    replicas.plane(2).unwrap().restart().unwrap();
    let clients = |number: usize| {
        let operator = replicas.operator(number).unwrap();
        let reply = operator.call("GET", "/clients", &Value::Null).unwrap();
        reply.body["items"].clone()
    };
    assert_eq!(clients(0).as_array().unwrap().len(), 6);
    assert_eq!(clients(1), clients(0));
    assert_eq!(clients(2), clients(0));
    until_in_step(&replicas.operator(2).unwrap(), edges.len()).unwrap();
}

#[test]
fn a_gateway_token_that_is_withdrawn_at_one_control_plane_opens_none() {
    let replicas = Replicas::begin(2).unwrap();
    let made = replicas
        .operator(0)
        .unwrap()
        .call("POST", "/gateway-tokens", &json!({"name": "Edge"}))
        .unwrap()
        .body;
    let token = made["token"].as_str().unwrap();
    let mut settings = replicas.gateway(1, 1).unwrap();
    token.clone_into(&mut settings.token);
    let gateway = scale::Gateway::new(settings);
    let fleet = scale::Fleet::start(vec![gateway]).unwrap();
    let soon = portcullis_tests::PATIENCE;
    fleet
        .wait(soon, "it is served", |status| status.position.is_some())
        .unwrap();
    // Its question is held: what ends it is the withdrawal.
    let failures = fleet.status(0).unwrap().failures;

    let path = format!("/gateway-tokens/{}", made["id"].as_str().unwrap());
    let operator = replicas.operator(0).unwrap();
    let reply = operator.call("DELETE", &path, &Value::Null).unwrap();
    assert_eq!(reply.status, 204, "{:?}", reply.body);
    fleet
        .wait(soon, "it is refused", |status| status.failures > failures)
        .unwrap();
    let why = fleet.status(0).unwrap().last_failure;
    assert_eq!(why.as_deref(), Some("the token is not known"));
}

#[test]
fn a_feed_key_that_is_made_at_one_control_plane_signs_at_all() {
    let replicas = Replicas::begin(2).unwrap();
    let operators = [0, 1].map(|number| replicas.operator(number).unwrap());
    let made = operators[0].call("POST", "/feed-keys", &json!({})).unwrap();
    assert_eq!(made.status, 201, "{:?}", made.body);
    let key = made.body["public_key"].as_str().unwrap().parse().unwrap();
    let mut settings = replicas.gateway(1, 1).unwrap();
    settings.feed_keys = vec![key];
    let fleet = scale::Fleet::start(vec![scale::Gateway::new(settings)]).unwrap();
    let soon = portcullis_tests::PATIENCE;
    fleet
        .wait(soon, "it believes the new key", |status| {
            status.position.is_some()
        })
        .unwrap();
    until_in_step(&operators[0], 1).unwrap();

    let path = format!("/feed-keys/{}", made.body["id"].as_str().unwrap());
    let refused = operators[0].call("DELETE", &path, &Value::Null).unwrap();
    assert_eq!(
        refused.status, 409,
        "the gateway asks the other one, and relies on it"
    );
    let forced = operators[0].call("DELETE", &format!("{path}?force=true"), &Value::Null);
    assert_eq!(forced.unwrap().status, 204);
    let before = fleet.status(0).unwrap().signature_failures;
    operators[1].create_client("Acme").unwrap();
    create_orders(&operators[1]).unwrap();
    fleet
        .wait(soon, "it is not signed for any more", |status| {
            status.signature_failures > before
        })
        .unwrap();
}
