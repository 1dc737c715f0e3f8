//! Bad input: a clear refusal that points at the field, and nothing is stored.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::{Value, json};

use crate::stage::{Answer, open};

/// The draft of a profile with one member made different.
fn with(mut draft: Value, member: &str, value: Value) -> Value {
    draft[member] = value;
    draft
}

#[tokio::test]
async fn a_bad_client_is_refused_at_the_field() {
    let stage = open().await;
    let operator = stage.operator();
    let before = operator.all_records().await;
    for (draft, pointer) in [
        (json!({}), "/name"),
        (json!({"name": "Acme", "nmae": 1}), "/nmae"),
        (json!({"name": "Acme", "a/b~c": 1}), "/a~1b~0c"),
        (json!({"name": ""}), "/name"),
        (json!({"name": " \t "}), "/name"),
        (json!({"name": "a\u{7}b"}), "/name"),
        (json!({"name": "x".repeat(101)}), "/name"),
        (json!({"name": 7}), "/name"),
        (json!({"name": null}), "/name"),
        (json!({"name": "Acme", "enabled": "yes"}), "/enabled"),
        (
            json!({"name": "Acme", "description": "x".repeat(2_001)}),
            "/description",
        ),
        (
            json!({"name": "Acme", "description": "\u{0}"}),
            "/description",
        ),
        (json!(["Acme"]), ""),
        (json!("Acme"), ""),
        (json!(null), ""),
    ] {
        let refused = operator.posts("/api/v1/clients", draft.clone()).await;
        assert_eq!(refused.status, 422, "{draft}");
        refused.points_at(pointer);
    }
    assert_eq!(operator.all_records().await, before);
}

