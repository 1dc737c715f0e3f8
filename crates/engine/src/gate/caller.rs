//! Who calls: a credential, known or verified, leads to the one who holds it.

use std::sync::Arc;

use portcullis_feed::{Digest, KeyState, ProfileId};

use super::{ClaimHeader, Gate, Registry, World};
use crate::api_key;
use crate::credential::{Presentation, PresentedCredential};
use crate::decision::{Denial, DenialReason};
use crate::holder::{CredentialRecord, Holder, Record, header_text};
use crate::jwt::claims::{self, Unacceptable};
use crate::jwt::record::{TokenRecord, named_by_identity, named_by_profile};
use crate::jwt::verified::{TokenDigest, Verified};
use crate::jwt::{Token, looks_like_token};

/// The longest claim that is passed on, in bytes as it stands in its header. Services do not see longer ones.
pub const LONGEST_CLAIM: usize = 1_024;

/// Someone who has proved who they are.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) holder: Arc<Holder>,
    pub(crate) claims: Arc<[ClaimHeader]>,
}

/// Why it is not known who calls.
pub(super) struct Unknown {
    reason: DenialReason,
    /// Who it is all the same: what they proved was good until some time ago.
    holder: Option<Arc<Holder>>,
    /// Of whom a key is missing with which this might have been verified.
    missing_key_of: Option<ProfileId>,
}

impl Unknown {
    /// Whether it presented more than one credential.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.reason == DenialReason::RequestAmbiguous
    }
}

impl From<DenialReason> for Unknown {
    fn from(reason: DenialReason) -> Self {
        Self {
            reason,
            holder: None,
            missing_key_of: None,
        }
    }
}

impl<'a> From<Unknown> for Denial<'a> {
    fn from(unknown: Unknown) -> Self {
        Self {
            holder: unknown.holder,
            missing_key_of: unknown.missing_key_of,
            ..Denial::new(unknown.reason)
        }
    }
}

impl Gate {
    pub(super) fn authenticate(
        &self,
        presentation: &Presentation<'_>,
        registry: &impl Registry,
        world: &World<'_>,
    ) -> Result<Caller, Unknown> {
        let credential = presentation
            .credential()
            .map_err(|_| DenialReason::RequestAmbiguous)?
            .ok_or(if presentation.is_malformed() {
                DenialReason::CredentialInvalid
            } else {
                DenialReason::CredentialMissing
            })?;
        if credential.is_bearer() && credential.as_bytes().first() == Some(&b'e') {
            let digest = world.verified.digest(credential.as_bytes());
            if let Some(caller) = again(&digest, registry, world) {
                return Ok(caller);
            }
            if looks_like_token(credential.as_bytes()) {
                return self.verify(credential, digest, registry, world);
            }
        }
        let holder = holder_of_key(credential.as_bytes(), registry);
        Ok(Caller {
            holder: holder.ok_or(DenialReason::CredentialInvalid)?,
            claims: Arc::default(),
        })
    }

    fn verify(
        &self,
        credential: &PresentedCredential<'_>,
        digest: TokenDigest,
        registry: &impl Registry,
        world: &World<'_>,
    ) -> Result<Caller, Unknown> {
        let invalid = || Unknown::from(DenialReason::CredentialInvalid);
        let token = Token::parse(credential.as_bytes()).map_err(|_| invalid())?;
        let (name, holder) = self.named(&token, registry).ok_or_else(invalid)?;
        let CredentialRecord::Token { method, .. } = &holder.record().credential else {
            return Err(invalid());
        };
        if !token.names(method.algorithm) {
            return Err(invalid());
        }
        if !is_signed(&token, method, world) {
            let is_unknown = |kid| !method.keys.iter().any(|key| key.kid() == Some(kid));
            let may_be_new = method.follows_key_set && token.kid().is_none_or(is_unknown);
            return Err(Unknown {
                missing_key_of: may_be_new.then_some(holder.record().profile_id),
                ..invalid()
            });
        }
        let good_until_ms = match method.rules.check(token.claims(), (world.now_ms)()) {
            Ok(good_until_ms) => good_until_ms,
            Err(Unacceptable::Wrong) => return Err(invalid()),
            Err(Unacceptable::Expired) => {
                return Err(Unknown {
                    holder: Some(holder),
                    ..DenialReason::CredentialExpired.into()
                });
            }
        };
        let claims = self.told(&token);
        let verified = Verified {
            name,
            holder: Arc::downgrade(&holder),
            good_until_ms,
            claims: Arc::clone(&claims),
        };
        world.verified.insert(digest, verified);
        Ok(Caller { holder, claims })
    }

