//! ID tokens (OpenID Connect Core 1.0 section 3.1.3.7): whether one is good, and what it says.

use portcullis_engine::jwt::{PureRust, Signatures as _, Token, TokenRecord};
use portcullis_feed::{Algorithm, Jwt};
use portcullis_store::SetKey;
use serde_json::{Map, Value};

use super::ProviderSettings;

/// An ID token proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdToken {
    /// It cannot be read.
    #[error("the ID token cannot be read")]
    Unreadable,
    /// It is signed in a way that is not taken.
    #[error("the ID token is not signed by a public key")]
    Algorithm,
    /// Its signature is not the provider's.
    #[error("the signature of the ID token is not the provider's")]
    Signature,
    /// It is for another, from another, or of another time.
    #[error(
        "the ID token is not from the provider, not for this control plane, or not of this time"
    )]
    Claims,
    /// It answers another question.
    #[error("the ID token was not asked for by this browser")]
    Nonce,
}

/// The algorithms that are taken: those of public keys. A provider that signs with the secret of a client could not be
/// told from that client.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What a good token claims.
pub(super) fn verified(
    text: &str,
    keys: &[SetKey],
    settings: &ProviderSettings,
    nonce: &str,
    now_ms: u64,
) -> Result<Map<String, Value>, InvalidIdToken> {
    let token = Token::parse(text.as_bytes()).map_err(|_| InvalidIdToken::Unreadable)?;
    let algorithm = ALGORITHMS
        .into_iter()
        .find(|algorithm| token.names(*algorithm))
        .ok_or(InvalidIdToken::Algorithm)?;
    let record = record(algorithm, keys, settings).ok_or(InvalidIdToken::Signature)?;
    let is_good = record
        .candidates(token.kid())
        .any(|key| PureRust.is_good(algorithm, key, token.signed(), token.signature()));
    if !is_good {
        return Err(InvalidIdToken::Signature);
    }
    let claims = token.claims();
    let checked = record.rules.check(claims, now_ms);
    checked.map_err(|_| InvalidIdToken::Claims)?;
    refuse_for_others(claims, &settings.client_id)?;
    if claims.get("nonce").and_then(Value::as_str) != Some(nonce) {
        return Err(InvalidIdToken::Nonce);
    }
    Ok(claims.clone())
}

/// What a token of the provider has to be like, as if it were one of an API client.
fn record(
    algorithm: Algorithm,
    keys: &[SetKey],
    settings: &ProviderSettings,
) -> Option<TokenRecord> {
    let fit = keys
        .iter()
        .filter(|key| key.alg.is_none_or(|alg| alg == algorithm));
    let record = TokenRecord::of(&Jwt {
        algorithm,
        keys: fit.map(|key| key.key.clone()).collect(),
        follows_key_set: true,
        named_by_keys: Vec::new(),
        identity: None,
        issuers: vec![settings.issuer.clone()],
        audiences: vec![settings.client_id.clone()],
        required_claims: [("sub".to_owned(), None)].into(),
        max_lifetime_s: None,
        allows_no_expiry: false,
    });
    record.ok()
}

/// A token that is for several names whom it was issued to.
fn refuse_for_others(claims: &Map<String, Value>, client_id: &str) -> Result<(), InvalidIdToken> {
    let is_for_several =
        matches!(claims.get("aud"), Some(Value::Array(audiences)) if audiences.len() > 1);
    let is_ours = match claims.get("azp") {
        Some(party) => party.as_str() == Some(client_id),
        None => !is_for_several,
    };
    is_ours.then_some(()).ok_or(InvalidIdToken::Claims)
}
