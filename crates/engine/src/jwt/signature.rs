//! Whether a signature is good: in pure Rust, or by a host that is faster at it.

use ed25519_dalek::{Signature as EdSignature, VerifyingKey as EdKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::signature::{Error as BadSignature, Verifier as SignatureVerifier};
use jsonwebtoken::{Algorithm as Known, DecodingKey, DecodingKeyKind};
use portcullis_feed::Algorithm;
use rsa::signature::Verifier as _;
use rsa::{BoxedUint, PublicKey, pkcs1v15, pss};
use sha2::{Sha256, Sha384, Sha512};

use super::der;
use super::key::{Family, Material, RSA_LEAST_BITS, RSA_MOST_BITS, VerificationKey, family};

/// The longest signature of RSA, in bytes.
const RSA_MOST_BYTES: usize = RSA_MOST_BITS / 8;

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

/// Verifies signatures in pure Rust: through `jsonwebtoken`, with the primitives of [`PROVIDER`]; ES512, which it does
/// not know, directly.
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
        let Some(known) = known(algorithm) else {
            return p521_key(key).is_some_and(|key| {
                p521::ecdsa::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            });
        };
        let Some(key) = decoding_key(key) else {
            return false;
        };
        (PROVIDER.verifier_factory)(&known, &key)
            .is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }
}

/// The primitives for `jsonwebtoken`, as far as a gate needs them: it verifies and never signs. Its own provider would
/// bring private keys and random numbers into every VM, at twice the size.
pub static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(ErrorKind::InvalidAlgorithm.into()),
        rsa_pub_components_from_public_key: |_| Err(ErrorKind::InvalidAlgorithm.into()),
        ec_pub_components_from_private_key: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
        ed_pub_components_from_private_key: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
        compute_digest: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    },
};

/// Whether a signature, the second argument, is that of a message.
type IsGood = Box<dyn Fn(&[u8], &[u8]) -> bool>;

/// Verifies with one key.
struct ByKey {
    algorithm: Known,
    is_good: IsGood,
}

impl SignatureVerifier<Vec<u8>> for ByKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), BadSignature> {
        if (self.is_good)(message, signature) {
            Ok(())
        } else {
            Err(BadSignature::new())
        }
    }
}

impl JwtVerifier for ByKey {
    fn algorithm(&self) -> Known {
        self.algorithm
    }
}

/// Verification of a signature whose type has a constructor, by a key that is ready.
macro_rules! by {
    ($key:expr, $signature:expr) => {{
        let key = $key;
        Box::new(move |message, signature| {
            let parse = $signature;
            parse(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
        })
    }};
}

/// Verification of a MAC, in a time that does not depend on how much of it is right.
macro_rules! mac {
    ($secret:expr, $hash:ty) => {{
        let mac = Hmac::<$hash>::new_from_slice($secret);
        let mac = mac.map_err(|_| ErrorKind::InvalidKeyFormat)?;
        Box::new(move |message, signature| {
            let mac = mac.clone().chain_update(message);
            mac.verify_slice(signature).is_ok()
        })
    }};
}

fn verifier(algorithm: &Known, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    let bytes = || key.try_get_as_bytes();
    let is_good: IsGood = match algorithm {
        Known::HS256 => mac!(bytes()?, Sha256),
        Known::HS384 => mac!(bytes()?, Sha384),
        Known::HS512 => mac!(bytes()?, Sha512),
        Known::RS256 => by!(
            pkcs1v15::VerifyingKey::<Sha256>::new(rsa_key(key)?),
            |bytes| pkcs1v15::Signature::from_bytes_with_max_len(bytes, RSA_MOST_BYTES)
        ),
        Known::RS384 => by!(
            pkcs1v15::VerifyingKey::<Sha384>::new(rsa_key(key)?),
            |bytes| pkcs1v15::Signature::from_bytes_with_max_len(bytes, RSA_MOST_BYTES)
        ),
        Known::RS512 => by!(
            pkcs1v15::VerifyingKey::<Sha512>::new(rsa_key(key)?),
            |bytes| pkcs1v15::Signature::from_bytes_with_max_len(bytes, RSA_MOST_BYTES)
        ),
        Known::PS256 => by!(pss::VerifyingKey::<Sha256>::new(rsa_key(key)?), |bytes| {
            pss::Signature::from_bytes_with_max_len(bytes, RSA_MOST_BYTES)
        }),
        Known::PS384 => by!(pss::VerifyingKey::<Sha384>::new(rsa_key(key)?), |bytes| {
            pss::Signature::from_bytes_with_max_len(bytes, RSA_MOST_BYTES)
        }),
        Known::PS512 => by!(pss::VerifyingKey::<Sha512>::new(rsa_key(key)?), |bytes| {
            pss::Signature::from_bytes_with_max_len(bytes, RSA_MOST_BYTES)
        }),
        Known::ES256 => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes()?);
            let key = key.map_err(|_| ErrorKind::InvalidEcdsaKey)?;
            by!(key, p256::ecdsa::Signature::from_slice)
        }
        Known::ES384 => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(bytes()?);
            let key = key.map_err(|_| ErrorKind::InvalidEcdsaKey)?;
            by!(key, p384::ecdsa::Signature::from_slice)
        }
        Known::EdDSA => {
            let point = bytes()?
                .try_into()
                .map_err(|_| ErrorKind::InvalidEddsaKey)?;
            let key = EdKey::from_bytes(point).map_err(|_| ErrorKind::InvalidEddsaKey)?;
            by!(key, EdSignature::from_slice)
        }
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    Ok(Box::new(ByKey {
        algorithm: *algorithm,
        is_good,
    }))
}

fn rsa_key(key: &DecodingKey) -> JwtResult<PublicKey> {
    let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() else {
        return Err(ErrorKind::InvalidKeyFormat.into());
    };
    let number = BoxedUint::from_be_slice_vartime;
    PublicKey::new_with_size_limits(number(n), number(e), RSA_LEAST_BITS..=RSA_MOST_BITS)
        .map_err(|_| ErrorKind::InvalidKeyFormat.into())
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
        Some(known) => {
            decoding_key(key).is_some_and(|key| (PROVIDER.verifier_factory)(&known, &key).is_ok())
        }
    }
}

/// Whether a point on Ed25519 is one of the few for which anybody can sign.
pub(super) fn has_small_order(point: &[u8; 32]) -> bool {
    EdKey::from_bytes(point).is_ok_and(|key| key.is_weak())
}

fn p521_key(key: &VerificationKey) -> Option<p521::ecdsa::VerifyingKey> {
    match key.material() {
        Material::Ec { point, .. } => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).ok(),
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
