//! The verdict on a request: a [`Permit`] as evidence that every check was passed, or a [`Denial`] with its reason.

use std::net::IpAddr;
use std::sync::Arc;

use portcullis_feed::ProfileId;

use crate::gate::{Caller, ClaimHeader};
use crate::holder::Holder;
use crate::limit::{Allowance, Exhausted};
use crate::route::{RoutedCollection, RoutedEndpoint};

/// The verdict. A denial is an outcome, not a fault.
pub type Decision<'a> = Result<Permit<'a>, Denial<'a>>;

/// Evidence that a request passed every check, or that its refusal is only noted, and what to do with it before it goes
/// on. Only the gate makes one.
#[derive(Debug)]
pub struct Permit<'a> {
    pub(crate) caller: Option<Caller>,
    pub(crate) collection: Option<Arc<RoutedCollection>>,
    pub(crate) place: Option<u16>,
    pub(crate) allowance: Option<Allowance>,
    pub(crate) stripped: Vec<&'a [u8]>,
    pub(crate) target: Option<Vec<u8>>,
    pub(crate) observed: Option<Box<Denial<'a>>>,
}

/// A key that still works although a newer one stands in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deprecation {
    /// Since when, in milliseconds since 1970.
    pub since_ms: u64,
    /// When it stops working, in milliseconds since 1970, if that is known.
    pub until_ms: Option<u64>,
}

impl<'a> Permit<'a> {
    /// Who is let through. None where nobody has to say who they are, and nobody did.
    #[must_use]
    pub fn holder(&self) -> Option<&Holder> {
        self.caller.as_ref().map(|caller| caller.holder.as_ref())
    }

    /// To which collection. None where a refusal is only noted.
    #[must_use]
    pub fn collection(&self) -> Option<&RoutedCollection> {
        self.collection.as_deref()
    }

    /// What a request counts for.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject {
            holder: self.caller.as_ref().map(|it| Arc::clone(&it.holder)),
            collection: self.collection.clone(),
            place: self.place,
        }
    }

    /// The claims of the caller's token that the service is told.
    #[must_use]
    pub fn claims(&self) -> &[ClaimHeader] {
        self.caller.as_ref().map_or(&[], |caller| &caller.claims)
    }

    /// The names of headers that must not reach the service: those that carried the credential, and those that could
    /// be taken for an identity header of ours. Each is removed with all its values.
    #[must_use]
    pub fn stripped(&self) -> &[&'a [u8]] {
        &self.stripped
    }

    /// What `:path` has to be instead, where the query carried the credential.
    #[must_use]
    pub fn target(&self) -> Option<&[u8]> {
        self.target.as_deref()
    }

    /// Whose limit the request counted against, and how things stand with it. None where nothing is limited, or where it
    /// did not count.
    #[must_use]
    pub fn allowance(&self) -> Option<(&Arc<Holder>, Allowance)> {
        Some((&self.caller.as_ref()?.holder, self.allowance?))
    }

    /// Why the request would have been refused.
    #[must_use]
    pub fn observed(&self) -> Option<&Denial<'a>> {
        self.observed.as_deref()
    }

    /// Whether the caller should change over to a newer key.
    #[must_use]
    pub fn deprecation(&self) -> Option<Deprecation> {
        let key = self.holder()?.key_standing()?;
        Some(Deprecation {
            since_ms: key.deprecated_at_ms?,
            until_ms: key.expires_at_ms,
        })
    }
}

/// What a request counts for, as far as that is proven.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Who called.
    pub holder: Option<Arc<Holder>>,
    /// Which collection.
    pub collection: Option<Arc<RoutedCollection>>,
    /// The place of the endpoint in its collection.
    pub place: Option<u16>,
}

/// A refusal, with whom it concerns as far as that is proven.
#[derive(Debug)]
pub struct Denial<'a> {
    /// Why.
    pub reason: DenialReason,
    /// Who was refused. None until the credential was found to be known.
    pub holder: Option<Arc<Holder>>,
    /// What was asked for, where that was looked at.
    pub collection: Option<Arc<RoutedCollection>>,
    /// The place of the endpoint that was asked for, among those of the collection.
    pub place: Option<u16>,
    /// The address that was not allowed. None where none was judged, or it was not known.
    pub judged_address: Option<IpAddr>,
    /// Whose key set may have a key meanwhile with which the token might have been verified.
    pub missing_key_of: Option<ProfileId>,
    /// How things stand with the limit that is reached, where that is why.
    pub exhausted: Option<Box<Exhausted>>,
    /// The same names as in a permit. No service sees a refused request, but access logs do.
    pub(crate) stripped: Vec<&'a [u8]>,
    pub(crate) target: Option<Vec<u8>>,
}

impl<'a> Denial<'a> {
    pub(crate) fn new(reason: DenialReason) -> Self {
        Self {
            reason,
            holder: None,
            collection: None,
            place: None,
            judged_address: None,
            missing_key_of: None,
            exhausted: None,
            stripped: vec![],
            target: None,
        }
    }

