//! What the service learns of a caller: whom the gate vouches for, never what the caller says of itself, and never the
//! credential.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_tests::{Play, get_at, outcome};
use serde_json::json;

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[test]
fn the_service_is_told_who_calls() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Bücher & Söhne").unwrap();
    play.service.forget();
    let answer = play
        .caller()
        .unwrap()
        .get("/orders/7?x=1")
        .key(member.key())
        .send()
        .unwrap();
    assert_eq!(answer.status, 200);
    let seen = &play.service.seen()[0];
    assert_eq!(seen.path, "/orders/7?x=1");
    assert_eq!(seen.values("x-client-id"), [member.client.as_str()]);
    assert_eq!(seen.values("x-client-name"), ["B%C3%BCcher & S%C3%B6hne"]);
    assert_eq!(
        seen.values("x-access-profile-id"),
        [member.profile.id.as_str()]
    );
    assert_eq!(seen.values("x-api-collection"), ["orders/v1"]);
}

#[test]
fn a_forged_identity_never_reaches_the_service_nor_the_access_log() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();
    play.service.forget();
    for (number, names) in (0..).zip([
        &["x-client-id"][..],
        &["x-client-id", "x-client-id"],
        &[
            "X-Client-ID",
            "X-CLIENT-NAME",
            "x-Access-Profile-Id",
            "X-API-COLLECTION",
        ],
        &["x.client.id", "x-client.name"],
    ]) {
        for key in [member.key(), "bad"] {
            let host = format!("case-{number}-{}.test", key.len());
            let mut request = get_at(&mut caller, &host, "/orders/7").key(key);
            for name in names {
                request = request.header(name, "forged");
            }
            let answer = request.send().unwrap();
            assert_eq!(answer.status == 200, key == member.key());
            let line = play.envoy.access_of(&host).unwrap();
            assert!(!line.to_string().contains("forged"), "{names:?} {line}");
        }
    }
    let seen = play.service.seen();
    assert_eq!(seen.len(), 4);
    for request in seen {
        assert_eq!(request.values("x-client-id"), [member.client.as_str()]);
        assert!(
            request.headers.iter().all(|(_, value)| value != "forged"),
            "{request:?}"
        );
    }
}

#[test]
fn an_underscore_in_the_name_of_a_forged_header_does_not_help() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    play.service.forget();
    let mut caller = play.caller().unwrap();
    let answer = caller
        .get("/orders/7")
        .key(member.key())
        .header("x_client_id", "forged")
        .send()
        .unwrap();
    assert_eq!(answer.status, 400, "the shipped listener refuses it");
    assert!(play.service.seen().is_empty());
}

#[test]
fn the_credential_never_reaches_the_service_however_it_is_sent() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();
    let key = member.key();
    let (bearer, user) = (format!("Bearer {key}"), basic("api-token", key));
    play.service.forget();
    for headers in [
        vec![("api-token", key)],
        vec![("API-Token", key), ("api-token", key)],
        vec![("authorization", bearer.as_str())],
        vec![("authorization", user.as_str())],
        vec![("authorization", bearer.as_str()), ("api-token", key)],
        vec![
            ("authorization", bearer.as_str()),
            ("authorization", bearer.as_str()),
        ],
    ] {
        let before = play.service.seen().len();
        let mut request = caller.get("/orders/7");
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let answer = request.send().unwrap();
        assert_eq!(outcome(&answer), "permitted", "{headers:?}");
        let seen = &play.service.seen()[before];
        assert!(
            seen.values("api-token").is_empty() && seen.values("authorization").is_empty(),
            "{seen:?}"
        );
        assert!(!json!(seen).to_string().contains(key), "{seen:?}");
    }
}

#[test]
fn an_authorization_that_is_not_ours_passes_untouched_beside_a_key() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();
    let bob = basic("bob", "pw");
    for foreign in [bob.as_str(), "Digest username=\"bob\", realm=\"x\""] {
        play.service.forget();
        let answer = caller
            .get("/orders/7")
            .key(member.key())
            .header("authorization", foreign)
            .send()
            .unwrap();
        assert_eq!(answer.status, 200, "{foreign}");
        assert_eq!(play.service.seen()[0].values("authorization"), [foreign]);
    }
}
