//! What a plan tells: which fields become different, and what that takes away.

use serde_json::{Value, json};

use super::{PATH, apply, change, export, plan, small, told};
use crate::stage::open;

/// The small configuration with something else at a place.
fn with(pointer: &str, value: Value) -> Value {
    let mut configuration = small();
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    configuration.pointer_mut(parent).unwrap()[member] = value;
    configuration
}

#[tokio::test]
async fn a_plan_changes_nothing_and_tells_what_would_be_new() {
    let stage = open().await;
    let operator = stage.operator();
    let planned = plan(&operator, small()).await.is(200);
    assert_eq!(
        told(&planned),
        [
            "create policy gold",
            "create collection orders v1",
            "create collection stock v1",
            "create client Acme",
            "create access_profile live",
            "create access_profile test",
        ]
    );
    let expected =
        json!({"created": 6, "changed": 0, "removed": 0, "unchanged": 0, "taking_away": 0});
    assert_eq!(planned["summary"], expected);
    assert_eq!(change(&planned, "live")["client"], "Acme");
    assert_eq!(change(&planned, "live")["id"], Value::Null);
    assert_eq!(operator.all_records().await, vec![json!([]); 4]);
}

#[tokio::test]
async fn what_was_applied_leaves_nothing_to_change() {
    let stage = open().await;
    let operator = stage.operator();
    let applied = apply(&operator, small()).await.is(200);
    assert!(applied.revision() > 0);
    assert!(
        change(&applied, "Acme")["id"]
            .as_str()
            .unwrap()
            .starts_with("cl_")
    );
    for configuration in [small(), export(&operator).await] {
        let planned = plan(&operator, configuration).await.is(200);
        assert_eq!(told(&planned), [""; 0]);
        assert_eq!(planned["summary"]["unchanged"], 6);
    }
}

#[tokio::test]
async fn a_plan_tells_each_field_before_and_after() {
    let stage = open().await;
    let operator = stage.operator();
    apply(&operator, small()).await.is(200);
    let mut configuration = with(
        "/clients/0/access_profiles/0/addresses",
        json!({"allow": ["10.1.0.0/16"]}),
    );
    configuration["clients"][0]["description"] = "the first".into();
    configuration["clients"][0]["access_profiles"][0]["policy"] = Value::Null;

    let planned = plan(&operator, configuration.clone()).await.is(200);

    assert_eq!(
        told(&planned),
        ["change client Acme", "change access_profile live"]
    );
    let expected = json!([{"field": "/description", "before": null, "after": "the first"}]);
    assert_eq!(change(&planned, "Acme")["fields"], expected);
    let expected = json!([
        {"field": "/addresses/allow", "before": ["10.0.0.0/8"], "after": ["10.1.0.0/16"]},
        {"field": "/policy", "before": "gold", "after": null},
    ]);
    assert_eq!(change(&planned, "live")["fields"], expected);
    let expected = json!(["it may be used from fewer addresses"]);
    assert_eq!(change(&planned, "live")["takes_away"], expected);
    assert_eq!(planned["summary"]["taking_away"], 1);

    apply(&operator, configuration).await.is(200);
    let exported = export(&operator).await;
    let live = &exported["clients"][0]["access_profiles"][0];
    assert_eq!(live["addresses"]["allow"], json!(["10.1.0.0/16"]));
    assert_eq!(live.get("policy"), None);
}

