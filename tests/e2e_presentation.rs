//! Where callers may put their credential, what is refused there, and who gets to see it.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_tests::{Play, get_at, outcome, set, until};
use serde_json::{Value, json};
use xtask::stage::{Caller, Envoy};

/// One more gate with these settings, ready for a key.
fn gate(play: &Play, settings: &Value, header: &str, key: &str) -> Result<(Envoy, Caller)> {
    let envoy = play.another_envoy(|bootstrap| set(bootstrap, settings))?;
    let mut caller = Caller::connect(envoy.gateway()?)?;
    until(&mut caller, "the gate knows the key", |caller| {
        Ok(caller.get("/orders/1").header(header, key).send()?.status == 200)
    })?;
    Ok((envoy, caller))
}

#[test]
fn a_key_may_come_in_a_header_of_another_name_and_then_in_no_other() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let key = member.key();
    let settings = json!({"credential_header": "X-Shop-Key"});
    let (_envoy, mut caller) = gate(&play, &settings, "x-shop-key", key).unwrap();
    play.service.forget();
    let answer = caller
        .get("/orders/1")
        .header("X-SHOP-KEY", key)
        .header("api-token", "its own");
    assert_eq!(outcome(&answer.send().unwrap()), "permitted");
    let seen = &play.service.seen()[0];
    assert!(seen.values("x-shop-key").is_empty(), "{seen:?}");
    assert_eq!(seen.values("api-token"), ["its own"]);
    let answer = caller.get("/orders/1").key(key).send().unwrap();
    assert_eq!(outcome(&answer), "credential_missing");
    // The user name in `Basic` is not that of the header.
    let basic = format!("Basic {}", STANDARD.encode(format!("api-token:{key}")));
    for value in [basic, format!("Bearer {key}")] {
        let answer = caller
            .get("/orders/1")
            .header("authorization", value)
            .send()
            .unwrap();
        assert_eq!(outcome(&answer), "permitted");
    }
}

#[test]
fn a_key_in_the_query_is_seen_by_nobody_else() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let key = member.key();
    let (envoy, mut caller) =
        gate(&play, &json!({"query_parameter": "key"}), "api-token", key).unwrap();
    play.service.forget();
    for (number, (target, expected, left)) in (0..).zip([
        (format!("/orders/1?key={key}"), "permitted", "/orders/1"),
        (
            format!("/orders/1?a=1&key={key}&b=%20"),
            "permitted",
            "/orders/1?a=1&b=%20",
        ),
        (
            format!("/orders/1?%6bey={key}&a"),
            "permitted",
            "/orders/1?a",
        ),
        (
            format!("/orders/1?key={key}&key={key}"),
            "permitted",
            "/orders/1",
        ),
        (
            format!("/orders/1?key={key}&key=other"),
            "request_ambiguous",
            "",
        ),
        (format!("/orders/1?key={key}x"), "credential_invalid", ""),
        (format!("/orders/1?KEY={key}"), "credential_missing", ""),
        (format!("/stock?key={key}"), "collection_not_granted", ""),
        (format!("/nowhere?key={key}"), "endpoint_not_found", ""),
        (format!("/orders/1;x?key={key}"), "request_ambiguous", ""),
        ("/orders/1?key=".to_owned(), "credential_missing", ""),
    ]) {
        let host = format!("case-{number}.test");
        let before = play.service.seen().len();
        let answer = get_at(&mut caller, &host, &target).send().unwrap();
        assert_eq!(outcome(&answer), expected, "{target}");
        assert!(!answer.text().contains(key), "{}", answer.text());
        let line = envoy.access_of(&host).unwrap().to_string();
        assert!(!line.contains(key), "{line}");
        let seen = play.service.seen();
        let paths: Vec<&str> = seen[before..].iter().map(|it| it.path.as_str()).collect();
        let expected = Some(left).filter(|left| !left.is_empty());
        assert_eq!(paths, expected.into_iter().collect::<Vec<_>>(), "{target}");
        assert!(!json!(seen).to_string().contains(key), "{seen:?}");
    }
    let both = caller
        .get(&format!("/orders/1?key={key}"))
        .key("other")
        .send()
        .unwrap();
    assert_eq!(outcome(&both), "request_ambiguous");
    let both = caller
        .get(&format!("/orders/1?key={key}"))
        .key(key)
        .send()
        .unwrap();
    assert_eq!(outcome(&both), "permitted");
    assert!(!envoy.log().contains(key));
    for page in ["/config_dump", "/stats", "/clusters", "/listeners"] {
        assert!(!envoy.admin(page).unwrap().contains(key), "{page}");
    }
}

#[test]
fn a_query_is_left_alone_where_no_key_is_looked_for_in_it() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();
    let target = format!("/orders/1?api-token={}&key=mine", member.key());
    let answer = caller.get(&target).send().unwrap();
    assert_eq!(outcome(&answer), "credential_missing");
    play.service.forget();
    caller
        .get("/orders/1?key=mine")
        .key(member.key())
        .send()
        .unwrap();
    assert_eq!(play.service.seen()[0].path, "/orders/1?key=mine");
}

#[test]
fn two_credentials_that_differ_are_refused_wherever_they_are() {
    let play = Play::begin(1).unwrap();
    let (one, two) = (play.member("One").unwrap(), play.member("Two").unwrap());
    let basic = |key: &str| format!("Basic {}", STANDARD.encode(format!("api-token:{key}")));
    let bearer = |key: &str| format!("Bearer {key}");
    let mut caller = play.caller().unwrap();
    play.service.forget();
    for headers in [
        [
            ("api-token", one.key().to_owned()),
            ("api-token", two.key().to_owned()),
        ],
        [
            ("api-token", one.key().to_owned()),
            ("authorization", bearer(two.key())),
        ],
        [
            ("api-token", one.key().to_owned()),
            ("authorization", basic(two.key())),
        ],
        [
            ("authorization", bearer(one.key())),
            ("authorization", bearer(two.key())),
        ],
        [
            ("authorization", bearer(one.key())),
            ("authorization", basic(two.key())),
        ],
        [
            ("authorization", bearer(one.key())),
            ("authorization", bearer("unknown")),
        ],
    ] {
        let mut request = caller.get("/orders/1");
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let answer = request.send().unwrap();
        assert_eq!(
            (answer.status, outcome(&answer).as_str()),
            (400, "request_ambiguous")
        );
    }
    assert!(play.service.seen().is_empty());
}

#[test]
fn a_service_sees_the_credential_where_it_is_meant_to_and_still_no_forged_identity() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let key = member.key();
    let settings = json!({"forward_credential": true, "query_parameter": "key"});
    let (_envoy, mut caller) = gate(&play, &settings, "api-token", key).unwrap();
    play.service.forget();
    let bearer = format!("Bearer {key}");
    let request = caller.get(&format!("/orders/1?key={key}")).key(key);
    let request = request
        .header("authorization", &bearer)
        .header("x-client-id", "forged");
    assert_eq!(outcome(&request.send().unwrap()), "permitted");
    let seen = &play.service.seen()[0];
    assert_eq!(seen.values("api-token"), [key]);
    assert_eq!(seen.values("authorization"), [bearer.as_str()]);
    assert_eq!(seen.path, format!("/orders/1?key={key}"));
    assert_eq!(seen.values("x-client-id"), [member.client.as_str()]);
}
