//! Public keys in the forms that are not JSON: PEM (RFC 7468) and OpenSSH.

use pkcs1::RsaPublicKey;
use portcullis_feed::{KeyMaterial, Octets};
use ssh_key::public::{EcdsaPublicKey, KeyData};
use x509_cert::Certificate;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::Flaw;

/// `rsaEncryption` (RFC 8017 appendix A.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// `id-ecPublicKey` (RFC 5480 section 2.1.1).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `id-Ed25519` (RFC 8410 section 3).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// `secp256r1` (RFC 5480 section 2.1.1.1).
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// `secp384r1`.
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// `secp521r1`.
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

const BEGIN: &str = "-----BEGIN ";

/// Reads one key, from a text without blanks around it.
pub(super) fn read(text: &str) -> Result<KeyMaterial, Flaw> {
    if text.starts_with(BEGIN) {
        return pem(text);
    }
    if text.starts_with("ssh-") || text.starts_with("ecdsa-sha2-") {
        return open_ssh(text);
    }
    Err(Flaw::Unrecognised)
}

fn pem(text: &str) -> Result<KeyMaterial, Flaw> {
    if text.contains("PRIVATE KEY-----") {
        return Err(Flaw::Private);
    }
    if text.matches(BEGIN).count() > 1 {
        return Err(Flaw::SeveralBlocks);
    }
    let broken = Flaw::Broken { form: "PEM block" };
    let block = ::pem::parse(text).map_err(|_| broken.clone())?;
    // The library leaves aside what follows a block.
    let end = format!("-----END {}-----", block.tag());
    if text.find(&end).map(|place| place + end.len()) != Some(text.len()) {
        return Err(broken);
    }
    match block.tag() {
        "PUBLIC KEY" => public_key(block.contents(), "PEM public key"),
        "RSA PUBLIC KEY" => rsa(block.contents(), "PEM RSA public key"),
        "CERTIFICATE" => {
            let form = "PEM certificate";
            let broken = |_| Flaw::Broken { form };
            let certificate = Certificate::from_der(block.contents()).map_err(broken)?;
            let key = certificate.tbs_certificate.subject_public_key_info;
            public_key(&key.to_der().map_err(broken)?, form)
        }
        _ => Err(Flaw::PemLabel),
    }
}

/// A SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
fn public_key(der: &[u8], form: &'static str) -> Result<KeyMaterial, Flaw> {
    let broken = || Flaw::Broken { form };
    let key = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| broken())?;
    let bytes = key.subject_public_key.as_bytes().ok_or_else(broken)?;
    match key.algorithm.oid {
        RSA => rsa(bytes, form),
        ED25519 => Ok(KeyMaterial::Okp {
            crv: "Ed25519".into(),
            x: Octets(bytes.to_vec()),
        }),
        EC => match key.algorithm.parameters_oid().map_err(|_| broken())? {
            P256 => point("P-256", bytes),
            P384 => point("P-384", bytes),
            P521 => point("P-521", bytes),
            _ => Err(Flaw::Kind),
        },
        _ => Err(Flaw::Kind),
    }
}

/// An RSAPublicKey (RFC 8017 appendix A.1.1).
fn rsa(der: &[u8], form: &'static str) -> Result<KeyMaterial, Flaw> {
    let key = RsaPublicKey::try_from(der).map_err(|_| Flaw::Broken { form })?;
    Ok(KeyMaterial::Rsa {
        n: Octets(key.modulus.as_bytes().to_vec()),
        e: Octets(key.public_exponent.as_bytes().to_vec()),
    })
}

/// A point as SEC 1 section 2.3.3 writes it.
fn point(curve: &str, bytes: &[u8]) -> Result<KeyMaterial, Flaw> {
    let Some((4, coordinates)) = bytes.split_first() else {
        return Err(Flaw::CompressedPoint);
    };
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    Ok(KeyMaterial::Ec {
        crv: curve.to_owned(),
        x: Octets(x.to_vec()),
        y: Octets(y.to_vec()),
    })
}

/// A line of `authorized_keys` without options (RFC 4253 section 6.6, RFC 5656, RFC 8709).
fn open_ssh(text: &str) -> Result<KeyMaterial, Flaw> {
    let broken = Flaw::Broken {
        form: "OpenSSH public key on one line",
    };
    if text.contains(['\n', '\r']) {
        return Err(broken);
    }
    let key = ssh_key::PublicKey::from_openssh(text).map_err(|_| broken.clone())?;
    match key.key_data() {
        KeyData::Rsa(key) => {
            let (n, e) = (key.n.as_positive_bytes(), key.e.as_positive_bytes());
            let (n, e) = n.zip(e).ok_or(broken)?;
            Ok(KeyMaterial::Rsa {
                n: Octets(n.to_vec()),
                e: Octets(e.to_vec()),
            })
        }
        KeyData::Ecdsa(key) => {
            let curve = match key {
                EcdsaPublicKey::NistP256(_) => "P-256",
                EcdsaPublicKey::NistP384(_) => "P-384",
                EcdsaPublicKey::NistP521(_) => "P-521",
            };
            point(curve, key.as_sec1_bytes())
        }
        KeyData::Ed25519(key) => Ok(KeyMaterial::Okp {
            crv: "Ed25519".into(),
            x: Octets(key.0.to_vec()),
        }),
        _ => Err(Flaw::Kind),
    }
}
