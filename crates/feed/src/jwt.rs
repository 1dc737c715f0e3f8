//! How the callers of a profile prove themselves by JSON Web Tokens (RFC 7519): the algorithm, the keys, and what a token
//! has to say.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::record::is_false;
use crate::{ApiKey, ProfileId};

/// What a token of a profile has to be like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwt {
    /// How it is signed. What the token itself says counts only as far as it must say the same.
    pub algorithm: Algorithm,
    /// With which keys: any of these, at most [`MOST_KEYS`](Self::MOST_KEYS).
    pub keys: Vec<Jwk>,
    /// Whether the keys come from a key set that may have newer ones: a key that is not among them is then worth an
    /// [`UnknownKey`].
    #[serde(default, skip_serializing_if = "is_false")]
    pub follows_key_set: bool,
    /// API keys by which tokens may name the profile. They prove nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named_by_keys: Vec<ApiKey>,
    /// An identity provider's name for the profile, by which tokens name it instead of by its own id: a provider signs
    /// for its other clients too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<TokenIdentity>,
    /// Whom `iss` has to name one of. Empty: anybody or nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<String>,
    /// Of whom `aud` has to name at least one. Empty: anybody or nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
    /// Claims that have to be there, and what they have to say where that is given: a text, number or truth value that
    /// is written so, or a list that has such an element. Of `scope`, words count as elements (RFC 8693 section 4.2).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub required_claims: BTreeMap<String, Option<String>>,
    /// How far `exp` may be from `iat`, in seconds; `iat` is then required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime_s: Option<u64>,
    /// Whether a token without `exp` is good too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allows_no_expiry: bool,
}

impl Jwt {
    /// How many keys a profile has at most.
    pub const MOST_KEYS: usize = 10;
}

/// How a token is signed (RFC 7518 section 3.1, RFC 8037 section 3.1). `EdDSA` means Ed25519.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of the standard")]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    ES512,
    EdDSA,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
    ];

    /// The name in `alg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
        }
    }

    /// What kind of key it takes (RFC 7518 section 3.1, RFC 8037 section 3.1).
    #[must_use]
    pub const fn key_kind(self) -> KeyKind {
        match self {
            Self::HS256 | Self::HS384 | Self::HS512 => KeyKind::Secret,
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => {
                KeyKind::Rsa
            }
            Self::ES256 => KeyKind::P256,
            Self::ES384 => KeyKind::P384,
            Self::ES512 => KeyKind::P521,
            Self::EdDSA => KeyKind::Ed25519,
        }
    }
}

/// What kinds of keys there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum KeyKind {
    Secret,
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

/// A key with which signatures are verified, as a JSON Web Key (RFC 7517): only the members that are needed for that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenKey", into = "WrittenKey")]
pub struct Jwk {
    /// Its name. Tokens that name a key are verified with those of that name, and with those without one.
    pub kid: Option<String>,
    /// The key itself.
    pub material: KeyMaterial,
}

/// The key itself (RFC 7518 section 6, RFC 8037 section 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    /// An RSA public key (`RSA`).
    Rsa {
        /// The modulus, big-endian.
        n: Octets,
        /// The exponent, big-endian.
        e: Octets,
    },
    /// A point on a curve (`EC`).
    Ec {
        /// `P-256`, `P-384` or `P-521`.
        crv: String,
        /// As long as the field, big-endian.
        x: Octets,
        /// As long as the field, big-endian.
        y: Octets,
    },
    /// An Edwards curve's public key (`OKP`).
    Okp {
        /// `Ed25519`.
        crv: String,
        /// 32 bytes.
        x: Octets,
    },
    /// A secret that both sides share (`oct`).
    Oct {
        /// At least 32 bytes.
        k: SecretOctets,
    },
}

impl KeyMaterial {
    /// Its kind. None on a curve that no algorithm takes.
    #[must_use]
    pub fn kind(&self) -> Option<KeyKind> {
        match self {
            Self::Oct { .. } => Some(KeyKind::Secret),
            Self::Rsa { .. } => Some(KeyKind::Rsa),
            Self::Ec { crv, .. } => match crv.as_str() {
                "P-256" => Some(KeyKind::P256),
                "P-384" => Some(KeyKind::P384),
                "P-521" => Some(KeyKind::P521),
                _ => None,
            },
            Self::Okp { crv, .. } => (crv == "Ed25519").then_some(KeyKind::Ed25519),
        }
    }
}

/// A key as it stands in JSON: the members of all kinds.
#[derive(Serialize, Deserialize)]
struct WrittenKey {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    kty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<Octets>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    e: Option<Octets>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x: Option<Octets>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<Octets>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    k: Option<SecretOctets>,
}

/// A key lacks a member of its kind, or is of an unknown one.
#[derive(Debug, thiserror::Error)]
#[error("a key is of kind RSA, EC, OKP or oct, and has the members of its kind")]
struct InvalidWrittenKey;

impl TryFrom<WrittenKey> for Jwk {
    type Error = InvalidWrittenKey;

    fn try_from(written: WrittenKey) -> Result<Self, InvalidWrittenKey> {
        let WrittenKey {
            kid,
            kty,
            n,
            e,
            crv,
            x,
            y,
            k,
        } = written;
        let material = match kty.as_str() {
            "RSA" => n.zip(e).map(|(n, e)| KeyMaterial::Rsa { n, e }),
            "EC" => crv
                .zip(x.zip(y))
                .map(|(crv, (x, y))| KeyMaterial::Ec { crv, x, y }),
            "OKP" => crv.zip(x).map(|(crv, x)| KeyMaterial::Okp { crv, x }),
            "oct" => k.map(|k| KeyMaterial::Oct { k }),
            _ => None,
        };
        let material = material.ok_or(InvalidWrittenKey)?;
        Ok(Self { kid, material })
    }
}

