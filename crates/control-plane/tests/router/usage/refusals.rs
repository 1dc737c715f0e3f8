//! The sample of refused requests.

use axum::http::Method;
use serde_json::{Value, json};

use super::{asks, batch, tells};
use crate::stage::{Answer, BEGIN_MS, Stage, open};

async fn refused() -> (Stage, Answer, Answer) {
    let stage = open().await;
    let (client, collection, profile) = stage.operator().creates_access("acme").await;
    let mut told = batch(1, json!([]));
    told["refusals"] = json!([
        {
            "t": BEGIN_MS - 2_000, "r": "quota_exceeded", "s": 429, "v": "GET",
            "u": "/orders/1?token=canary", "a": "192.0.2.1", "k": "keykeykeykey",
            "p": profile["id"], "c": collection["id"], "x": "decision-1",
        },
        {"t": BEGIN_MS - 1_000, "r": "credential_missing", "s": 401, "v": "=1+1", "u": "/"},
    ]);
    tells(&stage, told.clone()).await.is(204);
    tells(&stage, told).await.is(204);
    (stage, client, profile)
}

#[tokio::test]
async fn refused_requests_are_listed_and_filtered_and_show_no_query() {
    let (stage, client, profile) = refused().await;
    let all = asks(&stage, "refusals").await.is(200);
    assert_eq!(
        all.every("reason"),
        ["credential_missing", "quota_exceeded"]
    );
    assert!(!all.body.to_string().contains("canary"));
    let told = &all["items"][1];
    assert_eq!(told["at"], "2027-01-15T07:59:58Z");
    assert_eq!(told["path"], "/orders/1");
    assert_eq!(
        (&told["client_id"], &told["client_name"]),
        (&client["id"], &json!("acme"))
    );
    assert_eq!(
        (&told["profile_id"], &told["profile_name"]),
        (&profile["id"], &json!("production"))
    );
    assert_eq!(
        (&told["gateway"], &told["decision_id"]),
        (&json!("edge-1"), &json!("decision-1"))
    );

    let first = asks(&stage, "refusals?limit=1").await.is(200);
    let cursor = first.text("next_cursor");
    let second = asks(&stage, &format!("refusals?limit=1&cursor={cursor}"))
        .await
        .is(200);
    assert_eq!(second.every("reason"), ["quota_exceeded"]);
    assert_eq!(second["next_cursor"], json!(null));
    let (client, profile) = (client.id(), profile.id());
    for (query, count) in [
        ("reason=quota_exceeded".to_owned(), 1),
        ("reason=not_ready".to_owned(), 0),
        (format!("client_id={client}"), 1),
        (format!("profile_id={profile}"), 1),
        ("key_id=keykeykeykey".to_owned(), 1),
        ("since=2027-01-15T07:59:59Z".to_owned(), 1),
        ("until=2027-01-15T07:59:59Z".to_owned(), 1),
        ("until=2027-01-15T07:59:58Z".to_owned(), 0),
    ] {
        let found = asks(&stage, &format!("refusals?{query}")).await.is(200);
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn refused_requests_are_exported_for_spreadsheets() {
    let (stage, client, _) = refused().await;
    for number in 2..=13 {
        let mut told = batch(number, json!([]));
        let sample =
            json!({"t": BEGIN_MS - 5_000, "r": "not_ready", "s": 503, "v": "GET", "u": "/"});
        told["refusals"] = Value::from(vec![sample; 100]);
        tells(&stage, told).await.is(204);
    }
    let request = stage
        .operator()
        .request(Method::GET, "/api/v1/usage/refusals/export");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let (head, body) = stage.operator().sends_raw(request).await;
    assert_eq!(head.status, 200);
    let mut csv = csv::Reader::from_reader(&body[..]);
    let rows: Vec<_> = csv.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1_202);
    assert_eq!(&rows[0][3], "'=1+1");
    assert_eq!((&rows[1][7], &rows[1][8]), (client.id(), "acme"));
    assert_eq!(&rows[1_201][1], "not_ready");
}
