//! Removing what is in use: refused, or with all that follows from it.

use serde_json::json;

use crate::stage::open;

#[tokio::test]
async fn a_policy_is_taken_off_its_profiles_where_that_is_asked_for() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, collection, other) = operator.creates_access("acme").await;
    let policy = operator.creates_policy("gold").await;
    let draft = json!({
        "client_id": client["id"], "name": "limited", "collections": [collection["id"]],
        "policy_id": policy["id"],
    });
    let profile = operator
        .posts("/api/v1/access-profiles", draft)
        .await
        .is(201);
    let path = format!("/api/v1/policies/{}", policy.id());

    let refused = operator.deletes(&path).await.is(409);
    assert_eq!(refused["profiles"][0]["id"], profile["id"]);
    operator
        .deletes(&format!("{path}?cascade=false"))
        .await
        .is(409);
    let removed = operator
        .deletes(&format!("{path}?cascade=true"))
        .await
        .is(200);

    assert_eq!(removed["changed_profiles"], 1);
    assert_eq!(removed["removed_profiles"], 0);
    assert_eq!(removed["removed_keys"], 0);
    assert!(removed.revision() > profile.revision());
    operator.gets(&path).await.is(404);
    let read = |id: &str| format!("/api/v1/access-profiles/{id}");
    let after = operator.gets(&read(profile.id())).await.is(200);
    assert_eq!(after["policy_id"], json!(null));
    assert_eq!(after["keys"], profile["keys"]);
    let untouched = operator.gets(&read(other.id())).await.is(200);
    assert_eq!(untouched["updated_at"], other["updated_at"]);
}

#[tokio::test]
async fn a_collection_is_taken_out_of_its_profiles_and_those_that_grant_nothing_else_go() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, orders, alone) = operator.creates_access("orders").await;
    let bills = operator.creates_collection("bills").await;
    let draft = json!({
        "client_id": client["id"], "name": "both", "collections": [orders["id"], bills["id"]],
    });
    let both = operator
        .posts("/api/v1/access-profiles", draft)
        .await
        .is(201);
    let second = format!("/api/v1/access-profiles/{}/keys", alone.id());
    operator.posts(&second, json!({})).await.is(201);
    let path = format!("/api/v1/collections/{}", orders.id());

    operator.deletes(&path).await.is(409);
    let tag = operator.gets(&path).await.tag();
    let cascade = format!("{path}?cascade=true");
    operator.deletes_if(&cascade, "\"another\"").await.is(412);
    let removed = operator.deletes_if(&cascade, &tag).await.is(200);

    assert_eq!(removed["changed_profiles"], 1);
    assert_eq!(removed["removed_profiles"], 1);
    assert_eq!(removed["removed_keys"], 2);
    let listed = operator.gets("/api/v1/access-profiles").await;
    assert_eq!(listed.every("id"), [both.id()]);
    assert_eq!(listed["items"][0]["collections"], json!([bills["id"]]));
}

#[tokio::test]
async fn a_removal_tells_what_went_along() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, _, profile) = operator.creates_access("acme").await;
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    let refresh = format!("{path}/key/refresh");
    operator
        .posts(&refresh, json!({"overlap_s": 60}))
        .await
        .is(200);
    let removed = operator.deletes(&path).await.is(200);
    assert_eq!(removed["removed_keys"], 2);

    let collections = operator.gets("/api/v1/collections").await;
    let draft = json!({
        "client_id": client["id"], "name": "p", "collections": collections.every("id"),
    });
    operator
        .posts("/api/v1/access-profiles", draft)
        .await
        .is(201);
    let removed = operator
        .deletes(&format!("/api/v1/clients/{}", client.id()))
        .await
        .is(200);
    assert_eq!(removed["removed_profiles"], 1);
    assert_eq!(removed["removed_keys"], 1);
}

#[tokio::test]
async fn cascades_of_many_profiles_are_one_change() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let orders = operator.creates_collection("orders").await;
    for number in 0..520 {
        let draft = json!({
            "client_id": client["id"], "name": format!("p {number}"),
            "collections": [orders["id"]],
        });
        operator
            .posts("/api/v1/access-profiles", draft)
            .await
            .is(201);
    }
    let path = format!("/api/v1/collections/{}?cascade=true", orders.id());
    let removed = operator.deletes(&path).await.is(200);
    assert_eq!(removed["removed_profiles"], 520);
    let left = operator.gets("/api/v1/access-profiles").await;
    assert_eq!(left["items"], json!([]));
}
