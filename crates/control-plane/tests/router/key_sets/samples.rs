//! Public keys and sets for these tests.

use portcullis_store::{KeySet, KeySetSource};
use serde_json::{Value, json};

/// A key on P-256 with a name.
pub fn p256(kid: &str) -> Value {
    json!({"kid": kid, "kty": "EC", "crv": "P-256",
        "x": "TvolggqBeyimV1m4DV0SLOr2hfC2wAr5pVCyVEzVZ4I",
        "y": "pMjbdEW-j_YOygdqBmixmKSmNLLIvcxfofcnycz2zwY"})
}

/// A set of such keys.
pub fn set(kids: &[&str]) -> Value {
    let keys: Vec<Value> = kids.iter().map(|kid| p256(kid)).collect();
    json!({ "keys": keys })
}

/// A set of which nothing is known.
pub fn unknown(source: KeySetSource) -> KeySet {
    KeySet {
        source,
        keys: Vec::new(),
        version: None,
        asked_at_ms: None,
        fetched_at_ms: None,
        due_at_ms: 0,
        failures: 0,
        failure: None,
    }
}

/// A set at a URL, of which nothing is known.
pub fn jwks(url: impl Into<String>) -> KeySet {
    unknown(KeySetSource::Jwks { url: url.into() })
}
