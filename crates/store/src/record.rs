//! The records as they are stored. Plain values: what makes them valid is decided by the control plane.

use portcullis_feed::{
    AddressLists, ClientId, CollectionId, Digest, Endpoint, PolicyId, ProfileId, Quota, RateLimit,
};

/// Who calls APIs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its public name.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// A disabled client can call nothing.
    pub enabled: bool,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: u64,
    /// Milliseconds since 1970, UTC.
    pub updated_at_ms: u64,
}

/// What a client may use, and from where. Its keys are records of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessProfile {
    /// Its public name.
    pub id: ProfileId,
    /// Whose it is.
    pub client_id: ClientId,
    /// What people call it.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// What it grants, in the order in which it was given.
    pub collections: Vec<CollectionId>,
    /// How much of it.
    pub policy_id: Option<PolicyId>,
    /// From which addresses.
    pub addresses: AddressLists,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// When it stops working: milliseconds since 1970, UTC.
    pub expires_at_ms: Option<u64>,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: u64,
    /// Milliseconds since 1970, UTC.
    pub updated_at_ms: u64,
}

/// An API key of a profile: never the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public id.
    pub id: String,
    /// Whose it is.
    pub profile_id: ProfileId,
    /// SHA-256 of the whole key.
    pub digest: Digest,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: u64,
    /// When it stops working: milliseconds since 1970, UTC.
    pub expires_at_ms: Option<u64>,
    /// When it was withdrawn: milliseconds since 1970, UTC.
    pub revoked_at_ms: Option<u64>,
}

/// A named, versioned group of endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its public name.
    pub id: CollectionId,
    /// What people call it. Unique together with the version.
    pub name: String,
    /// Which version of the API.
    pub version: String,
    /// More about it.
    pub description: Option<String>,
    /// What it consists of, in the order in which it was given.
    pub endpoints: Vec<Endpoint>,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: u64,
    /// Milliseconds since 1970, UTC.
    pub updated_at_ms: u64,
}

/// How much a profile may call. Shared by many profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its public name.
    pub id: PolicyId,
    /// What people call it.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// Over a short time.
    pub rate_limit: Option<RateLimit>,
    /// Over a long time.
    pub quota: Option<Quota>,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: u64,
    /// Milliseconds since 1970, UTC.
    pub updated_at_ms: u64,
}

/// Enough of a profile to point at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileName {
    /// Its public name.
    pub id: ProfileId,
    /// What people call it.
    pub name: String,
}

/// What a token opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// The REST interface.
    Operator,
    /// The feed.
    Gateway,
}

/// Where a token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenSource {
    /// Made by the control plane and shown once.
    Generated,
    /// Given to the control plane by its environment.
    Environment,
}

impl Client {
    /// As profiles carry it in the feed.
    pub(crate) fn as_carried(&self) -> portcullis_feed::Client {
        portcullis_feed::Client {
            id: self.id,
            name: self.name.clone(),
            enabled: self.enabled,
        }
    }
}

impl Collection {
    /// As the feed carries it.
    #[must_use]
    pub fn as_carried(&self) -> portcullis_feed::Collection {
        portcullis_feed::Collection {
            id: self.id,
            name: self.name.clone(),
            version: self.version.clone(),
            endpoints: self.endpoints.clone(),
            public: false,
            allows_dubious_paths: false,
        }
    }
}

impl Policy {
    /// As profiles carry it in the feed.
    pub(crate) fn as_carried(&self) -> portcullis_feed::Policy {
        portcullis_feed::Policy {
            id: self.id,
            rate_limit: self.rate_limit,
            quota: self.quota,
        }
    }
}

impl TokenKind {
    pub(crate) const fn as_text(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Gateway => "gateway",
        }
    }
}

impl TokenSource {
    pub(crate) const fn as_text(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Environment => "environment",
        }
    }
}
