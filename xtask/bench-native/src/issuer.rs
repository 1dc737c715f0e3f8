//! Whoever issues tokens: keys, and signatures as fast as they can be had.

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_feed::{Algorithm, Jwk, KeyMaterial, Octets, SecretOctets};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use ring::{hmac, signature};
use rsa::pkcs8::EncodePrivateKey as _;

/// The issuer that tokens name.
pub const NAME: &str = "https://issuer.example";

/// When tokens end, in seconds since 1970: in 2100.
const EXPIRY_S: u64 = 4_102_444_800;

/// The secret of HS256: text, as operators write it.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// An issuer with a key of its own.
pub struct Issuer {
    algorithm: Algorithm,
    pair: Pair,
    random: SystemRandom,
}

enum Pair {
    Secret(hmac::Key),
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Issuer {
    /// An issuer who signs by HS256, RS256, PS256, ES256 or EdDSA.
    pub fn new(algorithm: Algorithm) -> Result<Self> {
        let random = SystemRandom::new();
        let failed = |_| anyhow!("no key for {}", algorithm.name());
        let rejected = |error| anyhow!("no key for {}: {error}", algorithm.name());
        let pair = match algorithm {
            Algorithm::HS256 => Pair::Secret(hmac::Key::new(hmac::HMAC_SHA256, SECRET)),
            Algorithm::RS256 => Pair::Rsa(rsa_pair()?, &RSA_PKCS1_SHA256),
            Algorithm::PS256 => Pair::Rsa(rsa_pair()?, &RSA_PSS_SHA256),
            Algorithm::ES256 => {
                let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let key = EcdsaKeyPair::generate_pkcs8(kind, &random).map_err(failed)?;
                let pair = EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random);
                Pair::Ec(pair.map_err(rejected)?)
            }
            Algorithm::EdDSA => {
                let key = Ed25519KeyPair::generate_pkcs8(&random).map_err(failed)?;
                let pair = Ed25519KeyPair::from_pkcs8(key.as_ref());
                Pair::Ed25519(pair.map_err(rejected)?)
            }
            Algorithm::HS384
            | Algorithm::HS512
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS384
            | Algorithm::PS512
            | Algorithm::ES384
            | Algorithm::ES512 => bail!("{} is not measured", algorithm.name()),
        };
        Ok(Self {
            algorithm,
            pair,
            random,
        })
    }

    /// The key that verifies.
    pub fn key(&self) -> Result<Jwk> {
        let material = match &self.pair {
            Pair::Secret(_) => KeyMaterial::Oct {
                k: SecretOctets(SECRET.to_vec()),
            },
            Pair::Rsa(pair, _) => {
                let public = signature::RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                KeyMaterial::Rsa {
                    n: Octets(public.n),
                    e: Octets(public.e),
                }
            }
            Pair::Ec(pair) => {
                let point = pair
                    .public_key()
                    .as_ref()
                    .get(1..)
                    .and_then(|it| it.split_at_checked(32));
                let (x, y) = point.context("not a point")?;
                KeyMaterial::Ec {
                    crv: "P-256".into(),
                    x: Octets(x.to_vec()),
                    y: Octets(y.to_vec()),
                }
            }
            Pair::Ed25519(pair) => KeyMaterial::Okp {
                crv: "Ed25519".into(),
                x: Octets(pair.public_key().as_ref().to_vec()),
            },
        };
        Ok(Jwk {
            kid: None,
            material,
        })
    }

    /// A token for a client, with what identity providers usually say. Tokens with other numbers differ.
    pub fn token(&self, client: &str, number: usize) -> Result<String> {
        let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
        let header = format!(r#"{{"alg":"{}","typ":"JWT"}}"#, self.algorithm.name());
        let claims = format!(
            r#"{{"iss":"{NAME}","sub":"{client}","aud":"orders","iat":1700000000,"exp":{EXPIRY_S},"scope":"orders:read orders:write","jti":"{number:016x}"}}"#
        );
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let failed = |_| anyhow!("cannot sign by {}", self.algorithm.name());
        Ok(match &self.pair {
            Pair::Secret(key) => hmac::sign(key, message).as_ref().to_vec(),
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &self.random, message, &mut signature)
                    .map_err(failed)?;
                signature
            }
            Pair::Ec(pair) => pair
                .sign(&self.random, message)
                .map_err(failed)?
                .as_ref()
                .to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        })
    }
}

fn rsa_pair() -> Result<Box<RsaKeyPair>> {
    let key = rsa::PrivateKey::new(&mut ChaCha8Rng::seed_from_u64(7), 2048)?;
    let der = key.to_pkcs8_der()?;
    let pair = RsaKeyPair::from_pkcs8(der.as_bytes());
    Ok(Box::new(
        pair.map_err(|error| anyhow!("no key for RSA: {error}"))?,
    ))
}
