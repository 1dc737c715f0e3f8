//! Tokens that can be read in more than one way, or in none. All of them are signed as they stand: only how they are
//! read keeps them out.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use portcullis_engine::DenialReason::{CredentialExpired, CredentialInvalid, RequestAmbiguous};
use portcullis_engine::jwt::token::LONGEST_TOKEN;
use portcullis_feed::Algorithm;
use serde_json::{Value, json};

use crate::keys;
use crate::scene::{NOW_S, Outcome, Scene, claims, id, signed, token, token_of, tokens};

const HS256: Algorithm = Algorithm::HS256;
const HEADER: &str = r#"{"alg":"HS256"}"#;

fn outcome(token: &str) -> Outcome {
    Scene::of(&[tokens(1, HS256)]).bearer(token)
}

fn check_refused(token: &str) {
    assert_eq!(outcome(token), Err(CredentialInvalid), "{token}");
}

/// Claims that are good as far as they go, with more JSON after them.
fn claims_and(more: &str) -> String {
    let good = claims(1).to_string();
    format!("{}{more}}}", good.trim_end_matches('}'))
}

fn check_claims(more: &str, expected: Outcome) {
    let token = token_of(HS256, HEADER, &claims_and(more));
    assert_eq!(outcome(&token), expected, "{more}");
}

#[test]
fn a_name_that_stands_twice_is_refused_at_any_depth_and_in_any_spelling() {
    check_claims(r#","a":1"#, Ok(Some(id(1))));
    for twice in [
        r#","sub":"x""#,
        r#","exp":9999999999"#,
        r#","\u0073ub":"x""#,
        r#","a":{"b":1,"b":1}"#,
        r#","a":[{"b":1,"\u0062":1}]"#,
    ] {
        check_claims(twice, Err(CredentialInvalid));
    }
    let good = claims(1).to_string();
    for header in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","x":{"y":1,"y":2}}"#,
    ] {
        check_refused(&token_of(HS256, header, &good));
    }
}

