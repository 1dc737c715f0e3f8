//! Collections of special kinds: open to anybody, called by browsers, for connections that become something else, and
//! for methods of gRPC.

use portcullis_tests::{Member, Play, get_at, outcome, set, until, until_answered};
use serde_json::json;
use xtask::stage::{Caller, Request};

#[test]
fn anybody_may_call_a_public_collection_and_who_proves_who_they_are_is_named() {
    let play = Play::begin(1).unwrap();
    let endpoints = json!([
        {"method": "GET", "path": "/status"},
        {"method": "GET", "path": "/status/old", "enabled": false},
    ]);
    let status = play
        .collection("status", &endpoints, &json!({"public": true}))
        .unwrap();
    let member = play.member("Acme").unwrap();
    let off = play.member_with("Off", &json!({"enabled": false})).unwrap();
    let mut caller = play.caller().unwrap();
    play.service.forget();

    for (host, key, client) in [
        ("nobody.test", None, None),
        ("unknown.test", Some("unknown"), None),
        ("disabled.test", Some(off.key()), None),
        (
            "member.test",
            Some(member.key()),
            Some(member.client.as_str()),
        ),
    ] {
        let before = play.service.seen().len();
        let mut request = get_at(&mut caller, host, "/status").header("x-client-id", "forged");
        if let Some(key) = key {
            request = request.key(key);
        }
        assert_eq!(outcome(&request.send().unwrap()), "permitted", "{host}");
        let seen = &play.service.seen()[before];
        assert_eq!(
            seen.values("x-client-id"),
            client.into_iter().collect::<Vec<_>>()
        );
        assert_eq!(seen.values("x-api-collection"), ["status/v1"]);
        assert!(seen.values("api-token").is_empty(), "{seen:?}");
    }
    for (path, expected) in [
        ("/status/old", "endpoint_disabled"),
        ("/status/else", "credential_missing"),
        ("/orders/1", "credential_missing"),
    ] {
        let answer = caller.get(path).send().unwrap();
        assert_eq!(outcome(&answer), expected, "{path}");
    }
    let twice = caller.get("/status").key("one").key("two").send().unwrap();
    assert_eq!(outcome(&twice), "request_ambiguous");

    play.operator()
        .change("collections", &status, &json!({"public": false}))
        .unwrap();
    until(&mut caller, "the collection is closed", |caller| {
        Ok(outcome(&caller.get("/status").send()?) == "credential_missing")
    })
    .unwrap();
}

fn preflight<'c>(caller: &'c mut Caller, path: &str, method: &str) -> Request<'c> {
    let request = caller
        .request("OPTIONS", path)
        .header("origin", "https://shop.test");
    request.header("access-control-request-method", method)
}

#[test]
fn preflight_requests_pass_where_they_may_and_for_endpoints_that_exist() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();
    let answer = preflight(&mut caller, "/orders/1", "GET").send().unwrap();
    assert_eq!(
        outcome(&answer),
        "credential_missing",
        "by default none passes"
    );

    let settings = json!({"pass_preflight": true});
    let envoy = play
        .another_envoy(|bootstrap| set(bootstrap, &settings))
        .unwrap();
    let mut caller = Caller::connect(envoy.gateway().unwrap()).unwrap();
    until_answered(&mut caller, member.key(), "permitted").unwrap();
    for (path, method, expected) in [
        ("/orders/1", "GET", "permitted"),
        ("/orders", "POST", "permitted"),
        ("/orders/1", "DELETE", "credential_missing"),
        ("/orders/archive", "GET", "credential_missing"),
        ("/nowhere", "GET", "credential_missing"),
        ("/orders/1;x", "GET", "request_ambiguous"),
    ] {
        let answer = preflight(&mut caller, path, method).send().unwrap();
        assert_eq!(outcome(&answer), expected, "{method} {path}");
    }
    // Without what makes it one, it is a request like any other.
    let plain = caller.request("OPTIONS", "/orders/1").send().unwrap();
    assert_eq!(outcome(&plain), "credential_missing");
    let get = caller
        .get("/orders/1")
        .header("origin", "https://shop.test");
    let get = get
        .header("access-control-request-method", "GET")
        .send()
        .unwrap();
    assert_eq!(outcome(&get), "credential_missing");
}

#[test]
fn a_connection_becomes_a_websocket_only_for_who_is_granted_it() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let off = play.member_with("Off", &json!({"enabled": false})).unwrap();
    for (key, path, status) in [
        (Some(member.key()), "/orders/1", 101),
        (None, "/orders/1", 401),
        (Some("unknown"), "/orders/1", 401),
        (Some(off.key()), "/orders/1", 403),
        (Some(member.key()), "/stock", 403),
    ] {
        play.service.forget();
        let mut caller = play.caller().unwrap();
        let mut request = caller
            .get(path)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        if let Some(key) = key {
            request = request.key(key);
        }
        let answer = request.send().unwrap();
        assert_eq!(answer.status, status, "{path} {answer:?}");
        let seen = play.service.seen();
        assert_eq!(seen.len(), usize::from(status == 101));
        for seen in seen {
            assert_eq!(seen.values("upgrade"), ["websocket"]);
            assert_eq!(seen.values("x-client-id"), [member.client.as_str()]);
            assert!(seen.values("api-token").is_empty(), "{seen:?}");
        }
    }
}

#[test]
fn a_method_of_grpc_is_an_endpoint_and_a_refusal_of_it_has_a_grpc_status() {
    let play = Play::begin(1).unwrap();
    let endpoints = json!([{"method": "POST", "path": "/orders.v1.Orders/Get"}]);
    let grpc = play
        .collection("orders-grpc", &endpoints, &json!({}))
        .unwrap();
    let further = json!({"collections": [grpc]});
    let member: Member = play.member_with("Acme", &further).unwrap();
    let mut caller = play.caller().unwrap();
    play.service.forget();
    // UNAUTHENTICATED, PERMISSION_DENIED and UNIMPLEMENTED, as gRPC reads 401, 403 and 404.
    for (path, key, status) in [
        ("/orders.v1.Orders/Get", None, Some("16")),
        ("/orders.v1.Orders/Get", Some("unknown"), Some("16")),
        ("/orders.v1.Orders/Delete", Some(member.key()), Some("12")),
        ("/orders.v1.orders/Get", Some(member.key()), Some("12")),
        ("/orders", Some(member.key()), Some("7")),
        ("/orders.v1.Orders/Get", Some(member.key()), None),
    ] {
        let mut request = caller
            .request("POST", path)
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(key) = key {
            request = request.key(key);
        }
        let answer = request.send().unwrap();
        assert_eq!(
            (answer.status, answer.header("grpc-status")),
            (200, status),
            "{path}"
        );
    }
    let seen = play.service.seen();
    assert_eq!(seen.len(), 1, "only what is granted arrived");
    assert_eq!(seen[0].values("x-api-collection"), ["orders-grpc/v1"]);
}
