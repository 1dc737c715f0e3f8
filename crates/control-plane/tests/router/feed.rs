//! `/feed/v1/changes`

use std::time::Duration;

use portcullis_feed::{ChangePage, ChangedObject};
use serde_json::json;
use tokio::time::Instant;

use crate::stage::{Answer, Stage, open};

fn page(answer: &Answer) -> ChangePage {
    serde_json::from_value(answer.body.clone()).unwrap()
}

/// Asks, and waits until the gateway surely waits.
async fn waiting(stage: &Stage, question: &str) -> tokio::task::JoinHandle<Answer> {
    let gateway = stage.gateway();
    let question = question.to_owned();
    let asked = tokio::spawn(async move { gateway.gets(&question).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    asked
}

#[tokio::test]
async fn a_gateway_syncs_from_nothing_and_follows() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, collection, profile) = operator.creates_access("acme").await;

    let first = page(
        &stage
            .gateway()
            .gets("/feed/v1/changes?after=0")
            .await
            .is(200),
    );

    assert_eq!(first.format, portcullis_feed::FORMAT);
    assert_eq!(first.epoch, "epoch-1");
    assert_eq!(
        (first.after, first.revision, first.head),
        (0, profile.revision(), profile.revision())
    );
    let ChangedObject::Collection(told) = &first.changes[0].object else {
        panic!("{first:?}");
    };
    assert_eq!(told.id.to_string(), collection.id());
    let ChangedObject::Profile(told) = &first.changes[1].object else {
        panic!("{first:?}");
    };
    assert_eq!(told.id.to_string(), profile.id());
    assert_eq!(told.client.name, "acme");

    let disabled = operator
        .patches(
            &format!("/api/v1/clients/{}", client.id()),
            json!({"enabled": false}),
        )
        .await
        .is(200);
    let question = format!("/feed/v1/changes?epoch=epoch-1&after={}", first.revision);
    let next = page(&stage.gateway().gets(&question).await.is(200));
    assert_eq!(next.revision, disabled.revision());
    assert_eq!(next.changes.len(), 1);
}

#[tokio::test]
async fn a_gateway_without_an_epoch_learns_it_at_once_even_when_there_is_nothing() {
    let stage = open().await;
    let answer = stage
        .gateway()
        .gets("/feed/v1/changes?after=0&wait=60")
        .await
        .is(200);
    let page = page(&answer);
    assert_eq!(
        (page.epoch.as_str(), page.revision, page.head),
        ("epoch-1", 0, 0)
    );
    assert!(page.changes.is_empty());
}

#[tokio::test]
async fn a_page_holds_as_many_changes_as_were_asked_for() {
    let stage = open().await;
    for number in 0..5 {
        stage
            .operator()
            .creates_collection(&format!("c{number}"))
            .await;
    }
    let first = page(
        &stage
            .gateway()
            .gets("/feed/v1/changes?limit=3")
            .await
            .is(200),
    );
    assert_eq!((first.changes.len(), first.revision, first.head), (3, 3, 5));
    let question = "/feed/v1/changes?limit=3&epoch=epoch-1&after=3";
    let rest = page(&stage.gateway().gets(question).await.is(200));
    assert_eq!((rest.changes.len(), rest.revision, rest.head), (2, 5, 5));
}

#[tokio::test]
async fn a_page_ends_before_a_megabyte() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, collection, _) = operator.creates_access("acme").await;
    let many: Vec<String> = (0..10_000)
        .map(|n| format!("10.1.{}.{}", n / 250, n % 250))
        .collect();
    for number in 0..8 {
        let draft = json!({
            "client_id": client["id"], "name": format!("p{number}"),
            "collections": [collection["id"]], "addresses": {"allow": many},
        });
        operator
            .posts("/api/v1/access-profiles", draft)
            .await
            .is(201);
    }

    let mut after = 0;
    let mut told = 0;
    loop {
        let question = format!("/feed/v1/changes?epoch=epoch-1&after={after}&limit=10000");
        let answer = stage.gateway().gets(&question).await;
        if answer.status == 204 {
            break;
        }
        assert!(answer.body.to_string().len() < 1_010_000);
        let page = page(&answer.is(200));
        assert!(page.changes.len() < 10, "{}", page.changes.len());
        after = page.revision;
        told += page.changes.len();
    }
    assert_eq!(told, 10);
}

