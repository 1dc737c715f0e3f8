//! Keys with which the signatures of tokens are verified: read from JSON Web Keys, strictly, once.

use portcullis_feed::{Algorithm, Jwk, KeyKind, KeyMaterial};
use serde::{Deserialize, Serialize};

use super::der;

/// The shortest modulus of an RSA key, in bits (RFC 7518 section 3.3).
pub(super) const RSA_LEAST_BITS: usize = 2048;
/// The longest: verification takes ever longer, and callers choose when it happens.
pub(super) const RSA_MOST_BITS: usize = 8192;
/// The shortest secret, in bytes, whatever the hash. RFC 7518 section 3.2 asks for as many as the hash has.
const SECRET_LEAST_BYTES: usize = 32;
/// The longest secret, in bytes.
const SECRET_MOST_BYTES: usize = 1024;

/// A key, fit for one algorithm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationKey {
    kid: Option<String>,
    material: Material,
}

/// A key in the forms that verification asks for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Material {
    /// RSA.
    Rsa {
        /// The modulus, big-endian, without leading zeros.
        modulus: Vec<u8>,
        /// The exponent, big-endian, without leading zeros.
        exponent: Vec<u8>,
        /// The same as a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), in DER.
        spki: Vec<u8>,
    },
    /// A point on the curve that the algorithm names.
    Ec {
        /// Uncompressed (SEC 1 section 2.3.3).
        point: Vec<u8>,
        /// The same as a SubjectPublicKeyInfo (RFC 5480), in DER.
        spki: Vec<u8>,
    },
    /// Ed25519.
    Ed25519([u8; 32]),
    /// A shared secret.
    Secret(Vec<u8>),
}

impl std::fmt::Debug for Material {
    /// The kind: nothing of a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rsa { .. } => "Rsa",
            Self::Ec { .. } => "Ec",
            Self::Ed25519(_) => "Ed25519",
            Self::Secret(_) => "Secret",
        })
    }
}

/// A key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// It is of another kind than the algorithm needs.
    #[error("{} needs {}, and this is {found}", .algorithm.name(), needed(*.algorithm))]
    OfOtherKind {
        /// The algorithm.
        algorithm: Algorithm,
        /// What the key is.
        found: &'static str,
    },
    /// An RSA key is too short or too long.
    #[error("an RSA key has 2048 to 8192 bits, and this one has {bits}")]
    RsaSize {
        /// How long it is.
        bits: usize,
    },
    /// An RSA exponent must be odd, at least 3, and below 2^33.
    #[error("the exponent of an RSA key is odd, at least 3 and at most 33 bits long")]
    RsaExponent,
    /// A coordinate does not have the length of the field.
    #[error("the coordinates of a key on {curve} have {bytes} bytes each")]
    PointSize {
        /// The curve.
        curve: &'static str,
        /// The length.
        bytes: usize,
    },
    /// The point is not on the curve.
    #[error("this is not a point on {curve}")]
    NotOnCurve {
        /// The curve.
        curve: &'static str,
    },
    /// The order of the point divides 8: signatures that anybody can make are good for it.
    #[error("anybody can sign for this point on Ed25519")]
    SmallOrder,
    /// A secret is too short or too long.
    #[error("a secret has 256 to 8192 bits, and this one has {bits}")]
    SecretSize {
        /// How long it is.
        bits: usize,
    },
}

impl VerificationKey {
    /// Reads a key for an algorithm.
    ///
    /// # Errors
    /// When it is of another kind, too weak, or no key at all.
    pub fn new(key: &Jwk, algorithm: Algorithm) -> Result<Self, InvalidKey> {
        let other = |found| InvalidKey::OfOtherKind { algorithm, found };
        let material = match (family(algorithm), &key.material) {
            (Family::Rsa, KeyMaterial::Rsa { n, e }) => rsa(&n.0, &e.0)?,
            (Family::Ec(curve), KeyMaterial::Ec { crv, x, y }) if crv == curve.name => {
                ec(curve, &x.0, &y.0)?
            }
            (Family::Ed25519, KeyMaterial::Okp { crv, x }) if crv == "Ed25519" => {
                let point = <[u8; 32]>::try_from(x.0.as_slice());
                let point = point.map_err(|_| InvalidKey::PointSize {
                    curve: "Ed25519",
                    bytes: 32,
                })?;
                if super::signature::has_small_order(&point) {
                    return Err(InvalidKey::SmallOrder);
                }
                Material::Ed25519(point)
            }
            (Family::Hmac, KeyMaterial::Oct { k }) => secret(&k.0)?,
            (_, KeyMaterial::Rsa { .. }) => return Err(other("an RSA key")),
            (_, KeyMaterial::Ec { crv, .. }) => return Err(other(curve_in_words(crv))),
            (_, KeyMaterial::Okp { .. }) => return Err(other("a key on an Edwards curve")),
            (_, KeyMaterial::Oct { .. }) => return Err(other("a secret")),
        };
        let key = Self {
            kid: key.kid.clone(),
            material,
        };
        if !super::signature::is_usable(&key, algorithm) {
            let curve = match family(algorithm) {
                Family::Ec(curve) => curve.name,
                Family::Rsa | Family::Ed25519 | Family::Hmac => "Ed25519",
            };
            return Err(InvalidKey::NotOnCurve { curve });
        }
        Ok(key)
    }

