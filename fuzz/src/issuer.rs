//! Whoever issues tokens: keys of its own, and their signatures. The keys are made from a fixed seed when first used.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::ecdsa::SigningKey as EcKey;
use portcullis_feed::{Algorithm, Jwk, KeyMaterial, Octets, SecretOctets};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rsa::PrivateKey;
use rsa::pkcs1v15::SigningKey as RsaKey;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use rsa::traits::PublicKeyParts as _;
use sha2::Sha256;

/// The secret of HS256, as text: nothing that is shown may contain it.
pub(crate) const SECRET: &[u8] = b"canary-secret-of-hs256-0123456789abcdef";

static EC: LazyLock<EcKey> = LazyLock::new(|| {
    EcKey::from_slice(&[7; 32]).unwrap_or_else(|_| unreachable!("it is below the order"))
});

static RSA: LazyLock<PrivateKey> = LazyLock::new(|| {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    PrivateKey::new(&mut random, 2048).unwrap_or_else(|_| unreachable!("this seed gives a key"))
});

/// The key of an algorithm, for those who verify.
pub(crate) fn key(algorithm: Algorithm) -> Jwk {
    let material = match algorithm {
        Algorithm::HS256 => KeyMaterial::Oct {
            k: SecretOctets(SECRET.to_vec()),
        },
        Algorithm::ES256 => {
            let point = EC.verifying_key().to_sec1_point(false);
            let (x, y) = point.as_bytes()[1..].split_at(32);
            KeyMaterial::Ec {
                crv: "P-256".into(),
                x: Octets(x.to_vec()),
                y: Octets(y.to_vec()),
            }
        }
        _ => KeyMaterial::Rsa {
            n: Octets(RSA.n().to_be_bytes_trimmed_vartime().into()),
            e: Octets(RSA.e().to_be_bytes_trimmed_vartime().into()),
        },
    };
    Jwk {
        kid: None,
        material,
    }
}

/// A token with these parts, signed by HS256, ES256 or RS256, whatever its header says.
pub(crate) fn sign(algorithm: Algorithm, header: &[u8], claims: &[u8]) -> String {
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let signed = format!("{}.{}", encode(header), encode(claims));
    let message = signed.as_bytes();
    let signature = match algorithm {
        Algorithm::HS256 => {
            let mac = Hmac::<Sha256>::new_from_slice(SECRET);
            let mac = mac.unwrap_or_else(|_| unreachable!("any length will do"));
            mac.chain_update(message).finalize().into_bytes().to_vec()
        }
        Algorithm::ES256 => {
            let signature: p256::ecdsa::Signature = EC.sign(message);
            signature.to_bytes().to_vec()
        }
        _ => RsaKey::<Sha256>::new(RSA.clone()).sign(message).to_vec(),
    };
    format!("{signed}.{}", encode(&signature))
}
