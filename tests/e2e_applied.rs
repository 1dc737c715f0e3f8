//! An operator waits until a change has reached every worker of every gateway.

use portcullis_tests::{Play, outcome};
use serde_json::{Value, json};
use xtask::stage::{Caller, within};

const SOON: std::time::Duration = std::time::Duration::from_secs(20);

#[test]
fn when_a_change_is_said_to_be_applied_no_worker_decides_by_what_was_before() {
    let play = Play::begin(4).unwrap();
    let member = play.member("Acme").unwrap();
    let operator = play.operator();
    let mut callers = play.envoy.callers_on_every_worker().unwrap();
    let path = format!("/clients/{}?wait=applied&timeout=30", member.client);
    for round in 0..10 {
        let enabled = round % 2 == 1;
        // Every worker has the record at hand.
        for caller in &mut callers {
            caller.get("/orders/1").key(member.key()).send().unwrap();
        }
        let reply = operator
            .call("PATCH", &path, &json!({ "enabled": enabled }))
            .unwrap();
        assert_eq!(reply.status, 200, "{:?}", reply.body);
        let applied = &reply.body["applied"];
        assert_eq!(
            (&applied["gateways"], &applied["applied"]),
            (&json!(1), &json!(1)),
            "{applied}"
        );
        let expected = if enabled {
            "permitted"
        } else {
            "client_disabled"
        };
        for caller in &mut callers {
            let answer = caller.get("/orders/1").key(member.key()).send().unwrap();
            assert_eq!(outcome(&answer), expected, "round {round}");
        }
    }
}

#[test]
fn every_gateway_is_listed_with_what_its_workers_have_and_one_that_is_gone_is_named() {
    let play = Play::begin(2).unwrap();
    let edge = play
        .another_envoy(|bootstrap| {
            bootstrap.at("", |root| {
                root["node"] = json!({"id": "edge-1", "cluster": "edges"})
            })
        })
        .unwrap();
    let operator = play.operator();
    let gateways = || -> Option<Vec<Value>> {
        let reply = operator.call("GET", "/gateways", &Value::Null).ok()?;
        Some(reply.body["items"].as_array()?.clone())
    };
    let both = within(SOON, "both gateways follow with all their VMs", || {
        let gateways = gateways()?;
        let follow = |workers: u64| {
            gateways
                .iter()
                .find(|it| it["workers"] == workers && it["lag"] == 0 && it["asking"] == true)
                .cloned()
        };
        Some((follow(3)?, follow(2)?))
    });
    let ((_, second), _) = both.unwrap_or_else(|error| panic!("{error}: {:?}", gateways()));
    assert_eq!(second["name"], "edge-1");
    assert_eq!(second["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(gateways().unwrap().len(), 2);

    let member = play.member("Acme").unwrap();
    let path = format!("/access-profiles/{}?wait=applied", member.profile.id);
    let reply = operator
        .call("PATCH", &path, &json!({"enabled": false}))
        .unwrap();
    assert_eq!(reply.body["applied"]["applied"], 2, "{:?}", reply.body);
    for gate in [&play.envoy, &edge] {
        let mut caller = Caller::connect(gate.gateway().unwrap()).unwrap();
        let answer = caller.get("/orders/1").key(member.key()).send().unwrap();
        assert_eq!(outcome(&answer), "profile_disabled");
    }

    drop(edge);
    let path = format!("{path}&timeout=5");
    let reply = operator
        .call("PATCH", &path, &json!({"enabled": true}))
        .unwrap();
    let applied = &reply.body["applied"];
    assert_eq!(
        (&applied["gateways"], &applied["applied"]),
        (&json!(2), &json!(1)),
        "{applied}"
    );
    assert_eq!(applied["waiting_for"][0]["name"], "edge-1");
    assert_eq!(
        reply.body["enabled"], true,
        "the change is made all the same"
    );
}
