//! Key material as operators paste it and as key sets (RFC 7517) hold it, turned into the public keys of profiles.
//! No secrets: whatever is private is refused, and no error shows a piece of a key.

mod jwk;
mod text;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use portcullis_engine::jwt::{InvalidKey, VerificationKey};
use portcullis_feed::{Algorithm, Jwk, Jwt, KeyKind};
use portcullis_store::SetKey;
use serde_json::{Map, Value};

/// How many keys of a fetched set are kept: the first.
const MOST_OF_SET: usize = 32;

/// Pasted key material cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{flaw}")]
pub struct InvalidKeyMaterial {
    /// Where: a JSON pointer (RFC 6901) relative to the key.
    pub pointer: String,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What is wrong with key material. No sentence shows any of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Neither text nor object, or a text that begins like nothing that is known.
    #[error(
        "a public key is expected: PEM (`PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`), OpenSSH \
         (such as `ssh-rsa`), a JSON Web Key or a set of them"
    )]
    Unrecognised,
    /// It is a private key.
    #[error("this is a private key, which belongs to its owner alone: the public key is expected")]
    Private,
    /// It is a secret.
    #[error("this is a shared secret, which is not given as a key but as `secret`")]
    Secret,
    /// Its text cannot be read to the end.
    #[error("this is not a whole and valid {form}")]
    Broken {
        /// What it seemed to be.
        form: &'static str,
    },
    /// It holds several PEM blocks.
    #[error(
        "one PEM block is expected, and these are several: a JSON Web Key Set holds several keys"
    )]
    SeveralBlocks,
    /// The label of a PEM block is another one.
    #[error("a PEM block is `PUBLIC KEY`, `RSA PUBLIC KEY` or `CERTIFICATE`")]
    PemLabel,
    /// A kind of key that no algorithm takes.
    #[error("a key is RSA, on P-256, P-384 or P-521, or on Ed25519")]
    Kind,
    /// A point is written in short.
    #[error("the point of a key on a curve has to be uncompressed")]
    CompressedPoint,
    /// A member of a JSON Web Key is absent, or is not what it should be.
    #[error("{expected} is expected")]
    Member {
        /// What should be there.
        expected: &'static str,
    },
    /// `use` is another one.
    #[error("the key is not for signatures: `use` has to be `sig`")]
    Use,
    /// `key_ops` has no `verify`.
    #[error("the key is not for the verification of signatures: `key_ops` has no `verify`")]
    KeyOps,
    /// `alg` is another one than the profile's.
    #[error("the key is for another algorithm than {}", .0.name())]
    OtherAlgorithm(Algorithm),
    /// The set is empty.
    #[error("the set has no key")]
    NoKeys,
    /// The set is too large.
    #[error("a set has at most {} keys", Jwt::MOST_KEYS)]
    TooManyKeys,
    /// Two keys have one name.
    #[error("another key of the set has the same `kid`")]
    KidTwice,
    /// The key is not fit for the algorithm.
    #[error(transparent)]
    Unfit(#[from] InvalidKey),
}

/// A fetched key set cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeySet {
    /// It is no JSON Web Key Set.
    #[error("this is not a JSON Web Key Set")]
    Malformed,
    /// No key in it can verify signatures.
    #[error("none of the {keys} keys of the set can verify signatures")]
    NothingUsable {
        /// How many there are.
        keys: usize,
    },
}

/// Reads the keys that an operator gives a profile: the text of a PEM public key or certificate, an OpenSSH public
/// key, or a JSON Web Key or set of them, as text or object.
///
/// # Errors
/// When it is none of these, is private, or holds a key that is not fit for the algorithm.
pub fn read(material: &Value, algorithm: Algorithm) -> Result<Vec<Jwk>, InvalidKeyMaterial> {
    match material {
        Value::Object(object) => read_object(object, algorithm),
        Value::String(text) if text.trim_start().starts_with('{') => {
            let broken = |_| Flaw::Broken {
                form: "JSON object",
            };
            let object: Map<_, _> = serde_json::from_str(text).map_err(broken).map_err(whole)?;
            read_object(&object, algorithm)
        }
        Value::String(text) => {
            let material = text::read(text.trim()).map_err(whole)?;
            let key = Jwk {
                kid: None,
                material,
            };
            refuse_unfit(&key, algorithm).map_err(whole)?;
            Ok(vec![key])
        }
        _ => Err(whole(Flaw::Unrecognised)),
    }
}

