//! `/api/v1/explain`

mod bad_input;
mod tokens;

use serde_json::{Value, json};

use crate::stage::{Answer, Caller, open};

const EXPLAIN: &str = "/api/v1/explain";

/// An explanation of `GET /orders/7` by the id of a profile's key, with further members.
async fn explained(operator: &Caller, profile: &Answer, further: Value) -> Answer {
    let key_id = key_id(profile);
    let mut draft = json!({
        "method": "GET", "url": "https://api.example.com/orders/7", "address": "192.0.2.1",
        "credential": {"key_id": key_id},
    });
    for (member, value) in further.as_object().unwrap() {
        draft[member] = value.clone();
    }
    operator.posts(EXPLAIN, draft).await.is(200)
}

fn key_id(profile: &Answer) -> &str {
    profile.text("api_key").split('_').nth(2).unwrap()
}

fn check<'a>(answer: &'a Answer, name: &str) -> &'a Value {
    let checks = answer["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap()
}

/// The check that refuses, and the sentence about it.
#[track_caller]
fn failed(answer: &Answer) -> (&str, &str) {
    let checks = answer["checks"].as_array().unwrap();
    let mut failed = checks.iter().filter(|check| check["outcome"] == "failed");
    let first = failed.next().unwrap();
    assert!(failed.next().is_none(), "{}", answer.body);
    (
        first["name"].as_str().unwrap(),
        first["detail"].as_str().unwrap(),
    )
}

#[tokio::test]
async fn a_request_that_passes_is_explained_check_by_check() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, collection, profile) = operator.creates_access("orders").await;

    let headers = json!([{"name": "X-Client-Id", "value": "forged"}]);
    let answer = explained(&operator, &profile, json!({"headers": headers})).await;

    assert_eq!(answer["decision"], "permitted");
    for member in ["reason", "status", "observed"] {
        assert_eq!(answer[member], Value::Null, "{member}");
    }
    assert_eq!(answer["client"]["id"], client["id"]);
    assert_eq!(answer["access_profile"]["id"], profile["id"]);
    assert_eq!(answer["access_profile"]["name"], "production");
    assert_eq!(answer["key_id"], key_id(&profile));
    assert_eq!(
        answer["collection"],
        json!({"id": collection["id"], "name": "orders v1"})
    );
    assert_eq!(
        answer["endpoint"],
        json!({"host": null, "method": "GET", "path": "/orders/{id}"})
    );
    assert_eq!(
        answer["service"],
        json!({
            "added": [
                {"name": "x-client-id", "value": client["id"]},
                {"name": "x-client-name", "value": "orders"},
                {"name": "x-access-profile-id", "value": profile["id"]},
                {"name": "x-api-collection", "value": "orders/v1"},
            ],
            "removed": ["x-client-id", "api-token"],
        })
    );
    assert_eq!(answer["revision"], profile["revision"]);
    assert_eq!(answer["at"], "2027-01-15T08:00:00Z");
    let checks = answer["checks"].as_array().unwrap();
    let named: Vec<&str> = checks
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    let expected = [
        "identity_headers",
        "records",
        "path",
        "host",
        "credential",
        "authentication",
        "key",
        "client",
        "profile",
        "expiry",
        "address",
        "route",
        "grant",
        "endpoint",
        "limits",
    ];
    assert_eq!(named, expected);
    for check in checks {
        let outcome = if check["name"] == "limits" {
            "skipped"
        } else {
            "passed"
        };
        assert_eq!(check["outcome"], outcome, "{check}");
        assert!(!check["detail"].as_str().unwrap().is_empty(), "{check}");
    }
}

