//! What a service is told about its caller, and callers about their keys.

use portcullis_engine::gate::LONGEST_CLAIM;
use portcullis_engine::{Deprecation, GateSettings};
use portcullis_feed::{AccessMethod, Algorithm, ApiKey};
use serde_json::{Value, json};

use crate::scene::{NOW_S, Scene, claims, key_record, keyed, orders, token, tokens};

const HS256: Algorithm = Algorithm::HS256;

fn scene() -> Scene {
    let claims = [("x-email", "email"), ("X-Roles", "roles")];
    let settings = GateSettings {
        claim_headers: claims
            .map(|(header, claim)| (header.into(), claim.into()))
            .into(),
        ..GateSettings::default()
    };
    Scene::with(settings, &[keyed(1, "key"), tokens(2, HS256)], &[orders()])
}

/// The claims that the service is told, and the headers that it does not see.
fn told(scene: &Scene, headers: &[(&str, &str)]) -> (Vec<(String, String)>, Vec<String>) {
    scene.ask("/orders/7", headers, |decision| {
        let permit = decision.unwrap();
        let claims = permit.claims().iter();
        let claims = claims.map(|it| (it.name.to_string(), it.value.to_string()));
        let stripped = permit.stripped().iter();
        let stripped = stripped.map(|name| String::from_utf8_lossy(name).into_owned());
        (claims.collect(), stripped.collect())
    })
}

fn told_of(claim: &str, value: &Value) -> Option<String> {
    let mut claims = claims(2);
    claims[claim] = value.clone();
    let authorization = format!("Bearer {}", token(HS256, &claims));
    let (claims, _) = told(&scene(), &[("authorization", &authorization)]);
    assert!(claims.len() <= 1, "{claims:?}");
    claims.into_iter().next().map(|(_, value)| value)
}

#[test]
fn a_claim_becomes_a_header_as_text_or_as_json() {
    for (value, expected) in [
        (json!("a@b.example"), "a@b.example"),
        (json!(""), ""),
        (json!(7), "7"),
        (json!(true), "true"),
        (json!(["a", "b"]), r#"["a","b"]"#),
        (json!({"a": 1}), r#"{"a":1}"#),
    ] {
        assert_eq!(told_of("email", &value).as_deref(), Some(expected));
        assert_eq!(told_of("roles", &value).as_deref(), Some(expected));
    }
    assert_eq!(told_of("email", &json!(null)), None);
    assert_eq!(told_of("other", &json!("x")), None);
}

#[test]
fn a_claim_cannot_break_out_of_its_header() {
    for (value, expected) in [
        ("J\u{f6}rg", "J%C3%B6rg"),
        ("a\r\nx-client-id: root", "a%0D%0Ax-client-id: root"),
        ("a\0b\u{7f}", "a%00b%7F"),
        ("100%", "100%25"),
    ] {
        assert_eq!(told_of("email", &json!(value)).as_deref(), Some(expected));
    }
}

#[test]
fn a_claim_that_is_too_long_as_a_header_is_left_out() {
    let fits = "x".repeat(LONGEST_CLAIM);
    assert_eq!(told_of("email", &json!(fits)), Some(fits.clone()));
    assert_eq!(told_of("email", &json!(format!("{fits}x"))), None);
    assert_eq!(
        told_of("email", &json!("\u{f6}".repeat(LONGEST_CLAIM / 6 + 1))),
        None
    );
}

#[test]
fn only_tokens_make_claims_and_forged_ones_are_removed_from_every_request() {
    let scene = scene();
    let token = token(
        HS256,
        &json!({"sub": claims(2)["sub"], "exp": NOW_S + 9, "email": "e"}),
    );
    let bearer = format!("Bearer {token}");
    let forged = [("x-email", "root"), ("x_roles", "root")];
    for (credential, expected) in [
        (("api-token", "key"), vec![]),
        (("authorization", bearer.as_str()), vec!["e"]),
    ] {
        // Twice: what is told of a token that is remembered is the same.
        for _ in 0..2 {
            let (claims, stripped) = told(&scene, &[credential, forged[0], forged[1]]);
            let values: Vec<&str> = claims.iter().map(|(_, value)| value.as_str()).collect();
            assert_eq!(values, expected);
            assert!(stripped.contains(&"x-email".into()) && stripped.contains(&"x_roles".into()));
        }
    }
}

#[test]
fn a_key_that_a_newer_one_replaces_says_so_until_it_ends() {
    let mut profile = keyed(1, "new");
    let until_ms = (NOW_S + 60) * 1_000;
    let old = ApiKey {
        deprecated_at_ms: Some(5),
        expires_at_ms: Some(until_ms),
        ..key_record("old")
    };
    if let AccessMethod::ApiKey { keys } = &mut profile.access {
        keys.push(old);
    }
    let scene = Scene::of(&[profile]);
    let deprecation = |key| {
        scene.ask("/orders/7", &[("api-token", key)], |it| {
            it.map(|permit| permit.deprecation()).ok()
        })
    };
    let expected = Deprecation {
        since_ms: 5,
        until_ms: Some(until_ms),
    };
    assert_eq!(deprecation("new"), Some(None));
    assert_eq!(deprecation("old"), Some(Some(expected)));
    scene.wait(60);
    assert_eq!((deprecation("new"), deprecation("old")), (Some(None), None));
}
