//! `/api/v1/gateway-tokens`

use std::time::Duration;

use axum::http::header;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::stage::{Answer, Caller, Stage, open};

const TOKENS: &str = "/api/v1/gateway-tokens";
const QUESTION: &str = "/feed/v1/changes";
const WAITING_QUESTION: &str = "/feed/v1/changes?epoch=epoch-1&after=0&wait=60";

async fn made(stage: &Stage, draft: Value) -> (Answer, Caller) {
    let made = stage.operator().posts(TOKENS, draft).await.is(201);
    let gateway = stage.caller(Some(made.text("token")));
    (made, gateway)
}

fn path(token: &Answer) -> String {
    format!("{TOKENS}/{}", token.id())
}

/// Asks, and waits until the gateway surely waits.
async fn waiting(gateway: &Caller) -> JoinHandle<Answer> {
    let gateway = gateway.clone();
    let asked = tokio::spawn(async move { gateway.gets(WAITING_QUESTION).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!asked.is_finished());
    asked
}

async fn soon(asked: JoinHandle<Answer>) -> Answer {
    let answer = tokio::time::timeout(Duration::from_secs(10), asked).await;
    answer.unwrap().unwrap()
}

#[tokio::test]
async fn a_token_is_shown_once_and_opens_the_feed() {
    let stage = open().await;
    let draft = json!({
        "name": " Edge ", "description": "in Frankfurt", "expires_at": "2027-01-16T00:00:00Z",
    });
    let (made, gateway) = made(&stage, draft).await;

    assert_eq!(made.headers[header::CACHE_CONTROL], "no-store");
    assert!(made.text("token").starts_with("ptg_") && made.text("token").len() == 68);
    assert!(made.id().starts_with("gt_"));
    let mut known = json!({
        "id": made["id"], "name": "Edge", "description": "in Frankfurt", "source": "made",
        "created_at": "2027-01-15T08:00:00Z", "expires_at": "2027-01-16T00:00:00Z",
        "last_used_at": null,
    });
    let read = stage.operator().gets(&path(&made)).await.is(200);
    assert_eq!(read.body, known);

    stage.pass_ms(5_000);
    gateway.gets(QUESTION).await.is(200);
    gateway.gets("/api/v1/clients").await.is(401);
    known["last_used_at"] = json!("2027-01-15T08:00:05Z");
    let list = stage.operator().gets(TOKENS).await.is(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert!(list["items"].as_array().unwrap().contains(&known));
    assert!(!list.body.to_string().contains("ptg_"));
}

#[tokio::test]
async fn a_withdrawn_token_opens_nothing_and_ends_open_questions() {
    let stage = open().await;
    let (made, gateway) = made(&stage, json!({"name": "edge"})).await;
    let (_, other) = self::made(&stage, json!({"name": "other"})).await;
    let asked = waiting(&gateway).await;
    let others = waiting(&other).await;

    stage.operator().deletes(&path(&made)).await.is(204);

    soon(asked).await.is(401);
    gateway.gets(QUESTION).await.is(401);
    gateway.posts_text("/feed/v1/reports", "{}").await.is(401);
    stage.operator().gets(&path(&made)).await.is(404);
    stage.operator().deletes(&path(&made)).await.is(404);
    stage.operator().creates_collection("orders").await;
    soon(others).await.is(200);
}

#[tokio::test]
async fn a_token_ends_when_it_expires_and_an_open_question_learns_nothing_more() {
    let stage = open().await;
    let draft = json!({"name": "edge", "expires_at": "2027-01-15T08:00:10Z"});
    let (_, gateway) = made(&stage, draft).await;
    let asked = waiting(&gateway).await;
    stage.pass_ms(9_999);
    gateway.gets(QUESTION).await.is(200);
    stage.pass_ms(1);
    gateway.gets(QUESTION).await.is(401);

    stage.operator().creates_collection("orders").await;
    let refused = soon(asked).await.is(401);
    assert!(!refused.body.to_string().contains("orders"));
}

#[tokio::test]
async fn the_token_from_the_environment_is_listed_and_not_withdrawn() {
    let stage = open().await;
    let list = stage.operator().gets(TOKENS).await.is(200);
    let token = &list["items"][0];
    assert_eq!(token["source"], "environment");
    let path = format!("{TOKENS}/{}", token["id"].as_str().unwrap());

    let refused = stage.operator().deletes(&path).await.is(409);

    assert!(refused.text("detail").contains("PORTCULLIS_GATEWAY_TOKEN"));
    stage.gateway().gets(QUESTION).await.is(200);
}

#[tokio::test]
async fn made_tokens_outlive_restarts_and_other_environments() {
    let stage = open().await;
    let (first, gateway) = made(&stage, json!({"name": "edge"})).await;
    let environment = stage.operator().gets(TOKENS).await;
    stage.pass_ms(1_000);
    gateway.gets(QUESTION).await.is(200);
    let (gone, _) = made(&stage, json!({"name": "gone"})).await;
    stage.operator().deletes(&path(&gone)).await.is(204);
    drop(gateway);

    let stage = stage.reopened().await;
    let again = |caller: &str| stage.caller(Some(caller));
    again(first.text("token")).gets(QUESTION).await.is(200);
    again(gone.text("token")).gets(QUESTION).await.is(401);
    let read = stage.operator().gets(&path(&first)).await.is(200);
    assert_eq!(read["last_used_at"], "2027-01-15T08:00:01Z");
    let now = stage.operator().gets(TOKENS).await;
    assert_eq!(now["items"][0]["id"], environment["items"][0]["id"]);

    let old_token = now["items"][0]["id"].clone();
    stage.gateway().gets(QUESTION).await.is(200);
    let other = "another-gateway-of-these-tests-and-nobody-else";
    let stage = stage.reopened_with(other).await;
    stage.gateway().gets(QUESTION).await.is(401);
    for token in [other, first.text("token")] {
        stage.caller(Some(token)).gets(QUESTION).await.is(200);
    }
    let now = stage.operator().gets(TOKENS).await;
    let ids = now["items"].as_array().unwrap().iter();
    assert!(
        ids.clone().all(|token| token["id"] != old_token),
        "{}",
        now.body
    );
    assert_eq!(ids.count(), 2);
}

#[tokio::test]
async fn a_made_token_in_the_environment_is_that_of_the_environment() {
    let stage = open().await;
    let (made, _) = made(&stage, json!({"name": "edge"})).await;
    let stage = stage.reopened_with(made.text("token")).await;
    let list = stage.operator().gets(TOKENS).await.is(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let token = &list["items"][0];
    assert_eq!(
        (&token["id"], &token["source"]),
        (&made["id"], &json!("environment"))
    );
    stage.operator().deletes(&path(&made)).await.is(409);
}

#[tokio::test]
async fn a_bad_draft_is_refused_at_the_field() {
    let stage = open().await;
    for (draft, pointer) in [
        (json!({}), "/name"),
        (json!({"name": ""}), "/name"),
        (json!({"name": "x", "description": 1}), "/description"),
        (
            json!({"name": "x", "expires_at": "tomorrow"}),
            "/expires_at",
        ),
        (
            json!({"name": "x", "expires_at": "2027-01-15T08:00:00Z"}),
            "/expires_at",
        ),
        (json!({"name": "x", "token": "ptg_chosen"}), "/token"),
    ] {
        let refused = stage.operator().posts(TOKENS, draft).await.is(422);
        refused.points_at(pointer);
    }
    let list = stage.operator().gets(TOKENS).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    stage
        .operator()
        .gets(&format!("{TOKENS}/gt_x"))
        .await
        .is(404);
    let page = stage.operator().gets(&format!("{TOKENS}?cursor=x")).await;
    page.is(400).points_at("?cursor");
}
