//! `/api/v1/collections/import` and `/api/v1/collections/{id}/endpoints`

use axum::http::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Caller, open};

const ORDERS: &str = "
openapi: 3.1.0
info:
  title: Orders
  version: 2024-06
  summary: What was ordered
servers:
  - url: https://api.example.com/v1/
  - url: 'https://{region}.example.com/v1'
    variables: {region: {default: eu}}
paths:
  x-internal: true
  /orders:
    get: {responses: {200: {description: fine}}}
    post: {requestBody: {content: {application/json: {}}}}
    parameters: []
  /orders/{id}:
    get: {}
    delete:
      servers: [{url: /admin}]
";

async fn imports(operator: &Caller, query: &str, document: &str) -> Answer {
    let path = format!("/api/v1/collections/import{query}");
    let headers = [("content-type", "application/yaml")];
    let document = document.to_owned();
    operator
        .says_with(Method::POST, &path, &headers, document)
        .await
}

async fn replaces(operator: &Caller, id: &str, query: &str, document: &str) -> Answer {
    let path = format!("/api/v1/collections/{id}/endpoints{query}");
    let headers = [("content-type", "application/yaml")];
    let document = document.to_owned();
    operator
        .says_with(Method::PUT, &path, &headers, document)
        .await
}

/// Endpoints as `METHOD host/path`.
fn endpoints(list: &Value) -> Vec<String> {
    let endpoint = |endpoint: &Value| {
        let host = endpoint["host"].as_str().unwrap_or_default();
        let (method, path) = (&endpoint["method"], &endpoint["path"]);
        format!(
            "{} {host}{}",
            method.as_str().unwrap(),
            path.as_str().unwrap()
        )
    };
    list.as_array().unwrap().iter().map(endpoint).collect()
}

/// A document with these paths.
fn of(paths: Value) -> String {
    let info = json!({"title": "t", "version": "1"});
    json!({"openapi": "3.0.3", "info": info, "paths": paths}).to_string()
}

#[tokio::test]
async fn each_method_of_each_path_becomes_an_endpoint() {
    let stage = open().await;
    let operator = stage.operator();
    let made = imports(&operator, "", ORDERS).await.is(201);
    assert_eq!(made["name"], "Orders");
    assert_eq!(made["version"], "2024-06");
    assert_eq!(made["description"], "What was ordered");
    let expected = [
        "GET /orders",
        "POST /orders",
        "GET /orders/{id}",
        "DELETE /orders/{id}",
    ];
    assert_eq!(endpoints(&made["endpoints"]), expected);
    assert_eq!(endpoints(&made["difference"]["added"]), expected);
    let path = format!("/api/v1/collections/{}", made.id());
    assert_eq!(made.headers["location"], path.as_str());
    assert_eq!(operator.gets(&path).await.is(200).tag(), made.tag());
}

#[tokio::test]
async fn hosts_and_base_paths_come_from_the_servers_where_that_is_asked_for() {
    let stage = open().await;
    let operator = stage.operator();
    let preview = |servers: &str| {
        let (operator, query) = (operator.clone(), format!("?preview=true&servers={servers}"));
        async move { imports(&operator, &query, ORDERS).await.is(200) }
    };
    assert_eq!(
        endpoints(&preview("path").await["difference"]["added"]),
        [
            "GET /v1/orders",
            "POST /v1/orders",
            "GET /v1/orders/{id}",
            "DELETE /admin/orders/{id}"
        ]
    );
    assert_eq!(
        endpoints(&preview("host").await["difference"]["added"]),
        [
            "GET api.example.com/v1/orders",
            "GET eu.example.com/v1/orders",
            "POST api.example.com/v1/orders",
            "POST eu.example.com/v1/orders",
            "GET api.example.com/v1/orders/{id}",
            "GET eu.example.com/v1/orders/{id}",
            "DELETE /admin/orders/{id}"
        ]
    );
    assert_eq!(
        operator.gets("/api/v1/collections").await["items"],
        json!([])
    );
}

#[tokio::test]
async fn a_newer_document_replaces_the_endpoints_and_tells_the_difference_first() {
    let stage = open().await;
    let operator = stage.operator();
    let made = imports(&operator, "?name=mine&version=v1", ORDERS)
        .await
        .is(201);
    assert_eq!(made["name"], "mine");
    let path = format!("/api/v1/collections/{}", made.id());
    let mut disabled = made["endpoints"].clone();
    disabled[2]["enabled"] = json!(false);
    operator
        .patches(&path, json!({"endpoints": disabled}))
        .await
        .is(200);
    let newer = of(json!({
        "/orders": {"get": {}, "put": {}}, "/orders/{orderId}": {"get": {}},
    }));
    let before = operator.gets(&path).await.is(200);

    let preview = replaces(&operator, made.id(), "?preview=true", &newer)
        .await
        .is(200);
    assert_eq!(operator.gets(&path).await.body, before.body);
    let done = replaces(&operator, made.id(), "", &newer).await.is(200);

    assert_eq!(preview["difference"], done["difference"]);
    let difference = &done["difference"];
    assert_eq!(endpoints(&difference["added"]), ["PUT /orders"]);
    assert_eq!(
        endpoints(&difference["removed"]),
        ["POST /orders", "DELETE /orders/{id}"]
    );
    assert_eq!(
        endpoints(&difference["unchanged"]),
        ["GET /orders", "GET /orders/{orderId}"]
    );
    let after = operator.gets(&path).await.is(200);
    assert_eq!(after["name"], "mine");
    assert_eq!(after["endpoints"][2]["enabled"], false);
    assert_eq!(after.tag(), done.tag());
}

