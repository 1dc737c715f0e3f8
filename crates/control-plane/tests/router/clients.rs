//! `/api/v1/clients`

use serde_json::{Value, json};

use crate::stage::open;

#[tokio::test]
async fn a_client_is_created_with_what_was_said_and_what_was_not() {
    let stage = open().await;
    let draft = json!({"name": "  Acme  ", "description": "first\nsecond"});
    let created = stage
        .operator()
        .posts("/api/v1/clients", draft)
        .await
        .is(201);

    assert!(created.id().starts_with("cl_"), "{}", created.body);
    assert_eq!(created["name"], "Acme");
    assert_eq!(created["description"], "first\nsecond");
    assert_eq!(created["enabled"], true);
    assert_eq!(created["created_at"], "2027-01-15T08:00:00Z");
    created.revision();
    let read = stage
        .operator()
        .gets(&format!("/api/v1/clients/{}", created.id()))
        .await
        .is(200);
    assert_eq!(read["name"], "Acme");
}

#[tokio::test]
async fn a_patch_keeps_what_it_does_not_name_and_clears_what_is_null() {
    let stage = open().await;
    let operator = stage.operator();
    let draft = json!({"name": "Acme", "description": "more", "enabled": false});
    let created = operator.posts("/api/v1/clients", draft).await.is(201);
    let path = format!("/api/v1/clients/{}", created.id());
    stage.pass_ms(1_500);

    let renamed = operator
        .patches(&path, json!({"name": "Acme Ltd"}))
        .await
        .is(200);
    assert_eq!(renamed["description"], "more");
    assert_eq!(renamed["enabled"], false);
    assert_eq!(renamed["created_at"], "2027-01-15T08:00:00Z");
    assert_eq!(renamed["updated_at"], "2027-01-15T08:00:01.5Z");

    let cleared = operator
        .patches(&path, json!({"description": null}))
        .await
        .is(200);
    assert_eq!(cleared["name"], "Acme Ltd");
    assert_eq!(cleared["description"], Value::Null);

    let detail = operator.patches(&path, json!({"name": null})).await.is(422);
    detail.points_at("/name");
}

#[tokio::test]
async fn clients_are_listed_in_pages() {
    let stage = open().await;
    let operator = stage.operator();
    let mut created = Vec::new();
    for number in 0..5 {
        let client = operator.creates_client(&format!("client {number}")).await;
        created.push(client["id"].clone());
    }

    let mut listed = Vec::new();
    let mut path = "/api/v1/clients?limit=2".to_owned();
    loop {
        let page = operator.gets(&path).await.is(200);
        listed.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].clone()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/v1/clients?limit=2&cursor={cursor}");
    }

    assert_eq!(listed, created);
}

#[tokio::test]
async fn a_removed_client_takes_its_profiles_along() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, _, profile) = operator.creates_access("acme").await;
    let path = format!("/api/v1/clients/{}", client.id());

    let removed = operator.deletes(&path).await.is(200);

    assert!(removed.revision() > profile.revision());
    operator.gets(&path).await.is(404);
    operator.deletes(&path).await.is(404);
    operator
        .gets(&format!("/api/v1/access-profiles/{}", profile.id()))
        .await
        .is(404);
}
