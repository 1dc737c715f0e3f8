//! `/api/v1/access-profiles`

use serde_json::{Value, json};

use crate::stage::open;

#[tokio::test]
async fn a_profile_is_created_with_a_key_that_is_shown_once() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, collection, created) = operator.creates_access("acme").await;

    let key = created.text("api_key");
    assert!(key.starts_with("ptc_test_"), "{key}");
    assert!(!portcullis_engine::api_key::is_mistyped(key.as_bytes()));
    assert_eq!(created.headers["cache-control"], "no-store");
    assert_eq!(created["client_id"], client["id"]);
    assert_eq!(created["collections"], json!([collection["id"]]));
    assert_eq!(created["access_method"], "api_key");
    assert_eq!(created["addresses"], json!({"allow": [], "deny": []}));
    assert_eq!(created["enabled"], true);
    assert_eq!(created["keys"][0]["id"], key.split('_').nth(2).unwrap());

    let read = operator
        .gets(&format!("/api/v1/access-profiles/{}", created.id()))
        .await
        .is(200);
    assert_eq!(read["api_key"], Value::Null);
    assert_eq!(read["keys"], created["keys"]);
    assert!(!read.body.to_string().contains(&key[20..]));
}

#[tokio::test]
async fn a_profile_keeps_everything_that_was_said() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let orders = operator.creates_collection("orders").await;
    let billing = operator.creates_collection("billing").await;
    let policy = operator.creates_policy("partners").await;
    let said = json!({
        "client_id": client["id"], "name": "production", "description": "what for",
        "collections": [orders["id"], billing["id"]], "policy_id": policy["id"],
        "access_method": "api_key", "enabled": false, "expires_at": "2027-12-31T23:00:00+01:00",
        "addresses": {"allow": ["10.0.0.0/8", "2001:db8::/32"], "deny": ["10.0.0.1-10.0.0.9"]},
    });

    let created = operator
        .posts("/api/v1/access-profiles", said.clone())
        .await
        .is(201);

    for (member, value) in said.as_object().unwrap() {
        if member != "expires_at" {
            assert_eq!(&created[member.as_str()], value, "{member}");
        }
    }
    assert_eq!(created["expires_at"], "2027-12-31T22:00:00Z");
}

#[tokio::test]
async fn a_patch_of_a_profile_merges() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, _, created) = operator.creates_access("acme").await;
    let policy = operator.creates_policy("partners").await;
    let path = format!("/api/v1/access-profiles/{}", created.id());

    let allow = json!({"addresses": {"allow": ["10.0.0.1"]}, "policy_id": policy["id"]});
    operator.patches(&path, allow).await.is(200);
    let deny = json!({"addresses": {"deny": ["10.0.0.2"]}, "expires_at": "2028-01-01T00:00:00Z"});
    let both = operator.patches(&path, deny).await.is(200);
    assert_eq!(
        both["addresses"],
        json!({"allow": ["10.0.0.1"], "deny": ["10.0.0.2"]})
    );
    assert_eq!(both["policy_id"], policy["id"]);
    assert_eq!(both["keys"], created["keys"]);

    let cleared =
        json!({"addresses": null, "policy_id": null, "expires_at": null, "enabled": false});
    let cleared = operator.patches(&path, cleared).await.is(200);
    assert_eq!(cleared["addresses"], json!({"allow": [], "deny": []}));
    assert_eq!(cleared["policy_id"], Value::Null);
    assert_eq!(cleared["expires_at"], Value::Null);
    assert_eq!(cleared["enabled"], false);

    let same = json!({"client_id": client["id"]});
    operator.patches(&path, same).await.is(200);
    let other = operator.creates_client("Other").await;
    let moved = operator
        .patches(&path, json!({"client_id": other["id"]}))
        .await
        .is(422);
    moved.points_at("/client_id");
    let emptied = operator
        .patches(&path, json!({"collections": []}))
        .await
        .is(422);
    emptied.points_at("/collections");
}

