//! Who a credential belongs to: the access profile as the data plane keeps it, compiled once from the feed.

use portcullis_feed::{
    AccessMethod, ApiKey, Client, CollectionId, Digest, Jwt, KeyState, Policy, Profile, ProfileId,
};
use serde::{Deserialize, Serialize};

use crate::address::{AddressRules, InvalidAddress};
use crate::jwt::InvalidKey;
use crate::jwt::record::{self, TokenRecord};

/// What is kept for each credential of a profile, and for each name by which tokens call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The profile that it opens. First, so that whose record it is can be told from its first bytes.
    pub profile_id: ProfileId,
    /// What was found: a key, or the name of a profile with tokens.
    pub credential: CredentialRecord,
    /// Whether the profile may be used.
    pub profile_enabled: bool,
    /// When the profile stops working, in milliseconds since 1970.
    pub profile_expires_at_ms: Option<u64>,
    /// Whose profile it is.
    pub client: ClientRecord,
    /// From where it may be used.
    pub addresses: AddressRules,
    /// What is granted.
    pub collections: Vec<CollectionId>,
    /// How much of it.
    pub policy: Option<PolicyRecord>,
    /// Whether a refusal for what the profile may do is only noted.
    pub observe: bool,
}

/// What is kept under a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialRecord {
    /// An API key, which opens the profile.
    ApiKey(KeyRecord),
    /// A name of the profile. It proves nothing: a token does that.
    Token {
        /// The API key that is the name, where one is.
        name: Option<KeyRecord>,
        /// How tokens are verified.
        method: Box<TokenRecord>,
    },
}

/// An API key as the data plane keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The public id.
    pub id: String,
    /// Whether it may still be used.
    pub state: KeyState,
    /// When it stops working, in milliseconds since 1970.
    pub expires_at_ms: Option<u64>,
    /// Since when a newer one stands in its place, in milliseconds since 1970.
    pub deprecated_at_ms: Option<u64>,
}

/// A profile must not open anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfile {
    /// An address list has an entry that is none.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] InvalidKey),
}

/// A client as the data plane keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRecord {
    /// Its public name.
    pub id: portcullis_feed::ClientId,
    /// What people call it.
    pub name: String,
    /// Whether it may call anything.
    pub enabled: bool,
}

/// A policy as the data plane keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// Its public name.
    pub id: portcullis_feed::PolicyId,
    /// Over a short time.
    pub rate_limit: Option<RateLimitRecord>,
    /// Over a long time.
    pub quota: Option<portcullis_feed::Quota>,
}

/// A rate limit as the data plane keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimitRecord {
    /// How many requests.
    pub requests: u32,
    /// In which time.
    pub per: portcullis_feed::RateWindow,
    /// How many may come at once.
    pub burst: u32,
}

impl Record {
    /// The records of a profile, each with the digest under which it is looked up.
    ///
    /// # Errors
    /// When an address list has an entry that is none, or a key cannot be used: such a profile must not open anything.
    pub fn of(profile: &Profile) -> Result<Vec<(Digest, Self)>, InvalidProfile> {
        let addresses = AddressRules::parse(&profile.addresses)?;
        let credentials = match &profile.access {
            AccessMethod::ApiKey { keys } => keys
                .iter()
                .map(|key| (key.digest, CredentialRecord::ApiKey(KeyRecord::of(key))))
                .collect(),
            AccessMethod::Jwt(jwt) => names(profile, jwt)?,
        };
        let record = |credential| Self::of_credential(profile, credential, addresses.clone());
        let records = credentials.into_iter();
        Ok(records
            .map(|(digest, credential)| (digest, record(credential)))
            .collect())
    }

    fn of_credential(
        profile: &Profile,
        credential: CredentialRecord,
        addresses: AddressRules,
    ) -> Self {
        let Client { id, name, enabled } = profile.client.clone();
        Self {
            credential,
            profile_id: profile.id,
            profile_enabled: profile.enabled,
            profile_expires_at_ms: profile.expires_at_ms,
            client: ClientRecord { id, name, enabled },
            addresses,
            collections: profile.collections.clone(),
            policy: profile.policy.as_ref().map(PolicyRecord::of),
            observe: profile.observe,
        }
    }

    /// The API key that was found, be it as a credential or as a name.
    #[must_use]
    pub fn key(&self) -> Option<&KeyRecord> {
        match &self.credential {
            CredentialRecord::ApiKey(key) => Some(key),
            CredentialRecord::Token { name, .. } => name.as_ref(),
        }
    }
}

/// All names of a profile with tokens.
fn names(profile: &Profile, jwt: &Jwt) -> Result<Vec<(Digest, CredentialRecord)>, InvalidKey> {
    let method = Box::new(TokenRecord::of(jwt)?);
    let named = |name| CredentialRecord::Token {
        name,
        method: method.clone(),
    };
    // A provider signs for others too, with the same keys: among its clients only its own name for one counts.
    let name = match &jwt.identity {
        Some(identity) => record::named_by_identity(&identity.issuer, &identity.client),
        None => record::named_by_profile(&profile.id),
    };
    let mut names = vec![(name, named(None))];
    let keys = jwt.named_by_keys.iter();
    names.extend(keys.map(|key| (key.digest, named(Some(KeyRecord::of(key))))));
    Ok(names)
}

impl KeyRecord {
    fn of(key: &ApiKey) -> Self {
        Self {
            id: key.id.clone(),
            state: key.state,
            expires_at_ms: key.expires_at_ms,
            deprecated_at_ms: key.deprecated_at_ms,
        }
    }
}

impl PolicyRecord {
    fn of(policy: &Policy) -> Self {
        Self {
            id: policy.id,
            rate_limit: policy.rate_limit.map(|limit| RateLimitRecord {
                requests: limit.requests,
                per: limit.per,
                burst: limit.burst.unwrap_or(limit.requests),
            }),
            quota: policy.quota,
        }
    }
}

/// A record with the texts that a permit needs, written once instead of on every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    record: Record,
    client_id: Box<str>,
    client_name: Box<str>,
    profile_id: Box<str>,
}

impl Holder {
    /// Writes the texts of a record.
    #[must_use]
    pub fn new(record: Record) -> Self {
        Self {
            client_id: record.client.id.to_string().into(),
            client_name: header_text(&record.client.name).into(),
            profile_id: record.profile_id.to_string().into(),
            record,
        }
    }

    /// What is known of the credential and its profile.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The client's id as services see it.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The client's name as services see it: see [`header_text`].
    #[must_use]
    pub fn client_name(&self) -> &str {
        &self.client_name
    }

    /// The profile's id as services see it.
    #[must_use]
    pub fn profile_id(&self) -> &str {
        &self.profile_id
    }

    /// The public id of the API key that was found, if one was.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.record.key().map(|key| key.id.as_str())
    }
}

/// A text made fit for a header value: UTF-8, with `%` and all but printable ASCII percent-encoded (RFC 3986).
#[must_use]
pub fn header_text(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' | 0..b' ' | 0x7f.. => {
                encoded.push('%');
                let digits = [byte >> 4, byte & 0x0f].map(|it| char::from_digit(it.into(), 16));
                encoded.extend(digits.iter().flatten().map(char::to_ascii_uppercase));
            }
            _ => encoded.push(char::from(byte)),
        }
    }
    encoded
}
