//! How callers prove themselves by tokens: what operators write of it, and the rules for its keys.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use portcullis_engine::jwt::VerificationKey;
use portcullis_feed::{Algorithm, Jwk, KeyKind, KeyMaterial, SecretOctets};
use portcullis_store::{Jwt, JwtKeys, KeySetSource};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{Object, ObjectBuilder, Type};

use super::draft::{list_or_default, object_if_any};
use super::key_material;
use super::key_set::{Location, Networks};
use super::{App, Refusal, Violation};

/// How many entries the lists of a profile with tokens have at most.
const MOST_ENTRIES: usize = 20;

/// How many characters issuers, audiences, claims and names have at most.
const LONGEST_TEXT: usize = 1_000;

/// The members that say with which keys tokens are verified: exactly one of them is given.
const KEY_MEMBERS: [&str; 4] = ["key", "secret", "jwks_url", "discover_from"];

/// What the tokens of a profile have to be like. Exactly one of `key`, `secret`, `jwks_url` and `discover_from` is
/// given; a patch that gives none of them keeps the keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtDraft {
    /// How they are signed. `alg` of a token has to say the same.
    #[schema(schema_with = algorithms)]
    pub algorithm: Algorithm,
    /// A public key: the text of a PEM public key or certificate, or of an OpenSSH public key, or a JSON Web Key or set of
    /// them.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<Value>, write_only)]
    pub key: Option<Value>,
    /// A secret that is shared with whoever signs: for HS256, HS384 and HS512 alone. Never shown again.
    #[serde(default, skip_serializing, deserialize_with = "object_if_any")]
    #[schema(write_only)]
    pub secret: Option<SecretDraft>,
    /// The URL of a JSON Web Key Set, which is fetched again and again.
    #[serde(default, skip_serializing)]
    #[schema(max_length = 1000, example = "https://id.example.com/keys")]
    pub jwks_url: Option<String>,
    /// An identity provider that says itself where its keys are (OpenID Connect Discovery).
    #[serde(default, skip_serializing)]
    #[schema(max_length = 1000, example = "https://id.example.com")]
    pub discover_from: Option<String>,
    /// The name that an identity provider has for the client, by which its tokens name this profile. No two profiles
    /// have the same.
    #[serde(default, deserialize_with = "object_if_any")]
    pub identity: Option<TokenIdentity>,
    /// Whom `iss` has to name one of: at most 20. Empty: anybody or nobody.
    #[serde(default, deserialize_with = "list_or_default::<20, _, _>")]
    pub issuers: Vec<String>,
    /// Of whom `aud` has to name at least one: at most 20. Empty: anybody or nobody.
    #[serde(default, deserialize_with = "list_or_default::<20, _, _>")]
    pub audiences: Vec<String>,
    /// Claims that have to be there, at most 20, and what they have to say; null where that does not matter. A patch
    /// replaces them all.
    #[serde(default)]
    #[schema(example = json!({"scope": "orders", "email": null}))]
    pub required_claims: BTreeMap<String, Option<String>>,
    /// How far `exp` may be from `iat`, in seconds; `iat` is then required.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    pub max_lifetime_s: Option<NonZeroU64>,
    /// Whether a token without `exp` is good too. False, when absent.
    #[serde(default)]
    pub allows_no_expiry: bool,
}

/// A shared secret of 256 to 8192 bits.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretDraft {
    /// The secret.
    #[schema(write_only)]
    pub value: String,
    /// How `value` writes it. As text, when absent.
    #[serde(default)]
    pub encoding: SecretEncoding,
}

/// How a secret is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretEncoding {
    /// Its bytes are those of the text, in UTF-8.
    #[default]
    Text,
    /// In base64 or base64url, padded or not.
    Base64,
}

/// The name that an identity provider has for a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenIdentity {
    /// What `iss` says.
    #[schema(min_length = 1, max_length = 1000, example = "https://id.example.com")]
    pub issuer: String,
    /// What the first claim that names a profile says, such as `client_id`.
    #[schema(min_length = 1, max_length = 1000, example = "acme-orders")]
    pub client: String,
}

