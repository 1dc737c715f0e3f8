//! `/api/v1/gateways`: what gateways say of themselves, and what becomes of them.

mod restarts;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use portcullis_feed::{GatewayReport, Position, REPORT_HEADER};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::stage::{Answer, Caller, Stage, open};

/// What a gateway says that has applied everything up to a revision.
pub fn report(number: u32, applied: u64) -> GatewayReport {
    GatewayReport {
        instance: instance(number),
        at_us: 0,
        name: format!("edge-{number}"),
        version: "0.1.0".into(),
        format: 2,
        applied: Some(Position {
            epoch: "epoch-1".into(),
            revision: applied,
        }),
        workers: 5,
        feed_keys: vec![],
    }
}

pub fn instance(number: u32) -> String {
    format!("{number:016x}")
}

impl Stage {
    /// What is told of a gateway.
    pub async fn told_of(&self, number: u32) -> Answer {
        let path = format!("/api/v1/gateways/{}", instance(number));
        self.operator().gets(&path).await.is(200)
    }

    /// The instances in a list of gateways, as numbers.
    async fn listed(&self, query: &str) -> Vec<u64> {
        let path = format!("/api/v1/gateways?{query}");
        let answer = self.operator().gets(&path).await.is(200);
        let items = answer["items"].as_array().unwrap();
        let number = |item: &Value| u64::from_str_radix(item["instance"].as_str().unwrap(), 16);
        items.iter().map(|item| number(item).unwrap()).collect()
    }

    /// Looks again and again until a gateway asks, or does not.
    async fn sees_asking(&self, number: u32, asking: bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.told_of(number).await["asking"] != asking {
            assert!(Instant::now() < deadline, "{asking}");
            sleep(Duration::from_millis(1)).await;
        }
    }
}

impl Caller {
    /// Asks as a gateway, with what it says of itself.
    pub async fn asks(&self, query: &str, report: &str) -> Answer {
        let path = format!("/feed/v1/changes?{query}");
        let request = self
            .request(Method::GET, &path)
            .header(REPORT_HEADER, report);
        self.sends(request.body(Body::empty()).unwrap()).await
    }

    pub async fn reports(&self, report: &GatewayReport) -> Answer {
        self.posts_text("/feed/v1/reports", &report.header()).await
    }
}

/// What goes on all the time beside the requests.
fn tending(stage: &Stage) -> JoinHandle<()> {
    let stopping = stage.stop.subscribe();
    tokio::spawn(Arc::clone(&stage.app).tend_gateways(stopping))
}

/// Asks for what is not there yet.
async fn asking(stage: &Stage, report: &GatewayReport) -> JoinHandle<Answer> {
    let gateway = stage.gateway();
    let head = report.applied.as_ref().unwrap().revision;
    let query = format!("epoch=epoch-1&after={head}&wait=60");
    let header = report.header();
    tokio::spawn(async move { gateway.asks(&query, &header).await })
}

#[tokio::test]
async fn a_gateway_that_asks_is_listed_with_what_it_says() {
    let stage = open().await;
    stage.operator().creates_access("acme").await;
    let mut said = report(7, 2);
    said.feed_keys = vec!["0011223344556677".into()];
    stage
        .gateway()
        .asks("epoch=epoch-1&after=1", &said.header())
        .await
        .is(200);
    stage.pass_ms(2_500);

    let told = stage.told_of(7).await;
    let tokens = stage.operator().gets("/api/v1/gateway-tokens").await;
    let expected = json!({
        "instance": "0000000000000007", "name": "edge-7", "version": "0.1.0", "format": 2,
        "workers": 5, "state": "connected", "asking": false,
        "token": {"id": tokens["items"][0]["id"], "name": "default", "accepted": true},
        "applied": {"epoch": "epoch-1", "revision": 2}, "lag": 1,
        "behind_since": "2027-01-15T08:00:00Z", "asked_after": 1,
        "feed_keys": ["0011223344556677"],
        "first_contact_at": "2027-01-15T08:00:00Z", "last_contact_at": "2027-01-15T08:00:00Z",
        "staleness_s": 2,
    });
    assert_eq!(told.body, expected);
    let list = stage.operator().gets("/api/v1/gateways").await.is(200);
    assert_eq!(list["items"], json!([expected]));
}

