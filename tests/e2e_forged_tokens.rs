//! Tokens that nobody signed for this gate: made up, put together from others, or spelled in a second way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_tests::{Play, Signer, base64url, bearer, outcome};
use serde_json::json;

const SECRET: &str = "a secret of the end-to-end tests: 256 bits and more";

#[test]
fn the_secret_of_nobody_is_a_public_key() {
    let play = Play::begin(1).unwrap();
    let signer = Signer::rs256().unwrap();
    let member = play.token_member("Acme", &signer, &json!({})).unwrap();
    let mut caller = play.caller().unwrap();
    let modulus = signer.jwk()["n"].as_str().unwrap().to_owned();
    for secret in [modulus, signer.jwk().to_string()] {
        let token = Signer::hs256(&secret).token(&member.claims()).unwrap();
        assert_eq!(bearer(&mut caller, &token).unwrap(), "credential_invalid");
    }
    // A key that the token brings itself.
    let own = Signer::es256().unwrap();
    let header = json!({"alg": "RS256", "jwk": own.jwk()});
    let token = own.token_with(&header, &member.claims()).unwrap();
    assert_eq!(bearer(&mut caller, &token).unwrap(), "credential_invalid");
}

#[test]
fn only_one_spelling_of_a_token_is_good() {
    let play = Play::begin(1).unwrap();
    let signer = Signer::hs256(SECRET);
    let member = play.token_member("Acme", &signer, &json!({})).unwrap();
    let token = signer.token(&member.claims()).unwrap();
    let mut caller = play.caller().unwrap();
    assert_eq!(bearer(&mut caller, &token).unwrap(), "permitted");
    let parts: Vec<&str> = token.split('.').collect();
    let signed_text = |header: &str, claims: &str| {
        let signed = format!("{}.{}", base64url(header), base64url(claims));
        format!(
            "{signed}.{}",
            base64url(signer.sign(signed.as_bytes()).unwrap())
        )
    };
    let said = member.claims().to_string();
    let doubled = said.replacen('{', r#"{"exp":1,"#, 1);
    // The last character of a signature of 32 bytes has two bits to spare.
    let mut last_bit = token.clone();
    let last = last_bit.pop().unwrap();
    last_bit.push(char::from(last as u8 + 1));
    let huge = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    for (what, token) in [
        ("a bit to spare", last_bit),
        (
            "standard base64",
            format!("{}.{}.{}", parts[0], STANDARD.encode(&said), parts[2]),
        ),
        (
            "a blank inside",
            format!("{}. {}.{}", parts[0], parts[1], parts[2]),
        ),
        (
            "a member twice",
            signed_text(r#"{"alg":"HS256"}"#, &doubled),
        ),
        (
            "alg twice",
            signed_text(r#"{"alg":"none","alg":"HS256"}"#, &said),
        ),
        (
            "crit",
            signed_text(r#"{"alg":"HS256","crit":["x"],"x":1}"#, &said),
        ),
        (
            "b64",
            signed_text(r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#, &said),
        ),
        ("zip", signed_text(r#"{"alg":"HS256","zip":"DEF"}"#, &said)),
        ("no object", signed_text(r#"{"alg":"HS256"}"#, "[]")),
        ("deep", signed_text(r#"{"alg":"HS256"}"#, &huge)),
        ("no JSON", signed_text("alg", "claims")),
        ("nothing", "e.e.e".to_owned()),
    ] {
        assert_eq!(
            bearer(&mut caller, &token).unwrap(),
            "credential_invalid",
            "{what}"
        );
    }
    // The same token, however its scheme is spelled.
    let answer = caller
        .get("/orders/1")
        .header("authorization", format!("bearer   {token} "));
    assert_eq!(outcome(&answer.send().unwrap()), "permitted");
}