#[tokio::test]
async fn a_refusal_is_explained_by_the_check_that_refuses_and_the_rule_that_does() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, collection, profile) = operator.creates_access("orders").await;
    operator.creates_collection("stock").await;
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    let client_path = format!("/api/v1/clients/{}", client.id());
    let collection_path = format!("/api/v1/collections/{}", collection.id());

    let denied = json!({"addresses": {"allow": [], "deny": ["10.0.0.1", "192.0.2.0/24"]}});
    let elsewhere = json!({"addresses": {"allow": ["10.0.0.0/8"], "deny": []}});
    let off = json!({"endpoints": [{"method": "GET", "path": "/orders/{id}", "enabled": false}]});
    for (change, to, request, reason, status, check, said) in [
        (
            &path,
            denied,
            json!({}),
            "address_not_allowed",
            403,
            "address",
            "is denied by `192.0.2.0/24`",
        ),
        (
            &path,
            elsewhere.clone(),
            json!({}),
            "address_not_allowed",
            403,
            "address",
            "no entry of the allow list",
        ),
        (
            &path,
            elsewhere,
            json!({"address": null}),
            "address_not_allowed",
            403,
            "address",
            "not known",
        ),
        (
            &path,
            json!({"addresses": null, "enabled": false}),
            json!({}),
            "profile_disabled",
            403,
            "profile",
            "`production`",
        ),
        (
            &path,
            json!({"enabled": true, "expires_at": "2027-01-16T00:00:00Z"}),
            json!({"at": "2027-01-16T00:00:00Z"}),
            "credential_expired",
            401,
            "expiry",
            "the profile expired at 2027-01-16T00:00:00Z",
        ),
        (
            &client_path,
            json!({"enabled": false}),
            json!({}),
            "client_disabled",
            403,
            "client",
            "`orders`",
        ),
        (
            &client_path,
            json!({"enabled": true}),
            json!({"url": "/stock/1"}),
            "collection_not_granted",
            403,
            "grant",
            "does not grant `stock v1`",
        ),
        (
            &path,
            json!({}),
            json!({"url": "/nowhere"}),
            "endpoint_not_found",
            404,
            "route",
            "no collection has",
        ),
        (
            &path,
            json!({}),
            json!({"method": "PUT"}),
            "endpoint_not_found",
            404,
            "route",
            "but for `GET`",
        ),
        (
            &path,
            json!({}),
            json!({"url": "/orders//7"}),
            "request_ambiguous",
            400,
            "path",
            "empty segment",
        ),
        (
            &path,
            json!({}),
            json!({"url": "/orders/7;x"}),
            "request_ambiguous",
            400,
            "path",
            "`;`",
        ),
        (
            &path,
            json!({}),
            json!({"url": "https://me@api.example.com/orders/7"}),
            "request_ambiguous",
            400,
            "host",
            "the host",
        ),
        (
            &path,
            json!({}),
            json!({"headers": [{"name": "authorization", "value": "Bearer another"}]}),
            "request_ambiguous",
            400,
            "credential",
            "several",
        ),
        (
            &path,
            json!({}),
            json!({"credential": null}),
            "credential_missing",
            401,
            "credential",
            "none",
        ),
        (
            &path,
            json!({}),
            json!({"credential": {"key": "somebody-elses-secret"}}),
            "credential_invalid",
            401,
            "authentication",
            "no profile has such a key",
        ),
        (
            &path,
            json!({}),
            json!({"credential": {"key": "ptc_live_abc"}}),
            "credential_invalid",
            401,
            "authentication",
            "mistyped",
        ),
        (
            &path,
            json!({}),
            json!({"credential": {"key_id": "aaaaaaaaaaaa"}}),
            "credential_invalid",
            401,
            "authentication",
            "no key `aaaaaaaaaaaa`",
        ),
        (
            &collection_path,
            off,
            json!({}),
            "endpoint_disabled",
            404,
            "endpoint",
            "`GET /orders/{id}`",
        ),
    ] {
        operator.patches(change, to).await.is(200);
        let answer = explained(&operator, &profile, request.clone()).await;
        assert_eq!(answer["decision"], "refused", "{request}");
        assert_eq!(answer["reason"], reason, "{request}: {}", answer.body);
        assert_eq!(answer["status"], status);
        assert_eq!(answer["service"], Value::Null);
        let (failed, detail) = failed(&answer);
        assert_eq!(failed, check, "{request}");
        assert!(detail.contains(said), "{detail}");
    }
}

