//! Drafts that describe no request: the member is named, and nothing that may be secret is repeated.

use serde_json::json;

use super::EXPLAIN;
use crate::stage::open;

#[tokio::test]
async fn what_is_no_request_is_refused_at_the_field_without_its_value() {
    let stage = open().await;
    let operator = stage.operator();
    let secret = "hush-hush-hush";
    let good = json!({"method": "GET", "url": "/orders/7"});
    for (member, value, pointer) in [
        ("method", json!(""), "/method"),
        ("method", json!("GE T"), "/method"),
        ("method", json!("G".repeat(33)), "/method"),
        ("url", json!("api.example.com/orders"), "/url"),
        ("url", json!("ftp://host/"), "/url"),
        ("url", json!(format!("/{}", "x".repeat(8_192))), "/url"),
        (
            "headers",
            json!([{"name": "a b", "value": "x"}]),
            "/headers/0/name",
        ),
        (
            "headers",
            json!([{"name": ":path", "value": "x"}]),
            "/headers/0/name",
        ),
        (
            "headers",
            json!([{"name": "Host", "value": "x"}]),
            "/headers/0/name",
        ),
        (
            "headers",
            json!([{"name": "a", "value": format!("{secret}\n")}]),
            "/headers/0/value",
        ),
        (
            "headers",
            json!([{"name": "a", "value": [secret]}]),
            "/headers/0/value",
        ),
        ("headers", json!([{"name": "a"}]), "/headers/0/value"),
        (
            "headers",
            json!(vec![json!({"name": "a", "value": "b"}); 101]),
            "/headers",
        ),
        ("headers", json!({"a": secret}), "/headers"),
        ("address", json!("localhost"), "/address"),
        ("address", json!("10.0.0.0/8"), "/address"),
        ("trusted_hops", json!(-1), "/trusted_hops"),
        ("credential", json!({}), "/credential"),
        ("credential", json!(secret), "/credential"),
        (
            "credential",
            json!({"key": secret, "token": secret}),
            "/credential",
        ),
        ("credential", json!({"key": ""}), "/credential/key"),
        (
            "credential",
            json!({"key": format!("{secret}\r\n")}),
            "/credential/key",
        ),
        (
            "credential",
            json!({"token": "x".repeat(20_001)}),
            "/credential/token",
        ),
        (
            "credential",
            json!({"key_id": secret}),
            "/credential/key_id",
        ),
        (
            "credential",
            json!({"token": {"of": secret}}),
            "/credential",
        ),
        ("at", json!("tomorrow"), "/at"),
        ("filter", json!({"credential_header": "a b"}), "/filter"),
        (
            "filter",
            json!({"control_plane": {}}),
            "/filter/control_plane",
        ),
        ("filter", json!({"query_parameter": "a=b"}), "/filter"),
        ("host", json!("api.example.com"), "/host"),
    ] {
        let mut draft = good.clone();
        draft[member] = value.clone();
        let refused = operator.posts(EXPLAIN, draft).await;
        assert_eq!(refused.status, 422, "{member}: {value}: {}", refused.body);
        assert!(
            !refused.body.to_string().contains("hush"),
            "{}",
            refused.body
        );
        refused.points_at(pointer);
    }
    operator
        .posts(EXPLAIN, json!({"method": "GET"}))
        .await
        .is(422)
        .points_at("/url");
    let unknown = json!({"method": "GET", "url": "/", "credential": {"hush": 1}});
    let refused = operator.posts(EXPLAIN, unknown).await.is(422);
    assert!(
        !refused.body.to_string().contains("hush"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn only_operators_are_told() {
    let stage = open().await;
    let draft = json!({"method": "GET", "url": "/orders/7"});
    for caller in [stage.stranger(), stage.gateway()] {
        caller.posts(EXPLAIN, draft.clone()).await.is(401);
    }
}
