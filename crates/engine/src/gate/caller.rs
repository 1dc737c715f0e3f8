//! Who calls: a credential, known or verified, leads to the one who holds it.

use std::sync::Arc;

use portcullis_feed::{Digest, KeyState, ProfileId};

use super::headers::Headers;
use super::trace::{Fault, Finding, Name, Trace, require};
use super::{ClaimHeader, Gate, Registry, World};
use crate::api_key;
use crate::credential::{Presentation, PresentedCredential, SeveralCredentials};
use crate::decision::Denial;
use crate::decision::DenialReason::{
    self, ClientDisabled, CredentialExpired, CredentialRevoked, ProfileDisabled,
};
use crate::holder::{Holder, header_text};
use crate::jwt::claims::{self, Unacceptable};
use crate::jwt::record::TokenRecord;
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
    fault: Fault,
    /// Who it is all the same: what they proved was good until some time ago.
    holder: Option<Arc<Holder>>,
    /// Of whom a key is missing with which this might have been verified.
    missing_key_of: Option<ProfileId>,
}

impl Unknown {
    /// Whether it presented more than one credential.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.fault == Fault::Several
    }
}

impl From<Fault> for Unknown {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
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
            ..Denial::new(unknown.fault.reason())
        }
    }
}

impl Gate {
    pub(super) fn authenticate(
        &self,
        headers: &Headers<'_>,
        registry: &impl Registry,
        world: &World<'_>,
        trace: &mut impl Trace,
    ) -> Result<Caller, Unknown> {
        let credential = presented(&headers.presentation);
        let finding = Finding::Credential {
            headers: &headers.carriers,
            query: headers.target.is_some(),
        };
        trace.judged(finding, credential.as_ref().err().map(|it| it.reason()));
        let caller = self.prove(credential?, registry, world, trace);
        let proven = match &caller {
            Ok(caller) => Ok(caller.holder.as_ref()),
            Err(unknown) => Err(unknown.fault),
        };
        trace.judged(
            Finding::Authentication(proven),
            proven.err().map(Fault::reason),
        );
        caller
    }

    fn prove(
        &self,
        credential: &PresentedCredential<'_>,
        registry: &impl Registry,
        world: &World<'_>,
        trace: &mut impl Trace,
    ) -> Result<Caller, Unknown> {
        if credential.is_bearer() && credential.as_bytes().first() == Some(&b'e') {
            let digest = world.verified.digest(credential.as_bytes());
            if let Some(caller) = again(&digest, registry, world) {
                return Ok(caller);
            }
            if looks_like_token(credential.as_bytes()) {
                return self.verify(credential, digest, registry, world, trace);
            }
        }
        Ok(Caller {
            holder: holder_of_key(credential.as_bytes(), registry, trace)?,
            claims: Arc::default(),
        })
    }

    fn verify(
        &self,
        credential: &PresentedCredential<'_>,
        digest: TokenDigest,
        registry: &impl Registry,
        world: &World<'_>,
        trace: &mut impl Trace,
    ) -> Result<Caller, Unknown> {
        let token = Token::parse(credential.as_bytes()).map_err(|_| Fault::UnreadableToken)?;
        let (name, holder) = self.named(&token, registry, trace)?;
        trace.named(&holder);
        let Some(method) = holder.token_method() else {
            return Err(Fault::NotForTokens.into());
        };
        if !token.names(method.algorithm) {
            return Err(Fault::OtherAlgorithm.into());
        }
        if !is_signed(&token, method, world) {
            let is_unknown = |kid| !method.keys.iter().any(|key| key.kid() == Some(kid));
            let may_be_new = method.follows_key_set && token.kid().is_none_or(is_unknown);
            return Err(Unknown {
                missing_key_of: may_be_new.then_some(holder.profile()),
                ..Fault::BadSignature.into()
            });
        }
        let good_until_ms = match method.rules.check(token.claims(), (world.now_ms)()) {
            Ok(good_until_ms) => good_until_ms,
            Err(Unacceptable::Wrong(rule)) => return Err(Fault::Claims(rule).into()),
            Err(Unacceptable::Expired) => {
                return Err(Unknown {
                    holder: Some(holder),
                    ..Fault::ExpiredToken.into()
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
    fn named(
        &self,
        token: &Token<'_>,
        registry: &impl Registry,
        trace: &mut impl Trace,
    ) -> Result<(Digest, Arc<Holder>), Fault> {
        let subject = token
            .subject(&self.token_claims, self.names_by_key_id)
            .ok_or(Fault::Nameless)?;
        let mut find = |name: Name<'_>| {
            trace.sought(name);
            let digest = name.digest();
            Some((digest, found(&digest, registry)?))
        };
        let holder = if let Ok(id) = subject.parse::<ProfileId>() {
            find(Name::Profile(id))
        } else {
            let issuer = token.claims().get("iss").and_then(|it| it.as_str());
            let client = subject;
            issuer
                .and_then(|issuer| find(Name::Identity { issuer, client }))
                .or_else(|| find(Name::Key(subject.as_bytes())))
        };
        holder.ok_or(Fault::UnknownName)
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

/// The one credential of a request.
fn presented<'p, 'a>(
    presentation: &'p Presentation<'a>,
) -> Result<&'p PresentedCredential<'a>, Fault> {
    match presentation.credential() {
        Ok(Some(credential)) => Ok(credential),
        Ok(None) if presentation.is_malformed() => Err(Fault::Malformed),
        Ok(None) => Err(Fault::Missing),
        Err(SeveralCredentials) => Err(Fault::Several),
    }
}

fn holder_of_key(
    key: &[u8],
    registry: &impl Registry,
    trace: &mut impl Trace,
) -> Result<Arc<Holder>, Fault> {
    trace.sought(Name::Key(key));
    let digest = api_key::digest(key);
    let holder = match registry.cached(&digest) {
        Some(holder) => holder,
        None if api_key::is_mistyped(key) => return Err(Fault::Mistyped),
        None => registry.stored(&digest).ok_or(Fault::UnknownKey)?,
    };
    match holder.token_method() {
        None => Ok(holder),
        Some(_) => Err(Fault::OnlyAName),
    }
}

fn found(name: &Digest, registry: &impl Registry) -> Option<Arc<Holder>> {
    registry.cached(name).or_else(|| registry.stored(name))
}

/// Whether someone who has proved who they are may call anything now.
pub(super) fn check_standing(
    holder: &Holder,
    now_ms: &dyn Fn() -> u64,
    trace: &mut impl Trace,
) -> Result<(), DenialReason> {
    let conditions = holder.conditions();
    let key = holder.key_standing();
    let is_current = key.is_none_or(|key| key.state == KeyState::Active);
    let (client, profile) = (conditions.client_enabled, conditions.profile_enabled);
    require(trace, Finding::Key(holder), is_current, CredentialRevoked)?;
    require(trace, Finding::Client(holder), client, ClientDisabled)?;
    require(trace, Finding::Profile(holder), profile, ProfileDisabled)?;
    let ends = [
        key.and_then(|key| key.expires_at_ms),
        conditions.expires_at_ms,
    ];
    let is_good = ends.iter().flatten().all(|end_ms| now_ms() < *end_ms);
    require(trace, Finding::Expiry(holder), is_good, CredentialExpired)
}
