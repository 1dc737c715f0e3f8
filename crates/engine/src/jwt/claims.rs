//! Whether what a token claims is what its profile asks for, now.

use portcullis_feed::Jwt;
use serde_json::{Map, Number, Value};

use super::record::TokenRules;

/// How far the clocks of two machines may be apart, in milliseconds.
pub const LEEWAY_MS: u64 = 60_000;

/// What a token claims is not good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unacceptable {
    /// It was good until some time ago.
    Expired,
    /// It never was, or is not yet, by this rule.
    Wrong(Rule),
}

/// A rule about the claims of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// `exp`, `nbf` and `iat` are numbers.
    Times,
    /// There is an end: `exp`.
    Expiry,
    /// It has begun: `nbf`.
    Start,
    /// It lasts no longer than the profile allows, and was not issued in the future: `iat` and `exp`.
    Lifetime,
    /// It was issued by somebody whom the profile believes: `iss`.
    Issuer,
    /// It is meant for what the profile says: `aud`.
    Audience,
    /// It makes the claim with this place among those that the profile asks for.
    Required(usize),
}

impl TokenRules {
    /// Checks the claims of a token whose signature is good. Answers until when they are: milliseconds since 1970.
    ///
    /// Times may be fractions of a second and have [`LEEWAY_MS`] of leeway (RFC 7519 section 4.1.4).
    ///
    /// # Errors
    /// When they are not what [`Jwt`] asks for.
    pub fn check(&self, claims: &Map<String, Value>, now_ms: u64) -> Result<u64, Unacceptable> {
        let good_until_ms = self.check_times(claims, now_ms)?;
        let is_one_of = |value: &str, list: &[String]| list.iter().any(|known| known == value);
        if !self.issuers.is_empty() {
            let issuer = claims.get("iss").and_then(Value::as_str);
            let is_believed = issuer.is_some_and(|issuer| is_one_of(issuer, &self.issuers));
            require(is_believed, Rule::Issuer)?;
        }
        if !self.audiences.is_empty() {
            let is_meant = match claims.get("aud") {
                Some(Value::String(audience)) => is_one_of(audience, &self.audiences),
                Some(Value::Array(list)) => {
                    list.iter().all(Value::is_string)
                        && list
                            .iter()
                            .filter_map(Value::as_str)
                            .any(|audience| is_one_of(audience, &self.audiences))
                }
                _ => false,
            };
            require(is_meant, Rule::Audience)?;
        }
        for (place, (name, expected)) in self.required_claims.iter().enumerate() {
            let value = claims.get(name).filter(|value| !value.is_null());
            let is_made = value.is_some_and(|value| match expected {
                Some(expected) => says(name, value, expected),
                None => true,
            });
            require(is_made, Rule::Required(place))?;
        }
        Ok(good_until_ms)
    }

    fn check_times(&self, claims: &Map<String, Value>, now_ms: u64) -> Result<u64, Unacceptable> {
        let time = |name| match claims.get(name) {
            None => Ok(None),
            Some(Value::Number(seconds)) => Ok(Some(to_ms(seconds))),
            Some(_) => Err(Unacceptable::Wrong(Rule::Times)),
        };
        let (expiry, start, issued) = (time("exp")?, time("nbf")?, time("iat")?);
        require(expiry.is_some() || self.allows_no_expiry, Rule::Expiry)?;
        let not_before = now_ms.saturating_add(LEEWAY_MS);
        let has_begun = start.is_none_or(|start| start <= not_before);
        require(has_begun, Rule::Start)?;
        if let Some(longest_s) = self.max_lifetime_s {
            let (Some(expiry), Some(issued)) = (expiry, issued) else {
                return Err(Unacceptable::Wrong(Rule::Lifetime));
            };
            let lifetime = expiry.saturating_sub(issued);
            let is_short = lifetime <= longest_s.saturating_mul(1_000);
            require(is_short && issued <= not_before, Rule::Lifetime)?;
        }
        let good_until_ms = expiry.map_or(u64::MAX, |expiry| expiry.saturating_add(LEEWAY_MS));
        if good_until_ms <= now_ms {
            return Err(Unacceptable::Expired);
        }
        Ok(good_until_ms)
    }
}

