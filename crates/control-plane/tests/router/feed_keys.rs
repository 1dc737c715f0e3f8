//! `/api/v1/feed-keys`, and what they sign.

use axum::http::Method;
use portcullis_control_plane::app::feed_key::ChosenFeedKey;
use portcullis_feed::signature::{FeedKey, NotSigned, SIGNATURE_HEADER};
use portcullis_feed::{GatewayReport, REPORT_PATH};
use serde_json::{Value, json};

use crate::gateways::{instance, report};
use crate::stage::{Answer, Stage, open};

const NONCE: &str = "00112233445566778899aabbccddeeff";
const SEED: &str = "00000000000000000000000000000000000000000000000000000000000000ff";

/// A raw answer: what is signed is every byte of it.
struct Raw {
    status: u16,
    signatures: Option<Vec<u8>>,
    body: Vec<u8>,
}

impl Raw {
    fn signed_by(&self, keys: &[FeedKey], nonce: &str) -> Result<(), NotSigned> {
        let signatures = self.signatures.as_deref();
        FeedKey::verify(keys, signatures, self.status, nonce, &self.body)
    }
}

async fn asked(stage: &Stage, question: &str) -> Raw {
    let path = format!("/feed/v1/changes?{question}");
    let gateway = stage.gateway();
    let request = gateway.request(Method::GET, &path);
    let answer = gateway
        .sends_raw(request.body(axum::body::Body::empty()).unwrap())
        .await;
    Raw {
        status: answer.0.status.as_u16(),
        signatures: answer
            .0
            .headers
            .get(SIGNATURE_HEADER)
            .map(|value| value.as_bytes().to_vec()),
        body: answer.1.to_vec(),
    }
}

fn public(key: &Value) -> FeedKey {
    key["public_key"].as_str().unwrap().parse().unwrap()
}

async fn listed(stage: &Stage) -> Vec<Value> {
    let answer = stage.operator().gets("/api/v1/feed-keys").await.is(200);
    answer["items"].as_array().unwrap().clone()
}

async fn creates(stage: &Stage) -> Answer {
    let operator = stage.operator();
    let request = operator.request(Method::POST, "/api/v1/feed-keys");
    operator
        .sends(request.body(axum::body::Body::empty()).unwrap())
        .await
}

#[tokio::test]
async fn every_answer_to_a_question_with_a_nonce_is_signed() {
    let stage = open().await;
    stage.operator().creates_collection("orders").await;
    let [key] = &listed(&stage).await[..] else {
        panic!("there is one key at first");
    };
    let key = public(key);
    for (question, status) in [
        ("after=0", 200),
        ("epoch=epoch-1&after=1", 204),
        ("epoch=other&after=1", 410),
    ] {
        let answer = asked(&stage, &format!("{question}&nonce={NONCE}")).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.signed_by(std::slice::from_ref(&key), NONCE), Ok(()));
        let other = answer.signed_by(std::slice::from_ref(&key), "0011223344556677");
        assert_eq!(other, Err(NotSigned::Wrong));

        let unasked = asked(&stage, question).await;
        assert_eq!((unasked.status, unasked.signatures), (status, None));
        assert_eq!(unasked.body, answer.body);
    }
}

#[tokio::test]
async fn a_waiting_gateway_gets_a_signed_answer_too() {
    let stage = open().await;
    let key = public(&listed(&stage).await[0]);
    let answer = asked(
        &stage,
        &format!("epoch=epoch-1&after=0&wait=1&nonce={NONCE}"),
    )
    .await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.signed_by(&[key], NONCE), Ok(()));
}

#[tokio::test]
async fn keys_are_rotated_without_a_gateway_that_refuses_an_answer() {
    let stage = open().await;
    let old = listed(&stage).await.remove(0);
    let signed = async || asked(&stage, &format!("after=0&nonce={NONCE}")).await;

    let new = creates(&stage).await.is(201).body;
    assert_eq!(listed(&stage).await, [old.clone(), new.clone()]);
    for key in [&old, &new] {
        assert_eq!(signed().await.signed_by(&[public(key)], NONCE), Ok(()));
    }

    let path = format!("/api/v1/feed-keys/{}", old["id"].as_str().unwrap());
    stage.operator().deletes(&path).await.is(204);
    let answer = signed().await;
    assert_eq!(answer.signed_by(&[public(&new)], NONCE), Ok(()));
    let refused = answer.signed_by(&[public(&old)], NONCE);
    assert_eq!(refused, Err(NotSigned::UnknownKey));
    stage.operator().deletes(&path).await.is(404);

    let stage = stage.reopened().await;
    assert_eq!(listed(&stage).await, [new]);
}

#[tokio::test]
async fn the_last_key_stays() {
    let stage = open().await;
    let only = listed(&stage).await.remove(0);
    let path = format!("/api/v1/feed-keys/{}", only["id"].as_str().unwrap());
    let refused = stage.operator().deletes(&path).await.is(409);
    assert!(refused.text("detail").contains("only feed key"));
    assert_eq!(listed(&stage).await, [only]);
}

