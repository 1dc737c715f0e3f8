//! What tokens cannot be: a refusal that points at the field, and shows nothing of what may be a secret.

use serde_json::{Value, json};

use super::{P256_PEM, PATH, RSA_PEM, SECRET, draft, hmac};
use crate::stage::open;

#[tokio::test]
async fn what_tokens_cannot_be_is_refused_at_the_field() {
    let stage = open().await;
    let operator = stage.operator();
    let good = draft(&operator, "acme", hmac()).await;
    let before = operator.all_records().await;
    let many: Vec<String> = (0..21).map(|number| number.to_string()).collect();
    let claims: serde_json::Map<_, _> = many
        .iter()
        .map(|name| (name.clone(), Value::Null))
        .collect();
    for (jwt, pointer) in [
        (json!(null), "/jwt"),
        (json!([]), "/jwt"),
        (json!(SECRET), "/jwt"),
        (json!({"secret": {"value": SECRET}}), "/jwt/algorithm"),
        (
            json!({"algorithm": "none", "secret": {"value": SECRET}}),
            "/jwt/algorithm",
        ),
        (json!({"algorithm": "HS256"}), "/jwt"),
        (json!({"algorithm": "RS256"}), "/jwt"),
        (
            json!({"algorithm": "RS256", "key": RSA_PEM, "jwks_url": "https://a.example"}),
            "/jwt",
        ),
        (
            json!({"algorithm": "HS256", "secret": SECRET}),
            "/jwt/secret",
        ),
        (
            json!({"algorithm": "HS256", "secret": {}}),
            "/jwt/secret/value",
        ),
        (
            json!({"algorithm": "HS256", "secret": {"value": 7}}),
            "/jwt/secret",
        ),
        (
            json!({"algorithm": "HS256", "secret": {"value": "short"}}),
            "/jwt/secret",
        ),
        (
            json!({"algorithm": "HS256", "secret": {"value": "x".repeat(1_025)}}),
            "/jwt/secret",
        ),
        (
            json!({"algorithm": "HS256", "secret": {"value": "canary, no base64", "encoding": "base64"}}),
            "/jwt/secret/value",
        ),
        (
            json!({"algorithm": "HS256", "secret": {"value": "x", "encoding": SECRET}}),
            "/jwt/secret",
        ),
        (
            json!({"algorithm": "HS256", "secret": {SECRET: "x"}}),
            "/jwt/secret",
        ),
        (json!({"algorithm": "HS256", "key": SECRET}), "/jwt/key"),
        (
            json!({"algorithm": "HS256", "jwks_url": "https://a.example"}),
            "/jwt/jwks_url",
        ),
        (
            json!({"algorithm": "RS256", "secret": {"value": SECRET}}),
            "/jwt/secret",
        ),
        (json!({"algorithm": "RS256", "key": P256_PEM}), "/jwt/key"),
        (json!({"algorithm": "RS256", "key": SECRET}), "/jwt/key"),
        (
            json!({"algorithm": "RS256", "key": {"kty": "oct", "k": SECRET}}),
            "/jwt/key",
        ),
        (
            json!({"algorithm": "RS256", "jwks_url": "ftp://a.example"}),
            "/jwt/jwks_url",
        ),
        (
            json!({"algorithm": "RS256", "jwks_url": "https://127.0.0.1/keys"}),
            "/jwt/jwks_url",
        ),
        (
            json!({"algorithm": "RS256", "discover_from": "issuer"}),
            "/jwt/discover_from",
        ),
        (json!({"algorithm": "HS256", "secrets": {}}), "/jwt/secrets"),
    ] {
        let mut draft = good.clone();
        draft["jwt"] = jwt.clone();
        let refused = operator.posts(PATH, draft).await.is(422);
        let said = refused.body.to_string();
        assert!(!said.contains("canary"), "{said}");
        refused.points_at(pointer);
    }
    for (member, value, pointer) in [
        ("issuers", json!(many), "/jwt/issuers"),
        ("issuers", json!([""]), "/jwt/issuers/0"),
        ("audiences", json!(["a", "b\n"]), "/jwt/audiences/1"),
        ("audiences", json!("orders"), "/jwt/audiences"),
        ("identity", json!({"issuer": "i"}), "/jwt/identity/client"),
        (
            "identity",
            json!({"issuer": "", "client": "c"}),
            "/jwt/identity/issuer",
        ),
        ("required_claims", json!(claims), "/jwt/required_claims"),
        (
            "required_claims",
            json!({"a/b": ""}),
            "/jwt/required_claims/a~1b",
        ),
        ("required_claims", json!({"": null}), "/jwt/required_claims"),
        ("max_lifetime_s", json!(0), "/jwt/max_lifetime_s"),
        ("max_lifetime_s", json!(-1), "/jwt/max_lifetime_s"),
        ("allows_no_expiry", json!("yes"), "/jwt/allows_no_expiry"),
    ] {
        let mut draft = good.clone();
        draft["jwt"][member] = value.clone();
        let refused = operator.posts(PATH, draft).await.is(422);
        refused.points_at(pointer);
    }
    let mut draft = good.clone();
    draft["key_expires_at"] = json!("2028-01-01T00:00:00Z");
    operator
        .posts(PATH, draft)
        .await
        .is(422)
        .points_at("/key_expires_at");
    let mut draft = good;
    draft["access_method"] = json!("api_key");
    operator.posts(PATH, draft).await.is(422).points_at("/jwt");
    assert_eq!(operator.all_records().await, before);
}
