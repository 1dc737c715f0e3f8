//! `/api/v1/collections`

use serde_json::json;

use crate::stage::open;

#[tokio::test]
async fn a_collection_keeps_its_endpoints_in_their_order() {
    let stage = open().await;
    let operator = stage.operator();
    let endpoints = json!([
        {"host": "api.example.com", "method": "GET", "path": "/orders/{id}", "enabled": true},
        {"host": null, "method": "*", "path": "/files/**", "enabled": false},
        {"host": "*.example.com", "method": "POST", "path": "/orders", "enabled": true},
    ]);
    let draft = json!({"name": "orders", "version": "v1", "endpoints": endpoints});

    let created = operator.posts("/api/v1/collections", draft).await.is(201);

    assert!(created.id().starts_with("co_"));
    assert_eq!(created["endpoints"], endpoints);
    created.revision();
    let listed = operator.gets("/api/v1/collections").await.is(200);
    assert_eq!(listed["items"][0]["endpoints"], endpoints);
}

#[tokio::test]
async fn a_patched_list_of_endpoints_replaces_the_whole_list() {
    let stage = open().await;
    let operator = stage.operator();
    let created = operator.creates_collection("orders").await;
    let path = format!("/api/v1/collections/{}", created.id());

    let patch = json!({"endpoints": [{"method": "PUT", "path": "/orders"}]});
    let changed = operator.patches(&path, patch).await.is(200);

    let expected = json!([{"host": null, "method": "PUT", "path": "/orders", "enabled": true}]);
    assert_eq!(changed["endpoints"], expected);
    assert_eq!(changed["name"], "orders");
    assert!(changed.revision() > created.revision());
}

#[tokio::test]
async fn an_endpoint_that_another_collection_claims_is_refused_with_both_named() {
    let stage = open().await;
    let operator = stage.operator();
    let orders = operator.creates_collection("orders").await;
    let claim =
        json!([{"method": "POST", "path": "/a"}, {"method": "GET", "path": "/orders/{number}"}]);
    let draft = json!({"name": "rival", "version": "v2", "endpoints": claim});

    let refused = operator.posts("/api/v1/collections", draft).await.is(409);

    let detail = refused.text("detail");
    for named in ["orders v1", "rival v2", "/orders/{", orders.id()] {
        assert!(detail.contains(named), "{detail}");
    }
    assert_eq!(refused["collections"][0], orders["id"]);
    assert_eq!(
        operator.gets("/api/v1/collections").await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let other = operator.creates_collection("other").await;
    let path = format!("/api/v1/collections/{}", other.id());
    operator
        .patches(&path, json!({"endpoints": claim}))
        .await
        .is(409);
}

#[tokio::test]
async fn an_endpoint_that_stands_twice_is_refused() {
    let stage = open().await;
    let twice = json!([{"method": "GET", "path": "/a/{x}"}, {"method": "GET", "path": "/a/{y}"}]);
    let draft = json!({"name": "orders", "version": "v1", "endpoints": twice});
    let refused = stage
        .operator()
        .posts("/api/v1/collections", draft)
        .await
        .is(409);
    assert!(refused.text("detail").contains("twice"), "{}", refused.body);
}

#[tokio::test]
async fn a_name_and_version_belong_to_one_collection() {
    let stage = open().await;
    let operator = stage.operator();
    let orders = operator.creates_collection("orders").await;

    let same = json!({"name": "orders", "version": "v1", "endpoints": []});
    let refused = operator.posts("/api/v1/collections", same).await.is(409);
    assert_eq!(refused["collections"], json!([orders["id"]]));

    let next = json!({"name": "orders", "version": "v2", "endpoints": []});
    let next = operator.posts("/api/v1/collections", next).await.is(201);
    let path = format!("/api/v1/collections/{}", next.id());
    operator
        .patches(&path, json!({"version": "v1"}))
        .await
        .is(409);
}

#[tokio::test]
async fn a_granted_collection_is_not_removed() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, collection, profile) = operator.creates_access("acme").await;
    let path = format!("/api/v1/collections/{}", collection.id());

    let refused = operator.deletes(&path).await.is(409);
    let standing_in_the_way = json!([{"id": profile["id"], "name": "production"}]);
    assert_eq!(refused["profiles"], standing_in_the_way);
    operator.gets(&path).await.is(200);

    operator
        .deletes(&format!("/api/v1/access-profiles/{}", profile.id()))
        .await
        .is(200);
    operator.deletes(&path).await.is(200);
}

#[tokio::test]
async fn a_collection_may_be_public_and_may_allow_dubious_paths() {
    let stage = open().await;
    let operator = stage.operator();
    let created = operator.creates_collection("orders").await;
    assert_eq!(created["public"], false);
    assert_eq!(created["allows_dubious_paths"], false);
    let path = format!("/api/v1/collections/{}", created.id());
    for member in ["public", "allows_dubious_paths"] {
        let changed = operator
            .patches(&path, json!({ member: true }))
            .await
            .is(200);
        assert_eq!(changed[member], true);
        let page = stage.gateway().gets("/feed/v1/changes").await.is(200);
        assert_eq!(page["changes"][0]["collection"][member], true);
        assert_eq!(page["head"], changed.revision());
    }
    let refused = operator
        .patches(&path, json!({"public": null}))
        .await
        .is(422);
    refused.points_at("/public");
}
