//! The verdict on a request: a [`Permit`] as evidence that every check was passed, or a [`Denial`] with its reason.

use std::sync::Arc;

use crate::holder::Holder;
use crate::route::RoutedCollection;

/// The verdict. A denial is an outcome, not a fault.
pub type Decision<'a> = Result<Permit<'a>, Denial<'a>>;

/// Evidence that a request passed every check, and what to do with it before it goes on. Only the gate makes one.
#[derive(Debug)]
pub struct Permit<'a> {
    pub(crate) holder: Arc<Holder>,
    pub(crate) collection: Arc<RoutedCollection>,
    pub(crate) stripped: Vec<&'a [u8]>,
}

impl<'a> Permit<'a> {
    /// Who is let through.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }

    /// To which collection.
    #[must_use]
    pub fn collection(&self) -> &RoutedCollection {
        &self.collection
    }

    /// The names of headers that must not reach the service: those that carried the credential, and those that could
    /// be taken for an identity header of ours. Each is removed with all its values.
    #[must_use]
    pub fn stripped(&self) -> &[&'a [u8]] {
        &self.stripped
    }
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
    /// The same names as in a permit. No service sees a refused request, but access logs do.
    pub(crate) stripped: Vec<&'a [u8]>,
}

impl<'a> Denial<'a> {
    pub(crate) fn new(reason: DenialReason) -> Self {
        Self {
            reason,
            holder: None,
            collection: None,
            stripped: vec![],
        }
    }

    pub(crate) fn of(self, holder: &Arc<Holder>) -> Self {
        Self {
            holder: Some(Arc::clone(holder)),
            ..self
        }
    }

    pub(crate) fn to(self, collection: &Arc<RoutedCollection>) -> Self {
        Self {
            collection: Some(Arc::clone(collection)),
            ..self
        }
    }

    /// The names of headers that carried the credential or could be taken for an identity header of ours.
    #[must_use]
    pub fn stripped(&self) -> &[&'a [u8]] {
        &self.stripped
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenialReason {
    /// The request can be read in more than one way: its path, or several credentials.
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
