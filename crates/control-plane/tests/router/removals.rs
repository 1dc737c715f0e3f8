//! How long gateways are told what was removed.

use std::sync::Arc;
use std::time::Duration;

use portcullis_control_plane::app::removals::Days;
use portcullis_feed::ChangePage;
use tokio::time::timeout;

use crate::stage::{Stage, open};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

async fn removes(stage: &Stage, names: std::ops::Range<u32>) {
    let operator = stage.operator();
    for name in names {
        let created = operator.creates_collection(&format!("c{name}")).await;
        let path = format!("/api/v1/collections/{}", created.id());
        operator.deletes(&path).await.is(200);
    }
}

async fn asked(stage: &Stage, question: &str) -> Option<ChangePage> {
    let question = format!("/feed/v1/changes?{question}");
    let answer = stage.gateway().gets(&question).await;
    (answer.status != 410).then(|| serde_json::from_value(answer.is(200).body).unwrap())
}

#[tokio::test]
async fn who_was_away_for_longer_than_removals_are_told_begins_again() {
    let stage = open().await;
    removes(&stage, 0..2).await;
    stage.pass_ms(8 * DAY_MS);
    removes(&stage, 2..3).await;

    assert_eq!(stage.app.forget_removals(Days(9)).await.unwrap(), 0);
    let told = asked(&stage, "epoch=epoch-1&after=1").await.unwrap();
    assert_eq!(told.changes.len(), 3);

    assert_eq!(stage.app.forget_removals(Days(7)).await.unwrap(), 2);
    stage.pass_ms(60_000);
    assert_eq!(asked(&stage, "epoch=epoch-1&after=1").await, None);
    let told = asked(&stage, "epoch=epoch-1&after=4").await.unwrap();
    assert_eq!((told.revision, told.changes.len()), (6, 1));
    let anew = asked(&stage, "after=0").await.unwrap();
    assert_eq!((anew.revision, anew.changes.len()), (6, 0));
}

#[tokio::test]
async fn old_removals_are_forgotten_at_the_start_and_the_task_ends_with_the_process() {
    let stage = open().await;
    removes(&stage, 0..1).await;
    stage.pass_ms(2 * DAY_MS);
    let app = Arc::clone(&stage.app);
    let stopping = stage.stop.subscribe();
    let task = tokio::spawn(async move { app.keep_forgetting_removals(Days(1), stopping).await });

    let forgotten = async {
        while asked(&stage, "epoch=epoch-1&after=1").await.is_some() {
            // Kept pages are of another minute then.
            stage.pass_ms(60_000);
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), forgotten).await.unwrap();

    stage.stop.send(true).unwrap();
    timeout(Duration::from_secs(20), task)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn who_begins_is_not_told_what_was_removed_before() {
    let stage = open().await;
    removes(&stage, 0..5).await;
    let kept = stage.operator().creates_collection("kept").await;
    let page = asked(&stage, "after=0").await.unwrap();
    assert_eq!((page.revision, page.changes.len()), (kept.revision(), 1));
}
