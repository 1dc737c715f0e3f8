//! `/usage`, and what gateways tell of it at `/feed/v1/usage`.

mod asking;
mod refusals;

use portcullis_control_plane::app::usage::Keeping;
use serde_json::{Value, json};

use crate::stage::{Answer, BEGIN_MS, Stage, open};

/// The minute in which these tests begin: 2027-01-15T08:00Z.
pub const NOW_MIN: u64 = BEGIN_MS / 60_000;

pub fn batch(number: u64, rows: Value) -> Value {
    json!({"instance": "00000000000000ff", "name": "edge-1", "number": number, "rows": rows})
}

pub async fn tells(stage: &Stage, batch: Value) -> Answer {
    stage.gateway().posts("/feed/v1/usage", batch).await
}

pub async fn add_up(stage: &Stage) {
    stage.app.add_up_usage(&Keeping::default()).await.unwrap();
}

pub async fn asks(stage: &Stage, path: &str) -> Answer {
    stage
        .operator()
        .gets(&format!("/api/v1/usage/{path}"))
        .await
}

async fn requests(stage: &Stage) -> u64 {
    let totals = asks(stage, "totals?until=2027-01-16T00:00:00Z")
        .await
        .is(200);
    totals["requests"].as_u64().unwrap()
}

#[tokio::test]
async fn a_batch_is_counted_once_and_acknowledged_as_often_as_it_comes() {
    let stage = open().await;
    let first = batch(1, json!([{"m": NOW_MIN, "n": 5, "ok": 5}]));
    for _ in 0..3 {
        tells(&stage, first.clone()).await.is(204);
    }
    let stage = stage.killed().await;
    tells(&stage, first).await.is(204);
    tells(&stage, batch(2, json!([{"m": NOW_MIN, "n": 7}])))
        .await
        .is(204);
    add_up(&stage).await;
    assert_eq!(requests(&stage).await, 12);
}

#[tokio::test]
async fn batches_that_come_together_are_counted_together() {
    let stage = open().await;
    let mut sent = Vec::new();
    for instance in 0..40 {
        for number in 1..=2 {
            let mut batch = batch(number, json!([{"m": NOW_MIN, "n": 1}]));
            batch["instance"] = json!(format!("{instance:016x}"));
            let gateway = stage.gateway();
            sent.push(tokio::spawn(async move {
                gateway.posts("/feed/v1/usage", batch).await
            }));
        }
    }
    for sent in sent {
        sent.await.unwrap().is(204);
    }
    add_up(&stage).await;
    let told = asks(&stage, "gateways?limit=1000").await.is(200);
    assert_eq!(told["items"].as_array().unwrap().len(), 40);
    assert_eq!(requests(&stage).await, 80);
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused_at_the_field() {
    let stage = open().await;
    for (rows, pointer) in [
        (json!([{"m": 1, "n": 1, "ok": 2}]), "/rows/0/ok"),
        (json!([{"m": 1, "n": 1}, {"m": 1}]), "/rows/1"),
        (json!([{"m": 1, "n": -1}]), "/rows/0/n"),
        (json!("none"), "/rows"),
    ] {
        let refused = tells(&stage, batch(1, rows)).await.is(400);
        refused.points_at(pointer);
    }
    let refused = stage.gateway().posts_text("/feed/v1/usage", "{").await;
    refused.is(400);
    let large = " ".repeat(1024 * 1024 + 1);
    stage
        .gateway()
        .posts_text("/feed/v1/usage", &large)
        .await
        .is(413);
    let larger = " ".repeat(2 * 1024 * 1024);
    stage
        .gateway()
        .posts_text("/feed/v1/usage", &larger)
        .await
        .is(413);
    let one = batch(1, json!([]));
    stage
        .stranger()
        .posts("/feed/v1/usage", one.clone())
        .await
        .is(401);
    stage.operator().posts("/feed/v1/usage", one).await.is(401);
    assert_eq!(requests(&stage).await, 0);
}

#[tokio::test]
async fn a_batch_is_not_acknowledged_while_it_cannot_be_kept() {
    let stage = open().await;
    stage.app.close().await;
    let refused = tells(&stage, batch(1, json!([{"m": NOW_MIN, "n": 5}])))
        .await
        .is(503);
    assert_eq!(refused.headers["retry-after"], "1");
}

#[tokio::test]
async fn operators_see_which_batches_are_missing() {
    let stage = open().await;
    let mut lossy = batch(3, json!([]));
    lossy["lost"] = json!(9);
    tells(&stage, lossy).await.is(204);
    let mut other = batch(1, json!([]));
    other["instance"] = json!("0000000000000001");
    tells(&stage, other).await.is(204);

    let first = asks(&stage, "gateways?limit=1").await.is(200);
    assert_eq!(first["items"][0]["instance"], "0000000000000001");
    let cursor = first.text("next_cursor");
    let second = asks(&stage, &format!("gateways?limit=1&cursor={cursor}"))
        .await
        .is(200);
    assert_eq!(
        second["items"][0],
        json!({
            "instance": "00000000000000ff", "name": "edge-1", "batches": 3, "missing": 2,
            "lost": 9, "last_batch_at": "2027-01-15T08:00:00Z",
        })
    );
    assert_eq!(second["next_cursor"], json!(null));
}

#[tokio::test]
async fn the_last_use_is_told_of_keys_profiles_and_clients_and_changes_no_tag() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, _, profile) = operator.creates_access("acme").await;
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    let keys = operator.gets(&format!("{path}/keys")).await.is(200);
    assert_eq!(keys["items"][0]["last_used_at"], json!(null));
    let key = keys["items"][0]["id"].as_str().unwrap().to_owned();
    let before = operator.gets(&path).await.is(200);
    let rows = json!([
        {"m": NOW_MIN - 3, "p": profile["id"], "k": key, "n": 1, "d": [["quota_exceeded", 1]]},
        {"m": NOW_MIN - 9, "p": profile["id"], "k": key, "n": 1, "ok": 1},
    ]);
    tells(&stage, batch(1, rows)).await.is(204);
    add_up(&stage).await;

    let last = "2027-01-15T07:57:00Z";
    for list in [
        "/api/v1/clients".to_owned(),
        "/api/v1/access-profiles".to_owned(),
        format!("{path}/keys"),
    ] {
        let listed = operator.gets(&list).await.is(200);
        assert_eq!(listed["items"][0]["last_used_at"], last, "{list}");
    }
    for record in [
        format!("/api/v1/clients/{}", client.id()),
        path.clone(),
        format!("{path}/keys/{key}"),
    ] {
        let read = operator.gets(&record).await.is(200);
        assert_eq!(read["last_used_at"], last, "{record}");
    }
    let after = operator.gets(&path).await.is(200);
    assert_eq!(before.tag(), after.tag());
    let draft = json!({"name": "renamed"});
    operator
        .patches_if(&path, &before.tag(), draft)
        .await
        .is(200);
}
