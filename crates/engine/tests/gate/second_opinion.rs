//! Whatever the gate permits, `jsonwebtoken` accepts too, with the same key and the same rules: thousands of tokens from
//! a seed, most of them spoilt in some way.

use fastrand::Rng;
use jsonwebtoken::{DecodingKey, Validation, decode, get_current_timestamp};
use portcullis_feed::{Algorithm, Jwt, KeyMaterial};
use serde_json::{Map, Value, json};

use crate::keys;
use crate::scene::{Scene, id, jwt, tokens_like};

const CASES: usize = 4_000;
const ISSUERS: [&str; 3] = ["https://a.example", "https://b.example", ""];
const AUDIENCES: [&str; 3] = ["orders", "stock", ""];

/// How far from now the times of a token are, in seconds. None is so near to where the leeway ends that a slow machine
/// could make a difference.
const OFFSETS: [i64; 8] = [-1_000_000, -3_600, -90, -30, 0, 30, 90, 3_600];

fn one_of<T: Copy>(rng: &mut Rng, among: &[T]) -> T {
    among[rng.usize(..among.len())]
}

/// Mostly what is quick to sign.
fn algorithm(rng: &mut Rng) -> Algorithm {
    match rng.u8(..) {
        0..2 => one_of(rng, &[Algorithm::RS256, Algorithm::PS384]),
        2..12 => one_of(rng, &[Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA]),
        12.. => one_of(rng, &[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]),
    }
}

fn rules(rng: &mut Rng, algorithm: Algorithm) -> Jwt {
    let mut method = jwt(algorithm, vec![keys::public(algorithm)]);
    if rng.u8(..) < 64 {
        method.issuers = vec![one_of(rng, &ISSUERS).into()];
    }
    if rng.u8(..) < 64 {
        method.audiences = vec![one_of(rng, &AUDIENCES).into()];
    }
    method.allows_no_expiry = rng.u8(..) < 32;
    method
}

/// `jsonwebtoken` refuses times before 1970 and beyond 64 bits, which the gate takes for what they are: such times are
/// not among these.
fn time(rng: &mut Rng, now_s: u64) -> Value {
    let at = now_s.saturating_add_signed(one_of(rng, &OFFSETS));
    match rng.u8(..16) {
        0 => json!(at.to_string()),
        1 => json!(null),
        2 => json!([at]),
        3 => json!(at as f64 + 0.25),
        _ => json!(at),
    }
}

fn claims(rng: &mut Rng, now_s: u64) -> String {
    let mut claims = Map::new();
    claims.insert("sub".into(), json!(id(1).to_string()));
    if rng.u8(..16) > 0 {
        let past_or_future = time(rng, now_s);
        let future = json!(now_s + 600);
        claims.insert(
            "exp".into(),
            if rng.bool() { past_or_future } else { future },
        );
    }
    for name in ["nbf", "iat"] {
        if rng.u8(..4) == 0 {
            claims.insert(name.into(), time(rng, now_s));
        }
    }
    for (name, known) in [("iss", ISSUERS), ("aud", AUDIENCES)] {
        let value = match rng.u8(..8) {
            0 => continue,
            1 => json!([one_of(rng, &known), one_of(rng, &known)]),
            2 => json!(["x", 7]),
            3 => json!(7),
            _ => json!(one_of(rng, &known)),
        };
        claims.insert(name.into(), value);
    }
    let mut text = Value::Object(claims).to_string();
    if rng.u8(..32) == 0 {
        text = text.replacen('{', r#"{"sub":"x","#, 1);
    }
    text
}

fn token(rng: &mut Rng, algorithm: Algorithm, now_s: u64) -> String {
    let named = if rng.u8(..16) == 0 {
        one_of(rng, &Algorithm::ALL)
    } else {
        algorithm
    };
    let header = match rng.u8(..16) {
        0 => json!({"alg": named.name(), "crit": ["exp"]}),
        1 => json!({"alg": named.name(), "typ": "JWT", "kid": "k"}),
        2 => json!({"alg": "none"}),
        _ => json!({"alg": named.name()}),
    };
    let part = |text: String| keys::encode(text);
    let unsigned = format!("{}.{}", part(header.to_string()), part(claims(rng, now_s)));
    let signature = match rng.u8(..16) {
        0 => keys::sign_with(&[7; 64], Algorithm::HS256, &unsigned),
        1 => keys::sign_as_foreigner(&unsigned),
        2 => String::new(),
        _ => keys::sign(algorithm, &unsigned),
    };
    spoil(rng, format!("{unsigned}.{signature}"))
}

/// Leaves three of four as they are.
fn spoil(rng: &mut Rng, mut token: String) -> String {
    const CHARACTERS: &[u8] = b"AQgwz019-_+/=. ";
    let character = char::from(one_of(rng, CHARACTERS));
    let at = rng.usize(..token.len());
    match rng.u8(..20) {
        0 => drop(token.remove(at)),
        1 => token.insert(at, character),
        2 => token.truncate(at),
        3 => token.push(character),
        4 => token.replace_range(at..=at, character.encode_utf8(&mut [0; 4])),
        _ => {}
    }
    token
}

/// The same rules in the words of `jsonwebtoken`.
fn accepts(token: &str, method: &Jwt) -> bool {
    let key = match &method.keys[0].material {
        KeyMaterial::Rsa { n, e } => DecodingKey::from_rsa_raw_components(&n.0, &e.0),
        KeyMaterial::Ec { x, y, .. } => DecodingKey::from_ec_der(&[&[4], &x.0[..], &y.0].concat()),
        KeyMaterial::Okp { x, .. } => DecodingKey::from_ed_der(&x.0),
        KeyMaterial::Oct { k } => DecodingKey::from_secret(&k.0),
    };
    let mut validation = Validation::new(keys::signer(method.algorithm));
    validation.leeway = 60;
    validation.validate_nbf = true;
    let mut required = vec![];
    if !method.allows_no_expiry {
        required.push("exp");
    }
    validation.validate_aud = !method.audiences.is_empty();
    if validation.validate_aud {
        validation.set_audience(&method.audiences);
        required.push("aud");
    }
    if !method.issuers.is_empty() {
        validation.set_issuer(&method.issuers);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    decode::<Value>(token, &key, &validation).is_ok()
}

#[test]
fn what_the_gate_permits_another_reader_accepts_too() {
    let mut rng = Rng::with_seed(0x0070_6f72_7463);
    let (mut permitted, mut accepted) = (0, 0);
    for case in 0..CASES {
        let now_s = get_current_timestamp();
        let algorithm = algorithm(&mut rng);
        let method = rules(&mut rng, algorithm);
        let token = token(&mut rng, algorithm, now_s);
        let scene = Scene::of(&[tokens_like(1, method.clone())]).at(now_s);
        // Blanks around what a header says are no part of it.
        let is_accepted = accepts(token.trim_matches(' '), &method);
        accepted += usize::from(is_accepted);
        if scene.bearer(&token) == Ok(Some(id(1))) {
            permitted += 1;
            assert!(is_accepted, "case {case}: {token} under {method:?}");
        }
    }
    // Neither is empty, and the gate is the stricter one.
    assert!(
        permitted > CASES / 10,
        "{permitted} of {accepted} permitted"
    );
    assert!(accepted > permitted, "{permitted} of {accepted} permitted");
}