    /// A refusal by somebody behind the gate, of a request that counted for this.
    #[must_use]
    pub fn behind(reason: DenialReason, subject: &Subject) -> Self {
        let subject = subject.clone();
        Self {
            holder: subject.holder,
            collection: subject.collection,
            place: subject.place,
            ..Self::new(reason)
        }
    }

    pub(crate) fn of(self, holder: &Arc<Holder>) -> Self {
        Self {
            holder: Some(Arc::clone(holder)),
            ..self
        }
    }

    pub(crate) fn to(self, endpoint: &RoutedEndpoint) -> Self {
        Self {
            collection: Some(Arc::clone(&endpoint.collection)),
            place: Some(endpoint.place),
            ..self
        }
    }

    /// What the request counts for.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject {
            holder: self.holder.clone(),
            collection: self.collection.clone(),
            place: self.place,
        }
    }

    /// The names of headers that carried the credential or could be taken for an identity header of ours.
    #[must_use]
    pub fn stripped(&self) -> &[&'a [u8]] {
        &self.stripped
    }

    /// What `:path` has to be instead, where the query carried a credential.
    #[must_use]
    pub fn target(&self) -> Option<&[u8]> {
        self.target.as_deref()
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenialReason {
    /// The request can be read in more than one way: its path, its host, or several credentials.
    RequestAmbiguous,
    /// No credential was presented.
    CredentialMissing,
    /// The credential is unknown or malformed.
    CredentialInvalid,
    /// The credential, or its profile, was good until some time ago.
    CredentialExpired,
    /// The credential was withdrawn.
    CredentialRevoked,
    /// The client is disabled.
    ClientDisabled,
    /// The access profile is disabled.
    ProfileDisabled,
    /// The profile may not be used from the caller's address.
    AddressNotAllowed,
    /// No collection has such an endpoint.
    EndpointNotFound,
    /// The profile does not grant the collection.
    CollectionNotGranted,
    /// The endpoint is switched off.
    EndpointDisabled,
    /// Too many requests in a short time.
    RateLimitExceeded,
    /// Too many requests in a long time.
    QuotaExceeded,
    /// The gateway does not know its clients yet.
    NotReady,
}

impl DenialReason {
    /// Every reason, for tests and documents that must not forget one.
    pub const ALL: [Self; 14] = [
        Self::RequestAmbiguous,
        Self::CredentialMissing,
        Self::CredentialInvalid,
        Self::CredentialExpired,
        Self::CredentialRevoked,
        Self::ClientDisabled,
        Self::ProfileDisabled,
        Self::AddressNotAllowed,
        Self::EndpointNotFound,
        Self::CollectionNotGranted,
        Self::EndpointDisabled,
        Self::RateLimitExceeded,
        Self::QuotaExceeded,
        Self::NotReady,
    ];

    /// Whether it is about what someone may do who has proved who they are and may call something.
    #[must_use]
    pub const fn is_about_rights(self) -> bool {
        match self {
            Self::AddressNotAllowed
            | Self::EndpointNotFound
            | Self::CollectionNotGranted
            | Self::EndpointDisabled
            | Self::RateLimitExceeded
            | Self::QuotaExceeded => true,
            Self::RequestAmbiguous
            | Self::CredentialMissing
            | Self::CredentialInvalid
            | Self::CredentialExpired
            | Self::CredentialRevoked
            | Self::ClientDisabled
            | Self::ProfileDisabled
            | Self::NotReady => false,
        }
    }

    /// The status of the answer that a refused caller gets (RFC 9110 section 15).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::RequestAmbiguous => 400,
            Self::CredentialMissing
            | Self::CredentialInvalid
            | Self::CredentialExpired
            | Self::CredentialRevoked => 401,
            Self::ClientDisabled
            | Self::ProfileDisabled
            | Self::AddressNotAllowed
            | Self::CollectionNotGranted => 403,
            Self::EndpointNotFound | Self::EndpointDisabled => 404,
            Self::RateLimitExceeded | Self::QuotaExceeded => 429,
            Self::NotReady => 503,
        }
    }

    /// The stable name in answers, logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::RequestAmbiguous => "request_ambiguous",
            Self::CredentialMissing => "credential_missing",
            Self::CredentialInvalid => "credential_invalid",
            Self::CredentialExpired => "credential_expired",
            Self::CredentialRevoked => "credential_revoked",
            Self::ClientDisabled => "client_disabled",
            Self::ProfileDisabled => "profile_disabled",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::EndpointNotFound => "endpoint_not_found",
            Self::CollectionNotGranted => "collection_not_granted",
            Self::EndpointDisabled => "endpoint_disabled",
            Self::RateLimitExceeded => "rate_limit_exceeded",
            Self::QuotaExceeded => "quota_exceeded",
            Self::NotReady => "not_ready",
        }
    }
}
