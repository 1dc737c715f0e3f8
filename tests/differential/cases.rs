//! Requests, made up by dice that always fall the same way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_tests::{Signer, base64url, seconds_from_now};
use serde_json::{Value, json};

/// What both know.
#[derive(Debug)]
pub struct Known {
    /// A key that may be used from anywhere.
    pub anywhere: String,
    /// A key that may be used from 203.0.113.0 to 203.0.113.127.
    pub near: String,
    /// The profiles of the signers, in their order.
    pub profiles: Vec<String>,
}

/// A request.
#[derive(Debug, Default)]
pub struct Case {
    /// What is special about it.
    pub traits: Vec<&'static str>,
    /// Its target.
    pub path: String,
    /// Its headers.
    pub headers: Vec<(&'static str, String)>,
}

/// The dice, and what is on them.
pub struct Cases<'k> {
    state: u64,
    known: &'k Known,
    signers: &'k [(&'static str, Signer)],
}

const ADDRESSES: &[(&str, Option<&str>)] = &[
    ("address: none", None),
    ("address: near", Some("203.0.113.5")),
    ("address: denied", Some("203.0.113.200")),
    ("address: elsewhere", Some("198.51.100.1")),
    (
        "address: forged before ours",
        Some("203.0.113.5, 198.51.100.1"),
    ),
    (
        "address: near after a forged one",
        Some("198.51.100.1, 203.0.113.5"),
    ),
    ("address: IPv6", Some("2001:db8::1")),
    ("address: mapped", Some("::ffff:203.0.113.5")),
    ("address: none at all", Some("unknown")),
];

const PATHS: &[(&str, &str)] = &[
    ("path: plain", "/keys/1"),
    ("path: plain", "/keys/abc?x=1&y=/../z"),
    ("path: dots", "/nowhere/../keys/2"),
    ("path: dots", "/keys/%2e%2e/nowhere"),
    ("path: slashes", "//keys///3"),
    ("path: not granted", "/orders/1"),
    ("path: not granted", "/nowhere"),
    ("path: not granted", "/keys"),
    ("path: not granted", "/keys/1/2"),
    ("path: not granted", "/Keys/1"),
    ("path: encoded slash", "/keys/1%2f2"),
    ("path: parameters", "/keys/1;x=2"),
    ("path: encoded twice", "/keys/%252e%252e"),
    ("path: not UTF-8", "/keys/%ff"),
];

