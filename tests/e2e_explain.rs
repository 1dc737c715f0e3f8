//! What the control plane says that Envoy would decide is what Envoy decides.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

use portcullis_tests::{Member, Play, Signer, get_at, merge, outcome, set, until_answered};
use serde_json::{Value, json};
use xtask::stage::{Answer, Caller, SeenRequest};

/// Asks both about a `GET` request from this machine, and makes sure that they agree.
#[track_caller]
fn agree(
    play: &Play,
    caller: &mut Caller,
    path: &str,
    headers: &[(&str, &str)],
    filter: &Value,
) -> Value {
    play.service.forget();
    let mut request = get_at(caller, "api.test", path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.send().unwrap();
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| json!({"name": name, "value": value}));
    let explained = explain(
        play,
        &json!({"url": format!("http://api.test{path}"), "headers": headers.collect::<Vec<_>>(),
            "filter": filter}),
    );
    assert_agreement(&explained, &answer, play.service.seen().first());
    explained
}

fn explain(play: &Play, further: &Value) -> Value {
    let mut draft = json!({"method": "GET", "address": "127.0.0.1"});
    merge(&mut draft, further);
    let reply = play.operator().call("POST", "/explain", &draft).unwrap();
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body
}

#[track_caller]
fn assert_agreement(explained: &Value, answer: &Answer, seen: Option<&SeenRequest>) {
    let told = match explained["decision"].as_str().unwrap() {
        "permitted" => "permitted",
        _ => explained["reason"].as_str().unwrap(),
    };
    assert_eq!(told, outcome(answer), "{explained}");
    let Some(seen) = seen else {
        assert_eq!(explained["status"], answer.status, "{explained}");
        return;
    };
    for header in explained["service"]["added"].as_array().unwrap() {
        let name = header["name"].as_str().unwrap();
        assert_eq!(seen.values(name), [header["value"].as_str().unwrap()]);
    }
    let added = |name: &str| {
        let mut added = explained["service"]["added"].as_array().unwrap().iter();
        added.any(|header| header["name"] == name)
    };
    for name in explained["service"]["removed"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        assert!(added(name) || seen.values(name).is_empty(), "{name}");
    }
}

fn key_id(member: &Member) -> &str {
    member.key().split('_').nth(2).unwrap()
}

#[test]
fn envoy_and_the_explanation_agree_on_every_reason() {
    let play = Play::begin(1).unwrap();
    let mut caller = play.caller().unwrap();
    for case in play.cases().unwrap() {
        let headers: Vec<(&str, &str)> = case.key.iter().map(|key| ("api-token", &**key)).collect();
        let explained = agree(&play, &mut caller, case.path, &headers, &json!({}));
        let status = explained["status"].as_u64().unwrap_or(200);
        assert_eq!(status, u64::from(case.status), "{case:?}");
        let Some(key) = &case.key else { continue };
        assert!(!explained.to_string().contains(key.as_str()));
        // By the public id of a key it is the same as by the key.
        let Some(id) = key
            .split('_')
            .nth(2)
            .filter(|_| case.outcome != "credential_invalid")
        else {
            continue;
        };
        let url = format!("http://api.test{}", case.path);
        let by_id = explain(&play, &json!({"url": url, "credential": {"key_id": id}}));
        for member in [
            "decision",
            "reason",
            "status",
            "client",
            "access_profile",
            "collection",
        ] {
            assert_eq!(by_id[member], explained[member], "{case:?}");
        }
    }
}

