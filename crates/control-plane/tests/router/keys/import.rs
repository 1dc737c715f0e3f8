//! Keys from elsewhere.

use portcullis_engine::api_key;
use serde_json::{Value, json};

use super::{FOREIGN, carried, keys_path};
use crate::stage::open;

#[tokio::test]
async fn a_key_from_elsewhere_is_accepted_as_it_is_and_never_shown() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, created) = operator.creates_access("acme").await;

    let imported = operator
        .posts(&keys_path(&created), json!({"key": FOREIGN}))
        .await
        .is(201);

    assert_eq!(imported["api_key"], Value::Null);
    assert_eq!(imported["key"]["imported"], true);
    assert_eq!(imported["key"]["id"].as_str().unwrap().len(), 12);
    assert!(!imported.body.to_string().contains(FOREIGN));
    let told = carried(&stage).await;
    let digest = api_key::digest(FOREIGN.as_bytes()).to_string();
    assert!(told.iter().any(|key| key["digest"] == digest), "{told:?}");

    let (_, _, other) = operator.creates_access("other").await;
    let refused = operator
        .posts(&keys_path(&other), json!({"key": FOREIGN}))
        .await
        .is(409);
    assert!(!refused.body.to_string().contains(created.id()));
    assert!(!refused.body.to_string().contains(FOREIGN));
}

#[tokio::test]
async fn a_revoked_key_cannot_be_imported_again() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, created) = operator.creates_access("acme").await;
    let path = keys_path(&created);
    let imported = operator.posts(&path, json!({"key": FOREIGN})).await.is(201);
    let id = imported["key"]["id"].as_str().unwrap();
    operator.deletes(&format!("{path}/{id}")).await.is(200);
    operator.posts(&path, json!({"key": FOREIGN})).await.is(409);
}

#[tokio::test]
async fn what_cannot_be_a_key_is_refused_without_being_repeated() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, created) = operator.creates_access("acme").await;
    let mistyped = format!("{}0", created.text("api_key"));
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhcF8xIn0.c2lnbmF0dXJlLW9mLXRva2Vu";
    for key in [
        json!("fifteen-letters"),
        json!("x".repeat(513)),
        json!("a key with blanks"),
        json!("a-key,with-a-comma"),
        json!("a-key\"with-a-quote"),
        json!("a-key-with-an-ümlaut"),
        json!("ptc_but-not-one-of-ours"),
        json!(mistyped),
        json!(token),
        json!(12_345_678_901_234_567_u64),
        json!(["a-key-in-a-list-of-one"]),
        json!({"value": "a-key-in-an-object"}),
        json!(true),
    ] {
        let refused = operator
            .posts(&keys_path(&created), json!({ "key": key }))
            .await
            .is(422);
        let said = refused.body.to_string();
        refused.points_at("/key");
        let text = key.to_string();
        let text = text.trim_matches(['"', '[', ']']);
        assert!(text.len() < 15 || !said.contains(text), "{said}");
        assert!(!said.contains("a-key"), "{said}");
    }
    assert_eq!(carried(&stage).await.len(), 1);
}