impl fmt::Debug for JwtDraft {
    /// Without its keys: what is pasted by mistake may be a private one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwtDraft({})", self.algorithm.name())
    }
}

impl fmt::Debug for SecretDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDraft")
    }
}

impl JwtDraft {
    /// The members that say with which keys.
    pub(super) const KEY_MEMBERS: [&str; 4] = KEY_MEMBERS;

    /// As it is stored. Where the draft says nothing of keys, `kept` are in force, if there are any.
    pub(super) fn into_jwt(
        self,
        kept: Option<&JwtKeys>,
        networks: &Networks,
    ) -> Result<Jwt, Vec<Violation>> {
        let mut violations = self.flaws();
        let keys = self.keys(kept, networks);
        let keys = keys.map_err(|flaw| violations.push(flaw)).ok();
        let (Some(keys), true) = (keys, violations.is_empty()) else {
            return Err(violations);
        };
        Ok(Jwt {
            algorithm: self.algorithm,
            keys,
            identity: self
                .identity
                .map(|identity| portcullis_feed::TokenIdentity {
                    issuer: identity.issuer,
                    client: identity.client,
                }),
            issuers: self.issuers,
            audiences: self.audiences,
            required_claims: self.required_claims,
            max_lifetime_s: self.max_lifetime_s.map(NonZeroU64::get),
            allows_no_expiry: self.allows_no_expiry,
        })
    }

    /// What is wrong with the texts.
    fn flaws(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut check = |pointer: String, text: &str| {
            if text.is_empty()
                || text.chars().count() > LONGEST_TEXT
                || text.contains(char::is_control)
            {
                let detail = format!(
                    "a text of 1 to {LONGEST_TEXT} characters, none of them a control character, is expected"
                );
                violations.push(Violation::new(pointer, detail));
            }
        };
        for (list, entries) in [("issuers", &self.issuers), ("audiences", &self.audiences)] {
            for (index, entry) in entries.iter().enumerate() {
                check(format!("/jwt/{list}/{index}"), entry);
            }
        }
        if let Some(identity) = &self.identity {
            check("/jwt/identity/issuer".into(), &identity.issuer);
            check("/jwt/identity/client".into(), &identity.client);
        }
        for (member, url) in [
            ("jwks_url", &self.jwks_url),
            ("discover_from", &self.discover_from),
        ] {
            if let Some(url) = url
                && url.chars().count() > LONGEST_TEXT
            {
                check(format!("/jwt/{member}"), url);
            }
        }
        for (claim, value) in &self.required_claims {
            check("/jwt/required_claims".into(), claim);
            if let Some(value) = value {
                check(
                    Violation::pointer(&["jwt", "required_claims", claim]),
                    value,
                );
            }
        }
        if self.required_claims.len() > MOST_ENTRIES {
            let detail = format!("at most {MOST_ENTRIES} claims are expected");
            violations.push(Violation::new("/jwt/required_claims", detail));
        }
        violations
    }

    fn keys(&self, kept: Option<&JwtKeys>, networks: &Networks) -> Result<JwtKeys, Violation> {
        let given = [
            self.key.is_some(),
            self.secret.is_some(),
            self.jwks_url.is_some(),
            self.discover_from.is_some(),
        ];
        match given.iter().filter(|is_given| **is_given).count() {
            0 => match kept {
                Some(kept) => return refit(kept, self.algorithm),
                None => return Err(one_expected()),
            },
            1 => {}
            _ => return Err(one_expected()),
        }
        if let Some(secret) = &self.secret {
            let secret = secret.octets()?;
            refuse_unfit_secret(&secret, self.algorithm, "/jwt/secret")?;
            return Ok(JwtKeys::Secret(secret));
        }
        if is_hmac(self.algorithm) {
            let member = if self.key.is_some() {
                "key"
            } else if self.jwks_url.is_some() {
                "jwks_url"
            } else {
                "discover_from"
            };
            return Err(Violation::new(
                format!("/jwt/{member}"),
                secret_needed(self.algorithm),
            ));
        }
        if let Some(key) = &self.key {
            let keys = key_material::read(key, self.algorithm).map_err(|invalid| {
                Violation::new(format!("/jwt/key{}", invalid.pointer), invalid)
            })?;
            return Ok(JwtKeys::Pasted(keys));
        }
        if let Some(url) = &self.jwks_url {
            Location::of_set(url, networks)
                .map_err(|invalid| Violation::new("/jwt/jwks_url", invalid))?;
            let url = url.clone();
            return Ok(JwtKeys::Followed(KeySetSource::Jwks { url }));
        }
        let issuer = self.discover_from.clone().unwrap_or_default();
        Location::of_issuer(&issuer, networks)
            .map_err(|invalid| Violation::new("/jwt/discover_from", invalid))?;
        Ok(JwtKeys::Followed(KeySetSource::Discovery { issuer }))
    }
}

