//! `?wait=applied`

use std::time::Duration;

use axum::http::header;
use portcullis_feed::Position;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::gateways::{instance, report};
use crate::stage::{Answer, Stage, open};

/// The newest revision before anything is waited for.
const HEAD: u64 = 3;

/// A control plane with gateways that have applied all there is.
async fn with_gateways(numbers: &[u32]) -> Stage {
    let stage = open().await;
    stage.operator().creates_access("acme").await;
    for number in numbers {
        stage
            .gateway()
            .reports(&report(*number, HEAD))
            .await
            .is(204);
    }
    assert_eq!(*stage.app.newest().borrow(), HEAD);
    stage
}

/// Makes a change and waits for it; tells when it is made.
async fn changing(stage: &Stage, name: &str, query: &str) -> (u64, JoinHandle<Answer>) {
    let mut newest = stage.app.newest();
    newest.borrow_and_update();
    let operator = stage.operator();
    let path = format!("/api/v1/collections?{query}");
    let draft = json!({"name": name, "version": "v1",
        "endpoints": [{"method": "GET", "path": format!("/{name}")}]});
    let changing = tokio::spawn(async move { operator.posts(&path, draft).await });
    newest.changed().await.unwrap();
    let revision = *newest.borrow();
    (revision, changing)
}

async fn is_pending(changing: &mut JoinHandle<Answer>) -> bool {
    timeout(Duration::from_millis(50), changing).await.is_err()
}

async fn soon(changing: JoinHandle<Answer>) -> Answer {
    let answer = timeout(Duration::from_secs(10), changing).await;
    answer.unwrap().unwrap().is(201)
}

/// What was waited for, without the time.
fn applied(answer: &Answer) -> Value {
    let mut applied = answer["applied"].clone();
    assert_eq!(applied["revision"], answer.revision());
    let members = applied.as_object_mut().unwrap();
    assert!(members.remove("after_ms").unwrap().is_u64());
    members.remove("revision");
    applied
}

#[tokio::test]
async fn a_change_is_answered_when_all_gateways_have_applied_it() {
    let stage = with_gateways(&[1, 2]).await;
    let (revision, mut changing) = changing(&stage, "orders", "wait=applied&timeout=60").await;
    assert!(is_pending(&mut changing).await);
    stage.gateway().reports(&report(1, revision)).await.is(204);
    assert!(is_pending(&mut changing).await);
    stage.gateway().reports(&report(2, revision)).await.is(204);

    let answer = soon(changing).await;

    assert_eq!(answer["name"], "orders");
    assert_eq!(
        applied(&answer),
        json!({"gateways": 2, "applied": 2, "waiting_for": [], "lost": 0, "unidentified": 0})
    );
    assert!(answer["applied"]["after_ms"].as_u64().unwrap() >= 50);
}

#[tokio::test]
async fn who_has_not_applied_it_in_time_is_named() {
    let stage = with_gateways(&[1, 2]).await;
    let began = Instant::now();
    let (revision, changing) = changing(&stage, "orders", "wait=applied&timeout=1").await;
    stage.gateway().reports(&report(1, revision)).await.is(204);

    let answer = soon(changing).await;

    assert!(began.elapsed() >= Duration::from_secs(1));
    let expected = json!({
        "gateways": 2, "applied": 1, "lost": 0, "unidentified": 0,
        "waiting_for": [{"instance": instance(2), "name": "edge-2", "revision": HEAD,
            "last_contact_at": "2027-01-15T08:00:00Z"}],
    });
    assert_eq!(applied(&answer), expected);
}

