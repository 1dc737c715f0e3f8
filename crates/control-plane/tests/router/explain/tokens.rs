//! Tokens: what is said of good ones, and why others are refused.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::{check, explained, failed};
use crate::stage::{Answer, Caller, open};

const SECRET: &str = "canary-secret-of-thirty-two-byte";
/// 2027-01-15T08:00:00Z, when these tests begin, in seconds since 1970.
const NOW_S: u64 = 1_800_000_000;

fn token(algorithm: Algorithm, claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(algorithm), claims, &key).unwrap()
}

/// A profile whose tokens say for whom they are.
async fn token_profile(operator: &Caller) -> Answer {
    let client = operator.creates_client("acme").await;
    let collection = operator.creates_collection("orders").await;
    let jwt = json!({"algorithm": "HS256", "secret": {"value": SECRET}, "audiences": ["orders"],
        "required_claims": {"tenant": "acme"}});
    let draft = json!({"client_id": client["id"], "name": "tokens", "access_method": "jwt",
        "collections": [collection["id"]], "jwt": jwt});
    operator
        .posts("/api/v1/access-profiles", draft)
        .await
        .is(201)
}

#[tokio::test]
async fn a_token_is_verified_as_gateways_do_and_its_claims_are_told_to_the_service() {
    let stage = open().await;
    let operator = stage.operator();
    let profile = token_profile(&operator).await;
    let (_, _, other) = operator.creates_access("stock").await;
    let claims = |changes: Value| {
        let mut claims =
            json!({"sub": profile["id"], "exp": NOW_S + 300, "aud": "orders", "tenant": "acme"});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    };
    let hs256 = |changes| token(Algorithm::HS256, &claims(changes), SECRET);
    let filter = json!({"claim_headers": {"x-tenant": "tenant"}});
    let ask = async |token: &str, further: Value| {
        let mut request = json!({"credential": {"token": token}, "filter": filter});
        for (name, value) in further.as_object().unwrap() {
            request[name] = value.clone();
        }
        explained(&operator, &other, request).await
    };

    let good = hs256(json!({}));
    let answer = ask(&good, json!({})).await;
    assert_eq!(answer["decision"], "permitted", "{}", answer.body);
    assert_eq!(answer["access_profile"]["id"], profile["id"]);
    let added = answer["service"]["added"].as_array().unwrap();
    assert!(added.contains(&json!({"name": "x-tenant", "value": "acme"})));
    let said = check(&answer, "authentication")["detail"].as_str().unwrap();
    assert!(said.contains("HS256"), "{said}");
    let later = ask(&good, json!({"at": "2027-01-15T09:00:00Z"})).await;
    assert_eq!(later["reason"], "credential_expired");
    assert_eq!(later["access_profile"]["id"], profile["id"]);

    let forged = token(
        Algorithm::HS256,
        &claims(json!({})),
        &SECRET.replace('c', "d"),
    );
    for (token, said) in [
        (forged, "its key does not verify the signature"),
        (
            token(Algorithm::HS512, &claims(json!({})), SECRET),
            "which wants HS256",
        ),
        (hs256(json!({"aud": "billing"})), "(`aud`): `orders`"),
        (
            hs256(json!({"tenant": "other"})),
            "its claim `tenant` does not say `acme`",
        ),
        (hs256(json!({"nbf": NOW_S + 3_600})), "`nbf`"),
        (hs256(json!({"exp": "soon"})), "is not a number"),
        (hs256(json!({"exp": null})), "is not a number"),
        (
            hs256(json!({"sub": other["api_key"]})),
            "present keys instead of tokens",
        ),
        (
            hs256(json!({"sub": "somebody"})),
            "has the name that the token says",
        ),
        (hs256(json!({"sub": ""})), "names no profile"),
        (format!("{good}="), "cannot be read in exactly one way"),
    ] {
        let answer = ask(&token, json!({})).await;
        assert_eq!(answer["reason"], "credential_invalid", "{said}");
        assert_eq!(answer["access_profile"], Value::Null);
        let (name, detail) = failed(&answer);
        assert_eq!(name, "authentication");
        assert!(detail.contains(said), "{detail}");
        let text = answer.body.to_string();
        assert!(!text.contains(&token) && !text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn a_token_is_found_by_the_name_that_its_issuer_has_for_the_profile() {
    let stage = open().await;
    let operator = stage.operator();
    let profile = token_profile(&operator).await;
    let identity = json!({"issuer": "https://idp.example", "client": "acme-orders"});
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    let patch = json!({"jwt": {"identity": identity}});
    operator.patches(&path, patch).await.is(200);
    let (_, _, other) = operator.creates_access("stock").await;
    let claims = |issuer: &str| {
        json!({"azp": "acme-orders", "iss": issuer, "exp": NOW_S + 300, "aud": ["orders"],
            "tenant": "acme"})
    };
    for (issuer, reason) in [
        ("https://idp.example", Value::Null),
        ("https://other.example", json!("credential_invalid")),
    ] {
        let token = token(Algorithm::HS256, &claims(issuer), SECRET);
        let request = json!({"credential": {"token": token}});
        let answer = explained(&operator, &other, request).await;
        assert_eq!(answer["reason"], reason, "{}", answer.body);
    }
    // What must not name it any more is not looked for by it.
    let by_id =
        json!({"sub": profile["id"], "exp": NOW_S + 300, "aud": "orders", "tenant": "acme"});
    let token = token(Algorithm::HS256, &by_id, SECRET);
    let answer = explained(&operator, &other, json!({"credential": {"token": token}})).await;
    assert_eq!(answer["reason"], "credential_invalid");
    assert!(
        failed(&answer)
            .1
            .contains("has the name that the token says")
    );
}
