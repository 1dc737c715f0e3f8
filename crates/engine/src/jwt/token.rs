//! A token as it arrived: read strictly, nothing of it believed yet.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_feed::Algorithm;
use serde_json::{Map, Value};

use super::json;

/// The longest token that is read, in bytes.
pub const LONGEST_TOKEN: usize = 16 * 1024;

/// A token in the compact serialization (RFC 7515 section 7.1) with the claims that it makes. Its `Debug` form shows
/// nothing of it.
pub struct Token<'a> {
    algorithm: String,
    kid: Option<String>,
    claims: Map<String, Value>,
    signed: &'a [u8],
    signature: Vec<u8>,
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A text is not a token, or one that could be read in more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a token that can be read in exactly one way")]
pub struct InvalidToken;

/// Whether a text has the form of a token, so that it is read as one instead of as a key: three parts, the first of which
/// begins as the encoding of an object does.
#[must_use]
pub fn looks_like_token(text: &[u8]) -> bool {
    // `{` and whatever follows encode as `e` and one of these.
    matches!(text, [b'e', b'w'..=b'z' | b'0'..=b'9' | b'-' | b'_', ..])
        && text.iter().filter(|byte| **byte == b'.').count() == 2
}

impl<'a> Token<'a> {
    /// Reads a token.
    ///
    /// Refused are: texts longer than [`LONGEST_TOKEN`]; other than three parts; padding, blanks and superfluous bits
    /// in base64url; JSON in which a name stands twice; members of the header that change what is signed or how the
    /// claims are to be read (`crit`, `b64`, `zip`, `enc`). Keys and addresses in the header (`jwk`, `jku`, `x5c`, …)
    /// mean nothing here.
    ///
    /// # Errors
    /// Without a reason: whoever sent it has proved nothing.
    pub fn parse(text: &'a [u8]) -> Result<Self, InvalidToken> {
        if text.len() > LONGEST_TOKEN {
            return Err(InvalidToken);
        }
        let last_dot = text.iter().rposition(|byte| *byte == b'.');
        let (signed, signature) = last_dot
            .and_then(|at| text.split_at_checked(at))
            .ok_or(InvalidToken)?;
        let mut parts = signed.split(|byte| *byte == b'.');
        let (header, claims) = match (parts.next(), parts.next(), parts.next()) {
            (Some(header), Some(claims), None) => (header, claims),
            _ => return Err(InvalidToken),
        };
        let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| InvalidToken);
        let mut header = json::read_object(&decode(header)?).ok_or(InvalidToken)?;
        const CHANGES_THE_MEANING: [&str; 4] = ["crit", "b64", "zip", "enc"];
        if CHANGES_THE_MEANING
            .iter()
            .any(|name| header.contains_key(*name))
        {
            return Err(InvalidToken);
        }
        let Some(Value::String(algorithm)) = header.remove("alg") else {
            return Err(InvalidToken);
        };
        let kid = match header.remove("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid),
            Some(_) => return Err(InvalidToken),
        };
        Ok(Self {
            algorithm,
            kid,
            claims: json::read_object(&decode(claims)?).ok_or(InvalidToken)?,
            signed,
            signature: decode(signature.get(1..).unwrap_or_default())?,
        })
    }

    /// Whether it says that it is signed so.
    #[must_use]
    pub fn names(&self, algorithm: Algorithm) -> bool {
        self.algorithm == algorithm.name()
    }

    /// The name of the key, as the token says.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What it claims.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// What is signed.
    #[must_use]
    pub fn signed(&self) -> &'a [u8] {
        self.signed
    }

    /// With which outcome.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Who it says it is about: the value of the first of these claims that is neither absent nor null nor empty, else
    /// the name of its key. What is wrong about that value is not made good by a later one.
    #[must_use]
    pub fn subject(&self, claims: &[Box<str>], or_kid: bool) -> Option<&str> {
        let is_given = |value: &&Value| !value.is_null() && value.as_str() != Some("");
        let claim = claims
            .iter()
            .find_map(|name| self.claims.get(name.as_ref()).filter(is_given));
        match claim {
            Some(value) => value.as_str(),
            None => self.kid().filter(|kid| or_kid && !kid.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(header: &str, claims: &str) -> String {
        let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
        format!("{}.{}.{}", encode(header), encode(claims), encode("sig"))
    }

    const HEADER: &str = r#"{"alg":"HS256","kid":"k"}"#;

    #[test]
    fn a_token_is_read_into_what_it_says() {
        let text = text(HEADER, r#"{"sub":"s"}"#);
        let token = Token::parse(text.as_bytes()).unwrap();
        assert!(token.names(Algorithm::HS256) && !token.names(Algorithm::HS512));
        assert_eq!(token.kid(), Some("k"));
        assert_eq!(token.claims()["sub"], "s");
        assert_eq!(token.signature(), b"sig");
        assert_eq!(token.signed(), text.rsplit_once('.').unwrap().0.as_bytes());
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let good = text(HEADER, "{}");
        assert!(Token::parse(good.as_bytes()).is_ok());
        let mut refused: Vec<String> = [
            r#"{"alg":"HS256","alg":"none"}"#,
            r#"{"alg":"HS256","crit":["exp"]}"#,
            r#"{"alg":"HS256","crit":[]}"#,
            r#"{"alg":"HS256","b64":false}"#,
            r#"{"alg":"HS256","zip":"DEF"}"#,
            r#"{"alg":"HS256","enc":"A256GCM"}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":null}"#,
            r#"{"alg":"HS256","kid":1}"#,
            "{}",
            "[]",
            "",
        ]
        .iter()
        .map(|header| text(header, "{}"))
        .collect();
        refused
            .extend(["", "[]", "1", r#"{"a":1,"a":2}"#, "{}{}"].map(|claims| text(HEADER, claims)));
        let parts: Vec<&str> = good.split('.').collect();
        refused.extend([
            good.replace('.', ".."),
            format!("{good}.{}", parts[1]),
            format!("{good}="),
            format!("{good} "),
            format!(" {good}"),
            format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
            format!("{}.{}", parts[0], parts[1]),
            String::new(),
            ".".into(),
            "..".into(),
            // The last character of `{}` in base64url has bits that count for nothing: `e30` is right, `e31` is not.
            good.replace(".e30.", ".e31."),
            good.replace(".e30.", ".e30\n."),
            good.replace(".e30.", ".e3+."),
        ]);
        for text in refused {
            assert_eq!(
                Token::parse(text.as_bytes()).err(),
                Some(InvalidToken),
                "{text}"
            );
        }
        let huge = text(
            HEADER,
            &format!(r#"{{"a":"{}"}}"#, "x".repeat(LONGEST_TOKEN)),
        );
        assert!(Token::parse(huge.as_bytes()).is_err());
    }

    #[test]
    fn a_token_is_told_from_a_key_at_sight() {
        assert!(looks_like_token(text(HEADER, "{}").as_bytes()));
        assert!(looks_like_token(text("{ }", "{}").as_bytes()));
        assert!(looks_like_token(text("{\n}", "{}").as_bytes()));
        for key in [
            "",
            "ptc_live_x",
            "eyJ",
            "eyJ.a",
            "eyJ.a.b.c.d",
            "a.b.c",
            &"ab".repeat(32),
        ] {
            assert!(!looks_like_token(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn the_first_claim_that_says_something_names_the_profile_and_no_other() {
        let order = ["urn:p".into(), "sub".into(), "azp".into()];
        let subject = |claims: &str| {
            let text = text(HEADER, claims);
            let token = Token::parse(text.as_bytes()).unwrap();
            token.subject(&order, true).map(str::to_owned)
        };
        for (claims, expected) in [
            (r#"{"urn:p":"p","sub":"s"}"#, Some("p")),
            (r#"{"sub":"s","azp":"a"}"#, Some("s")),
            (r#"{"urn:p":"","sub":null,"azp":"a"}"#, Some("a")),
            (r#"{"sub":7,"azp":"a"}"#, None),
            (r#"{"sub":["s"],"azp":"a"}"#, None),
            (r#"{"other":"x"}"#, Some("k")),
        ] {
            assert_eq!(subject(claims).as_deref(), expected, "{claims}");
        }
    }
    #[test]
    fn a_token_does_not_show_itself_in_debug_output() {
        let text = text(HEADER, r#"{"sub":"hush"}"#);
        let token = Token::parse(text.as_bytes()).unwrap();
        assert_eq!(format!("{token:?}"), "Token(…)");
    }
}
