//! What is kept of a profile whose callers prove themselves by tokens, and under which names it is found.

use portcullis_feed::{Algorithm, Digest, Jwt, ProfileId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::key::{InvalidKey, VerificationKey};

/// The access method of a profile, ready to verify tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// How tokens are signed.
    pub algorithm: Algorithm,
    /// With which keys.
    pub keys: Vec<VerificationKey>,
    /// Whether there may be newer keys than these.
    pub follows_key_set: bool,
    /// What tokens have to claim.
    pub rules: TokenRules,
}

/// What a token has to claim: see [`Jwt`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRules {
    pub(super) issuers: Vec<String>,
    pub(super) audiences: Vec<String>,
    pub(super) required_claims: Vec<(String, Option<String>)>,
    pub(super) max_lifetime_s: Option<u64>,
    pub(super) allows_no_expiry: bool,
}

impl TokenRecord {
    /// Compiles an access method. Of a key set, keys that do not fit the algorithm are left out: a set serves others too.
    ///
    /// # Errors
    /// When a key of the profile's own cannot be used.
    pub fn of(jwt: &Jwt) -> Result<Self, InvalidKey> {
        let read = |key| VerificationKey::new(key, jwt.algorithm);
        let keys = if jwt.follows_key_set {
            let fit = jwt.keys.iter().filter_map(|key| read(key).ok());
            fit.take(Jwt::MOST_KEYS).collect()
        } else {
            jwt.keys.iter().map(read).collect::<Result<_, _>>()?
        };
        Ok(Self {
            algorithm: jwt.algorithm,
            keys,
            follows_key_set: jwt.follows_key_set,
            rules: TokenRules::from(jwt),
        })
    }

    /// The keys that a token may be signed with which names this one: those of that name and those without one. A token
    /// that names none may be signed with any. A key that stands alone and was not fetched needs no name: tokens may
    /// say there who they are about instead.
    pub fn candidates<'k>(
        &'k self,
        kid: Option<&'k str>,
    ) -> impl Iterator<Item = &'k VerificationKey> {
        let is_alone = self.keys.len() == 1 && !self.follows_key_set;
        let kid = kid.filter(|_| !is_alone);
        self.keys
            .iter()
            .filter(move |key| kid.is_none() || key.kid().is_none() || key.kid() == kid)
    }
}

/// Under which digest a profile is found by its own name.
#[must_use]
pub fn named_by_profile(id: &ProfileId) -> Digest {
    name(&[b"profile", id.as_bytes()])
}

/// Under which digest a profile is found by the name that an identity provider has for it.
#[must_use]
pub fn named_by_identity(issuer: &str, client: &str) -> Digest {
    name(&[
        b"identity",
        &issuer.len().to_be_bytes(),
        issuer.as_bytes(),
        client.as_bytes(),
    ])
}

/// Begins with a byte that no header can carry, unlike API keys; and whoever presents such a name as a key finds a
/// record that no key opens.
fn name(parts: &[&[u8]]) -> Digest {
    let mut digest = Sha256::new();
    digest.update([0]);
    parts.iter().for_each(|part| digest.update(part));
    Digest(digest.finalize().into())
}