#[test]
fn they_agree_on_tokens_public_collections_observed_profiles_and_forged_headers() {
    let play = Play::begin(1).unwrap();
    let mut caller = play.caller().unwrap();
    let signer = Signer::rs256().unwrap();
    let tokens = play.token_member("Signed", &signer, &json!({})).unwrap();
    let bearer = |claims: &Value| format!("Bearer {}", signer.token(claims).unwrap());
    let mut over = tokens.claims();
    over["exp"] = json!(1);
    let observed = json!({"observe": true, "addresses": {"allow": ["203.0.113.0/24"]}});
    let observed = play.member_with("Watched", &observed).unwrap();
    let near = json!({"addresses": {"allow": ["203.0.113.0/24"]}});
    let near = play.member_with("Near", &near).unwrap();
    let endpoints = json!([{"method": "GET", "path": "/open/**"}]);
    play.collection("open", &endpoints, &json!({"public": true}))
        .unwrap();
    for (path, headers, expected) in [
        (
            "/orders/7",
            &[("authorization", bearer(&tokens.claims()))][..],
            "permitted",
        ),
        (
            "/orders/7",
            &[("authorization", bearer(&over))],
            "credential_expired",
        ),
        (
            "/orders/7",
            &[("authorization", format!("{}A", bearer(&tokens.claims())))],
            "credential_invalid",
        ),
        (
            "/orders/7",
            &[("authorization", bearer(&json!({"sub": near.profile.id})))],
            "credential_invalid",
        ),
        (
            "/orders/7",
            &[("api-token", observed.key().into())],
            "permitted",
        ),
        ("/open/x?y=z", &[], "permitted"),
        (
            "/open/x",
            &[
                ("api-token", "unknown".into()),
                ("x-client-id", "root".into()),
            ],
            "permitted",
        ),
        (
            "/orders/7",
            &[
                ("api-token", near.key().into()),
                ("x-forwarded-for", "203.0.113.5".into()),
            ],
            "address_not_allowed",
        ),
        (
            "/orders/7",
            &[
                ("api-token", near.key().into()),
                ("authorization", "Bearer another".into()),
            ],
            "request_ambiguous",
        ),
    ] {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let explained = agree(&play, &mut caller, path, &headers, &json!({}));
        let reason = explained["reason"].as_str().unwrap_or("permitted");
        assert_eq!(reason, expected, "{path} {explained}");
    }
    let explained = explain(
        &play,
        &json!({"url": "/orders/7", "credential": {"key_id": key_id(&observed)}}),
    );
    assert_eq!(explained["observed"], "address_not_allowed");
}

#[test]
fn they_agree_behind_a_proxy_and_under_other_settings() {
    let play = Play::begin(1).unwrap();
    let near = json!({"addresses": {"allow": ["203.0.113.0/24"]}});
    let member = play.member_with("Near", &near).unwrap();
    let settings =
        json!({"credential_header": "x-key", "identity_headers": {"client_id": "x-who"}});
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let envoy = play
        .another_envoy(|bootstrap| {
            set(bootstrap, &settings)?.at(manager, |manager| {
                manager["xff_num_trusted_hops"] = json!(2);
            })
        })
        .unwrap();
    let mut caller = Caller::connect(envoy.gateway().unwrap()).unwrap();
    until_answered(&mut caller, member.key(), "credential_missing").unwrap();
    for (forwarded, expected) in [
        ("203.0.113.5, 198.51.100.7", "permitted"),
        ("203.0.113.5,198.51.100.7", "permitted"),
        ("198.51.100.7, 203.0.113.5", "address_not_allowed"),
        ("203.0.113.5", "address_not_allowed"),
        ("198.51.100.7, 203.0.113.5, 192.0.2.1", "permitted"),
        ("203.0.113.5:80, 198.51.100.7", "address_not_allowed"),
    ] {
        play.service.forget();
        let headers = [("x-key", member.key()), ("x-forwarded-for", forwarded)];
        let mut request = get_at(&mut caller, "api.test", "/orders/7");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().unwrap();
        let headers = headers.map(|(name, value)| json!({"name": name, "value": value}));
        let draft =
            json!({"url": "/orders/7", "headers": headers, "filter": settings, "trusted_hops": 2});
        let explained = explain(&play, &draft);
        assert_eq!(outcome(&answer), expected, "{forwarded}");
        assert_agreement(&explained, &answer, play.service.seen().first());
    }
}