#[tokio::test]
async fn nobody_is_waited_for_who_is_lost_or_not_there() {
    let stage = with_gateways(&[]).await;
    let (_, alone) = changing(&stage, "first", "timeout=60&wait=applied").await;
    let nobody = json!({"gateways": 0, "applied": 0, "waiting_for": [], "lost": 0,
        "unidentified": 0});
    assert_eq!(applied(&soon(alone).await), nobody);

    stage.gateway().reports(&report(1, HEAD)).await.is(204);
    stage.pass_ms(60_000);
    let (_, mut silent) = changing(&stage, "second", "timeout=60&wait=applied").await;
    assert!(is_pending(&mut silent).await);
    stage.pass_ms(1);
    let lost = json!({"gateways": 0, "applied": 0, "waiting_for": [], "lost": 1,
        "unidentified": 0});
    assert_eq!(applied(&soon(silent).await), lost);
}

#[tokio::test]
async fn what_is_applied_of_another_history_does_not_count() {
    let stage = with_gateways(&[1, 2, 3, 4]).await;
    let mut elsewhere = report(1, HEAD);
    elsewhere.applied = Some(Position {
        epoch: "of-another-database".into(),
        revision: 1_000,
    });
    let mut nothing = report(2, HEAD);
    nothing.applied = None;
    let ahead = report(3, 1_000);
    for said in [elsewhere, nothing, ahead] {
        stage.gateway().reports(&said).await.is(204);
    }
    let (_, changing) = changing(&stage, "orders", "wait=applied&timeout=0").await;
    let answer = soon(changing).await;
    let waiting_for = answer["applied"]["waiting_for"].as_array().unwrap();
    let known: Vec<_> = waiting_for.iter().map(|one| &one["revision"]).collect();
    assert_eq!(
        known,
        [&Value::Null, &Value::Null, &Value::Null, &json!(HEAD)]
    );
}

#[tokio::test]
async fn a_gateway_that_says_nothing_of_itself_is_counted_apart() {
    let stage = with_gateways(&[]).await;
    let gateway = stage.gateway();
    let question = "/feed/v1/changes?epoch=epoch-1&after=3&wait=60";
    let asked = tokio::spawn(async move { gateway.gets(question).await });
    let deadline = Instant::now() + Duration::from_secs(10);
    let path = "/api/v1/clients?wait=applied&timeout=0";
    loop {
        let made = stage.operator().posts(path, json!({"name": "acme"})).await;
        if made.is(201)["applied"]["unidentified"] == 1 {
            break;
        }
        assert!(Instant::now() < deadline);
    }
    asked.abort();
}

#[tokio::test]
async fn a_caller_who_goes_away_loses_nothing_of_the_change() {
    let stage = with_gateways(&[1]).await;
    let (revision, mut changing) = changing(&stage, "orders", "wait=applied&timeout=60").await;
    assert!(is_pending(&mut changing).await);
    changing.abort();
    assert!(changing.await.unwrap_err().is_cancelled());

    let list = stage.operator().gets("/api/v1/collections").await;
    assert_eq!(list["items"][1]["name"], "orders");
    let question = format!("/feed/v1/changes?epoch=epoch-1&after={}", revision - 1);
    stage.gateway().gets(&question).await.is(200);
}

#[tokio::test]
async fn every_change_can_be_waited_for() {
    let stage = with_gateways(&[]).await;
    let operator = stage.operator();
    let (client, collection, profile) = operator.creates_access("other").await;
    let policy = operator.creates_policy("partners").await;
    let query = "?wait=applied";
    let of = |list: &str, record: &Answer| format!("/api/v1/{list}/{}{query}", record.id());
    let keys = format!("/api/v1/access-profiles/{}/keys", profile.id());

    let made = operator.posts(&format!("{keys}{query}"), json!({})).await;
    let made = made.is(201);
    assert_eq!(made.headers[header::CACHE_CONTROL], "no-store");
    assert!(made.text("api_key").starts_with("ptc_"));
    let key = format!("{keys}/{}{query}", made["key"]["id"].as_str().unwrap());
    let mut answers = vec![
        made,
        operator.patches(&key, json!({"expires_at": null})).await,
        operator.deletes(&key).await,
    ];
    let refresh = format!(
        "/api/v1/access-profiles/{}/key/refresh{query}",
        profile.id()
    );
    answers.push(operator.posts(&refresh, json!({})).await);
    let name = || json!({"name": "renamed"});
    for (list, record) in [
        ("access-profiles", &profile),
        ("clients", &client),
        ("collections", &collection),
        ("policies", &policy),
    ] {
        answers.push(operator.patches(&of(list, record), name()).await);
        answers.push(operator.deletes(&of(list, record)).await);
    }
    for list in ["clients", "policies"] {
        let path = format!("/api/v1/{list}{query}");
        answers.push(operator.posts(&path, name()).await);
    }
    for answer in answers {
        assert!(answer.status.is_success(), "{}", answer.body);
        assert_eq!(applied(&answer)["gateways"], 0);
    }
    let refused = operator.patches(&of("clients", &client), name()).await;
    assert_eq!(refused.is(404)["applied"], Value::Null);
}

