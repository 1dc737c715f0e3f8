//! Whether a signature is good: in pure Rust, or by a host that is faster at it.

use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm as Known, DecodingKey};
use p521::ecdsa::signature::Verifier as _;
use p521::ecdsa::{Signature as P521Signature, VerifyingKey as P521Key};
use portcullis_feed::Algorithm;

use super::der;
use super::key::{Family, Material, VerificationKey, family};

/// Verifies signatures. The host of a filter may be much faster than the virtual machine.
pub trait Signatures {
    /// Whether `signature`, as it stands in a token once it is decoded, is that of `message` under `key`.
    fn is_good(
        &self,
        algorithm: Algorithm,
        key: &VerificationKey,
        message: &[u8],
        signature: &[u8],
    ) -> bool;
}

/// Verifies signatures in pure Rust, with the primitives of the `jsonwebtoken` crate; it lacks ES512.
#[derive(Debug, Clone, Copy, Default)]
pub struct PureRust;

impl Signatures for PureRust {
    fn is_good(
        &self,
        algorithm: Algorithm,
        key: &VerificationKey,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        if let Family::Ec(curve) = family(algorithm)
            && signature.len() != curve.bytes.saturating_mul(2)
        {
            return false;
        }
        let Some(known) = known(algorithm) else {
            return p521_key(key).is_some_and(|key| {
                P521Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            });
        };
        let Some(key) = decoding_key(key) else {
            return false;
        };
        (DEFAULT_PROVIDER.verifier_factory)(&known, &key)
            .is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }
}

/// A question that a host can answer which knows keys as SubjectPublicKeyInfo and signatures as DER, as Envoy's
/// `verify_signature` does: RSASSA-PKCS1-v1_5 and ECDSA.
#[derive(Debug)]
pub struct HostQuestion<'a> {
    /// `sha256`, `sha384` or `sha512`.
    pub hash: &'static str,
    /// A SubjectPublicKeyInfo in DER.
    pub spki: &'a [u8],
    /// As the host expects it: of ECDSA, in DER.
    pub signature: std::borrow::Cow<'a, [u8]>,
}

/// The question for a host, where it can answer it. A signature of the wrong length is bad without asking.
///
/// # Errors
/// When the host cannot answer, but [`PureRust`] can.
pub fn host_question<'a>(
    algorithm: Algorithm,
    key: &'a VerificationKey,
    signature: &'a [u8],
) -> Result<Option<HostQuestion<'a>>, NotForHosts> {
    let hash = match algorithm {
        Algorithm::RS256 | Algorithm::ES256 => "sha256",
        Algorithm::RS384 | Algorithm::ES384 => "sha384",
        Algorithm::RS512 | Algorithm::ES512 => "sha512",
        Algorithm::HS256
        | Algorithm::HS384
        | Algorithm::HS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512
        | Algorithm::EdDSA => return Err(NotForHosts),
    };
    match (family(algorithm), key.material()) {
        (Family::Rsa, Material::Rsa { spki, .. }) => Ok(Some(HostQuestion {
            hash,
            spki,
            signature: signature.into(),
        })),
        (Family::Ec(curve), Material::Ec { spki, .. }) => {
            let halves = signature
                .split_at_checked(curve.bytes)
                .filter(|(_, s)| s.len() == curve.bytes);
            Ok(halves.map(|(r, s)| HostQuestion {
                hash,
                spki,
                signature: der::ecdsa_signature(r, s).into(),
            }))
        }
        _ => Ok(None),
    }
}

/// Hosts do not know the algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotForHosts;

/// Whether a key can verify anything: its point is on the curve.
pub(super) fn is_usable(key: &VerificationKey, algorithm: Algorithm) -> bool {
    match known(algorithm) {
        None => p521_key(key).is_some(),
        Some(known) => decoding_key(key)
            .is_some_and(|key| (DEFAULT_PROVIDER.verifier_factory)(&known, &key).is_ok()),
    }
}

fn p521_key(key: &VerificationKey) -> Option<P521Key> {
    match key.material() {
        Material::Ec { point, .. } => P521Key::from_sec1_bytes(point).ok(),
        Material::Rsa { .. } | Material::Ed25519(_) | Material::Secret(_) => None,
    }
}

fn decoding_key(key: &VerificationKey) -> Option<DecodingKey> {
    Some(match key.material() {
        Material::Rsa {
            modulus, exponent, ..
        } => DecodingKey::from_rsa_raw_components(modulus, exponent),
        Material::Ec { point, .. } => DecodingKey::from_ec_der(point),
        Material::Ed25519(point) => DecodingKey::from_ed_der(point),
        Material::Secret(secret) => DecodingKey::from_secret(secret),
    })
}

const fn known(algorithm: Algorithm) -> Option<Known> {
    Some(match algorithm {
        Algorithm::HS256 => Known::HS256,
        Algorithm::HS384 => Known::HS384,
        Algorithm::HS512 => Known::HS512,
        Algorithm::RS256 => Known::RS256,
        Algorithm::RS384 => Known::RS384,
        Algorithm::RS512 => Known::RS512,
        Algorithm::PS256 => Known::PS256,
        Algorithm::PS384 => Known::PS384,
        Algorithm::PS512 => Known::PS512,
        Algorithm::ES256 => Known::ES256,
        Algorithm::ES384 => Known::ES384,
        Algorithm::ES512 => return None,
        Algorithm::EdDSA => Known::EdDSA,
    })
}