#[tokio::test]
async fn a_bad_profile_is_refused_at_the_field() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let orders = operator.creates_collection("orders").await;
    let good = json!({"client_id": client["id"], "name": "p", "collections": [orders["id"]]});
    let unknown = |prefix: &str| format!("{prefix}01jcz3v9k4m0x2p7q8r9s0t1v2");
    let before = operator.all_records().await;
    for (member, value, pointer) in [
        ("client_id", json!(unknown("cl_")), "/client_id"),
        ("client_id", json!(orders["id"]), "/client_id"),
        ("client_id", json!(3), "/client_id"),
        ("collections", json!([]), "/collections"),
        ("collections", json!("orders"), "/collections"),
        ("collections", json!([unknown("co_")]), "/collections/0"),
        (
            "collections",
            json!([orders["id"], "orders"]),
            "/collections/1",
        ),
        (
            "collections",
            json!([orders["id"], orders["id"]]),
            "/collections/1",
        ),
        (
            "collections",
            json!(vec![orders["id"].clone(); 1_001]),
            "/collections",
        ),
        ("policy_id", json!(unknown("po_")), "/policy_id"),
        ("policy_id", json!("gold"), "/policy_id"),
        ("access_method", json!("jwt"), "/jwt"),
        ("access_method", json!("password"), "/access_method"),
        ("access_method", json!(null), "/access_method"),
        (
            "addresses",
            json!({"allow": ["10.0.0.1", "10.0.0.256"]}),
            "/addresses/allow/1",
        ),
        (
            "addresses",
            json!({"deny": ["10.0.0.0/33"]}),
            "/addresses/deny/0",
        ),
        ("addresses", json!({"allow": [""]}), "/addresses/allow/0"),
        (
            "addresses",
            json!({"allow": "10.0.0.1"}),
            "/addresses/allow",
        ),
        ("addresses", json!({"permit": []}), "/addresses/permit"),
        ("addresses", json!([]), "/addresses"),
        (
            "addresses",
            json!({"allow": vec!["::1"; 10_001]}),
            "/addresses/allow",
        ),
        ("enabled", json!(1), "/enabled"),
        ("expires_at", json!("tomorrow"), "/expires_at"),
        ("expires_at", json!("2027-01-01T00:00:00"), "/expires_at"),
        ("expires_at", json!("1969-12-31T23:59:59Z"), "/expires_at"),
        ("expires_at", json!(1_800_000_000), "/expires_at"),
        ("api_key", json!("my own"), "/api_key"),
        ("id", json!(unknown("ap_")), "/id"),
    ] {
        let draft = with(good.clone(), member, value.clone());
        let refused = operator.posts("/api/v1/access-profiles", draft).await;
        assert_eq!(refused.status, 422, "{member}: {value}: {}", refused.body);
        refused.points_at(pointer);
    }
    assert_eq!(operator.all_records().await, before);

    let several =
        json!({"client_id": unknown("cl_"), "name": "p", "collections": [unknown("co_")]});
    let refused = operator
        .posts("/api/v1/access-profiles", several)
        .await
        .is(422);
    assert_eq!(
        refused["errors"].as_array().unwrap().len(),
        2,
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn the_refusal_of_an_address_names_the_entry() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let orders = operator.creates_collection("orders").await;
    let draft = json!({
        "client_id": client["id"], "name": "p", "collections": [orders["id"]],
        "addresses": {"allow": ["10.0.0.1", "10.0.0.0/8 "]},
    });
    let refused = operator
        .posts("/api/v1/access-profiles", draft)
        .await
        .is(422);
    let detail = refused.points_at("/addresses/allow/1");
    assert!(
        detail.contains("`10.0.0.0/8 `") && detail.contains("CIDR"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_bad_collection_is_refused_at_the_field() {
    let stage = open().await;
    let operator = stage.operator();
    let endpoint = |endpoint: Value| json!({"name": "c", "version": "v1", "endpoints": [endpoint]});
    let before = operator.all_records().await;
    for (draft, pointer) in [
        (json!({"name": "c", "endpoints": []}), "/version"),
        (json!({"name": "c", "version": "v1"}), "/endpoints"),
        (
            json!({"name": "c", "version": "v1", "endpoints": {}}),
            "/endpoints",
        ),
        (endpoint(json!({"path": "/a"})), "/endpoints/0/method"),
        (endpoint(json!({"method": "GET"})), "/endpoints/0/path"),
        (
            endpoint(json!({"method": "get", "path": "/a"})),
            "/endpoints/0/method",
        ),
        (
            endpoint(json!({"method": "GET", "path": "a"})),
            "/endpoints/0/path",
        ),
        (
            endpoint(json!({"method": "GET", "path": "/a/{x"})),
            "/endpoints/0/path",
        ),
        (
            endpoint(json!({"method": "GET", "path": "/a", "host": "a:80"})),
            "/endpoints/0/host",
        ),
        (
            endpoint(json!({"method": "GET", "path": "/a", "hots": "a"})),
            "/endpoints/0/hots",
        ),
        (endpoint(json!(["a", "GET", "/a", true])), "/endpoints/0"),
    ] {
        let refused = operator.posts("/api/v1/collections", draft.clone()).await;
        assert_eq!(refused.status, 422, "{draft}: {}", refused.body);
        refused.points_at(pointer);
    }
    assert_eq!(operator.all_records().await, before);
}

#[tokio::test]
async fn a_bad_patch_changes_nothing() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, collection, profile) = operator.creates_access("acme").await;
    let before = operator.all_records().await;
    for (kind, id, patch, pointer) in [
        ("clients", client.id(), json!({"nmae": "x"}), "/nmae"),
        ("clients", client.id(), json!({"nmae": null}), "/nmae"),
        ("clients", client.id(), json!({"enabled": null}), "/enabled"),
        ("clients", client.id(), json!([]), ""),
        (
            "collections",
            collection.id(),
            json!({"endpoints": null}),
            "/endpoints",
        ),
        (
            "collections",
            collection.id(),
            json!({"endpoints": [{"method": "GET", "path": "?"}]}),
            "/endpoints/0/path",
        ),
        (
            "access-profiles",
            profile.id(),
            json!({"addresses": {"deny": ["x"]}}),
            "/addresses/deny/0",
        ),
        (
            "access-profiles",
            profile.id(),
            json!({"collections": null}),
            "/collections",
        ),
    ] {
        let refused = operator
            .patches(&format!("/api/v1/{kind}/{id}"), patch.clone())
            .await;
        assert_eq!(refused.status, 422, "{patch}: {}", refused.body);
        refused.points_at(pointer);
    }
    assert_eq!(operator.all_records().await, before);
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let stage = open().await;
    let operator = stage.operator();
    for body in [
        "",
        "{",
        "{\"name\": \"Acme\"",
        "{\"name\": \"Acme\"} x",
        "name=Acme",
        "{\"name\": \"\\ud800\"}",
    ] {
        let refused: Answer = operator.posts_text("/api/v1/clients", body).await;
        assert_eq!(refused.status, 400, "{body}");
        assert_eq!(
            refused["type"], "urn:portcullis:problem:malformed-request",
            "{body}"
        );
    }
    let not_utf_8 = operator
        .request(Method::POST, "/api/v1/clients")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(b"{\"name\": \"\xff\"}".to_vec()));
    operator.sends(not_utf_8.unwrap()).await.is(400);
    let twice = operator
        .posts_text("/api/v1/clients", "{\"name\": \"a\", \"name\": \"b\"}")
        .await;
    twice.is(422).points_at("/name");
    assert_eq!(operator.gets("/api/v1/clients").await["items"], json!([]));
}

