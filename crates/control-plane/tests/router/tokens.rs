//! Who may ask what.

use axum::body::Body;
use axum::http::{Method, header};

use crate::stage::open;

#[tokio::test]
async fn without_a_known_token_nothing_is_told() {
    let stage = open().await;
    let strangers = [
        stage.stranger(),
        stage.gateway(),
        stage.caller(Some("a-token-that-nobody-knows-at-all-here")),
        stage.caller(Some("")),
    ];
    for stranger in strangers {
        for path in [
            "/api/v1/clients",
            "/api/v1/access-profiles/ap_x",
            "/api/v1/policies",
        ] {
            let refused = stranger.gets(path).await.is(401);
            assert_eq!(
                refused.headers[header::WWW_AUTHENTICATE],
                "Bearer realm=\"portcullis\""
            );
            assert_eq!(
                refused.headers[header::CONTENT_TYPE],
                "application/problem+json"
            );
        }
        stranger.posts_text("/api/v1/clients", "{").await.is(401);
    }
    assert_eq!(
        stage.operator().gets("/api/v1/clients").await["items"],
        serde_json::json!([])
    );
}

#[tokio::test]
async fn an_operator_is_no_gateway() {
    let stage = open().await;
    stage.operator().gets("/feed/v1/changes").await.is(401);
    stage.stranger().gets("/feed/v1/changes").await.is(401);
    stage.gateway().gets("/feed/v1/changes").await.is(200);
}

#[tokio::test]
async fn two_tokens_are_none() {
    let stage = open().await;
    let request = stage
        .operator()
        .request(Method::GET, "/api/v1/clients")
        .header(header::AUTHORIZATION, "Bearer other")
        .body(Body::empty());
    stage.operator().sends(request.unwrap()).await.is(401);
}

#[tokio::test]
async fn health_is_told_to_everybody() {
    let stage = open().await;
    stage.stranger().gets("/healthz").await.is(200);
    stage.stranger().gets("/readyz").await.is(200);
}
