//! Tokens: what is read has exactly one meaning, and claims are judged as an oracle judges them.
//!
//! An input is a token as it is, or a line with a header and lines with claims, both JSON, which are encoded properly.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_engine::jwt::claims::{LEEWAY_MS, Rule, Unacceptable};
use portcullis_engine::jwt::{Token, TokenRecord, looks_like_token};
use portcullis_feed::{Algorithm, Jwt, TokenIdentity};
use serde_json::{Map, Value};

use crate::{NOW_MS, world};

/// The claims that may name a profile.
const NAMING: [&str; 3] = ["urn:portcullis:profile", "sub", "client_id"];

/// Checks an input.
///
/// # Panics
/// When a token is read that could be read in another way, or its claims are judged wrongly.
pub fn check(input: &[u8]) {
    if input.first() != Some(&b'{') {
        check_text(input);
        return;
    }
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let (header, claims) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    check_text(encoded(header, claims).as_bytes());
}

fn check_text(text: &[u8]) {
    let _ = looks_like_token(text);
    let Ok(token) = Token::parse(text) else {
        return;
    };
    assert!(
        looks_like_token(text)
            || text.starts_with(b"I")
            || text.starts_with(b"C")
            || text.starts_with(b"D")
    );
    check_form(text, &token);
    check_names(&token);
    for rules in every_rules() {
        check_claims(&rules, token.claims());
    }
}

/// The text is the only one that stands for what was read, and says it once.
fn check_form(text: &[u8], token: &Token<'_>) {
    let again = [
        token.signed(),
        b".",
        URL_SAFE_NO_PAD.encode(token.signature()).as_bytes(),
    ]
    .concat();
    assert_eq!(again, text);
    let parts: Vec<&[u8]> = text.split(|byte| *byte == b'.').collect();
    assert_eq!(parts.len(), 3);
    let decode = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    let (header, claims) = (decode(parts[0]), decode(parts[1]));
    let object =
        |json: &[u8]| serde_json::from_slice::<Map<String, Value>>(json).unwrap_or_default();
    assert_eq!(token.claims(), &object(&claims));
    let said = object(&header);
    assert!(Algorithm::ALL.iter().filter(|it| token.names(**it)).count() <= 1);
    for algorithm in Algorithm::ALL {
        assert_eq!(token.names(algorithm), said["alg"] == algorithm.name());
    }
    assert_eq!(token.kid(), said.get("kid").and_then(Value::as_str));
    for name in ["crit", "b64", "zip", "enc"] {
        assert!(!said.contains_key(name));
    }

    // Whatever could be read in another way is refused.
    for other in [
        [text, b"="].concat(),
        [text, b"."].concat(),
        [b" ", text].concat(),
        [text, b"\n"].concat(),
    ] {
        assert!(Token::parse(&other).is_err());
    }
    let twice = |object: &[u8], name: &String| {
        let at = object
            .iter()
            .position(|byte| *byte == b'{')
            .unwrap_or_default();
        let member = format!("{}:null,", Value::from(name.as_str()));
        [&object[..=at], member.as_bytes(), &object[at + 1..]].concat()
    };
    for name in said.keys() {
        assert!(Token::parse(encoded(&twice(&header, name), &claims).as_bytes()).is_err());
    }
    for name in token.claims().keys() {
        assert!(Token::parse(encoded(&header, &twice(&claims, name)).as_bytes()).is_err());
    }
}

fn check_names(token: &Token<'_>) {
    let names = NAMING.map(Box::from);
    let is_said = |value: &&Value| !value.is_null() && **value != "";
    let first = NAMING
        .iter()
        .find_map(|name| token.claims().get(*name).filter(is_said));
    let by_claim = first.and_then(Value::as_str);
    assert_eq!(token.subject(&names, false), by_claim);
    let by_key = token.kid().filter(|kid| !kid.is_empty() && first.is_none());
    assert_eq!(token.subject(&names, true), by_claim.or(by_key));
}

fn every_rules() -> [Jwt; 4] {
    let usual = world::tokens(Algorithm::HS256, vec![]);
    [
        usual.clone(),
        Jwt {
            identity: Some(TokenIdentity {
                issuer: "https://idp.example".into(),
                client: "c1".into(),
            }),
            audiences: vec!["orders".into(), "stock".into()],
            ..usual.clone()
        },
        Jwt {
            required_claims: [
                ("scope".to_owned(), Some("read".to_owned())),
                ("tenant".to_owned(), None),
                ("level".to_owned(), Some("3".to_owned())),
            ]
            .into(),
            allows_no_expiry: true,
            ..usual.clone()
        },
        Jwt {
            issuers: vec!["https://idp.example".into(), "me".into()],
            max_lifetime_s: Some(3_600),
            ..usual
        },
    ]
}