#[tokio::test]
async fn a_wait_that_makes_no_sense_is_refused_before_anything_is_changed() {
    let stage = with_gateways(&[]).await;
    let operator = stage.operator();
    for (query, pointer) in [
        ("wait=seen", "?wait"),
        ("wait=", "?wait"),
        ("wait=applied&wait=applied", "?wait"),
        ("wait=applied&timeout=61", "?timeout"),
        ("wait=applied&timeout=-1", "?timeout"),
        ("wait=applied&timeout=1s", "?timeout"),
        ("timeout=5", "?timeout"),
    ] {
        let path = format!("/api/v1/clients?{query}");
        let refused = operator.posts(&path, json!({"name": "x"})).await.is(400);
        refused.points_at(pointer);
    }
    let clients = operator.gets("/api/v1/clients").await;
    assert_eq!(clients["items"].as_array().unwrap().len(), 1);

    let token = "/api/v1/gateway-tokens?wait=applied";
    let refused = operator.posts(token, json!({"name": "x"})).await.is(400);
    refused.points_at("?wait");
    for path in ["clients", "collections/co_x", "gateways", "gateway-tokens"] {
        let path = format!("/api/v1/{path}?wait=applied");
        operator.gets(&path).await.is(400).points_at("?wait");
    }
}

#[tokio::test]
async fn a_control_plane_that_stops_ends_the_wait() {
    let stage = with_gateways(&[1]).await;
    let (_, mut changing) = changing(&stage, "orders", "wait=applied&timeout=60").await;
    assert!(is_pending(&mut changing).await);
    stage.stop.send(true).unwrap();
    let answer = soon(changing).await;
    assert_eq!(answer["applied"]["applied"], 0);
}

#[tokio::test]
async fn thousands_of_gateways_and_many_waits_take_no_long_time() {
    const GATEWAYS: u32 = 10_000;
    const LONG: Duration = Duration::from_secs(60);
    let stage = with_gateways(&[]).await;
    let token = stage
        .app
        .admit(b"the-gateway-of-these-tests-and-nobody-else");
    let token = token.unwrap().token().clone();
    let all_report = |revision| {
        for number in 0..GATEWAYS {
            let report = report(number, revision).header();
            stage.app.note_report(&token, report.as_bytes()).unwrap();
        }
    };
    all_report(HEAD);
    let mut waits = Vec::new();
    let mut last = 0;
    for number in 0..30 {
        let name = format!("c{number}");
        let (revision, wait) = changing(&stage, &name, "wait=applied&timeout=60").await;
        last = revision;
        waits.push(wait);
    }
    let began = Instant::now();
    for revision in HEAD + 1..=last {
        all_report(revision);
        tokio::task::yield_now().await;
        // A look at all of them for each report would be 3,000 million of them, which takes minutes.
        let (took, told) = (began.elapsed(), revision - HEAD);
        assert!(took < LONG, "{told} of 30 revisions took {took:?}");
    }
    for wait in waits {
        assert_eq!(applied(&soon(wait).await)["applied"], GATEWAYS);
    }
}
