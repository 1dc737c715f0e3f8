//! The database server goes away and comes back: gates go on, operators are told, and everything recovers by itself.

use std::time::{Duration, Instant};

use portcullis_tests::{PATIENCE, Replicas, create_orders, outcome, until_answered, until_in_step};
use scale::gateway::Settings;
use scale::{Fleet, Gateway};
use serde_json::{Value, json};
use xtask::stage::{Caller, Service, within};

/// How long an operator may have to wait to hear that the records are out of reach.
const REFUSED_WITHIN: Duration = Duration::from_secs(12);

#[test]
fn a_database_that_is_away_stops_no_gate_and_no_question_and_what_was_refused_was_not_done() {
    let mut replicas = Replicas::begin(2).unwrap();
    let service = Service::start().unwrap();
    let operators = [0, 1].map(|number| replicas.operator(number).unwrap());
    let orders = create_orders(&operators[0]).unwrap();
    let client = operators[0].create_client("Acme").unwrap();
    let profile = operators[0].create_profile(&client, "Production", &[&orders]);
    let profile = profile.unwrap();
    let edge = replicas.envoy(&service, 1).unwrap();
    // Questions of one second: each is asked again and again while the database is away.
    let gateways = (0..6).map(|number| {
        let settings = replicas.gateway(number, number as usize % 2).unwrap();
        Gateway::new(Settings {
            wait_s: 1,
            ..settings
        })
    });
    let fleet = Fleet::start(gateways.collect()).unwrap();
    let mut caller = Caller::connect(edge.gateway().unwrap()).unwrap();
    until_answered(&mut caller, &profile.api_key, "permitted").unwrap();
    until_in_step(&operators[1], 7).unwrap();
    let failures = |fleet: &Fleet| fleet.statuses().map(|it| it.failures).sum::<u64>();
    let before = failures(&fleet);

    replicas.postgres.stop();
    let began = Instant::now();
    for operator in &operators {
        let asked = Instant::now();
        let reply = operator.call("POST", "/clients", &json!({"name": "Lost"}));
        let reply = reply.unwrap();
        assert_eq!(reply.status, 503, "{:?}", reply.body);
        assert_eq!(reply.body["type"], "urn:portcullis:problem:unavailable");
        assert!(asked.elapsed() < REFUSED_WITHIN, "{:?}", asked.elapsed());
        let answer = caller
            .get("/orders/1")
            .key(&profile.api_key)
            .send()
            .unwrap();
        assert_eq!(outcome(&answer), "permitted");
    }
    // Longer than any of their questions: those who have everything need no database.
    assert!(began.elapsed() > Duration::from_secs(3));
    assert_eq!(failures(&fleet), before, "{:?}", fleet.status(0));

    replicas.postgres.restart().unwrap();
    let reply = within(PATIENCE, "a change is possible again", || {
        let path = format!("/clients/{client}?wait=applied&timeout=30");
        let reply = operators[0].call("PATCH", &path, &json!({"enabled": false}));
        reply.ok().filter(|reply| reply.status == 200)
    });
    let (reply, _) = reply.unwrap();
    let applied = &reply.body["applied"];
    assert_eq!(
        (&applied["gateways"], &applied["applied"]),
        (&json!(7), &json!(7)),
        "{applied}"
    );
    let answer = caller
        .get("/orders/1")
        .key(&profile.api_key)
        .send()
        .unwrap();
    assert_eq!(outcome(&answer), "client_disabled");
    for operator in &operators {
        let clients = operator.call("GET", "/clients", &Value::Null).unwrap().body;
        assert_eq!(clients["items"].as_array().unwrap().len(), 1, "{clients}");
        until_in_step(operator, 7).unwrap();
    }
    let path = format!("/clients/{client}?wait=applied&timeout=30");
    let reply = operators[1].call("PATCH", &path, &json!({"enabled": true}));
    let applied = &reply.unwrap().body["applied"];
    assert_eq!(
        (&applied["gateways"], &applied["applied"]),
        (&json!(7), &json!(7)),
        "{applied}"
    );
}