impl App {
    /// A new secret of 256 bits for whoever signs tokens, in base64url. It is kept nowhere.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new_signing_secret(&self) -> Result<String, Refusal> {
        let bytes: [u8; 32] = self.world.entropy.bytes()?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl SecretDraft {
    fn octets(&self) -> Result<SecretOctets, Violation> {
        const CONFIG: GeneralPurposeConfig =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
        const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
        match self.encoding {
            SecretEncoding::Text => Ok(SecretOctets(self.value.clone().into_bytes())),
            SecretEncoding::Base64 => {
                let text = self.value.trim();
                // The reason would show a character of the secret.
                STANDARD
                    .decode(text)
                    .or_else(|_| URL_SAFE.decode(text))
                    .map(SecretOctets)
                    .map_err(|_| Violation::new("/jwt/secret/value", "this is not base64"))
            }
        }
    }
}

/// The keys that a profile has already, under an algorithm that may be a new one.
fn refit(kept: &JwtKeys, algorithm: Algorithm) -> Result<JwtKeys, Violation> {
    const AT: &str = "/jwt/algorithm";
    match kept {
        JwtKeys::Pasted(keys) => {
            for key in keys {
                VerificationKey::new(key, algorithm)
                    .map_err(|invalid| Violation::new(AT, invalid))?;
            }
        }
        JwtKeys::Secret(secret) => refuse_unfit_secret(secret, algorithm, AT)?,
        JwtKeys::Followed(_) if is_hmac(algorithm) => {
            return Err(Violation::new(AT, secret_needed(algorithm)));
        }
        JwtKeys::Followed(_) => {}
    }
    Ok(kept.clone())
}

fn refuse_unfit_secret(
    secret: &SecretOctets,
    algorithm: Algorithm,
    pointer: &str,
) -> Result<(), Violation> {
    let key = Jwk {
        kid: None,
        material: KeyMaterial::Oct { k: secret.clone() },
    };
    VerificationKey::new(&key, algorithm)
        .map(drop)
        .map_err(|invalid| Violation::new(pointer, invalid))
}

fn one_expected() -> Violation {
    Violation::new(
        "/jwt",
        format!("exactly one of `{}` is expected", KEY_MEMBERS.join("`, `")),
    )
}

fn secret_needed(algorithm: Algorithm) -> String {
    format!("{} needs a `secret` and nothing else", algorithm.name())
}

fn is_hmac(algorithm: Algorithm) -> bool {
    algorithm.key_kind() == KeyKind::Secret
}

impl From<&Jwt> for JwtDraft {
    /// Without its keys.
    fn from(jwt: &Jwt) -> Self {
        Self {
            algorithm: jwt.algorithm,
            key: None,
            secret: None,
            jwks_url: None,
            discover_from: None,
            identity: jwt.identity.as_ref().map(|identity| TokenIdentity {
                issuer: identity.issuer.clone(),
                client: identity.client.clone(),
            }),
            issuers: jwt.issuers.clone(),
            audiences: jwt.audiences.clone(),
            required_claims: jwt.required_claims.clone(),
            max_lifetime_s: jwt.max_lifetime_s.and_then(NonZeroU64::new),
            allows_no_expiry: jwt.allows_no_expiry,
        }
    }
}

/// The schema of an algorithm.
pub(crate) fn algorithms() -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(Algorithm::ALL.map(Algorithm::name)))
        .build()
}