#[tokio::test]
async fn a_refreshed_key_is_a_new_one_and_the_old_one_is_revoked_at_once() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, created) = operator.creates_access("acme").await;
    stage.pass_ms(60_000);

    let path = format!("/api/v1/access-profiles/{}/key/refresh", created.id());
    let refreshed = operator.posts(&path, json!({})).await.is(200);

    assert_ne!(refreshed["api_key"], created["api_key"]);
    assert_eq!(refreshed["profile_id"], created["id"]);
    assert_eq!(refreshed["key"]["created_at"], "2027-01-15T08:01:00Z");
    assert_eq!(refreshed.headers["cache-control"], "no-store");
    assert!(refreshed.revision() > created.revision());
    let read = operator
        .gets(&format!("/api/v1/access-profiles/{}", created.id()))
        .await
        .is(200);
    assert_eq!(read["keys"], json!([refreshed["key"]]));

    let page = stage.gateway().gets("/feed/v1/changes").await.is(200);
    let keys = &page["changes"][1]["profile"]["access"]["api_key"]["keys"];
    let states: Vec<&Value> = keys
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["state"])
        .collect();
    assert_eq!(states, ["active", "revoked"]);
    let digest = portcullis_engine::api_key::digest(refreshed.text("api_key").as_bytes());
    assert_eq!(keys[0]["digest"], digest.to_string());
}

#[tokio::test]
async fn profiles_are_listed_by_client() {
    let stage = open().await;
    let operator = stage.operator();
    let (acme, orders, first) = operator.creates_access("acme").await;
    operator.creates_access("other").await;
    let second = operator.creates_profile(&acme, &orders).await;

    let path = format!("/api/v1/access-profiles?client_id={}", acme.id());
    let listed = operator.gets(&path).await.is(200);

    let ids: Vec<&Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["id"])
        .collect();
    assert_eq!(ids, [&first["id"], &second["id"]]);
    assert_eq!(listed["items"][1]["keys"], second["keys"]);
    assert_eq!(listed["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_removed_profile_is_gone() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, collection, profile) = operator.creates_access("acme").await;
    let path = format!("/api/v1/access-profiles/{}", profile.id());

    operator.deletes(&path).await.is(200).revision();

    operator.gets(&path).await.is(404);
    operator
        .posts(&format!("{path}/key/refresh"), json!({}))
        .await
        .is(404);
    operator
        .deletes(&format!("/api/v1/collections/{}", collection.id()))
        .await
        .is(200);
}

#[tokio::test]
async fn a_block_is_kept_in_the_form_that_says_what_it_covers_and_the_answer_tells_so() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("acme").await;
    assert_eq!(profile["notices"], Value::Null);
    let path = format!("/api/v1/access-profiles/{}", profile.id());

    let addresses = json!({"allow": ["10.0.0.1", "8.8.8.8/24"], "deny": ["::ffff:192.0.2.1"]});
    let changed = operator
        .patches(&path, json!({ "addresses": addresses }))
        .await
        .is(200);

    assert_eq!(
        changed["addresses"],
        json!({"allow": ["10.0.0.1", "8.8.8.0/24"], "deny": ["192.0.2.1"]})
    );
    let pointers: Vec<&Value> = changed["notices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notice| &notice["pointer"])
        .collect();
    assert_eq!(pointers, ["/addresses/allow/1", "/addresses/deny/0"]);
    let detail = changed["notices"][0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("`8.8.8.8/24`") && detail.contains("`8.8.8.0/24`"),
        "{detail}"
    );
    let again = operator
        .patches(&path, json!({"name": "renamed"}))
        .await
        .is(200);
    assert_eq!(again["notices"], Value::Null);
}

#[tokio::test]
async fn a_profile_that_observes_is_told_so() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("acme").await;
    assert_eq!(profile["observe"], false);
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    let observing = operator
        .patches(&path, json!({"observe": true}))
        .await
        .is(200);
    assert_eq!(observing["observe"], true);
    let page = stage.gateway().gets("/feed/v1/changes").await.is(200);
    assert_eq!(page["changes"][1]["profile"]["observe"], true);
}