impl From<Jwk> for WrittenKey {
    fn from(key: Jwk) -> Self {
        let mut written = Self {
            kid: key.kid,
            kty: String::new(),
            n: None,
            e: None,
            crv: None,
            x: None,
            y: None,
            k: None,
        };
        let kty = match key.material {
            KeyMaterial::Rsa { n, e } => {
                (written.n, written.e) = (Some(n), Some(e));
                "RSA"
            }
            KeyMaterial::Ec { crv, x, y } => {
                (written.crv, written.x, written.y) = (Some(crv), Some(x), Some(y));
                "EC"
            }
            KeyMaterial::Okp { crv, x } => {
                (written.crv, written.x) = (Some(crv), Some(x));
                "OKP"
            }
            KeyMaterial::Oct { k } => {
                written.k = Some(k);
                "oct"
            }
        };
        kty.clone_into(&mut written.kty);
        written
    }
}

/// Bytes that travel as unpadded base64url (RFC 7515 section 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Octets(pub Vec<u8>);

/// The same, of bytes that nobody may see: the `Debug` form shows their number.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretOctets(pub Vec<u8>);

impl fmt::Debug for SecretOctets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretOctets({} bytes)", self.0.len())
    }
}

/// The name that an identity provider has for a client.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TokenIdentity {
    /// What `iss` says.
    pub issuer: String,
    /// What the first claim that names a profile says: see the settings of the filter.
    pub client: String,
}

/// A token named a key that its profile does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownKey {
    /// Whose key set may have it meanwhile.
    pub profile: ProfileId,
}

macro_rules! octets {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                let decoded = URL_SAFE_NO_PAD.decode(text.as_bytes());
                // The reason would show a character of what may be a secret.
                decoded
                    .map(Self)
                    .map_err(|_| D::Error::custom("unpadded base64url is expected"))
            }
        }
    )*};
}

octets!(Octets, SecretOctets);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_json_web_key() {
        let json = serde_json::json!({"kid": "k1", "kty": "RSA", "n": "AQAB", "e": "AQAB"});
        let key = Jwk {
            kid: Some("k1".into()),
            material: KeyMaterial::Rsa {
                n: Octets(vec![1, 0, 1]),
                e: Octets(vec![1, 0, 1]),
            },
        };
        assert_eq!(serde_json::to_value(&key).unwrap(), json);
        assert_eq!(serde_json::from_value::<Jwk>(json).unwrap(), key);
    }

    #[test]
    fn a_key_of_every_kind_survives_its_text_form() {
        for json in [
            serde_json::json!({"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAC"}),
            serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": "AQAB", "kid": "k"}),
            serde_json::json!({"kty": "oct", "k": "AQAB"}),
        ] {
            let key: Jwk = serde_json::from_value(json.clone()).unwrap();
            assert_eq!(serde_json::to_value(key).unwrap(), json);
        }
        for json in [
            serde_json::json!({"kty": "RSA", "n": "AQAB"}),
            serde_json::json!({"kty": "DSA", "k": "AQAB"}),
            serde_json::json!({"k": "AQAB"}),
        ] {
            assert!(
                serde_json::from_value::<Jwk>(json.clone()).is_err(),
                "{json}"
            );
        }
    }

    #[test]
    fn a_secret_does_not_show_itself_in_debug_output_or_errors() {
        let key = KeyMaterial::Oct {
            k: SecretOctets(b"hush".to_vec()),
        };
        assert_eq!(format!("{key:?}"), "Oct { k: SecretOctets(4 bytes) }");
        let padded = serde_json::json!({"kty": "oct", "k": "aHVzaA=="});
        let refusal = serde_json::from_value::<Jwk>(padded).unwrap_err();
        assert_eq!(refusal.to_string(), "unpadded base64url is expected");
    }

    #[test]
    fn an_algorithm_is_written_by_its_name() {
        for algorithm in Algorithm::ALL {
            let json = serde_json::to_value(algorithm).unwrap();
            assert_eq!(json, algorithm.name());
        }
    }

    #[test]
    fn a_method_with_tokens_is_this_json() {
        let method = crate::AccessMethod::Jwt(Box::new(Jwt {
            algorithm: Algorithm::EdDSA,
            keys: vec![],
            follows_key_set: true,
            named_by_keys: vec![],
            identity: Some(TokenIdentity {
                issuer: "https://idp.example".into(),
                client: "c1".into(),
            }),
            issuers: vec![],
            audiences: vec!["orders".into()],
            required_claims: BTreeMap::from([("scope".into(), Some("read".into()))]),
            max_lifetime_s: None,
            allows_no_expiry: false,
        }));
        let json = serde_json::json!({"jwt": {
            "algorithm": "EdDSA", "keys": [], "follows_key_set": true,
            "identity": {"issuer": "https://idp.example", "client": "c1"},
            "audiences": ["orders"], "required_claims": {"scope": "read"}}});
        assert_eq!(serde_json::to_value(&method).unwrap(), json);
        assert_eq!(
            serde_json::from_value::<crate::AccessMethod>(json).unwrap(),
            method
        );
    }
}