/// Reads a fetched JSON Web Key Set: the keys that can verify signatures. What cannot is left out.
///
/// # Errors
/// When it is no key set, or nothing is left.
pub fn read_set(json: &[u8]) -> Result<Vec<SetKey>, InvalidKeySet> {
    let set: Map<String, Value> =
        serde_json::from_slice(json).map_err(|_| InvalidKeySet::Malformed)?;
    let Some(Value::Array(keys)) = set.get("keys") else {
        return Err(InvalidKeySet::Malformed);
    };
    let usable: Vec<SetKey> = keys.iter().filter_map(usable).take(MOST_OF_SET).collect();
    if usable.is_empty() {
        return Err(InvalidKeySet::NothingUsable { keys: keys.len() });
    }
    Ok(usable)
}

fn read_object(
    object: &Map<String, Value>,
    algorithm: Algorithm,
) -> Result<Vec<Jwk>, InvalidKeyMaterial> {
    let Some(keys) = object.get("keys") else {
        return Ok(vec![read_fit(object, algorithm, "")?]);
    };
    let at_keys = |flaw| InvalidKeyMaterial::at("/keys", flaw);
    let Value::Array(keys) = keys else {
        let expected = "a list of JSON Web Keys";
        return Err(at_keys(Flaw::Member { expected }));
    };
    if keys.is_empty() {
        return Err(at_keys(Flaw::NoKeys));
    }
    if keys.len() > Jwt::MOST_KEYS {
        return Err(at_keys(Flaw::TooManyKeys));
    }
    let mut names = HashSet::new();
    let mut read = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let place = format!("/keys/{index}");
        let Value::Object(key) = key else {
            let expected = "a JSON Web Key";
            return Err(InvalidKeyMaterial::at(place, Flaw::Member { expected }));
        };
        let key = read_fit(key, algorithm, &place)?;
        if let Some(kid) = &key.kid
            && !names.insert(kid.clone())
        {
            let place = format!("{place}/kid");
            return Err(InvalidKeyMaterial::at(place, Flaw::KidTwice));
        }
        read.push(key);
    }
    Ok(read)
}

/// One key of pasted material, which has to be fit in every way.
fn read_fit(
    object: &Map<String, Value>,
    algorithm: Algorithm,
    place: &str,
) -> Result<Jwk, InvalidKeyMaterial> {
    let stated = jwk::read(object)
        .and_then(|stated| match &stated.alg {
            Some(alg) if alg != algorithm.name() => Err(InvalidKeyMaterial::at(
                "/alg",
                Flaw::OtherAlgorithm(algorithm),
            )),
            _ => Ok(stated),
        })
        .and_then(|stated| {
            refuse_unfit(&stated.key, algorithm).map_err(whole)?;
            Ok(stated)
        });
    stated
        .map(|stated| stated.key)
        .map_err(|invalid| InvalidKeyMaterial {
            pointer: format!("{place}{}", invalid.pointer),
            ..invalid
        })
}

/// One key of a fetched set, if it can verify signatures.
fn usable(key: &Value) -> Option<SetKey> {
    let stated = jwk::read(key.as_object()?).ok()?;
    let alg = match &stated.alg {
        Some(name) => Some(
            *Algorithm::ALL
                .iter()
                .find(|algorithm| algorithm.name() == name)?,
        ),
        None => None,
    };
    refuse_unfit(&stated.key, alg.or_else(|| usual_algorithm(&stated.key))?).ok()?;
    Some(SetKey {
        key: stated.key,
        alg,
    })
}

/// One of the algorithms that take such a key: if it is not fit for this one, it is for none.
fn usual_algorithm(key: &Jwk) -> Option<Algorithm> {
    let kind = key
        .material
        .kind()
        .filter(|kind| *kind != KeyKind::Secret)?;
    let takes_it = |algorithm: &Algorithm| algorithm.key_kind() == kind;
    Algorithm::ALL.into_iter().find(takes_it)
}

fn refuse_unfit(key: &Jwk, algorithm: Algorithm) -> Result<(), Flaw> {
    VerificationKey::new(key, algorithm)?;
    Ok(())
}

impl InvalidKeyMaterial {
    fn at(pointer: impl Into<String>, flaw: Flaw) -> Self {
        Self {
            pointer: pointer.into(),
            flaw,
        }
    }
}

/// Wrong as a whole.
fn whole(flaw: Flaw) -> InvalidKeyMaterial {
    InvalidKeyMaterial::at("", flaw)
}
