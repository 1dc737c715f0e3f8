//! Someone who signs tokens, rightly or wrongly. Written out by hand, since no library makes the wrong ones.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use ring::{error, hmac};
use serde_json::{Value, json};

/// An RSA key of 2,048 bits as PKCS #8, which protects nothing: made for these tests.
const RSA: &[u8] = include_bytes!("rsa-2048.pk8");

/// Someone with a key.
#[derive(Debug)]
pub struct Signer {
    algorithm: &'static str,
    kid: Option<String>,
    key: Key,
}

#[derive(Debug)]
enum Key {
    Hmac(Vec<u8>),
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    /// Signs with HS256.
    #[must_use]
    pub fn hs256(secret: &str) -> Self {
        Self::new("HS256", Key::Hmac(secret.into()))
    }

    /// Signs with RS256: all of them with the same key.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn rs256() -> Result<Self> {
        let key = RsaKeyPair::from_pkcs8(RSA).map_err(|rejected| anyhow!("{rejected}"))?;
        Ok(Self::new("RS256", Key::Rsa(key)))
    }

    /// Signs with PS256: all of them with the same key as with RS256.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn ps256() -> Result<Self> {
        Ok(Self {
            algorithm: "PS256",
            ..Self::rs256()?
        })
    }

    /// Signs with ES256 and a new key.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn es256() -> Result<Self> {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).map_err(unspecified)?;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random)
            .map_err(|rejected| anyhow!("{rejected}"))?;
        Ok(Self::new("ES256", Key::Ec(key)))
    }

    /// Signs with Ed25519 and a new key.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn eddsa() -> Result<Self> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(unspecified)?;
        let key = Ed25519KeyPair::from_pkcs8(document.as_ref())
            .map_err(|rejected| anyhow!("{rejected}"))?;
        Ok(Self::new("EdDSA", Key::Ed(key)))
    }

    fn new(algorithm: &'static str, key: Key) -> Self {
        Self {
            algorithm,
            kid: None,
            key,
        }
    }

    /// With a name for the key.
    #[must_use]
    pub fn named(self, kid: &str) -> Self {
        Self {
            kid: Some(kid.to_owned()),
            ..self
        }
    }

    /// The name of the algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// The key as a JSON Web Key (RFC 7517): the public one, or the secret.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.key {
            Key::Hmac(secret) => json!({"kty": "oct", "k": base64url(secret)}),
            Key::Rsa(key) => {
                let public: PublicKeyComponents<Vec<u8>> = key.public().into();
                json!({"kty": "RSA", "n": base64url(&public.n), "e": base64url(&public.e)})
            }
            Key::Ec(key) => {
                // An uncompressed point: 4, x, y (SEC 1 section 2.3.3).
                let point = key.public_key().as_ref();
                let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)})
            }
            Key::Ed(key) => {
                let x = base64url(key.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "x": x})
            }
        };
        jwk["alg"] = json!(self.algorithm);
        if let Some(kid) = &self.kid {
            jwk["kid"] = json!(kid);
        }
        jwk
    }

    /// The members of a profile's `jwt` by which it is told the key.
    #[must_use]
    pub fn jwt(&self) -> Value {
        match &self.key {
            Key::Hmac(secret) => {
                let value = String::from_utf8_lossy(secret);
                json!({"algorithm": self.algorithm, "secret": {"value": value}})
            }
            Key::Rsa(_) | Key::Ec(_) | Key::Ed(_) => {
                json!({"algorithm": self.algorithm, "key": self.jwk()})
            }
        }
    }

    /// A token that says these claims, with the header that belongs to it.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn token(&self, claims: &Value) -> Result<String> {
        let mut header = json!({"alg": self.algorithm, "typ": "JWT"});
        if let Some(kid) = &self.kid {
            header["kid"] = json!(kid);
        }
        self.token_with(&header, claims)
    }

    /// A token with a header of the test's choice, signed as ever.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn token_with(&self, header: &Value, claims: &Value) -> Result<String> {
        let (header, claims) = (header.to_string(), claims.to_string());
        let signed = format!("{}.{}", base64url(header), base64url(claims));
        let signature = self.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", base64url(signature)))
    }

    /// Signs anything.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Hmac(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                Ok(hmac::sign(&key, message).as_ref().to_vec())
            }
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let padding: &dyn ring::signature::RsaEncoding = match self.algorithm {
                    "PS256" => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let signed = key.sign(padding, &random, message, &mut signature);
                signed.map_err(unspecified)?;
                Ok(signature)
            }
            Key::Ec(key) => {
                let signature = key.sign(&random, message).map_err(unspecified)?;
                Ok(signature.as_ref().to_vec())
            }
            Key::Ed(key) => Ok(key.sign(message).as_ref().to_vec()),
        }
    }
}

fn unspecified(error: error::Unspecified) -> anyhow::Error {
    anyhow!("{error}")
}

/// As the parts of tokens are written (RFC 7515 section 2).
#[must_use]
pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Seconds since 1970, so many seconds from now.
#[must_use]
pub fn seconds_from_now(seconds: i64) -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since_1970.map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
    now.saturating_add(seconds)
}