fn require(holds: bool, rule: Rule) -> Result<(), Unacceptable> {
    if holds {
        Ok(())
    } else {
        Err(Unacceptable::Wrong(rule))
    }
}

/// Seconds since 1970 in milliseconds. What lies before 1970 is its first moment, what is beyond all numbers the last.
fn to_ms(seconds: &Number) -> u64 {
    match seconds.as_u64() {
        Some(seconds) => seconds.saturating_mul(1_000),
        None => (seconds.as_f64().unwrap_or(0.0) * 1_000.0) as u64,
    }
}

/// Whether a claim says what is expected: see [`Jwt::required_claims`].
fn says(name: &str, value: &Value, expected: &str) -> bool {
    match value {
        Value::String(text) if name == "scope" => text.split(' ').any(|word| word == expected),
        Value::String(text) => text == expected,
        Value::Number(_) | Value::Bool(_) => {
            let written = value.to_string();
            written == expected
        }
        Value::Array(list) => list.iter().any(|element| {
            !element.is_array() && !element.is_object() && says("", element, expected)
        }),
        Value::Null | Value::Object(_) => false,
    }
}

/// A claim as a header's value may show it: texts as they are, everything else as JSON.
pub(crate) fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Some(value.to_string())
        }
    }
}

impl From<&Jwt> for TokenRules {
    fn from(jwt: &Jwt) -> Self {
        let mut issuers = jwt.issuers.clone();
        if let Some(identity) = &jwt.identity
            && issuers.is_empty()
        {
            issuers.push(identity.issuer.clone());
        }
        Self {
            issuers,
            audiences: jwt.audiences.clone(),
            required_claims: jwt.required_claims.clone().into_iter().collect(),
            max_lifetime_s: jwt.max_lifetime_s,
            allows_no_expiry: jwt.allows_no_expiry,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW_S: u64 = 1_800_000_000;

    fn check(rules: &TokenRules, claims: &Value, expected: Result<u64, Unacceptable>) {
        let outcome = rules.check(claims.as_object().unwrap(), NOW_S * 1_000);
        assert_eq!(outcome, expected, "{claims}");
    }

    const EXPIRED: Result<u64, Unacceptable> = Err(Unacceptable::Expired);

    const fn wrong(rule: Rule) -> Result<u64, Unacceptable> {
        Err(Unacceptable::Wrong(rule))
    }

    #[test]
    fn a_token_needs_an_end_that_is_not_past() {
        let rules = TokenRules::default();
        let until = |exp: u64| Ok((exp + 60) * 1_000);
        check(&rules, &json!({"exp": NOW_S + 5}), until(NOW_S + 5));
        check(&rules, &json!({"exp": NOW_S - 59}), until(NOW_S - 59));
        check(&rules, &json!({"exp": NOW_S - 60}), EXPIRED);
        check(&rules, &json!({}), wrong(Rule::Expiry));
        let lenient = TokenRules {
            allows_no_expiry: true,
            ..TokenRules::default()
        };
        check(&lenient, &json!({}), Ok(u64::MAX));
        check(&lenient, &json!({"exp": NOW_S - 60}), EXPIRED);
    }

    #[test]
    fn strange_times_are_taken_for_what_they_are() {
        let rules = TokenRules::default();
        let now = NOW_S as f64;
        check(
            &rules,
            &json!({"exp": now + 0.5}),
            Ok(NOW_S * 1_000 + 60_500),
        );
        check(&rules, &json!({"exp": now - 60.5}), EXPIRED);
        check(&rules, &json!({"exp": -1}), EXPIRED);
        check(&rules, &json!({"exp": -1e300}), EXPIRED);
        check(&rules, &json!({"exp": 1e300}), Ok(u64::MAX));
        check(&rules, &json!({"exp": u64::MAX}), Ok(u64::MAX));
        for no_number in [json!("1900000000"), json!(null), json!([1]), json!(true)] {
            check(&rules, &json!({"exp": no_number}), wrong(Rule::Times));
            check(
                &rules,
                &json!({"exp": NOW_S + 5, "nbf": no_number}),
                wrong(Rule::Times),
            );
            check(
                &rules,
                &json!({"exp": NOW_S + 5, "iat": no_number}),
                wrong(Rule::Times),
            );
        }
    }

    #[test]
    fn a_token_is_not_good_before_its_time() {
        let rules = TokenRules::default();
        let token = |nbf: u64| json!({"exp": NOW_S + 900, "nbf": nbf});
        check(&rules, &token(NOW_S + 60), Ok((NOW_S + 960) * 1_000));
        check(&rules, &token(NOW_S + 61), wrong(Rule::Start));
    }

    #[test]
    fn a_lifetime_is_bounded_where_the_profile_says_so() {
        let rules = TokenRules {
            max_lifetime_s: Some(300),
            ..TokenRules::default()
        };
        let token = |iat: u64, exp: u64| json!({"iat": iat, "exp": exp});
        check(
            &rules,
            &token(NOW_S, NOW_S + 300),
            Ok((NOW_S + 360) * 1_000),
        );
        check(&rules, &token(NOW_S, NOW_S + 301), wrong(Rule::Lifetime));
        check(
            &rules,
            &token(NOW_S + 61, NOW_S + 100),
            wrong(Rule::Lifetime),
        );
        check(&rules, &json!({"exp": NOW_S + 10}), wrong(Rule::Lifetime));
        check(
            &rules,
            &json!({"iat": 0, "exp": 1e300}),
            wrong(Rule::Lifetime),
        );
    }

    #[test]
    fn the_issuer_and_an_audience_have_to_be_those_of_the_profile() {
        let rules = TokenRules {
            issuers: vec!["i1".into(), "i2".into()],
            audiences: vec!["a1".into(), "a2".into()],
            ..TokenRules::default()
        };
        let good = Ok((NOW_S + 61) * 1_000);
        for (iss, aud, expected) in [
            (json!("i2"), json!("a1"), good),
            (json!("i1"), json!(["x", "a2"]), good),
            (json!("i3"), json!("a1"), wrong(Rule::Issuer)),
            (json!(["i1"]), json!("a1"), wrong(Rule::Issuer)),
            (json!("i1"), json!("x"), wrong(Rule::Audience)),
            (json!("i1"), json!([]), wrong(Rule::Audience)),
            (json!("i1"), json!(["a1", 7]), wrong(Rule::Audience)),
            (json!("i1"), json!(null), wrong(Rule::Audience)),
            (json!(null), json!("a1"), wrong(Rule::Issuer)),
            (json!("I1"), json!("a1"), wrong(Rule::Issuer)),
        ] {
            check(
                &rules,
                &json!({"exp": NOW_S + 1, "iss": iss, "aud": aud}),
                expected,
            );
        }
    }

    #[test]
    fn required_claims_have_to_be_there_and_to_say_what_is_expected() {
        let required = |name: &str, value: Option<&str>| TokenRules {
            allows_no_expiry: true,
            required_claims: vec![(name.into(), value.map(str::to_owned))],
            ..TokenRules::default()
        };
        let good = Ok(u64::MAX);
        for (name, expected, claims, outcome) in [
            ("tenant", None, json!({"tenant": ""}), good),
            (
                "tenant",
                None,
                json!({"tenant": null}),
                wrong(Rule::Required(0)),
            ),
            ("tenant", None, json!({}), wrong(Rule::Required(0))),
            ("tenant", Some("acme"), json!({"tenant": "acme"}), good),
            (
                "tenant",
                Some("acme"),
                json!({"tenant": "acme "}),
                wrong(Rule::Required(0)),
            ),
            ("tenant", Some("7"), json!({"tenant": 7}), good),
            ("admin", Some("true"), json!({"admin": true}), good),
            ("roles", Some("r"), json!({"roles": ["q", "r"]}), good),
            (
                "roles",
                Some("r"),
                json!({"roles": [["r"]]}),
                wrong(Rule::Required(0)),
            ),
            (
                "roles",
                Some("r"),
                json!({"roles": {"r": true}}),
                wrong(Rule::Required(0)),
            ),
            ("scope", Some("read"), json!({"scope": "write read"}), good),
            (
                "scope",
                Some("read"),
                json!({"scope": "readall"}),
                wrong(Rule::Required(0)),
            ),
            (
                "scp",
                Some("read"),
                json!({"scp": "write read"}),
                wrong(Rule::Required(0)),
            ),
        ] {
            check(&required(name, expected), &claims, outcome);
        }
    }
}