#[tokio::test]
async fn a_key_is_explained_alike_by_its_id_and_in_full_wherever_it_stands() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("orders").await;
    let key = profile.text("api_key");
    let by_id = explained(&operator, &profile, json!({})).await;
    let query = format!("/orders/7?api-key={key}");
    for request in [
        json!({"credential": {"key": key}}),
        json!({"credential": {"token": key}}),
        json!({"credential": null, "headers": [{"name": "Api-Token", "value": key}]}),
        json!({"credential": null, "url": query, "filter": {"query_parameter": "api-key"}}),
        json!({"filter": {"credential_header": "X-Key"}, "credential": {"key": key}}),
    ] {
        let in_full = explained(&operator, &profile, request).await;
        for member in [
            "decision",
            "client",
            "access_profile",
            "key_id",
            "collection",
        ] {
            assert_eq!(in_full[member], by_id[member], "{member}");
        }
        assert!(!in_full.body.to_string().contains(key), "{}", in_full.body);
    }
}

#[tokio::test]
async fn a_revoked_key_and_a_deprecated_one_are_told_apart() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("orders").await;
    let refresh = format!("/api/v1/access-profiles/{}/key/refresh", profile.id());

    operator
        .posts(&refresh, json!({"overlap_s": 60}))
        .await
        .is(200);
    let answer = explained(&operator, &profile, json!({})).await;
    assert_eq!(answer["decision"], "permitted");
    let said = check(&answer, "key")["detail"].as_str().unwrap();
    assert!(
        said.contains("deprecated since 2027-01-15T08:00:00Z"),
        "{said}"
    );
    let later = json!({"at": "2027-01-15T08:01:00Z"});
    let answer = explained(&operator, &profile, later).await;
    assert_eq!(answer["reason"], "credential_expired");

    operator.posts(&refresh, json!({})).await.is(200);
    let answer = explained(&operator, &profile, json!({})).await;
    assert_eq!(answer["reason"], "credential_revoked");
    assert_eq!(failed(&answer).0, "key");
    // Gateways are told of revoked keys for 30 days.
    stage.pass_ms(31 * 24 * 60 * 60 * 1000);
    let answer = explained(&operator, &profile, json!({})).await;
    assert_eq!(answer["reason"], "credential_invalid");
}

#[tokio::test]
async fn a_refusal_that_is_only_noted_passes_and_says_so() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("orders").await;
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    let elsewhere = json!({"observe": true, "addresses": {"allow": ["10.0.0.0/8"]}});
    operator.patches(&path, elsewhere).await.is(200);
    let answer = explained(&operator, &profile, json!({})).await;
    assert_eq!(answer["decision"], "permitted");
    assert_eq!(answer["observed"], "address_not_allowed");
    assert_eq!(failed(&answer).0, "address");
    assert_eq!(answer["service"]["added"][0]["name"], "x-client-id");

    let nobody = json!({"credential": null, "filter": {"observe": true}});
    let answer = explained(&operator, &profile, nobody).await;
    assert_eq!(answer["observed"], "credential_missing");
    assert_eq!(answer["service"]["added"], json!([]));
}

#[tokio::test]
async fn of_a_public_collection_it_is_told_that_nobody_has_to_say_who_they_are() {
    let stage = open().await;
    let operator = stage.operator();
    let (client, collection, profile) = operator.creates_access("orders").await;
    let path = format!("/api/v1/collections/{}", collection.id());
    operator
        .patches(&path, json!({"public": true}))
        .await
        .is(200);

    let answer = explained(&operator, &profile, json!({})).await;
    assert_eq!(answer["client"]["id"], client["id"]);
    for credential in [json!(null), json!({"key": "somebody-elses"})] {
        let answer = explained(&operator, &profile, json!({"credential": credential})).await;
        assert_eq!(answer["decision"], "permitted");
        assert_eq!(answer["client"], Value::Null);
        assert_eq!(answer["collection"]["id"], collection["id"]);
        let name = if credential.is_null() {
            "credential"
        } else {
            "authentication"
        };
        assert_eq!(
            check(&answer, name)["outcome"],
            "skipped",
            "{}",
            answer.body
        );
        let route = check(&answer, "route")["detail"].as_str().unwrap();
        assert!(route.contains("anybody may call"), "{route}");
    }
}

