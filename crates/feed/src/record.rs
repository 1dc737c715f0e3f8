//! The records of the feed. Each profile is self-contained: whoever applies one needs to fetch nothing else.

use serde::{Deserialize, Serialize};

use crate::{ClientId, CollectionId, Digest, Jwt, PolicyId, ProfileId};

/// An access profile with everything that a gateway needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its public name.
    pub id: ProfileId,
    /// Whose it is.
    pub client: Client,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// When it stops working: milliseconds since 1970, UTC. Never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<u64>,
    /// How callers prove themselves.
    pub access: AccessMethod,
    /// From which addresses.
    #[serde(default)]
    pub addresses: AddressLists,
    /// What is granted.
    pub collections: Vec<CollectionId>,
    /// How much of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// Whether a call that is refused for what the profile may do (address, endpoint, collection, limits) is only noted
    /// and passes. Who cannot prove who it is, or is switched off, is refused all the same.
    #[serde(default, skip_serializing_if = "is_false")]
    pub observe: bool,
}

/// The client of a profile, as far as a gateway needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its public name.
    pub id: ClientId,
    /// What people call it.
    pub name: String,
    /// A disabled client can call nothing.
    pub enabled: bool,
}

/// How the callers of a profile prove themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessMethod {
    /// By any of these keys that is not spent.
    ApiKey {
        /// Current keys, and those revoked lately so that their holders can be told.
        keys: Vec<ApiKey>,
    },
    /// By a signed token.
    Jwt(Box<Jwt>),
}

/// An API key as a gateway knows it: never the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its public id, which may be logged.
    pub id: String,
    /// SHA-256 of the whole key as its caller presents it.
    pub digest: Digest,
    /// When it stops working: milliseconds since 1970, UTC. Never, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<u64>,
    /// Since when a newer key stands in its place: milliseconds since 1970, UTC. It works until it expires, and its
    /// callers are told so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated_at_ms: Option<u64>,
    /// Whether it may still be used.
    pub state: KeyState,
}

/// Whether a key may still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It may.
    Active,
    /// It was withdrawn; its holder is told so.
    Revoked,
}

/// Addresses as operators write them: single addresses, CIDR blocks, and ranges such as `10.0.0.1-10.0.0.9`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressLists {
    /// Only these may call. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// These may not, even when allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

/// A named, versioned group of endpoints: what is granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Its public name.
    pub id: CollectionId,
    /// What people call it; services receive it.
    pub name: String,
    /// Which version of the API, such as `v2`.
    pub version: String,
    /// What it consists of.
    pub endpoints: Vec<Endpoint>,
    /// Whether anybody may call it, without a credential.
    #[serde(default, skip_serializing_if = "is_false")]
    pub public: bool,
    /// Whether its service is safe with paths that some services read in another way than Envoy does: path parameters
    /// (`;`), double encoding, encoded control bytes, overlong UTF-8, segments of dots that end in dots or blanks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allows_dubious_paths: bool,
}

/// One operation of an API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The host it is served on, without port, or `*.` and a parent domain. Any host, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// An HTTP method in upper case, or `*` for any.
    pub method: String,
    /// A path template: literal segments, `{name}` for one segment, and `/**` at the end for any rest.
    pub path: String,
    /// A disabled endpoint answers as if it did not exist.
    pub enabled: bool,
}

/// How much a profile may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its public name.
    pub id: PolicyId,
    /// Over a short time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Over a long time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// Until when the profile has used its quota up, over all gateways: milliseconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_used_up_until_ms: Option<u64>,
    /// The local time by which its windows begin, as far as it is known ahead: in the order of time. Empty for UTC.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quota_offsets: Vec<UtcOffset>,
}

/// From when on local time differs by how much: minutes since 1970, UTC, and minutes ahead of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UtcOffset(pub u64, pub i16);

/// So many requests in each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How many.
    pub requests: u32,
    /// In which time.
    pub per: RateWindow,
    /// How many may come at once. As many as `requests`, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// What is counted together. The requests of each profile, when absent.
    #[serde(default, skip_serializing_if = "RateScope::is_usual")]
    pub scope: RateScope,
}

/// What a rate limit counts together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateScope {
    /// The requests of one profile.
    #[default]
    AccessProfile,
    /// The requests of all profiles of a client that have the policy.
    Client,
}

impl RateScope {
    /// Whether it is the one that limits have when they do not say.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// The time over which a rate limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum RateWindow {
    Second,
    Minute,
    Hour,
    Day,
}

/// So many requests in each calendar window, counted for each profile over all gateways. Gateways are told requests and
/// window only, and the rest beside it: those that know nothing of it go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// How many.
    pub requests: u64,
    /// In which time.
    pub per: QuotaWindow,
    /// By whose calendar: a name of the IANA time zone database. By UTC, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Which requests count. Those that were permitted, when absent.
    #[serde(default, skip_serializing_if = "QuotaCounts::is_usual")]
    pub counts: QuotaCounts,
}

/// Which requests count in a quota.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaCounts {
    /// Those that were permitted.
    #[default]
    Permitted,
    /// All by which a caller proved to be of the profile, refused ones too.
    All,
}

impl QuotaCounts {
    /// Whether it is what quotas count when they do not say.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// The time over which a quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum QuotaWindow {
    Day,
    Week,
    Month,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for this form"
)]
pub(crate) fn is_false(value: &bool) -> bool {
    !value
}
