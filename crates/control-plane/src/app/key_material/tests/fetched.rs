//! Fetched sets: which of their keys are kept.

use super::*;

fn names(set: &Value) -> Vec<String> {
    let keys = read_set(set.to_string().as_bytes()).unwrap();
    let name = |key: SetKey| key.key.kid.unwrap_or_default();
    keys.into_iter().map(name).collect()
}

#[test]
fn of_a_fetched_set_only_keys_that_can_verify_signatures_are_kept() {
    let weak = json!({"kty": "RSA", "e": "AQAB", "n": "AQAB"});
    let named = |name: &str, key: Value| with(key, json!({ "kid": name }));
    let set = json!({"keys": [
        named("rsa", rsa_jwk()),
        named("rsa for PS256", with(rsa_jwk(), json!({"alg": "PS256", "use": "sig"}))),
        named("p256", p256_jwk()),
        named("p384", p384_jwk()),
        named("p521", p521_jwk()),
        named("ed25519", ed25519_jwk()),
        named("for encryption", with(rsa_jwk(), json!({"use": "enc"}))),
        named("for RSA-OAEP", with(rsa_jwk(), json!({"alg": "RSA-OAEP"}))),
        named("of another kind than it says", with(rsa_jwk(), json!({"alg": "ES256"}))),
        named("weak", weak),
        named("private", with(rsa_jwk(), json!({"d": "AQAB"}))),
        named("secret", json!({"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"})),
        named("of the future", json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AQAB"})),
        named("on X25519", json!({"kty": "OKP", "crv": "X25519", "x": "AQAB"})),
        named("off the curve", with(p256_jwk(), json!({"x": p256_jwk()["y"]}))),
        "nonsense",
        null,
        p256_jwk(),
    ]});
    let kept = [
        "rsa",
        "rsa for PS256",
        "p256",
        "p384",
        "p521",
        "ed25519",
        "",
    ];
    assert_eq!(names(&set), kept);
    let keys = read_set(set.to_string().as_bytes()).unwrap();
    assert_eq!((keys[0].alg, keys[1].alg), (None, Some(Algorithm::PS256)));
}

#[test]
fn of_a_large_set_the_first_keys_are_kept() {
    let key = |number: usize| with(p256_jwk(), json!({"kid": number.to_string()}));
    let set = json!({"keys": (0..40).map(key).collect::<Vec<_>>()});
    let kept: Vec<String> = (0..32).map(|number| number.to_string()).collect();
    assert_eq!(names(&set), kept);
}

#[test]
fn a_fetched_set_without_a_usable_key_is_an_error() {
    for (set, sentence) in [
        ("", "this is not a JSON Web Key Set"),
        ("<html>", "this is not a JSON Web Key Set"),
        ("[]", "this is not a JSON Web Key Set"),
        ("{}", "this is not a JSON Web Key Set"),
        (r#"{"keys": {}}"#, "this is not a JSON Web Key Set"),
        (r#"{"keys": []} {}"#, "this is not a JSON Web Key Set"),
        (
            r#"{"keys": []}"#,
            "none of the 0 keys of the set can verify signatures",
        ),
        (
            r#"{"keys": [{"kty": "oct", "k": "AQAB"}, 7]}"#,
            "none of the 2 keys of the set can verify signatures",
        ),
    ] {
        let refusal = read_set(set.as_bytes()).unwrap_err();
        assert_eq!(refusal.to_string(), sentence, "{set}");
    }
    let deep = format!("{{\"keys\": {}", "[".repeat(60_000));
    assert_eq!(read_set(deep.as_bytes()), Err(InvalidKeySet::Malformed));
}