impl<'k> Cases<'k> {
    /// Dice that fall as `seed` says.
    pub fn new(seed: u64, known: &'k Known, signers: &'k [(&'static str, Signer)]) -> Self {
        Self {
            state: seed,
            known,
            signers,
        }
    }

    /// One more request.
    pub fn next_case(&mut self) -> Case {
        let mut case = Case::default();
        let (name, address) = self.one_of(ADDRESSES);
        case.traits.push(name);
        case.headers
            .extend(address.map(|it| ("x-forwarded-for", it.to_owned())));
        match self.below(2) {
            0 => self.with_key(&mut case),
            _ => self.with_token(&mut case),
        }
        case
    }

    fn with_key(&mut self, case: &mut Case) {
        let (name, path) = self.one_of(PATHS);
        case.traits.push(name);
        case.path = path.to_owned();
        let known = self.known;
        let key = [&known.anywhere, &known.near][self.below(2)].clone();
        let other = if key == known.near {
            &known.anywhere
        } else {
            &known.near
        };
        let in_token = |value: String| vec![("api-token", value)];
        let authorized = |value: String| vec![("authorization", value)];
        let (name, headers) = match self.below(12) {
            0 => ("key: none", vec![]),
            1 => ("key: unknown", in_token("unknown".repeat(9))),
            2 => ("key: mistyped", in_token(format!("{key}0"))),
            3 => ("key: cut", in_token(key[..key.len() - 1].to_owned())),
            4 => ("key: in upper case", in_token(key.to_uppercase())),
            5 => ("key: empty", in_token(String::new())),
            6 => (
                "key: two that differ",
                vec![("api-token", key.clone()), ("api-token", other.clone())],
            ),
            7 => ("key: between blanks", in_token(format!("  {key}\t "))),
            8 => ("key: Bearer", authorized(format!("Bearer {key}"))),
            9 => (
                "key: bearer in lower case",
                authorized(format!("bearer {key}")),
            ),
            10 => (
                "key: Basic",
                authorized(format!(
                    "Basic {}",
                    STANDARD.encode(format!("api-token:{key}"))
                )),
            ),
            _ => ("key: good", in_token(key)),
        };
        case.traits.push(name);
        case.headers.extend(headers);
    }

    fn with_token(&mut self, case: &mut Case) {
        let number = self.below(self.signers.len());
        let (name, signer) = &self.signers[number];
        let (other_name, other) = &self.signers[(number + 1) % self.signers.len()];
        let profile = &self.known.profiles[number];
        let mut claims = json!({
            "iss": format!("https://{name}.test"), "sub": profile, "aud": "orders",
            "exp": seconds_from_now(600),
        });
        case.path = format!("/tokens/{name}/1");
        let mut header = json!({"alg": signer.algorithm(), "typ": "JWT"});
        let mut signed_by = signer;
        let mut scheme = "Bearer";
        let mut set = |claim: &str, value: Value| claims[claim] = value;
        let of = match self.below(24) {
            0 => {
                set("exp", json!(seconds_from_now(-300)));
                "token: expired"
            }
            1 => {
                set("exp", json!(seconds_from_now(-30)));
                "token: expired a moment ago"
            }
            2 => {
                set("nbf", json!(seconds_from_now(300)));
                "token: of the future"
            }
            3 => {
                set("nbf", json!(seconds_from_now(30)));
                "token: of the next moment"
            }
            4 => {
                set("exp", Value::Null);
                "token: without an end"
            }
            5 => {
                set("exp", json!("soon"));
                "token: with an end in words"
            }
            6 => {
                set("aud", json!("billing"));
                "token: of another audience"
            }
            7 => {
                set("aud", json!(["billing", "orders"]));
                "token: of two audiences"
            }
            8 => {
                set("aud", Value::Null);
                "token: without an audience"
            }
            9 => {
                set("iss", json!("https://else.test"));
                "token: of another issuer"
            }
            10 => {
                set("iss", Value::Null);
                "token: without an issuer"
            }
            11 => {
                set("sub", Value::Null);
                "token: without a subject"
            }
            12 => {
                let others = &self.known.profiles[(number + 1) % self.signers.len()];
                set("sub", json!(others));
                "token: of another's subject"
            }
            13 => {
                header["alg"] = json!("none");
                "token: alg none"
            }
            14 => {
                header["alg"] = json!(other.algorithm());
                "token: of another algorithm"
            }
            15 => {
                signed_by = other;
                "token: of another key"
            }
            16 => {
                case.path = format!("/tokens/{other_name}/1");
                "token: for another path"
            }
            17 => {
                scheme = "bearer";
                "token: bearer in lower case"
            }
            _ => "token: good",
        };
        // What is null is left out.
        if let Some(members) = claims.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        let token = signed_by.token_with(&header, &claims).unwrap_or_default();
        let (signed, signature) = token.rsplit_once('.').unwrap_or_default();
        let (of, token) = match (of, self.below(16)) {
            ("token: good", 0) => ("token: unsigned", format!("{signed}.")),
            ("token: good", 1) => ("token: cut", token[..token.len() - 5].to_owned()),
            ("token: good", 2) => ("token: with a fourth part", format!("{token}.{signature}")),
            ("token: good", 3) => ("token: padded", format!("{token}=")),
            ("token: good", 4) => ("token: garbage", format!("{}.x.y", base64url("{"))),
            ("token: good", 5) => ("token: with a blank", format!("{signed}. {signature}")),
            ("token: good", 6) => ("token: between blanks", format!("  {token} ")),
            (of, _) => (of, token),
        };
        case.traits.push(of);
        if self.below(12) == 0 {
            case.traits.push("token: none");
        } else {
            case.headers
                .push(("authorization", format!("{scheme} {token}")));
        }
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let z = z ^ (z >> 31);
        usize::try_from(z % limit as u64).unwrap_or_default()
    }
}