#[tokio::test]
async fn a_key_of_the_environment_signs_beside_the_others_and_cannot_be_removed_here() {
    let stage = open().await;
    let chosen = ChosenFeedKey::try_from(SEED).unwrap();
    let public_keys = stage.app.settle_feed_keys(Some(chosen)).await.unwrap();
    assert_eq!(public_keys.len(), 2);

    let keys = listed(&stage).await;
    assert_eq!(keys[0]["source"], "environment");
    assert_eq!(keys[0]["created_at"], Value::Null);
    assert_eq!(keys[1]["source"], "made");
    assert_eq!(keys[1]["created_at"], "2027-01-15T08:00:00Z");
    let answer = asked(&stage, &format!("nonce={NONCE}")).await;
    for key in &keys {
        assert_eq!(answer.signed_by(&[public(key)], NONCE), Ok(()));
    }
    let path = |key: &Value| format!("/api/v1/feed-keys/{}", key["id"].as_str().unwrap());
    let refused = stage.operator().deletes(&path(&keys[0])).await.is(409);
    let detail = refused.text("detail");
    assert!(detail.contains("PORTCULLIS_FEED_SIGNING_KEY"), "{detail}");
    stage.operator().deletes(&path(&keys[1])).await.is(204);
    assert_eq!(listed(&stage).await, [keys[0].clone()]);
}

#[tokio::test]
async fn there_are_at_most_eight_keys_and_none_shows_its_secret_half() {
    let stage = open().await;
    for _ in 1..8 {
        creates(&stage).await.is(201);
    }
    let refused = creates(&stage).await.is(409);
    assert!(refused.text("detail").contains("at most 8"));
    for key in listed(&stage).await {
        let members: Vec<&String> = key.as_object().unwrap().keys().collect();
        let shown = [
            "believed_by",
            "created_at",
            "id",
            "public_key",
            "relied_on_by",
            "source",
        ];
        assert_eq!(members, shown);
    }
}

#[tokio::test]
async fn what_is_no_name_of_a_key_names_nothing() {
    let stage = open().await;
    for name in ["x", "0123456789abcdef", "0123456789ABCDEF"] {
        let path = format!("/api/v1/feed-keys/{name}");
        stage.operator().deletes(&path).await.is(404);
    }
    stage.gateway().gets("/api/v1/feed-keys").await.is(401);
    let body = json!({"seed": "00"});
    stage
        .gateway()
        .posts("/api/v1/feed-keys", body)
        .await
        .is(401);
}

#[tokio::test]
async fn a_key_that_a_gateway_relies_on_is_removed_by_force_only() {
    let stage = open().await;
    creates(&stage).await.is(201);
    let ids: Vec<String> = listed(&stage)
        .await
        .iter()
        .map(|key| key["id"].as_str().unwrap().to_owned())
        .collect();
    let says = async |number: u32, feed_keys: &[&str]| {
        let feed_keys = feed_keys.iter().map(|id| (*id).to_owned()).collect();
        let report = GatewayReport {
            feed_keys,
            ..report(number, 0)
        };
        let body = serde_json::to_value(&report).unwrap();
        stage.gateway().posts(REPORT_PATH, body).await.is(204);
    };
    says(1, &[&ids[0]]).await;
    says(2, &[&ids[0], &ids[1]]).await;
    says(3, &[]).await;
    says(4, &["0123456789abcdef"]).await;

    let keys = listed(&stage).await;
    let edge = json!({"instance": instance(1), "name": "edge-1"});
    assert_eq!(
        (&keys[0]["believed_by"], &keys[1]["believed_by"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(keys[0]["relied_on_by"], json!([edge]));
    assert_eq!(keys[1]["relied_on_by"], json!([]));
    let path = format!("/api/v1/feed-keys/{}", ids[0]);
    let refused = stage.operator().deletes(&path).await.is(409);
    assert_eq!(refused["gateways"], json!([edge]));
    let detail = refused.text("detail");
    assert!(detail.contains("`edge-1` (0000000000000001)"), "{detail}");
    stage
        .operator()
        .deletes(&format!("{path}?force=maybe"))
        .await
        .is(400);
    stage
        .operator()
        .deletes(&format!("{path}?force=false"))
        .await
        .is(409);

    says(1, &[&ids[0], &ids[1]]).await;
    says(2, &[&ids[0]]).await;
    stage.pass_ms(30_000);
    stage.operator().deletes(&path).await.is(409);
    stage
        .operator()
        .deletes(&format!("{path}?force=true"))
        .await
        .is(204);
    assert_eq!(listed(&stage).await[0]["relied_on_by"], json!([edge]));
}

#[tokio::test]
async fn a_gateway_that_is_lost_keeps_no_key() {
    let stage = open().await;
    let old = listed(&stage).await.remove(0);
    creates(&stage).await.is(201);
    let report = GatewayReport {
        feed_keys: vec![old["id"].as_str().unwrap().to_owned()],
        ..report(1, 0)
    };
    let body = serde_json::to_value(&report).unwrap();
    stage.gateway().posts(REPORT_PATH, body).await.is(204);
    let path = format!("/api/v1/feed-keys/{}", old["id"].as_str().unwrap());
    stage.operator().deletes(&path).await.is(409);
    stage.pass_ms(61_000);
    stage.operator().deletes(&path).await.is(204);
}
