//! Whom a plan would shut out, by what gateways have told of usage.

use serde_json::{Value, json};

use super::{apply, change, plan, small};
use crate::stage::{Answer, Stage, open};
use crate::usage::{NOW_MIN, add_up, batch, tells};

/// Who has called: `live` both collections, `test` none.
async fn used() -> (Stage, Value) {
    let stage = open().await;
    let applied = apply(&stage.operator(), small()).await.is(200);
    let id = |name: &str| change(&applied, name)["id"].clone();
    let (live, orders, stock) = (id("live"), id("orders v1"), id("stock v1"));
    let two_days = 2 * 24 * 60;
    let rows = json!([
        {"m": NOW_MIN - 60, "p": live, "c": orders, "e": "GET /orders/{id}", "n": 40, "ok": 30},
        {"m": NOW_MIN - two_days, "p": live, "c": stock, "e": "GET /stock", "n": 5, "ok": 5},
        {"m": NOW_MIN - 9 * 24 * 60, "p": live, "c": orders, "e": "POST /orders", "n": 99, "ok": 99},
        {"m": NOW_MIN - 60, "p": id("test"), "n": 3, "ok": 0},
    ]);
    tells(&stage, batch(1, rows)).await.is(204);
    add_up(&stage).await;
    (stage, live)
}

async fn planned(stage: &Stage, pointer: &str, value: Value) -> Answer {
    let mut configuration = small();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    configuration.pointer_mut(parent).unwrap()[member] = value;
    plan(&stage.operator(), configuration).await.is(200)
}

/// The profile and the requests of each caller that a plan says a change would hit.
fn callers(planned: &Answer, record: &str) -> Vec<(Value, u64)> {
    let callers = change(planned, record)["recent_callers"].as_array();
    let callers = callers.unwrap().iter();
    callers
        .map(|caller| (caller["name"].clone(), caller["requests"].as_u64().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_plan_tells_who_called_lately_by_what_it_takes_away() {
    let (stage, live_id) = used().await;
    let live = json!("live");
    for (pointer, value, record, requests) in [
        (
            "/clients/0/access_profiles/0/addresses",
            json!({"allow": ["10.1.0.0/16"]}),
            "live",
            Some(35),
        ),
        (
            "/clients/0/access_profiles/0/collections",
            json!(["orders"]),
            "live",
            Some(5),
        ),
        (
            "/clients/0/access_profiles/1/addresses",
            json!({"allow": ["10.1.0.0/16"]}),
            "test",
            None,
        ),
        (
            "/collections/0/endpoints",
            json!([{"method": "POST", "path": "/orders"}]),
            "orders v1",
            Some(30),
        ),
        (
            "/collections/0/endpoints/1/path",
            json!("/orders/new"),
            "orders v1",
            None,
        ),
        (
            "/policies/0/rate_limit/requests",
            json!(1),
            "gold",
            Some(35),
        ),
    ] {
        let planned = planned(&stage, pointer, value).await;
        let expected: Vec<_> = requests.map(|it| (live.clone(), it)).into_iter().collect();
        assert_eq!(callers(&planned, record), expected, "{pointer}");
    }
    let mut disabled = small();
    disabled["clients"][0]["enabled"] = false.into();
    let planned = plan(&stage.operator(), disabled).await.is(200);
    let expected = json!([{
        "access_profile": live_id, "name": "live", "client": "Acme", "requests": 35,
        "last_used_at": "2027-01-15T07:00:00Z",
    }]);
    assert_eq!(change(&planned, "Acme")["recent_callers"], expected);
}

#[tokio::test]
async fn what_takes_nothing_away_and_what_is_applied_tell_no_callers() {
    let (stage, _) = used().await;
    let described = json!("as agreed");
    let mut configuration = small();
    configuration["clients"][0]["description"] = described;
    let planned = plan(&stage.operator(), configuration).await.is(200);
    assert_eq!(change(&planned, "Acme").get("recent_callers"), None);
    let mut disabled = small();
    disabled["clients"][0]["enabled"] = false.into();
    let applied = apply(&stage.operator(), disabled).await.is(200);
    assert_eq!(change(&applied, "Acme").get("recent_callers"), None);
}

#[tokio::test]
async fn a_revoked_key_hits_those_who_came_by_it() {
    let (stage, live_id) = used().await;
    let operator = stage.operator();
    let keys = format!("/api/v1/access-profiles/{}/keys", live_id.as_str().unwrap());
    let mut ids = Vec::new();
    for number in 0..2 {
        let key = json!({"key": format!("a-key-from-elsewhere-{number}")});
        let imported = operator.posts(&keys, key).await.is(201);
        ids.push(imported["key"]["id"].clone());
    }
    let rows = json!([
        {"m": NOW_MIN, "p": live_id, "k": ids[0], "n": 11, "ok": 11},
        {"m": NOW_MIN, "p": live_id, "k": ids[1], "n": 7, "ok": 7},
    ]);
    tells(&stage, batch(2, rows)).await.is(204);
    add_up(&stage).await;

    let mut exported = super::export(&operator).await;
    for key in exported["clients"][0]["access_profiles"][0]["keys"]
        .as_array_mut()
        .unwrap()
    {
        if key["id"] == ids[1] {
            key["revoked_at"] = "2027-01-15T08:00:00Z".into();
        }
    }
    let planned = plan(&operator, exported).await.is(200);
    assert_eq!(callers(&planned, "live"), [(json!("live"), 7)]);
}