#[test]
fn members_of_the_header_that_change_its_meaning_are_refused() {
    let good = claims(1).to_string();
    for member in [
        r#""b64":false"#,
        r#""b64":true"#,
        r#""b64":false,"crit":["b64"]"#,
        r#""crit":["exp"],"exp":1"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""zip":"DEF""#,
        r#""enc":"A128GCM""#,
    ] {
        check_refused(&token_of(
            HS256,
            &format!(r#"{{"alg":"HS256",{member}}}"#),
            &good,
        ));
    }
    for harmless in [r#""typ":"JWT""#, r#""typ":"at+jwt""#, r#""cty":"json""#] {
        let token = token_of(HS256, &format!(r#"{{"alg":"HS256",{harmless}}}"#), &good);
        assert_eq!(outcome(&token), Ok(Some(id(1))), "{harmless}");
    }
}

#[test]
fn padding_blanks_and_other_alphabets_are_refused() {
    let header = keys::encode(HEADER);
    let body = keys::encode(claims(1).to_string());
    assert_eq!(
        outcome(&signed(HS256, &format!("{header}.{body}"))),
        Ok(Some(id(1)))
    );
    for blank in ["=", "==", "\n", "\r\n", " ", "\t", "\0", "\u{a0}", "%3d"] {
        check_refused(&signed(HS256, &format!("{header}{blank}.{body}")));
        check_refused(&signed(HS256, &format!("{header}.{body}{blank}")));
        check_refused(&signed(HS256, &format!("{header}.{blank}{body}")));
        check_refused(&format!(
            "{}{blank}x",
            signed(HS256, &format!("{header}.{body}"))
        ));
    }
    // Texts whose encodings need the characters in which the alphabets differ, and padding.
    let odd = claims_and(r#","a":"???>>>~~~""#);
    let right = keys::encode(&odd);
    assert!(right.contains(['-', '_']), "{right}");
    assert_eq!(
        outcome(&signed(HS256, &format!("{header}.{right}"))),
        Ok(Some(id(1)))
    );
    check_refused(&signed(
        HS256,
        &format!("{header}.{}", STANDARD.encode(&odd)),
    ));
    check_refused(&signed(
        HS256,
        &format!("{header}.{}", STANDARD.encode(&odd).trim_end_matches('=')),
    ));
    let padded = URL_SAFE.encode(format!("{odd} "));
    let padded = if padded.ends_with('=') {
        padded
    } else {
        URL_SAFE.encode(format!("{odd}  "))
    };
    assert!(padded.ends_with('='));
    check_refused(&signed(HS256, &format!("{header}.{padded}")));
}

/// The same bytes once more, by bits that count for nothing in the last character.
fn twin(part: &str) -> Option<String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = part.split_at(part.len() - 1);
    let at = ALPHABET.find(last)?;
    (!part.len().is_multiple_of(4)).then(|| format!("{rest}{}", &ALPHABET[at ^ 1..=at ^ 1]))
}

#[test]
fn a_part_has_one_spelling() {
    let good = token(HS256, &claims(1));
    let (unsigned, signature) = good.rsplit_once('.').unwrap();
    check_refused(&format!("{unsigned}.{}", twin(signature).unwrap()));
    let (header, _) = unsigned.split_once('.').unwrap();
    let mut twins = 0;
    for blanks in 0..3 {
        let body = keys::encode(format!("{}{}", claims(1), " ".repeat(blanks)));
        assert_eq!(
            outcome(&signed(HS256, &format!("{header}.{body}"))),
            Ok(Some(id(1)))
        );
        if let Some(twin) = twin(&body) {
            twins += 1;
            check_refused(&signed(HS256, &format!("{header}.{twin}")));
        }
    }
    assert_eq!(twins, 2);
}

#[test]
fn a_token_has_three_parts() {
    let good = token(HS256, &claims(1));
    let parts: Vec<&str> = good.split('.').collect();
    let [header, body, signature] = parts[..] else {
        unreachable!("it has three");
    };
    let detached = format!("{header}..{signature}");
    let encrypted = r#"{"alg":"dir","enc":"A256GCM"}"#;
    for wrong in [
        format!("{header}.{body}"),
        format!("{header}.{body}."),
        format!("{header}.{body}.{signature}."),
        format!("{header}.{body}.{signature}.{signature}"),
        format!(".{header}.{body}.{signature}"),
        format!("{header}.{header}.{body}.{signature}"),
        format!("{header}.{body}..{signature}"),
        format!(".{body}.{signature}"),
        format!("{}..AAAA.AAAA.AAAA", keys::encode(encrypted)),
        signed(
            HS256,
            &format!("{}.AAAA.AAAA.AAAA", keys::encode(encrypted)),
        ),
        signed(HS256, &format!("{header}.{body}.{body}")),
        signed(HS256, &format!("{header}.")),
        signed(HS256, header),
        detached,
    ] {
        check_refused(&wrong);
    }
    let as_json = json!({"payload": body, "protected": header, "signature": signature});
    assert_eq!(
        outcome(&as_json.to_string()),
        Err(RequestAmbiguous),
        "commas part credentials"
    );
}

#[test]
fn what_is_signed_is_an_object_of_claims_and_nothing_else() {
    let good = claims(1).to_string();
    let nested = token(HS256, &claims(1));
    for body in [
        nested.clone(),
        json!(nested).to_string(),
        json!([claims(1)]).to_string(),
        format!("{good}{good}"),
        format!("{good}x"),
        format!("\u{feff}{good}"),
        good.replace('"', "'"),
        good.replace('}', ",}"),
        String::new(),
    ] {
        check_refused(&token_of(HS256, HEADER, &body));
        check_refused(&token_of(HS256, r#"{"alg":"HS256","cty":"JWT"}"#, &body));
    }
    let not_utf8 = [good.replace('}', r#","a":""#).as_bytes(), b"\xff\xfe\"}"].concat();
    let text = format!("{}.{}", keys::encode(HEADER), keys::encode(not_utf8));
    check_refused(&signed(HS256, &text));
}

#[test]
fn what_is_huge_or_deep_is_refused_without_a_signature() {
    let huge = claims_and(&format!(r#","a":"{}""#, "x".repeat(LONGEST_TOKEN)));
    let deep = claims_and(&format!(
        r#","a":{}{}"#,
        "[".repeat(5_000),
        "]".repeat(5_000)
    ));
    let nested = claims_and(&format!(
        r#","a":{}1{}"#,
        r#"{"a":"#.repeat(1_000),
        "}".repeat(1_000)
    ));
    let wide_header = format!(
        r#"{{"alg":"HS256","a":[{}0]}}"#,
        "0,".repeat(LONGEST_TOKEN / 2)
    );
    let scene = Scene::of(&[tokens(1, HS256)]);
    for token in [
        token_of(HS256, HEADER, &huge),
        token_of(HS256, HEADER, &deep),
        token_of(HS256, HEADER, &nested),
        token_of(HS256, &wide_header, &claims(1).to_string()),
        "e".repeat(1 << 20),
        format!("eyJ.{}.", "A".repeat(1 << 20)),
        "eyJ.".repeat(1 << 18),
    ] {
        assert_eq!(scene.bearer(&token), Err(CredentialInvalid));
    }
    assert_eq!(scene.verifications(), 0);
    // What comes close is read.
    let long = claims_and(&format!(r#","a":"{}""#, "x".repeat(11_000)));
    assert_eq!(
        scene.bearer(&token_of(HS256, HEADER, &long)),
        Ok(Some(id(1)))
    );
}

fn check_time(name: &str, value: &Value, expected: Outcome) {
    let mut claims = claims(1);
    claims[name] = value.clone();
    assert_eq!(outcome(&token(HS256, &claims)), expected, "{name} {value}");
}

#[test]
fn a_time_is_a_number_and_taken_for_what_it_is() {
    let good = Ok(Some(id(1)));
    for text in [
        json!("1900000000"),
        json!(""),
        json!(null),
        json!(true),
        json!([1]),
        json!({}),
    ] {
        for name in ["exp", "nbf", "iat"] {
            check_time(name, &text, Err(CredentialInvalid));
        }
    }
    for past in [
        json!(-1),
        json!(-1e300),
        json!(0),
        json!(0.5),
        json!(i64::MIN),
        json!(NOW_S - 60),
    ] {
        check_time("exp", &past, Err(CredentialExpired));
        check_time("nbf", &past, good);
        check_time("iat", &past, good);
    }
    for future in [
        json!(u64::MAX),
        json!(i64::MAX),
        json!(1e300),
        json!(1.8e19),
        json!(NOW_S + 61),
    ] {
        check_time("exp", &future, good);
        check_time("nbf", &future, Err(CredentialInvalid));
    }
    let now = NOW_S as f64;
    check_time("exp", &json!(now - 59.5), good);
    check_time("exp", &json!(now - 60.0), Err(CredentialExpired));
    check_time("nbf", &json!(now + 60.0), good);
    check_time("nbf", &json!(now + 60.5), Err(CredentialInvalid));
    for number in [
        "1e999",
        "-1e999",
        "NaN",
        "Infinity",
        "0x7fffffff",
        "01",
        "1.",
        "+1",
        "1_0",
    ] {
        check_claims(&format!(r#","nbf":{number}"#), Err(CredentialInvalid));
    }
}

#[test]
fn a_token_without_an_end_is_refused() {
    let endless = json!({"sub": id(1).to_string()});
    check_refused(&token(HS256, &endless));
}