#[tokio::test]
async fn a_gateway_is_connected_then_silent_then_lost_and_forgotten_in_the_end() {
    let stage = open().await;
    stage.gateway().reports(&report(1, 0)).await.is(204);
    for (passed_ms, state) in [
        (5_000, "connected"),
        (1, "silent"),
        (54_999, "silent"),
        (1, "lost"),
        (86_300_000, "lost"),
    ] {
        stage.pass_ms(passed_ms);
        let told = stage.told_of(1).await;
        assert_eq!(told["state"], state, "{passed_ms}");
    }
    let first = tending(&stage);
    stage.gateway().reports(&report(2, 0)).await.is(204);
    assert_eq!(stage.listed("").await, [1, 2]);
    first.abort();

    stage.pass_ms(200_000);
    let _second = tending(&stage);
    let deadline = Instant::now() + Duration::from_secs(10);
    while stage.listed("").await != [2] {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn an_open_question_is_contact_and_its_end_is_noticed_at_once() {
    let stage = open().await;
    let question = asking(&stage, &report(1, 0)).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while stage.listed("").await.is_empty() {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(1)).await;
    }
    stage.pass_ms(3_600_000);
    let told = stage.told_of(1).await;
    assert_eq!(
        (&told["state"], &told["asking"], &told["staleness_s"]),
        (&json!("connected"), &json!(true), &json!(0))
    );
    assert_eq!(told["last_contact_at"], "2027-01-15T09:00:00Z");

    question.abort();
    stage.sees_asking(1, false).await;
    stage.pass_ms(5_001);
    assert_eq!(stage.told_of(1).await["state"], "silent");
}

#[tokio::test]
async fn lag_is_told_in_revisions_and_in_time() {
    let stage = open().await;
    let (_, _, profile) = stage.operator().creates_access("acme").await;
    let head = profile.revision();
    stage.gateway().reports(&report(1, head)).await.is(204);
    let told = stage.told_of(1).await;
    assert_eq!(
        (&told["lag"], &told["behind_since"]),
        (&json!(0), &Value::Null)
    );

    stage.pass_ms(1_000);
    stage.operator().creates_collection("later").await;
    stage.told_of(1).await;
    stage.pass_ms(1_000);
    let newest = stage.operator().creates_collection("latest").await;

    let told = stage.told_of(1).await;
    assert_eq!(told["lag"], 2);
    assert_eq!(told["behind_since"], "2027-01-15T08:00:01Z");
    let report = report(1, newest.revision());
    stage.gateway().reports(&report).await.is(204);
    let told = stage.told_of(1).await;
    assert_eq!(
        (&told["lag"], &told["behind_since"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(told["asked_after"], Value::Null);
}

#[tokio::test]
async fn what_is_not_on_the_history_has_no_lag() {
    let stage = open().await;
    stage.operator().creates_access("acme").await;
    let nothing = GatewayReport {
        applied: None,
        ..report(1, 0)
    };
    let mut elsewhere = report(2, 1);
    elsewhere.applied.as_mut().unwrap().epoch = "of-another-database".into();
    let ahead = report(3, 1_000);
    for (number, said) in [(1, nothing), (2, elsewhere), (3, ahead)] {
        stage.gateway().reports(&said).await.is(204);
        let told = stage.told_of(number).await;
        assert_eq!(
            (&told["lag"], &told["behind_since"]),
            (&Value::Null, &Value::Null),
            "{number}"
        );
    }
}

#[tokio::test]
async fn what_is_applied_stays_so_when_an_older_word_comes_later() {
    let stage = open().await;
    stage.operator().creates_access("acme").await;
    let said_at = |at_us, applied| GatewayReport {
        at_us,
        ..report(1, applied)
    };
    stage.gateway().reports(&said_at(8, 3)).await.is(204);
    stage
        .gateway()
        .asks("epoch=epoch-1&after=1", &said_at(7, 1).header())
        .await
        .is(200);
    let told = stage.told_of(1).await;
    assert_eq!(told["applied"], json!({"epoch": "epoch-1", "revision": 3}));
    assert_eq!((&told["lag"], &told["asked_after"]), (&json!(0), &json!(1)));

    // Not so when a worker has nothing any more.
    let nothing = GatewayReport {
        applied: None,
        ..said_at(9, 0)
    };
    stage.gateway().reports(&nothing).await.is(204);
    assert_eq!(stage.told_of(1).await["applied"], Value::Null);
}

#[tokio::test]
async fn a_gateway_whose_report_cannot_be_read_is_served_all_the_same() {
    let stage = open().await;
    let long = report(1, 0).header().replace("edge-1", &"x".repeat(5_000));
    let other = report(1, 0)
        .header()
        .replace(&instance(1), "UPPER-CASE-PLEAS");
    for (unreadable, said) in [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        (r#"{"instance": "0000000000000001"}"#, "`name`"),
        (&long, "4096 bytes"),
        (&other, "16 hexadecimal digits"),
    ] {
        let gateway = stage.gateway();
        gateway.asks("after=0", unreadable).await.is(200);
        let refused = gateway.posts_text("/feed/v1/reports", unreadable).await;
        let refused = refused.is(400);
        assert!(refused.text("detail").contains(said), "{}", refused.body);
    }
    assert!(stage.listed("").await.is_empty());
    stage
        .operator()
        .posts_text("/feed/v1/reports", &report(1, 0).header())
        .await
        .is(401);
}

#[tokio::test]
async fn a_gateway_whose_question_makes_no_sense_is_listed_all_the_same() {
    let stage = open().await;
    for (number, query, asked_after) in [(1, "after=7&limit=0", 7), (2, "after=x", 0)] {
        let said = report(number, 0).header();
        stage.gateway().asks(query, &said).await.is(400);
        let told = stage.told_of(number).await;
        assert_eq!(
            (&told["asked_after"], &told["asking"]),
            (&json!(asked_after), &json!(false)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn what_a_gateway_says_is_bounded_and_visible() {
    let stage = open().await;
    let mut said = report(1, 0);
    said.name = format!("edge\u{1b}[31m\n{}", "x".repeat(500));
    said.version = "é".into();
    said.feed_keys = vec!["\t".into(); 100];
    stage.gateway().reports(&said).await.is(204);

    let told = stage.told_of(1).await;
    assert!(told.text("name").starts_with("edge?[31m?xxx"));
    assert_eq!(told.text("name").len(), 128);
    assert_eq!(told["version"], "??");
    assert_eq!(told["feed_keys"], json!(vec!["?"; 16]));
}

#[tokio::test]
async fn gateways_are_listed_in_pages_and_by_state() {
    let stage = open().await;
    for number in [5, 1, 3] {
        stage.gateway().reports(&report(number, 0)).await.is(204);
    }
    stage.pass_ms(30_000);
    for number in [4, 2] {
        stage.gateway().reports(&report(number, 0)).await.is(204);
    }
    assert_eq!(stage.listed("").await, [1, 2, 3, 4, 5]);
    assert_eq!(stage.listed("state=silent").await, [1, 3, 5]);
    assert_eq!(stage.listed("state=connected").await, [2, 4]);
    assert!(stage.listed("state=lost").await.is_empty());
    let first = stage
        .operator()
        .gets("/api/v1/gateways?state=silent&limit=2")
        .await
        .is(200);
    let rest = format!("state=silent&limit=2&cursor={}", first.text("next_cursor"));
    assert_eq!(stage.listed(&rest).await, [5]);

    for (query, pointer) in [
        ("state=gone", "?state"),
        ("cursor=3", "?cursor"),
        ("limit=0", "?limit"),
    ] {
        let path = format!("/api/v1/gateways?{query}");
        let refused = stage.operator().gets(&path).await.is(400);
        refused.points_at(pointer);
    }
    for path in ["0000000000000009", "9", "000000000000000X"] {
        let path = format!("/api/v1/gateways/{path}");
        stage.operator().gets(&path).await.is(404);
        stage.operator().deletes(&path).await.is(404);
    }
}

#[tokio::test]
async fn a_gateway_whose_token_is_withdrawn_is_told_as_such() {
    let stage = open().await;
    let made = stage
        .operator()
        .posts("/api/v1/gateway-tokens", json!({"name": "edge"}))
        .await
        .is(201);
    let gateway = stage.caller(Some(made.text("token")));
    gateway.reports(&report(1, 0)).await.is(204);
    let told = stage.told_of(1).await;
    assert_eq!(
        told["token"],
        json!({"id": made["id"], "name": "edge", "accepted": true})
    );
    let path = format!("/api/v1/gateway-tokens/{}", made.id());
    stage.operator().deletes(&path).await.is(204);
    gateway.reports(&report(1, 0)).await.is(401);
    assert_eq!(stage.told_of(1).await["token"]["accepted"], false);
}
