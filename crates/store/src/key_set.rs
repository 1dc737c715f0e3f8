//! Key sets that are fetched from identity providers.

use portcullis_feed::{Algorithm, Jwk};
use serde::{Deserialize, Serialize};

/// A key of a set, as a JSON Web Key (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetKey {
    /// The key.
    #[serde(flatten)]
    pub key: Jwk,
    /// What it is for, where the set says so. Otherwise for whatever it is fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<Algorithm>,
}