#[tokio::test]
async fn a_body_that_is_too_large_or_of_another_type_is_refused() {
    let stage = open().await;
    let operator = stage.operator();
    let large = json!({"name": "Acme", "description": "x".repeat(1024 * 1024)});
    let refused = operator.posts("/api/v1/clients", large).await.is(413);
    assert_eq!(
        refused.headers[header::CONTENT_TYPE],
        "application/problem+json"
    );

    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonx"),
    ] {
        let mut request = operator.request(Method::POST, "/api/v1/clients");
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(Body::from("{\"name\": \"Acme\"}")).unwrap();
        let refused = operator.sends(request).await.is(415);
        assert_eq!(
            refused.headers[header::CONTENT_TYPE],
            "application/problem+json"
        );
    }
    assert_eq!(operator.gets("/api/v1/clients").await["items"], json!([]));
}

#[tokio::test]
async fn paths_and_methods_that_do_not_exist_are_refused() {
    let stage = open().await;
    let operator = stage.operator();
    for path in [
        "/",
        "/api/v1",
        "/api/v1/nothing",
        "/api/v1/clients/",
        "/api/v1/clients/cl_x",
        "/api/v1/clients/cl_01jcz3v9k4m0x2p7q8r9s0t1v2",
        "/api/v1/clients/ap_01jcz3v9k4m0x2p7q8r9s0t1v2",
        "/api/v1/clients/%ff",
        "/api/v1/access-profiles/ap_01jcz3v9k4m0x2p7q8r9s0t1v2",
        "/api/v1/collections/co_01jcz3v9k4m0x2p7q8r9s0t1v2",
        "/api/v1/policies/po_01jcz3v9k4m0x2p7q8r9s0t1v2",
    ] {
        let refused = operator.gets(path).await;
        assert_eq!(refused.status, 404, "{path}");
        assert_eq!(
            refused.headers[header::CONTENT_TYPE],
            "application/problem+json",
            "{path}"
        );
    }
    for (method, path) in [
        (Method::PUT, "/api/v1/clients"),
        (Method::DELETE, "/api/v1/clients"),
        (
            Method::POST,
            "/api/v1/clients/cl_01jcz3v9k4m0x2p7q8r9s0t1v2",
        ),
        (Method::POST, "/feed/v1/changes"),
    ] {
        let request = operator.request(method, path).body(Body::empty()).unwrap();
        let refused = operator.sends(request).await;
        assert_eq!(refused.status, 405, "{path}: {}", refused.body);
        assert_eq!(
            refused.headers[header::CONTENT_TYPE],
            "application/problem+json",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused() {
    let stage = open().await;
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limt=3",
        "cursor=x",
        "limit=1&limit=2",
    ] {
        let refused = stage
            .operator()
            .gets(&format!("/api/v1/clients?{query}"))
            .await;
        assert_eq!(refused.status, 400, "{query}");
        assert_eq!(
            refused.headers[header::CONTENT_TYPE],
            "application/problem+json",
            "{query}"
        );
    }
    stage
        .operator()
        .gets("/api/v1/access-profiles?client_id=acme")
        .await
        .is(400);
}
