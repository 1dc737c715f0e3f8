//! Entity tags: `ETag`, `If-Match` and `If-None-Match`.

use axum::body::Body;
use axum::http::Method;
use serde_json::json;

use crate::stage::{Caller, open};

/// Each kind of record that has a tag, with a change to it.
async fn records(operator: &Caller) -> Vec<(String, serde_json::Value)> {
    let (client, collection, profile) = operator.creates_access("acme").await;
    let policy = operator.creates_policy("gold").await;
    let key = profile["keys"][0]["id"].as_str().unwrap();
    let invited = json!({"email": "eve@example.com", "name": "Eve", "role": "editor"});
    let colleague = operator.posts("/api/v1/operators", invited).await.is(201);
    let robot = json!({"name": "pipeline", "role": "viewer"});
    let robot = operator.posts("/api/v1/tokens", robot).await.is(201);
    let path = |kind: &str, id: &str| format!("/api/v1/{kind}/{id}");
    vec![
        (path("clients", client.id()), json!({"name": "Other"})),
        (
            path("collections", collection.id()),
            json!({"description": "more"}),
        ),
        (
            path("access-profiles", profile.id()),
            json!({"observe": true}),
        ),
        (path("policies", policy.id()), json!({"rate_limit": null})),
        (path("operators", colleague.id()), json!({"role": "viewer"})),
        (path("tokens", robot.id()), json!({"role": "editor"})),
        (
            format!("/api/v1/access-profiles/{}/keys/{key}", profile.id()),
            json!({"expires_at": "2027-03-01T00:00:00Z"}),
        ),
    ]
}

#[tokio::test]
async fn of_two_who_change_what_both_have_seen_one_wins_and_the_other_is_told() {
    let stage = open().await;
    let operator = stage.operator();
    for (path, change) in records(&operator).await {
        let seen = operator.gets(&path).await.is(200).tag();

        let first = operator
            .patches_if(&path, &seen, change.clone())
            .await
            .is(200);
        let second = operator.patches_if(&path, &seen, change).await;

        assert_eq!(second.status, 412, "{path}: {}", second.body);
        assert_eq!(second["type"], "urn:portcullis:problem:precondition-failed");
        let now = operator.gets(&path).await.is(200);
        assert_ne!(now.tag(), seen, "{path}");
        assert_eq!(first.tag(), now.tag(), "{path}");
        operator.deletes_if(&path, &seen).await.is(412);
        operator.gets(&path).await.is(200);
    }
}

#[tokio::test]
async fn of_many_writers_at_the_same_time_exactly_one_wins() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let path = format!("/api/v1/clients/{}", client.id());
    let tag = client.tag();
    let writers = (0..8).map(|number| {
        let (operator, path, tag) = (operator.clone(), path.clone(), tag.clone());
        tokio::spawn(async move {
            let name = json!({"name": format!("Writer {number}")});
            operator.patches_if(&path, &tag, name).await.status.as_u16()
        })
    });
    let mut outcomes = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        outcomes.push(writer.await.unwrap());
    }
    outcomes.sort_unstable();
    assert_eq!(outcomes, [200, 412, 412, 412, 412, 412, 412, 412]);
}

#[tokio::test]
async fn a_record_is_removed_by_whoever_has_seen_it_last() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let path = format!("/api/v1/clients/{}", client.id());
    let old = client.tag();
    let changed = operator
        .patches(&path, json!({"enabled": false}))
        .await
        .is(200);

    operator.deletes_if(&path, &old).await.is(412);
    operator.deletes_if(&path, &changed.tag()).await.is(200);
    operator.deletes_if(&path, &changed.tag()).await.is(404);
}

#[tokio::test]
async fn any_record_that_exists_fits_a_star_and_none_does_when_none_may_match() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let path = format!("/api/v1/clients/{}", client.id());
    let change = json!({"enabled": false});
    operator
        .patches_if(&path, "*", change.clone())
        .await
        .is(200);
    let several = format!("\"another\", W/\"x\", {}", operator.gets(&path).await.tag());
    operator
        .patches_if(&path, &several, json!({"enabled": true}))
        .await
        .is(200);

    let headers = [("content-type", "application/json"), ("if-none-match", "*")];
    let refused = operator.says_with(Method::PATCH, &path, &headers, change.to_string());
    refused.await.is(412);
    let weak = format!("W/{}", operator.gets(&path).await.tag());
    operator.patches_if(&path, &weak, change).await.is(412);
}

#[tokio::test]
async fn a_reader_who_has_the_newest_version_is_told_so_without_it() {
    let stage = open().await;
    let operator = stage.operator();
    for (path, change) in records(&operator).await {
        let read = operator.gets(&path).await.is(200);
        assert_eq!(read.headers["cache-control"], "private, no-cache");
        let asks = |tag: String| {
            let (operator, path) = (operator.clone(), path.clone());
            async move {
                let headers = [("if-none-match", tag.as_str())];
                operator
                    .says_with(Method::GET, &path, &headers, Body::empty())
                    .await
            }
        };
        let unmodified = asks(format!("W/\"x\", {}", read.tag())).await.is(304);
        assert_eq!(unmodified.body, "", "{path}");
        assert_eq!(unmodified.tag(), read.tag());
        asks("*".to_owned()).await.is(304);
        asks("\"another\"".to_owned()).await.is(200);

        operator.patches(&path, change).await.is(200);
        asks(read.tag()).await.is(200);
    }
}

#[tokio::test]
async fn what_is_no_list_of_tags_is_refused_by_the_name_of_its_header() {
    let stage = open().await;
    let operator = stage.operator();
    let client = operator.creates_client("Acme").await;
    let path = format!("/api/v1/clients/{}", client.id());
    for wrong in ["abc", "\"abc", "", "*, \"a\""] {
        let refused = operator.patches_if(&path, wrong, json!({})).await.is(400);
        refused.points_at("if-match");
    }
    let headers = [("if-none-match", "abc")];
    let refused = operator.says_with(Method::GET, &path, &headers, Body::empty());
    refused.await.is(400).points_at("if-none-match");
}

#[tokio::test]
async fn every_key_of_a_profile_that_comes_and_goes_changes_its_tag() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("acme").await;
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    let begin = operator.gets(&path).await.is(200).tag();
    assert_eq!(profile.tag(), begin);
    let refresh = format!("{path}/key/refresh");
    let refreshes = |tag: String| {
        let (operator, refresh) = (operator.clone(), refresh.clone());
        async move {
            let headers = [("if-match", tag.as_str())];
            operator
                .says_with(Method::POST, &refresh, &headers, Body::empty())
                .await
        }
    };
    refreshes(begin.clone()).await.is(200);
    refreshes(begin).await.is(412);
}

#[tokio::test]
async fn a_token_of_gateways_is_withdrawn_only_as_it_was_seen() {
    let stage = open().await;
    let operator = stage.operator();
    let draft = json!({"name": "edge"});
    let made = operator
        .posts("/api/v1/gateway-tokens", draft)
        .await
        .is(201);
    let path = format!("/api/v1/gateway-tokens/{}", made.id());
    assert_eq!(operator.gets(&path).await.is(200).tag(), made.tag());
    operator.deletes_if(&path, "\"another\"").await.is(412);
    operator.deletes_if(&path, &made.tag()).await.is(204);
}