    /// Finds the profile that a token names: by its own name, by the name that the issuer has for it, or by its API key.
    fn named(&self, token: &Token<'_>, registry: &impl Registry) -> Option<(Digest, Arc<Holder>)> {
        let subject = token.subject(&self.token_claims, self.names_by_key_id)?;
        let find = |name| Some((name, found(&name, registry)?));
        if let Ok(id) = subject.parse::<ProfileId>() {
            return find(named_by_profile(&id));
        }
        let issuer = token.claims().get("iss").and_then(|it| it.as_str());
        issuer
            .and_then(|issuer| find(named_by_identity(issuer, subject)))
            .or_else(|| find(api_key::digest(subject.as_bytes())))
    }

    /// The claims that the service is told.
    fn told(&self, token: &Token<'_>) -> Arc<[ClaimHeader]> {
        let told = self.claim_headers.iter().filter_map(|(header, claim)| {
            let value = claims::shown(token.claims().get(claim.as_ref())?)?;
            let value = header_text(&value);
            (value.len() <= LONGEST_CLAIM).then(|| ClaimHeader {
                name: header.clone(),
                value: value.into(),
            })
        });
        told.collect()
    }
}

/// The same token as before. What was found then must be what is found now.
fn again(digest: &TokenDigest, registry: &impl Registry, world: &World<'_>) -> Option<Caller> {
    let verified = world.verified.find(digest)?;
    let holder = found(&verified.name, registry)?;
    let is_good = verified.was_found(&holder) && (world.now_ms)() < verified.good_until_ms;
    is_good.then_some(Caller {
        holder,
        claims: verified.claims,
    })
}

fn is_signed(token: &Token<'_>, method: &TokenRecord, world: &World<'_>) -> bool {
    method.candidates(token.kid()).any(|key| {
        let (signed, signature) = (token.signed(), token.signature());
        world
            .signatures
            .is_good(method.algorithm, key, signed, signature)
    })
}

fn holder_of_key(key: &[u8], registry: &impl Registry) -> Option<Arc<Holder>> {
    let digest = api_key::digest(key);
    let holder = match registry.cached(&digest) {
        Some(holder) => holder,
        None if api_key::is_mistyped(key) => return None,
        None => registry.stored(&digest)?,
    };
    match holder.record().credential {
        CredentialRecord::ApiKey(_) => Some(holder),
        CredentialRecord::Token { .. } => None,
    }
}

fn found(name: &Digest, registry: &impl Registry) -> Option<Arc<Holder>> {
    registry.cached(name).or_else(|| registry.stored(name))
}

/// Whether someone who has proved who they are may call anything now.
pub(super) fn check_standing(
    record: &Record,
    now_ms: &dyn Fn() -> u64,
) -> Result<(), DenialReason> {
    let is_over = |end: Option<u64>| end.is_some_and(|end_ms| end_ms <= now_ms());
    let key = record.key().map(|key| &*key.standing);
    match key.map(|key| key.state) {
        None | Some(KeyState::Active) => {}
        Some(KeyState::Revoked) => return Err(DenialReason::CredentialRevoked),
    }
    if !record.conditions.client_enabled {
        return Err(DenialReason::ClientDisabled);
    }
    if !record.conditions.profile_enabled {
        return Err(DenialReason::ProfileDisabled);
    }
    let key_end = key.and_then(|key| key.expires_at_ms);
    if is_over(key_end) || is_over(record.conditions.expires_at_ms) {
        return Err(DenialReason::CredentialExpired);
    }
    Ok(())
}
