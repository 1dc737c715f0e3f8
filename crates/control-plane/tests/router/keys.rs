//! `/api/v1/access-profiles/{id}/keys` and `…/key/refresh`

mod import;

use axum::body::Body;
use axum::http::{Method, header};
use portcullis_engine::api_key;
use serde_json::{Value, json};

use crate::stage::{Answer, BEGIN_MS, Stage, open};

const FOREIGN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// What gateways are told of the keys of the only profile.
async fn carried(stage: &Stage) -> Vec<Value> {
    let page = stage.gateway().gets("/feed/v1/changes").await.is(200);
    let changes = page["changes"].as_array().unwrap();
    let profile = changes.iter().find_map(|change| change.get("profile"));
    let keys = &profile.unwrap()["access"]["api_key"]["keys"];
    keys.as_array().unwrap().clone()
}

/// A key as it is listed before anybody has called by it.
fn never_used(key: &Value) -> Value {
    let mut listed = key.clone();
    listed["last_used_at"] = Value::Null;
    listed
}

fn keys_path(profile: &Answer) -> String {
    format!("/api/v1/access-profiles/{}/keys", profile.id())
}

fn refresh_path(profile: &Answer) -> String {
    format!("/api/v1/access-profiles/{}/key/refresh", profile.id())
}

#[tokio::test]
async fn a_refresh_with_an_overlap_lets_the_old_key_go_on_for_so_long() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, created) = operator.creates_access("acme").await;
    stage.pass_ms(60_000);

    let how = json!({"overlap_s": 3_600, "expires_at": "2028-01-01T00:00:00Z"});
    let refreshed = operator.posts(&refresh_path(&created), how).await.is(200);

    assert_eq!(refreshed["key"]["expires_at"], "2028-01-01T00:00:00Z");
    let listed = operator.gets(&keys_path(&created)).await.is(200);
    assert_eq!(listed["items"][0], never_used(&refreshed["key"]));
    let old = &listed["items"][1];
    assert_eq!(old["id"], created["keys"][0]["id"]);
    assert_eq!(old["deprecated_at"], "2027-01-15T08:01:00Z");
    assert_eq!(old["expires_at"], "2027-01-15T09:01:00Z");
    let told = carried(&stage).await;
    assert_eq!(told[0]["deprecated_at_ms"], Value::Null);
    assert_eq!(told[1]["state"], "active");
    assert_eq!(told[1]["deprecated_at_ms"], BEGIN_MS + 60_000);
    assert_eq!(told[1]["expires_at_ms"], BEGIN_MS + 60_000 + 3_600_000);

    stage.pass_ms(3_600_000);
    let path = format!("/api/v1/access-profiles/{}", created.id());
    let later = operator.gets(&path).await.is(200);
    assert_eq!(later["keys"], json!([refreshed["key"]]));
}

#[tokio::test]
async fn an_overlap_never_lengthens_the_life_of_a_key() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, created) = operator.creates_access("acme").await;
    let path = refresh_path(&created);
    operator
        .posts(
            &path,
            json!({"overlap_s": 60, "expires_at": "2027-01-15T08:10:00Z"}),
        )
        .await
        .is(200);

    operator
        .posts(&path, json!({"overlap_s": 86_400}))
        .await
        .is(200);

    let listed = operator.gets(&keys_path(&created)).await.is(200);
    let mut ends: Vec<Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["expires_at"].clone())
        .collect();
    ends.sort_by_key(Value::to_string);
    assert_eq!(
        ends,
        [
            json!("2027-01-15T08:01:00Z"),
            json!("2027-01-15T08:10:00Z"),
            Value::Null
        ]
    );
}

#[tokio::test]
async fn a_refresh_asks_for_no_body_and_takes_none_of_another_type() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, created) = operator.creates_access("acme").await;
    let path = refresh_path(&created);
    let request = |content_type: Option<&str>, body: &str| {
        let mut request = operator.request(Method::POST, &path);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        request.body(Body::from(body.to_owned())).unwrap()
    };

    operator.sends(request(None, "")).await.is(200);
    operator.sends(request(None, "overlap_s=3")).await.is(415);
    operator
        .sends(request(Some("text/plain"), "{}"))
        .await
        .is(415);
    operator
        .sends(request(Some("application/json"), "{"))
        .await
        .is(400);
}

#[tokio::test]
async fn a_further_key_works_beside_the_first() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, created) = operator.creates_access("acme").await;

    let further = operator
        .posts(
            &keys_path(&created),
            json!({"expires_at": "2027-02-01T00:00:00Z"}),
        )
        .await
        .is(201);

    assert_eq!(further.headers["cache-control"], "no-store");
    assert_eq!(further["key"]["imported"], false);
    assert_eq!(further["key"]["expires_at"], "2027-02-01T00:00:00Z");
    let told = carried(&stage).await;
    assert_eq!(told.len(), 2);
    let digest = api_key::digest(further.text("api_key").as_bytes()).to_string();
    assert!(told.iter().any(|key| key["digest"] == digest), "{told:?}");
    assert!(told.iter().all(|key| key["state"] == "active"), "{told:?}");
}

#[tokio::test]
async fn one_key_ends_and_the_others_stay() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, created) = operator.creates_access("acme").await;
    let path = keys_path(&created);
    let further = operator.posts(&path, json!({})).await.is(201);
    let first = format!("{path}/{}", created["keys"][0]["id"].as_str().unwrap());

    let revoked = operator.deletes(&first).await.is(200);

    assert!(revoked.revision() > further.revision());
    let listed = operator.gets(&path).await.is(200);
    assert_eq!(listed["items"], json!([never_used(&further["key"])]));
    let mut states: Vec<Value> = carried(&stage)
        .await
        .iter()
        .map(|key| key["state"].clone())
        .collect();
    states.sort_by_key(Value::to_string);
    assert_eq!(states, ["active", "revoked"]);
    operator.deletes(&first).await.is(404);
    operator
        .patches(&first, json!({"expires_at": null}))
        .await
        .is(404);
}

