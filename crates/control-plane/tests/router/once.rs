//! `Idempotency-Key`: creations that are done once, however often they are asked for.

use axum::http::HeaderMap;
use serde_json::json;

use crate::stage::open;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn the_same_request_by_the_same_key_creates_once_and_is_answered_the_same() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let collection = operator.creates_collection("orders").await;
    let profile = json!({
        "client_id": client["id"], "name": "p", "collections": [collection["id"]],
    });
    let endpoints = json!([{"method": "GET", "path": "/other"}]);
    for (path, draft, secret) in [
        ("/api/v1/clients", json!({"name": "Once"}), None),
        (
            "/api/v1/collections",
            json!({"name": "other", "version": "v1", "endpoints": endpoints}),
            None,
        ),
        ("/api/v1/policies", json!({"name": "gold"}), None),
        ("/api/v1/access-profiles", profile, Some("api_key")),
        (
            "/api/v1/gateway-tokens",
            json!({"name": "edge"}),
            Some("token"),
        ),
        (
            "/api/v1/tokens",
            json!({"name": "pipeline", "role": "viewer"}),
            Some("token"),
        ),
        (
            "/api/v1/operators",
            json!({"email": "eve@example.com", "name": "Eve", "role": "editor"}),
            None,
        ),
        ("/api/v1/feed-keys", json!({}), None),
    ] {
        let before = operator.gets(path).await["items"].as_array().unwrap().len();
        let bare = path.replace('/', "-");
        let key = format!("\"{bare}\"");
        let key = key.as_str();
        let first = operator.posts_once(path, key, draft.clone()).await.is(201);
        stage.pass_ms(1_000);
        let again = operator.posts_once(path, key, draft.clone()).await.is(201);
        let bare = operator.posts_once(path, &bare, draft).await.is(201);

        assert_eq!(again.body, first.body, "{path}");
        // All but the name of the request itself.
        let kept = |headers: &HeaderMap| {
            let mut headers = headers.clone();
            headers.remove("x-request-id");
            headers
        };
        assert_eq!(kept(&again.headers), kept(&first.headers), "{path}");
        assert_eq!(bare.body, first.body, "{path}");
        if let Some(secret) = secret {
            assert!(first[secret].is_string(), "{path}");
        }
        let after = operator.gets(path).await["items"].as_array().unwrap().len();
        assert_eq!(after, before + 1, "{path}");
    }
}

#[tokio::test]
async fn a_refreshed_key_is_told_again_and_refreshed_once() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("acme").await;
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    let refresh = format!("{path}/key/refresh");

    let first = operator
        .posts_once(&refresh, "\"k\"", json!({}))
        .await
        .is(200);
    let again = operator
        .posts_once(&refresh, "\"k\"", json!({}))
        .await
        .is(200);

    assert_eq!(again.text("api_key"), first.text("api_key"));
    assert_eq!(again.revision(), first.revision());
    assert_eq!(again.headers["cache-control"], "no-store");
    let read = operator.gets(&path).await;
    assert_eq!(read["keys"][0]["id"], first["key"]["id"]);
}

#[tokio::test]
async fn another_request_by_the_same_key_is_refused_and_does_nothing() {
    let stage = open().await;
    let operator = stage.operator();
    operator
        .posts_once("/api/v1/clients", "\"k\"", json!({"name": "Acme"}))
        .await
        .is(201);
    let before = operator.all_records().await;
    for (path, draft) in [
        ("/api/v1/clients", json!({"name": "Other"})),
        ("/api/v1/clients?wait=applied", json!({"name": "Acme"})),
        ("/api/v1/policies", json!({"name": "Acme"})),
    ] {
        let refused = operator.posts_once(path, "\"k\"", draft).await.is(422);
        assert_eq!(
            refused["type"],
            "urn:portcullis:problem:idempotency-key-reused"
        );
    }
    assert_eq!(operator.all_records().await, before);
}

#[tokio::test]
async fn a_request_that_was_refused_may_be_put_right_and_asked_again() {
    let stage = open().await;
    let operator = stage.operator();
    operator
        .posts_once("/api/v1/clients", "\"k\"", json!({"name": ""}))
        .await
        .is(422);
    operator
        .posts_once("/api/v1/clients", "\"k\"", json!({"name": "Acme"}))
        .await
        .is(201);
}

#[tokio::test]
async fn of_many_who_ask_at_the_same_time_all_get_the_one_record() {
    let stage = open().await;
    let operator = stage.operator();
    let asking = (0..8).map(|_| {
        let operator = operator.clone();
        tokio::spawn(async move {
            let draft = json!({"name": "Acme"});
            operator
                .posts_once("/api/v1/clients", "\"k\"", draft)
                .await
                .is(201)
        })
    });
    let mut ids = Vec::new();
    for one in asking.collect::<Vec<_>>() {
        ids.push(one.await.unwrap().id().to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(
        operator.gets("/api/v1/clients").await.every("name"),
        ["Acme"]
    );
}

#[tokio::test]
async fn keys_are_forgotten_after_a_day_and_kept_over_a_restart() {
    let stage = open().await;
    let draft = || json!({"name": "Acme"});
    let path = "/api/v1/clients";
    let first = stage
        .operator()
        .posts_once(path, "\"k\"", draft())
        .await
        .is(201);

    let stage = stage.reopened().await;
    stage.pass_ms(DAY_MS - 1);
    assert_eq!(stage.app.forget_answers().await.unwrap(), 0);
    let again = stage
        .operator()
        .posts_once(path, "\"k\"", draft())
        .await
        .is(201);
    assert_eq!(again.id(), first.id());

    stage.pass_ms(1);
    let anew = stage
        .operator()
        .posts_once(path, "\"k\"", draft())
        .await
        .is(201);
    assert_ne!(anew.id(), first.id());
    stage.pass_ms(DAY_MS);
    assert_eq!(stage.app.forget_answers().await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_answered_once_stands_nowhere_in_the_database_in_clear() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let collection = operator.creates_collection("orders").await;
    let draft = json!({
        "client_id": client["id"], "name": "p", "collections": [collection["id"]],
    });
    let made = operator
        .posts_once("/api/v1/access-profiles", "\"k\"", draft)
        .await
        .is(201);
    let key = made.text("api_key").as_bytes().to_vec();
    stage.app.close().await;
    let kept = stage.ground.kept();
    let holds = |what: &[u8]| kept.windows(what.len()).any(|part| part == what);
    assert!(holds(b"Acme") && !holds(&key));
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let stage = open().await;
    let operator = stage.operator();
    let long = format!("\"{}\"", "x".repeat(256));
    for key in ["", "\"\"", "\"a", "a b", "\"a\\n\"", long.as_str()] {
        let refused = operator
            .posts_once("/api/v1/clients", key, json!({"name": "Acme"}))
            .await
            .is(400);
        refused.points_at("idempotency-key");
    }
    assert_eq!(operator.gets("/api/v1/clients").await["items"], json!([]));
}