#[tokio::test]
async fn a_waiting_gateway_is_woken_by_a_commit() {
    let stage = open().await;
    let asked = waiting(&stage, "/feed/v1/changes?epoch=epoch-1&after=0&wait=60").await;
    let began = Instant::now();

    let created = stage.operator().creates_collection("orders").await;
    let page = page(&asked.await.unwrap().is(200));

    assert_eq!(page.revision, created.revision());
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn what_gateways_cannot_tell_wakes_nobody() {
    let stage = open().await;
    let mut asked = waiting(&stage, "/feed/v1/changes?epoch=epoch-1&after=0&wait=5").await;
    stage.operator().creates_client("without profiles").await;
    stage.operator().creates_policy("of nobody").await;
    assert!(
        tokio::time::timeout(Duration::from_millis(200), &mut asked)
            .await
            .is_err()
    );
    let answer = asked.await.unwrap().is(204);
    assert_eq!(answer.body, "");
}

#[tokio::test]
async fn a_gateway_from_another_history_begins_again() {
    let stage = open().await;
    stage.operator().creates_collection("orders").await;
    for question in [
        "epoch=other&after=0",
        "epoch=other&after=1",
        "epoch=epoch-1&after=2",
        "after=1",
    ] {
        let gone = stage
            .gateway()
            .gets(&format!("/feed/v1/changes?{question}"))
            .await
            .is(410);
        assert_eq!(
            gone["type"], "urn:portcullis:problem:state-gone",
            "{question}"
        );
    }
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused() {
    let stage = open().await;
    for question in [
        "limit=0",
        "limit=10001",
        "wait=61",
        "after=-1",
        "after=x",
        "wait=1.5",
        "nonce=",
        "nonce=00112233445566",
        "nonce=00112233445566FF",
        "nonce=0011223344556677x",
    ] {
        stage
            .gateway()
            .gets(&format!("/feed/v1/changes?{question}"))
            .await
            .is(400);
    }
}

#[tokio::test]
async fn waiting_gateways_are_let_go_when_the_process_stops() {
    let stage = open().await;
    let asked = waiting(&stage, "/feed/v1/changes?epoch=epoch-1&after=0&wait=60").await;
    stage.stop.send(true).unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(5), asked)
        .await
        .unwrap();
    answer.unwrap().is(204);
}

#[tokio::test]
async fn a_refused_nonce_is_named() {
    let stage = open().await;
    let question = format!("/feed/v1/changes?nonce={}", "0".repeat(65));
    let refused = stage.gateway().gets(&question).await.is(400);
    assert_eq!(
        refused["detail"],
        "`nonce` is 16 to 64 hexadecimal digits in lower case"
    );
}

#[tokio::test]
async fn a_gateway_that_is_in_step_learns_the_new_name_of_its_place() {
    let stage = open().await;
    stage.operator().creates_collection("orders").await;
    let stage = stage.reopened().await;
    let question = "/feed/v1/changes?epoch=epoch-1&after=1&wait=60";
    let page = page(&stage.gateway().gets(question).await.is(200));
    assert_eq!((page.after, page.revision, page.head), (1, 1, 1));
    assert_eq!((page.epoch.as_str(), page.changes.len()), ("epoch-2", 0));
}

#[tokio::test]
async fn half_way_through_a_gateway_goes_on_after_a_restart() {
    let stage = open().await;
    for name in ["a", "b", "c", "d"] {
        stage.operator().creates_collection(name).await;
    }
    let question = "/feed/v1/changes?limit=2";
    let first = page(&stage.gateway().gets(question).await.is(200));
    let stage = stage.reopened().await;
    let question = format!("{question}&epoch={}&after={}", first.epoch, first.revision);
    let rest = page(&stage.gateway().gets(&question).await.is(200));
    assert_eq!((rest.revision, rest.changes.len()), (4, 2));
    assert_eq!(rest.epoch, "epoch-2");
}

#[tokio::test]
async fn a_thousand_waiting_gateways_get_the_same_page() {
    let stage = open().await;
    let question = "/feed/v1/changes?epoch=epoch-1&after=0&wait=60";
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let gateway = stage.gateway();
        waiting.spawn(async move { gateway.gets(question).await });
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let created = stage.operator().creates_collection("orders").await;
    for answer in waiting.join_all().await {
        let page = page(&answer.is(200));
        assert_eq!((page.revision, page.changes.len()), (created.revision(), 1));
    }
}

#[tokio::test]
async fn a_change_is_in_the_next_page_though_the_page_before_is_kept() {
    let stage = open().await;
    let operator = stage.operator();
    let collection = operator.creates_collection("orders").await;
    let path = format!("/api/v1/collections/{}", collection.id());
    for number in 2..10 {
        let version = format!("v{number}");
        let patch = json!({"version": version});
        operator.patches(&path, patch).await.is(200);
        for _ in 0..2 {
            let answer = stage.gateway().gets("/feed/v1/changes").await.is(200);
            let page = page(&answer);
            assert_eq!(page.changes.len(), 1);
            let ChangedObject::Collection(told) = &page.changes[0].object else {
                panic!("{page:?}");
            };
            assert_eq!((&told.version, page.head), (&version, number));
        }
    }
}