#[tokio::test]
async fn a_key_is_found_only_under_its_own_profile() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, acme) = operator.creates_access("acme").await;
    let (_, _, other) = operator.creates_access("other").await;
    let key = acme["keys"][0]["id"].as_str().unwrap();
    let path = format!("{}/{key}", keys_path(&other));
    operator.deletes(&path).await.is(404);
    operator.patches(&path, json!({})).await.is(404);
    let whole = acme.text("api_key");
    let path = format!("{}/{whole}", keys_path(&acme));
    let refused = operator.deletes(&path).await.is(404);
    assert!(
        !refused.body.to_string().contains(whole),
        "{}",
        refused.body
    );
    operator
        .gets("/api/v1/access-profiles/ap_01jcz3v9k4m0x2p7q8r9s0t1v2/keys")
        .await
        .is(404);
}

#[tokio::test]
async fn the_end_of_a_key_can_be_changed_and_lies_in_the_future() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, created) = operator.creates_access("acme").await;
    let key = created["keys"][0]["id"].as_str().unwrap();
    let path = format!("{}/{key}", keys_path(&created));

    let given = json!({"expires_at": "2027-06-01T00:00:00+02:00"});
    let ending = operator.patches(&path, given).await.is(200);
    assert_eq!(ending["expires_at"], "2027-05-31T22:00:00Z");
    assert_eq!(
        carried(&stage).await[0]["expires_at_ms"],
        1_811_800_800_000_u64
    );
    let same = operator.patches(&path, json!({})).await.is(200);
    assert_eq!(same.revision(), ending.revision());
    let endless = operator
        .patches(&path, json!({"expires_at": null}))
        .await
        .is(200);
    assert_eq!(endless["expires_at"], Value::Null);
    assert!(endless.revision() > ending.revision());

    for (patch, pointer) in [
        (json!({"expires_at": "2027-01-15T08:00:00Z"}), "/expires_at"),
        (json!({"expires_at": "soon"}), "/expires_at"),
        (json!({"key": FOREIGN}), "/key"),
        (json!({"id": "x"}), "/id"),
    ] {
        operator
            .patches(&path, patch)
            .await
            .is(422)
            .points_at(pointer);
    }
    for (path, body, pointer) in [
        (
            keys_path(&created),
            json!({"expires_at": "2027-01-15T07:59:59Z"}),
            "/expires_at",
        ),
        (
            refresh_path(&created),
            json!({"expires_at": "2020-01-01T00:00:00Z"}),
            "/expires_at",
        ),
        (
            refresh_path(&created),
            json!({"overlap_s": 7_776_001}),
            "/overlap_s",
        ),
        (
            refresh_path(&created),
            json!({"overlap_s": -1}),
            "/overlap_s",
        ),
        (refresh_path(&created), json!({"overlap": 60}), "/overlap"),
    ] {
        operator.posts(&path, body).await.is(422).points_at(pointer);
    }
}

#[tokio::test]
async fn at_most_twenty_keys_of_a_profile_work() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, created) = operator.creates_access("acme").await;
    let path = keys_path(&created);
    operator
        .posts(&path, json!({"expires_at": "2027-01-15T08:00:01Z"}))
        .await
        .is(201);
    for _ in 2..20 {
        operator.posts(&path, json!({})).await.is(201);
    }

    operator.posts(&path, json!({})).await.is(409);
    operator
        .posts(&refresh_path(&created), json!({"overlap_s": 60}))
        .await
        .is(409);
    stage.pass_ms(1_000);
    operator.posts(&path, json!({})).await.is(201);
    operator.posts(&path, json!({})).await.is(409);

    operator
        .posts(&refresh_path(&created), json!({}))
        .await
        .is(200);
    let listed = operator.gets(&path).await.is(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_holder_of_an_expired_key_is_told_for_thirty_days() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, created) = operator.creates_access("acme").await;
    let path = keys_path(&created);
    operator
        .posts(&path, json!({"expires_at": "2027-01-15T09:00:00Z"}))
        .await
        .is(201);
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    stage.pass_ms(30 * DAY_MS);
    assert_eq!(carried(&stage).await.len(), 2);
    stage.pass_ms(DAY_MS);
    assert_eq!(carried(&stage).await.len(), 1);
}

#[tokio::test]
async fn the_first_key_of_a_profile_may_have_an_end() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let orders = operator.creates_collection("orders").await;
    let mut draft = json!({
        "client_id": client["id"], "name": "p", "collections": [orders["id"]],
        "key_expires_at": "2027-02-01T00:00:00Z",
    });
    let path = "/api/v1/access-profiles";
    let created = operator.posts(path, draft.clone()).await.is(201);
    assert_eq!(created["keys"][0]["expires_at"], "2027-02-01T00:00:00Z");

    draft["key_expires_at"] = json!("2026-02-01T00:00:00Z");
    let refused = operator.posts(path, draft).await.is(422);
    refused.points_at("/key_expires_at");
    let patch = json!({"key_expires_at": "2028-02-01T00:00:00Z"});
    let refused = operator
        .patches(&format!("{path}/{}", created.id()), patch)
        .await
        .is(422);
    refused.points_at("/key_expires_at");
}
