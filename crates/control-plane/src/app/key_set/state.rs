//! What operators see of a key set.

use portcullis_feed::KeyMaterial;
use portcullis_store::{KeySet, KeySetSource, SetKey};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::time::Moment;

/// The key set that an access profile follows, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeySetState {
    /// Where it is fetched: `jwks` or `issuer`, and a URL.
    #[schema(example = "issuer https://idp.example.com")]
    pub source: String,
    /// When it was had last. Null, when it never was: no token is good yet.
    pub fetched_at: Option<Moment>,
    /// When it is fetched next. Null, when that is about to be settled.
    pub next_fetch_at: Option<Moment>,
    /// Why it could not be had when it was asked for last. Null, when it could. The keys that are known stay in force.
    pub failure: Option<String>,
    /// The keys that are known.
    pub keys: Vec<KeyOfSet>,
}

/// A key of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeyOfSet {
    /// Its name.
    pub kid: Option<String>,
    /// Its kind: `RSA`, `EC` or `OKP`.
    #[schema(example = "RSA")]
    pub kty: String,
    /// Its size.
    #[schema(example = 2048)]
    pub bits: usize,
    /// The only algorithm that it is for, where the set says so.
    #[schema(example = "RS256")]
    pub alg: Option<String>,
}

impl KeySetState {
    /// Of a set that may be known.
    #[must_use]
    pub fn of(source: &KeySetSource, known: Option<&KeySet>) -> Self {
        Self {
            source: source.to_string(),
            fetched_at: known.and_then(|set| set.fetched_at_ms).map(Moment::from_ms),
            next_fetch_at: known.map(|set| Moment::from_ms(set.due_at_ms)),
            failure: known.and_then(|set| set.failure.clone()),
            keys: known
                .map(|set| set.keys.iter().map(KeyOfSet::from).collect())
                .unwrap_or_default(),
        }
    }
}

impl From<&SetKey> for KeyOfSet {
    fn from(key: &SetKey) -> Self {
        let (kty, bits) = kind_and_bits(&key.key.material);
        Self {
            kid: key.key.kid.clone(),
            kty: kty.to_owned(),
            bits,
            alg: key.alg.map(|alg| alg.name().to_owned()),
        }
    }
}

/// The kind of a key, as JSON Web Keys name it, and its size in bits.
#[must_use]
pub fn kind_and_bits(material: &KeyMaterial) -> (&'static str, usize) {
    match material {
        KeyMaterial::Rsa { n, .. } => ("RSA", significant_bits(&n.0)),
        KeyMaterial::Ec { crv, x, .. } => match crv.as_str() {
            "P-521" => ("EC", 521),
            _ => ("EC", x.0.len().saturating_mul(8)),
        },
        KeyMaterial::Okp { x, .. } => ("OKP", x.0.len().saturating_mul(8)),
        KeyMaterial::Oct { k } => ("oct", k.0.len().saturating_mul(8)),
    }
}

fn significant_bits(number: &[u8]) -> usize {
    let mut digits = number.iter().skip_while(|byte| **byte == 0);
    let Some(first) = digits.next() else {
        return 0;
    };
    let of_first = usize::try_from(u8::BITS.saturating_sub(first.leading_zeros())).unwrap_or(8);
    digits.count().saturating_mul(8).saturating_add(of_first)
}