#[tokio::test]
async fn a_preflight_request_passes_where_the_filter_lets_it() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("orders").await;
    let headers = json!([
        {"name": "origin", "value": "https://a.example"},
        {"name": "access-control-request-method", "value": "GET"},
    ]);
    let request = |passes| {
        json!({"method": "OPTIONS", "credential": null, "headers": headers,
            "filter": {"pass_preflight": passes}})
    };
    let answer = explained(&operator, &profile, request(true)).await;
    assert_eq!(answer["decision"], "permitted");
    assert_eq!(check(&answer, "credential")["outcome"], "skipped");
    let answer = explained(&operator, &profile, request(false)).await;
    assert_eq!(answer["reason"], "credential_missing");
}

#[tokio::test]
async fn the_address_is_the_one_that_envoy_would_vouch_for() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("orders").await;
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    let near = json!({"addresses": {"allow": ["203.0.113.0/24"]}});
    operator.patches(&path, near).await.is(200);
    let forwarded = json!([{"name": "X-Forwarded-For", "value": "198.51.100.7, 203.0.113.5"}]);
    for (hops, decision, said) in [
        (0, "refused", "`192.0.2.1`, the peer's own"),
        (
            1,
            "permitted",
            "`203.0.113.5`, the last one in `x-forwarded-for`",
        ),
        (2, "refused", "`198.51.100.7`, the one in place 2"),
    ] {
        let request = json!({"headers": forwarded, "trusted_hops": hops});
        let answer = explained(&operator, &profile, request).await;
        assert_eq!(answer["decision"], decision, "{hops}");
        let detail = check(&answer, "address")["detail"].as_str().unwrap();
        assert!(detail.starts_with(said), "{detail}");
    }
}

#[tokio::test]
async fn limits_are_told_and_not_judged() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, _, profile) = operator.creates_access("orders").await;
    let policy = operator.creates_policy("partners").await;
    operator.gives_policy(&profile, &policy).await;
    let answer = explained(&operator, &profile, json!({})).await;
    let limits = check(&answer, "limits");
    assert_eq!(limits["outcome"], "skipped");
    let said = limits["detail"].as_str().unwrap();
    assert!(
        said.contains("`partners`") && said.contains("5 requests a minute"),
        "{said}"
    );
}

#[tokio::test]
async fn many_requests_are_explained_at_once_and_what_none_came_to_is_told() {
    let stage = open().await;
    let operator = stage.operator();
    let (_, collection, profile) = operator.creates_access("orders").await;
    let (_, other_collection, other) = operator.creates_access("stock").await;
    let request = |url: &str| json!({"method": "GET", "url": url, "credential": {"key_id": key_id(&profile)}});
    let batch =
        json!({"requests": [request("/orders/7"), request("/nowhere"), request("/orders//7")]});

    let answer = operator.posts("/api/v1/explain/batch", batch).await.is(200);

    let reasons = answer["explanations"].as_array().unwrap().iter();
    let reasons: Vec<&Value> = reasons.map(|it| &it["reason"]).collect();
    assert_eq!(
        reasons,
        [
            &Value::Null,
            &json!("endpoint_not_found"),
            &json!("request_ambiguous")
        ]
    );
    assert_eq!(
        answer["explanations"][0]["collection"]["id"],
        collection["id"]
    );
    let left_out = |id: &Value, name| json!({"count": 1, "first": [{"id": id, "name": name}]});
    assert_eq!(
        answer["unexercised_profiles"],
        left_out(&other["id"], "production")
    );
    assert_eq!(
        answer["unexercised_collections"],
        left_out(&other_collection["id"], "stock v1")
    );
    let bad = json!({"requests": [request("/orders/7"), request("orders")]});
    let refused = operator.posts("/api/v1/explain/batch", bad).await.is(422);
    refused.points_at("/requests/1/url");
    let none = json!({"requests": []});
    operator
        .posts("/api/v1/explain/batch", none)
        .await
        .is(422)
        .points_at("/requests");
}