    /// Its name, by which tokens choose it.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The key itself.
    #[must_use]
    pub fn material(&self) -> &Material {
        &self.material
    }
}

/// A curve of FIPS 186-4, as ECDSA of RFC 7518 uses it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Curve {
    pub(super) name: &'static str,
    /// The length of a coordinate, and of half a signature.
    pub(super) bytes: usize,
    /// Its object identifier, in DER without tag and length.
    pub(super) oid: &'static [u8],
}

const P256: Curve = Curve {
    name: "P-256",
    bytes: 32,
    oid: &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
};
const P384: Curve = Curve {
    name: "P-384",
    bytes: 48,
    oid: &[0x2b, 0x81, 0x04, 0x00, 0x22],
};
const P521: Curve = Curve {
    name: "P-521",
    bytes: 66,
    oid: &[0x2b, 0x81, 0x04, 0x00, 0x23],
};

#[derive(Debug, Clone, Copy)]
pub(super) enum Family {
    Hmac,
    Rsa,
    Ec(Curve),
    Ed25519,
}

pub(super) const fn family(algorithm: Algorithm) -> Family {
    match algorithm.key_kind() {
        KeyKind::Secret => Family::Hmac,
        KeyKind::Rsa => Family::Rsa,
        KeyKind::P256 => Family::Ec(P256),
        KeyKind::P384 => Family::Ec(P384),
        KeyKind::P521 => Family::Ec(P521),
        KeyKind::Ed25519 => Family::Ed25519,
    }
}

const fn needed(algorithm: Algorithm) -> &'static str {
    match algorithm.key_kind() {
        KeyKind::Secret => "a secret",
        KeyKind::Rsa => "an RSA public key",
        KeyKind::P256 => "a public key on P-256",
        KeyKind::P384 => "a public key on P-384",
        KeyKind::P521 => "a public key on P-521",
        KeyKind::Ed25519 => "a public key on Ed25519",
    }
}

fn curve_in_words(name: &str) -> &'static str {
    match name {
        "P-256" => "a key on P-256",
        "P-384" => "a key on P-384",
        "P-521" => "a key on P-521",
        _ => "a key on another curve",
    }
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Material, InvalidKey> {
    let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
    let bits = bit_length(modulus);
    if !(RSA_LEAST_BITS..=RSA_MOST_BITS).contains(&bits) {
        return Err(InvalidKey::RsaSize { bits });
    }
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    if !(2..=33).contains(&bit_length(exponent)) || !is_odd(exponent) || !is_odd(modulus) {
        return Err(InvalidKey::RsaExponent);
    }
    Ok(Material::Rsa {
        spki: der::rsa_public_key_info(modulus, exponent),
        modulus: modulus.to_vec(),
        exponent: exponent.to_vec(),
    })
}

fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Material, InvalidKey> {
    if x.len() != curve.bytes || y.len() != curve.bytes {
        return Err(InvalidKey::PointSize {
            curve: curve.name,
            bytes: curve.bytes,
        });
    }
    let point: Vec<u8> = [&[4], x, y].concat();
    Ok(Material::Ec {
        spki: der::ec_public_key_info(curve.oid, &point),
        point,
    })
}

fn secret(bytes: &[u8]) -> Result<Material, InvalidKey> {
    if !(SECRET_LEAST_BYTES..=SECRET_MOST_BYTES).contains(&bytes.len()) {
        return Err(InvalidKey::SecretSize {
            bits: bytes.len().saturating_mul(8),
        });
    }
    Ok(Material::Secret(bytes.to_vec()))
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn bit_length(number: &[u8]) -> usize {
    let leading = number.first().map_or(0, |byte| byte.leading_zeros());
    let leading = usize::try_from(leading).unwrap_or(0);
    number.len().saturating_mul(8).saturating_sub(leading)
}

#[cfg(test)]
mod tests;
