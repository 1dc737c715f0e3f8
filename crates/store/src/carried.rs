//! How tokens and keys stand in the feed: what gateways need to know of them.

use portcullis_feed::{Jwk, KeyMaterial, KeyState};

use crate::{ApiKey, Jwt, JwtKeys};

/// For how long the holders of a spent key are told that it is revoked or expired, and not merely unknown.
const SPENT_TOLD_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// The tokens of a profile. The keys of a set that it follows are still missing: as long as it was never fetched, no
/// token is good.
pub(crate) fn jwt(jwt: Jwt, named_by_keys: Vec<portcullis_feed::ApiKey>) -> portcullis_feed::Jwt {
    let follows_key_set = matches!(jwt.keys, JwtKeys::Followed(_));
    let keys = match jwt.keys {
        JwtKeys::Pasted(keys) => keys,
        JwtKeys::Secret(k) => vec![Jwk {
            kid: None,
            material: KeyMaterial::Oct { k },
        }],
        JwtKeys::Followed(_) => Vec::new(),
    };
    portcullis_feed::Jwt {
        algorithm: jwt.algorithm,
        keys,
        follows_key_set,
        named_by_keys,
        identity: jwt.identity,
        issuers: jwt.issuers,
        audiences: jwt.audiences,
        required_claims: jwt.required_claims,
        max_lifetime_s: jwt.max_lifetime_s,
        allows_no_expiry: jwt.allows_no_expiry,
    }
}

/// Since when keys have to have been spent for their holders to be told.
pub(crate) const fn told_since_ms(now_ms: u64) -> u64 {
    now_ms.saturating_sub(SPENT_TOLD_MS)
}

/// The keys of a profile that are good, or were until lately.
pub(crate) fn keys(keys: Vec<ApiKey>, now_ms: u64) -> Vec<portcullis_feed::ApiKey> {
    let told_since_ms = told_since_ms(now_ms);
    keys.into_iter()
        .filter(|key| key.revoked_at_ms.is_none_or(|at| at >= told_since_ms))
        .filter(|key| key.expires_at_ms.is_none_or(|at| at >= told_since_ms))
        .map(|key| portcullis_feed::ApiKey {
            id: key.id,
            digest: key.digest,
            expires_at_ms: key.expires_at_ms,
            deprecated_at_ms: key.deprecated_at_ms,
            state: match key.revoked_at_ms {
                Some(_) => KeyState::Revoked,
                None => KeyState::Active,
            },
        })
        .collect()
}