#[tokio::test]
async fn a_plan_marks_everything_that_takes_rights_away() {
    let stage = open().await;
    let operator = stage.operator();
    apply(&operator, small()).await.is(200);
    let live = "/clients/0/access_profiles/0";
    let test = "/clients/0/access_profiles/1";
    for (pointer, value, record, sentence) in [
        (
            "/clients/0/enabled".into(),
            json!(false),
            "Acme",
            "it is disabled with all of its access profiles",
        ),
        (
            format!("{live}/enabled"),
            json!(false),
            "live",
            "it is disabled",
        ),
        (
            format!("{live}/expires_at"),
            json!("2029-01-01T00:00:00Z"),
            "live",
            "it expires sooner",
        ),
        (
            format!("{test}/expires_at"),
            json!("2029-01-01T00:00:00Z"),
            "test",
            "it expires sooner",
        ),
        (
            format!("{live}/collections"),
            json!(["orders"]),
            "live",
            "the collection `stock v1` is not granted any more",
        ),
        (
            format!("{test}/policy"),
            json!("gold"),
            "test",
            "the rate limit is lower",
        ),
        (
            format!("{test}/addresses"),
            json!({"deny": ["192.0.2.1"]}),
            "test",
            "it may be used from fewer addresses",
        ),
        (
            "/policies/0/rate_limit".into(),
            json!({"requests": 1, "per": "second"}),
            "gold",
            "the rate limit is lower",
        ),
        (
            "/policies/0/quota".into(),
            json!({"requests": 10, "per": "day"}),
            "gold",
            "the quota is lower",
        ),
        (
            "/collections/0/endpoints".into(),
            json!([{"method": "GET", "path": "/orders/{id}"}]),
            "orders v1",
            "`POST /orders` is not served any more",
        ),
        (
            "/collections/1/endpoints/0/enabled".into(),
            json!(false),
            "stock v1",
            "`GET /stock` is not served any more",
        ),
    ] {
        let planned = plan(&operator, with(&pointer, value)).await.is(200);
        assert_eq!(
            change(&planned, record)["takes_away"],
            json!([sentence]),
            "{pointer}"
        );
        assert_eq!(planned["summary"]["taking_away"], 1, "{pointer}");
    }
}

#[tokio::test]
async fn a_plan_does_not_mark_what_takes_nothing_away() {
    let stage = open().await;
    let operator = stage.operator();
    apply(&operator, small()).await.is(200);
    let live = "/clients/0/access_profiles/0";
    for (pointer, value) in [
        (
            format!("{live}/addresses"),
            json!({"allow": ["10.0.0.0/7"]}),
        ),
        (format!("{live}/addresses"), json!({})),
        (format!("{live}/policy"), Value::Null),
        (format!("{live}/observe"), json!(true)),
        (
            "/clients/0/access_profiles/1/expires_at".into(),
            json!("2031-01-01T00:00:00Z"),
        ),
        (
            "/policies/0/rate_limit".into(),
            json!({"requests": 100, "per": "second"}),
        ),
        ("/policies/0/description".into(), json!("for all")),
    ] {
        let planned = plan(&operator, with(&pointer, value)).await.is(200);
        assert_eq!(planned["summary"]["changed"], 1, "{pointer}");
        assert_eq!(
            planned["summary"]["taking_away"], 0,
            "{pointer}: {}",
            planned.body
        );
    }
}

#[tokio::test]
async fn a_plan_tells_which_keys_are_revoked() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("acme").await;
    let id = profile["keys"][0]["id"].as_str().unwrap().to_owned();
    let mut configuration = export(&operator).await;
    configuration["clients"][0]["access_profiles"][0]["keys"][0]["revoked_at"] =
        "2027-01-15T08:00:00Z".into();

    let planned = plan(&operator, configuration.clone()).await.is(200);

    let production = change(&planned, "production");
    assert_eq!(
        production["fields"][0]["field"],
        format!("/keys/{id}/revoked_at")
    );
    assert_eq!(
        production["takes_away"],
        json!([format!("the key `{id}` is revoked")])
    );
    apply(&operator, configuration).await.is(200);
    let path = format!("/api/v1/access-profiles/{}/keys", profile.id());
    assert_eq!(operator.gets(&path).await.is(200)["items"], json!([]));
}

#[tokio::test]
async fn addresses_are_kept_in_their_usual_form_and_that_is_said() {
    let stage = open().await;
    let operator = stage.operator();
    let pointer = "/clients/0/access_profiles/0/addresses";
    let planned = plan(&operator, with(pointer, json!({"allow": ["8.8.8.8/24"]})))
        .await
        .is(200);
    let notices = planned["notices"].as_array().unwrap();
    let at = format!("/configuration{pointer}/allow/0");
    assert!(
        notices.iter().any(|notice| notice["pointer"] == at),
        "{}",
        planned.body
    );
    apply(&operator, with(pointer, json!({"allow": ["8.8.8.8/24"]})))
        .await
        .is(200);
    let planned = plan(&operator, with(pointer, json!({"allow": ["8.8.8.8/24"]})))
        .await
        .is(200);
    assert_eq!(told(&planned), [""; 0]);
}

#[tokio::test]
async fn who_has_no_token_learns_nothing() {
    let stage = open().await;
    let stranger = stage.stranger();
    stranger.gets(PATH).await.is(401);
    plan(&stranger, small()).await.is(401);
    apply(&stranger, small()).await.is(401);
}