/// The oracle reckons in floating point, which is enough where nothing stands on a boundary.
fn check_claims(jwt: &Jwt, claims: &Map<String, Value>) {
    let record = TokenRecord::of(jwt).unwrap_or_else(|_| unreachable!("there is no key in it"));
    let outcome = record.rules.check(claims, NOW_MS);
    let now = NOW_MS as f64 / 1e3;
    let leeway = LEEWAY_MS as f64 / 1e3;
    let time = |name: &str| {
        claims
            .get(name)
            .map(|value| value.as_f64().map(|it| it.max(0.0)))
    };
    let times = [time("exp"), time("nbf"), time("iat")];
    if times.contains(&Some(None)) {
        let expected = Err(Unacceptable::Wrong(Rule::Times));
        assert_eq!(outcome, expected, "{claims:?}");
        return;
    }
    let [expiry, start, issued] = times.map(Option::flatten);
    let is_near = |left: f64, right: f64| (left - right).abs() < 0.01;
    let lifetime = expiry.zip(issued).map(|(expiry, issued)| expiry - issued);
    if expiry.is_some_and(|it| is_near(it + leeway, now))
        || [start, issued]
            .into_iter()
            .flatten()
            .any(|it| is_near(it, now + leeway))
        || lifetime.is_some_and(|it| is_near(it, 3_600.0) || it > 1e15)
    {
        return;
    }
    let is_expired = expiry.is_some_and(|it| it + leeway < now);
    let is_in_time = (expiry.is_some() || jwt.allows_no_expiry)
        && start.is_none_or(|it| it <= now + leeway)
        && jwt.max_lifetime_s.is_none_or(|longest| {
            lifetime.is_some_and(|it| it <= longest as f64)
                && issued.is_some_and(|it| it <= now + leeway)
        });
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let issuers: Vec<&str> = match &jwt.identity {
        Some(identity) => vec![&identity.issuer],
        None => jwt.issuers.iter().map(String::as_str).collect(),
    };
    let is_from = issuers.is_empty() || text("iss").is_some_and(|it| issuers.contains(&it));
    let is_known = |it: &Value| {
        it.as_str()
            .is_some_and(|it| jwt.audiences.iter().any(|known| known == it))
    };
    let is_for = jwt.audiences.is_empty()
        || match claims.get("aud") {
            Some(Value::Array(list)) => {
                list.iter().all(Value::is_string) && list.iter().any(is_known)
            }
            Some(one) => is_known(one),
            None => false,
        };
    let says_all = jwt.required_claims.iter().all(|(name, expected)| {
        let value = claims.get(name).unwrap_or(&Value::Null);
        match expected {
            None => !value.is_null(),
            Some(expected) => says(name, value, expected),
        }
    });
    match outcome {
        Ok(_) => assert!(
            is_in_time && !is_expired && is_from && is_for && says_all,
            "{claims:?}"
        ),
        Err(Unacceptable::Expired) => assert!(is_expired && is_in_time, "{claims:?}"),
        Err(Unacceptable::Wrong(rule)) => {
            let is_kept = match rule {
                Rule::Times => true,
                Rule::Expiry | Rule::Start | Rule::Lifetime => is_in_time,
                Rule::Issuer => is_from,
                Rule::Audience => is_for,
                Rule::Required(_) => says_all,
            };
            assert!(!is_kept, "{rule:?} of {claims:?}");
        }
    }
}

fn says(name: &str, value: &Value, expected: &str) -> bool {
    match value {
        Value::Null | Value::Object(_) => false,
        Value::String(text) if name == "scope" => text.split(' ').any(|word| word == expected),
        Value::String(text) => text == expected,
        Value::Bool(_) | Value::Number(_) => format!("{value}") == expected,
        Value::Array(list) => list
            .iter()
            .any(|it| !it.is_array() && says("", it, expected)),
    }
}

fn encoded(header: &[u8], claims: &[u8]) -> String {
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    format!(
        "{}.{}.{}",
        encode(header),
        encode(claims),
        encode(b"signature")
    )
}
