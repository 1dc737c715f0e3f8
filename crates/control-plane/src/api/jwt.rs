//! How tokens of an access profile are shown: public keys in full, secrets only by their length.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_feed::{Algorithm, Jwk, KeyMaterial, SecretOctets};
use portcullis_store::{Jwt as StoredJwt, JwtKeys, KeySetSource};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::app::jwt::{TokenIdentity, algorithms};
use crate::app::key_set::KeySetState;
use crate::app::key_set::state::kind_and_bits;

/// What the tokens of a profile have to be like.
#[derive(Debug, Serialize, ToSchema)]
pub struct Jwt {
    /// How they are signed.
    #[schema(schema_with = algorithms)]
    pub algorithm: Algorithm,
    /// The public keys that were given. Empty, when there is a secret or a key set is followed.
    pub keys: Vec<PublicKey>,
    /// What can be shown of the secret, if one was given.
    pub secret: Option<SecretSize>,
    /// The URL of the key set that is followed.
    pub jwks_url: Option<String>,
    /// The identity provider whose key set is followed.
    pub discover_from: Option<String>,
    /// What is known of the key set that is followed.
    pub key_set: Option<KeySetState>,
    /// The name that an identity provider has for the client.
    pub identity: Option<TokenIdentity>,
    /// Whom `iss` has to name one of.
    pub issuers: Vec<String>,
    /// Of whom `aud` has to name at least one.
    pub audiences: Vec<String>,
    /// Claims that have to be there, and what they have to say where that matters.
    pub required_claims: BTreeMap<String, Option<String>>,
    /// How far `exp` may be from `iat`, in seconds.
    pub max_lifetime_s: Option<u64>,
    /// Whether a token without `exp` is good too.
    pub allows_no_expiry: bool,
}

/// A public key.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublicKey {
    /// Its name, if it has one.
    pub kid: Option<String>,
    /// Its kind.
    #[schema(example = "RSA")]
    pub kty: String,
    /// How long it is.
    #[schema(example = 2048)]
    pub bits: usize,
    /// By which it is known elsewhere: its SHA-256 thumbprint (RFC 7638), in base64url.
    #[schema(example = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")]
    pub thumbprint: String,
    /// The key itself (RFC 7517).
    #[schema(value_type = Object)]
    pub jwk: Value,
}

/// What can be shown of a secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretSize {
    /// How long it is.
    #[schema(example = 256)]
    pub bits: usize,
}

impl From<StoredJwt> for Jwt {
    fn from(stored: StoredJwt) -> Self {
        let mut shown = Self {
            algorithm: stored.algorithm,
            keys: Vec::new(),
            secret: None,
            jwks_url: None,
            discover_from: None,
            key_set: None,
            identity: stored.identity.map(|identity| TokenIdentity {
                issuer: identity.issuer,
                client: identity.client,
            }),
            issuers: stored.issuers,
            audiences: stored.audiences,
            required_claims: stored.required_claims,
            max_lifetime_s: stored.max_lifetime_s,
            allows_no_expiry: stored.allows_no_expiry,
        };
        match stored.keys {
            JwtKeys::Pasted(keys) => {
                shown.keys = keys.iter().filter_map(PublicKey::of).collect();
            }
            JwtKeys::Secret(SecretOctets(secret)) => {
                let bits = secret.len().saturating_mul(8);
                shown.secret = Some(SecretSize { bits });
            }
            JwtKeys::Followed(KeySetSource::Jwks { url }) => shown.jwks_url = Some(url),
            JwtKeys::Followed(KeySetSource::Discovery { issuer }) => {
                shown.discover_from = Some(issuer);
            }
        }
        shown
    }
}

impl PublicKey {
    /// A key, unless it is a secret.
    #[must_use]
    pub fn of(key: &Jwk) -> Option<Self> {
        if let KeyMaterial::Oct { .. } = key.material {
            return None;
        }
        let (kty, bits) = kind_and_bits(&key.material);
        Some(Self {
            kid: key.kid.clone(),
            kty: kty.to_owned(),
            bits,
            thumbprint: thumbprint(key),
            jwk: serde_json::to_value(key).unwrap_or_default(),
        })
    }
}

/// RFC 7638: the digest of the required members in the order of their names, which are all members of a key but `kid`.
fn thumbprint(key: &Jwk) -> String {
    let unnamed = Jwk {
        kid: None,
        material: key.material.clone(),
    };
    let Ok(Value::Object(members)) = serde_json::to_value(unnamed) else {
        return String::new();
    };
    let sorted: BTreeMap<_, _> = Map::into_iter(members).collect();
    let json = serde_json::to_vec(&sorted).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(Sha256::digest(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_that_of_rfc_7638() {
        let key: Jwk = serde_json::from_value(serde_json::json!({
            "kid": "2011-04-29", "kty": "RSA", "e": "AQAB",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        }))
        .unwrap();
        let shown = PublicKey::of(&key).unwrap();
        assert_eq!(
            shown.thumbprint,
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
        assert_eq!((shown.kty.as_str(), shown.bits), ("RSA", 2048));
        assert_eq!(shown.kid.as_deref(), Some("2011-04-29"));
    }

    #[test]
    fn a_secret_is_never_a_key_to_show() {
        let secret = Jwk {
            kid: None,
            material: KeyMaterial::Oct {
                k: SecretOctets(vec![7; 32]),
            },
        };
        assert!(PublicKey::of(&secret).is_none());
    }
}