#[tokio::test]
async fn endpoints_of_another_collection_cannot_be_imported_nor_promised() {
    let stage = open().await;
    let operator = stage.operator();
    operator.creates_collection("orders").await;
    let claiming = of(json!({"/orders/{number}": {"get": {}}}));
    for query in ["", "?preview=true"] {
        let refused = imports(&operator, query, &claiming).await.is(409);
        let detail = refused.text("detail");
        assert!(detail.contains("GET /orders/{number}"), "{detail}");
    }
}

#[tokio::test]
async fn what_no_endpoint_can_be_made_of_is_refused_at_its_place_in_the_document() {
    let stage = open().await;
    let operator = stage.operator();
    for (document, place) in [
        (
            of(json!({"/a.{format}": {"get": {}}})),
            "/paths/~1a.{format}/get",
        ),
        (of(json!({"a": {"get": {}}})), "/paths/a/get"),
        (of(json!({"/a//b": {"get": {}}})), "/paths/~1a~1~1b/get"),
        (of(json!({"/a": {"get": []}})), "/paths/~1a/get"),
        (of(json!({"/a": []})), "/paths/~1a"),
        (of(json!([])), "/paths"),
        (
            of(json!({"/a/{x}": {"get": {}}, "/a/{y}": {"get": {}}})),
            "/paths/~1a~1{y}/get",
        ),
        (
            of(json!({"/a": {"$ref": "other.yaml#/a"}})),
            "/paths/~1a/$ref",
        ),
        (
            json!({"openapi": "3.1.0", "info": {"title": "", "version": "1"}}).to_string(),
            "/info/title",
        ),
        (
            json!({"openapi": "3.1.0", "info": {"title": "t"}}).to_string(),
            "/info/version",
        ),
        (
            json!({"openapi": "2.0", "info": {"title": "t", "version": "1"}}).to_string(),
            "/openapi",
        ),
        (json!({"swagger": "2.0"}).to_string(), "/openapi"),
    ] {
        let refused = imports(&operator, "", &document).await;
        assert_eq!(refused.status, 422, "{document}: {}", refused.body);
        refused.points_at(place);
        let path = "/api/v1/collections/import";
        let refused = operator.posts_text(path, &document).await.is(422);
        refused.points_at(place);
    }
    let unknown = "?servers=host&preview=true";
    let document = json!({
        "openapi": "3.0.0", "info": {"title": "t", "version": "1"},
        "servers": [{"url": "https://{region}.example.com"}], "paths": {"/a": {"get": {}}},
    });
    let refused = imports(&operator, unknown, &document.to_string())
        .await
        .is(422);
    refused.points_at("/servers");
    assert_eq!(
        operator.gets("/api/v1/collections").await["items"],
        json!([])
    );
}

#[tokio::test]
async fn what_is_no_document_is_refused() {
    let stage = open().await;
    let operator = stage.operator();
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let nested = format!("openapi: 3.0.0\nx: {deep}");
    let twice = "openapi: 3.0.0\ninfo: {title: t, version: '1'}\npaths: {/a: {}, /a: {}}";
    for document in ["", "a: b: c", "\u{0}", "- 1", &deep, &nested, twice] {
        let refused = imports(&operator, "", document).await;
        let status = refused.status.as_u16();
        assert!(
            matches!(status, 400 | 422),
            "{document:.40}: {}",
            refused.body
        );
    }
    let path = "/api/v1/collections/import";
    for document in ["", "{", "[]", &deep, "{\"openapi\": \"3.0.0\"} x"] {
        let refused = operator.posts_text(path, document).await;
        let status = refused.status.as_u16();
        assert!(
            matches!(status, 400 | 422),
            "{document:.40}: {}",
            refused.body
        );
    }
    let headers = [("content-type", "text/plain")];
    operator
        .says_with(Method::POST, path, &headers, ORDERS)
        .await
        .is(415);
}

#[tokio::test]
async fn aliases_that_multiply_are_refused_quickly() {
    let stage = open().await;
    let operator = stage.operator();
    let mut bomb = "openapi: 3.0.0\ninfo: {title: t, version: '1'}\n".to_owned();
    bomb.push_str("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let aliases = format!("*a{},", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let begun = std::time::Instant::now();
    imports(&operator, "", &bomb).await.is(400);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn documents_may_be_larger_than_other_bodies_but_not_endless() {
    let stage = open().await;
    let operator = stage.operator();
    let comment = |bytes: usize| format!("# {}\n{ORDERS}", "x".repeat(bytes));
    imports(&operator, "", &comment(3_900_000)).await.is(201);
    imports(&operator, "", &comment(4_300_000)).await.is(413);
}

#[tokio::test]
async fn a_document_is_imported_once_by_its_key_and_only_over_what_was_seen() {
    let stage = open().await;
    let operator = stage.operator();
    let headers = [
        ("content-type", "application/yaml"),
        ("idempotency-key", "\"k\""),
    ];
    let path = "/api/v1/collections/import";
    let first = operator
        .says_with(Method::POST, path, &headers, ORDERS)
        .await
        .is(201);
    let again = operator
        .says_with(Method::POST, path, &headers, ORDERS)
        .await
        .is(201);
    assert_eq!(first.body, again.body);
    let path = format!("/api/v1/collections/{}/endpoints", first.id());
    let headers = [
        ("content-type", "application/yaml"),
        ("if-match", "\"another\""),
    ];
    operator
        .says_with(Method::PUT, &path, &headers, ORDERS)
        .await
        .is(412);
}
