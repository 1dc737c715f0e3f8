//! One JSON Web Key (RFC 7517) out of JSON: which members a public key for signatures has to have. Not whether it is
//! strong.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_feed::{Jwk, KeyMaterial, Octets};
use serde_json::{Map, Value};

use super::{Flaw, InvalidKeyMaterial};

/// The members that only private keys have (RFC 7518 section 6).
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// How long a `kid` may be, in bytes: every token that names it carries it too.
const LONGEST_KID_BYTES: usize = 256;

/// A key and what it says of its use.
pub(super) struct StatedKey {
    pub(super) key: Jwk,
    pub(super) alg: Option<String>,
}

/// Reads a public key for signatures.
pub(super) fn read(object: &Map<String, Value>) -> Result<StatedKey, InvalidKeyMaterial> {
    if PRIVATE_MEMBERS
        .iter()
        .any(|member| object.contains_key(*member))
    {
        return Err(InvalidKeyMaterial::at("", Flaw::Private));
    }
    let kty = text(object, "kty", "`RSA`, `EC` or `OKP`")?;
    let material = match kty.as_deref() {
        Some("RSA") => KeyMaterial::Rsa {
            n: octets(object, "n")?,
            e: octets(object, "e")?,
        },
        Some("EC") => KeyMaterial::Ec {
            crv: curve(object)?,
            x: octets(object, "x")?,
            y: octets(object, "y")?,
        },
        Some("OKP") => KeyMaterial::Okp {
            crv: curve(object)?,
            x: octets(object, "x")?,
        },
        Some("oct") => return Err(InvalidKeyMaterial::at("", Flaw::Secret)),
        _ => return Err(expected("kty", "`RSA`, `EC` or `OKP`")),
    };
    if text(object, "use", "`sig`")?.is_some_and(|usage| usage != "sig") {
        return Err(InvalidKeyMaterial::at("/use", Flaw::Use));
    }
    match object.get("key_ops") {
        None => {}
        Some(Value::Array(operations)) if operations.iter().any(|known| known == "verify") => {}
        Some(Value::Array(_)) => return Err(InvalidKeyMaterial::at("/key_ops", Flaw::KeyOps)),
        Some(_) => return Err(expected("key_ops", "a list that has `verify`")),
    }
    let kid = text(object, "kid", "a text of 1 to 256 bytes")?;
    if kid
        .as_ref()
        .is_some_and(|kid| !(1..=LONGEST_KID_BYTES).contains(&kid.len()))
    {
        return Err(expected("kid", "a text of 1 to 256 bytes"));
    }
    Ok(StatedKey {
        key: Jwk { kid, material },
        alg: text(object, "alg", "the name of an algorithm")?,
    })
}

/// A member that is text, if it is there.
fn text(
    object: &Map<String, Value>,
    member: &str,
    what: &'static str,
) -> Result<Option<String>, InvalidKeyMaterial> {
    match object.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(expected(member, what)),
    }
}

fn curve(object: &Map<String, Value>) -> Result<String, InvalidKeyMaterial> {
    let names = "the name of a curve, such as `P-256` or `Ed25519`,";
    text(object, "crv", names)?.ok_or_else(|| expected("crv", names))
}

fn octets(object: &Map<String, Value>, member: &str) -> Result<Octets, InvalidKeyMaterial> {
    let form = "a text in unpadded base64url";
    let text = text(object, member, form)?.ok_or_else(|| expected(member, form))?;
    let octets = URL_SAFE_NO_PAD.decode(text);
    octets.map(Octets).map_err(|_| expected(member, form))
}

fn expected(member: &str, expected: &'static str) -> InvalidKeyMaterial {
    InvalidKeyMaterial::at(format!("/{member}"), Flaw::Member { expected })
}
