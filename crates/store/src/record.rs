//! The records as they are stored. Plain values: what makes them valid is decided by the control plane.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use portcullis_feed::{
    AddressLists, Algorithm, ClientId, CollectionId, Digest, Endpoint, Jwk, PolicyId, ProfileId,
    Quota, RateLimit, SecretOctets, TokenIdentity,
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
    /// The SHA-256 of its logo, if it has one. The logo is a record of its own.
    pub logo: Option<Digest>,
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
    /// How its callers prove themselves.
    pub access: AccessMethod,
    /// From which addresses.
    pub addresses: AddressLists,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// Whether calls that it does not grant are only noted, and pass.
    pub observe: bool,
    /// When it stops working: milliseconds since 1970, UTC.
    pub expires_at_ms: Option<u64>,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: u64,
    /// Milliseconds since 1970, UTC.
    pub updated_at_ms: u64,
}

/// How the callers of a profile prove themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccessMethod {
    /// By its API keys, which are records of their own.
    ApiKey,
    /// By a signed token.
    Jwt(Box<Jwt>),
}

/// What a token of a profile has to be like. What the members mean, [`portcullis_feed::Jwt`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwt {
    /// How it is signed.
    pub algorithm: Algorithm,
    /// With which keys.
    pub keys: JwtKeys,
    /// An identity provider's name for the profile. No two profiles have the same.
    pub identity: Option<TokenIdentity>,
    /// Whom `iss` has to name one of.
    pub issuers: Vec<String>,
    /// Of whom `aud` has to name at least one.
    pub audiences: Vec<String>,
    /// Claims that have to be there, and what they have to say where that is given.
    pub required_claims: BTreeMap<String, Option<String>>,
    /// How far `exp` may be from `iat`, in seconds.
    pub max_lifetime_s: Option<u64>,
    /// Whether a token without `exp` is good too.
    pub allows_no_expiry: bool,
}

/// Where the keys come from with which tokens are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwtKeys {
    /// An operator gave these public keys. A secret is none of them.
    Pasted(Vec<Jwk>),
    /// An operator gave this secret. Sealed in the database.
    Secret(SecretOctets),
    /// They are fetched from there, again and again.
    Followed(KeySetSource),
}

/// Where a key set is fetched. As text, `jwks URL` or `issuer URL`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeySetSource {
    /// From a URL.
    Jwks {
        /// Of the set itself.
        url: String,
    },
    /// From where an identity provider says (OpenID Connect Discovery 1.0).
    Discovery {
        /// Its identifier, which is a URL.
        issuer: String,
    },
}

/// A text says no source of a key set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the source of a key set, such as `jwks URL` or `issuer URL`")]
pub struct InvalidKeySetSource(String);

impl fmt::Display for KeySetSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jwks { url } => write!(f, "jwks {url}"),
            Self::Discovery { issuer } => write!(f, "issuer {issuer}"),
        }
    }
}

impl FromStr for KeySetSource {
    type Err = InvalidKeySetSource;

    fn from_str(text: &str) -> Result<Self, InvalidKeySetSource> {
        match text.split_once(' ') {
            Some(("jwks", url)) => Ok(Self::Jwks { url: url.into() }),
            Some(("issuer", issuer)) => Ok(Self::Discovery {
                issuer: issuer.into(),
            }),
            _ => Err(InvalidKeySetSource(text.into())),
        }
    }
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
    /// Since when a newer key stands in its place: milliseconds since 1970, UTC.
    pub deprecated_at_ms: Option<u64>,
    /// When it was withdrawn: milliseconds since 1970, UTC.
    pub revoked_at_ms: Option<u64>,
    /// Whether it came from elsewhere.
    pub imported: bool,
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
    /// Whether anybody may call it, without a credential.
    pub public: bool,
    /// Whether its service is safe with paths that some services read in another way than Envoy does.
    pub allows_dubious_paths: bool,
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
            public: self.public,
            allows_dubious_paths: self.allows_dubious_paths,
        }
    }
}

impl Policy {
    /// As profiles carry it in the feed.
    pub(crate) fn as_carried(&self) -> portcullis_feed::Policy {
        portcullis_feed::Policy {
            id: self.id,
            rate_limit: self.rate_limit,
            quota: self.quota.clone(),
            quota_used_up_until_ms: None,
            quota_offsets: Vec::new(),
        }
    }
}
