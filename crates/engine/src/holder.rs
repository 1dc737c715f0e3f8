//! Who a credential belongs to: the access profile as the data plane keeps it, compiled once from the feed.

use std::fmt::Write as _;
use std::sync::Arc;

use portcullis_feed::{
    AccessMethod, ApiKey, ClientId, CollectionId, Digest, Jwt, KeyState, Policy, Profile, ProfileId,
};
use serde::{Deserialize, Serialize};

use crate::address::{AddressRules, InvalidAddress};
use crate::jwt::InvalidKey;
use crate::jwt::record::{self, TokenRecord};
use crate::limit::Limit;
use crate::seldom::{Seldom, Usual};
use crate::terms::{SharedTerms, Terms};

/// How many bytes the ids of a client and of a profile have.
const IDS: usize = 58;

/// What is kept for each credential of a profile, and for each name by which tokens call it. There may be millions, and
/// many are kept decoded: what is the same for nearly all of them is [`Seldom`] said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The profile that it opens. First, so that whose record it is can be told from its first bytes.
    pub profile_id: ProfileId,
    /// Whose profile it is.
    pub client_id: ClientId,
    /// What people call that client.
    pub client_name: Box<str>,
    /// What was found: a key, or the name of a profile with tokens.
    pub credential: CredentialRecord,
    /// What is granted.
    pub collections: Vec<Granted>,
    /// How much of it.
    pub policy: Option<Box<PolicyRecord>>,
    /// Under which conditions.
    pub conditions: Seldom<Conditions>,
}

/// A granted collection: the last 8 bytes of its id, which are random. Among ten thousand collections two agree in them
/// with a probability of 3 in 10¹².
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted([u8; 8]);

impl From<&CollectionId> for Granted {
    fn from(id: &CollectionId) -> Self {
        let [.., a, b, c, d, e, f, g, h] = *id.as_bytes();
        Self([a, b, c, d, e, f, g, h])
    }
}

/// Under which conditions a profile may be used. Usually it is enabled, for ever, and from everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Whether the profile may be used.
    pub profile_enabled: bool,
    /// Whether its client may call anything.
    pub client_enabled: bool,
    /// When the profile stops working, in milliseconds since 1970.
    pub expires_at_ms: Option<u64>,
    /// From where it may be used.
    pub addresses: AddressRules,
    /// Whether a refusal for what the profile may do is only noted.
    pub observe: bool,
}

impl Usual for Conditions {
    const USUAL: &'static Self = &Self {
        profile_enabled: true,
        client_enabled: true,
        expires_at_ms: None,
        addresses: AddressRules::NONE,
        observe: false,
    };
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
    pub id: Box<str>,
    /// How things stand with it.
    pub standing: Seldom<KeyStanding>,
}

/// How things stand with a key. Usually it is the newest, and may be used for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyStanding {
    /// Whether it may still be used.
    pub state: KeyState,
    /// When it stops working, in milliseconds since 1970.
    pub expires_at_ms: Option<u64>,
    /// Since when a newer one stands in its place, in milliseconds since 1970.
    pub deprecated_at_ms: Option<u64>,
}

impl Usual for KeyStanding {
    const USUAL: &'static Self = &Self {
        state: KeyState::Active,
        expires_at_ms: None,
        deprecated_at_ms: None,
    };
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

/// A policy as the data plane keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// Its public name.
    pub id: portcullis_feed::PolicyId,
    /// Over a short time.
    pub rate_limit: Option<RateLimitRecord>,
    /// Over a long time.
    pub quota: Option<QuotaRecord>,
}

/// A quota as the data plane keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaRecord {
    /// How many requests.
    pub requests: u64,
    /// In which time.
    pub per: portcullis_feed::QuotaWindow,
    /// Until when it is used up, over all gateways: milliseconds since 1970, UTC.
    pub used_up_until_ms: Option<u64>,
    /// The local time by which its windows begin. Empty for UTC.
    pub offsets: Vec<portcullis_feed::UtcOffset>,
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
    /// What is counted together.
    pub scope: portcullis_feed::RateScope,
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
        let conditions = Seldom::from(Conditions {
            profile_enabled: profile.enabled,
            client_enabled: profile.client.enabled,
            expires_at_ms: profile.expires_at_ms,
            addresses,
            observe: profile.observe,
        });
        let record = |credential| Self {
            profile_id: profile.id,
            client_id: profile.client.id,
            client_name: profile.client.name.as_str().into(),
            credential,
            collections: profile.collections.iter().map(Granted::from).collect(),
            policy: profile
                .policy
                .as_ref()
                .map(|it| Box::new(PolicyRecord::of(it))),
            conditions: conditions.clone(),
        };
        let records = credentials.into_iter();
        Ok(records
            .map(|(digest, credential)| (digest, record(credential)))
            .collect())
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
            id: key.id.as_str().into(),
            standing: Seldom::from(KeyStanding {
                state: key.state,
                expires_at_ms: key.expires_at_ms,
                deprecated_at_ms: key.deprecated_at_ms,
            }),
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
                scope: limit.scope,
            }),
            quota: policy.quota.as_ref().map(|quota| QuotaRecord {
                requests: quota.requests,
                per: quota.per,
                used_up_until_ms: policy.quota_used_up_until_ms,
                offsets: policy.quota_offsets.clone(),
            }),
        }
    }
}

/// A record as it is decided by, with the texts that a permit needs, written once instead of on every request. A million
/// may be asked for, so it is small, in few places of memory, and shares what others have too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    profile: ProfileId,
    client: ClientId,
    found: Found,
    granted: Box<[Granted]>,
    terms: Option<Arc<Terms>>,
    conditions: Seldom<Conditions>,
    /// One after the other.
    texts: Box<str>,
    /// Where all of them but the last end.
    ends: Ends,
}

/// What was found, without its name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Key(Seldom<KeyStanding>),
    Token {
        name: Option<Seldom<KeyStanding>>,
        method: Box<TokenRecord>,
    },
}

/// The order of the texts. The last one is the public id of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    client_id: usize,
    profile_id: usize,
    client_name: usize,
}

impl Holder {
    /// Works out a record, and shares with others what it has from its policy.
    #[must_use]
    pub fn new(record: Record, shared: &mut SharedTerms) -> Self {
        let (found, key_id) = match record.credential {
            CredentialRecord::ApiKey(KeyRecord { id, standing }) => {
                (Found::Key(standing), Some(id))
            }
            CredentialRecord::Token { name, method } => {
                let (name, key_id) = name.map(|key| (key.standing, key.id)).unzip();
                (Found::Token { name, method }, key_id)
            }
        };
        let key_id = key_id.as_deref().unwrap_or_default();
        let name = record.client_name.len();
        let mut texts =
            String::with_capacity(IDS.saturating_add(name).saturating_add(key_id.len()));
        // Writing to a String cannot fail.
        let _ = write!(texts, "{}", record.client_id);
        let client_id = texts.len();
        let _ = write!(texts, "{}", record.profile_id);
        let profile_id = texts.len();
        push_header_text(&mut texts, &record.client_name);
        let client_name = texts.len();
        texts.push_str(key_id);
        Self {
            profile: record.profile_id,
            client: record.client_id,
            found,
            granted: record.collections.into(),
            terms: record.policy.map(|policy| shared.of(*policy)),
            conditions: record.conditions,
            texts: texts.into(),
            ends: Ends {
                client_id,
                profile_id,
                client_name,
            },
        }
    }

    /// The profile that the credential opens, or names.
    #[must_use]
    pub const fn profile(&self) -> ProfileId {
        self.profile
    }

    /// How tokens of the profile are verified, where it was a name that was found. It proves nothing.
    #[must_use]
    pub fn token_method(&self) -> Option<&TokenRecord> {
        match &self.found {
            Found::Key(_) => None,
            Found::Token { method, .. } => Some(method),
        }
    }

    /// How things stand with the API key that was found, be it as a credential or as a name.
    #[must_use]
    pub fn key_standing(&self) -> Option<&KeyStanding> {
        match &self.found {
            Found::Key(standing) => Some(standing),
            Found::Token { name, .. } => name.as_deref(),
        }
    }

    /// The public id of that key.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_standing()?;
        Some(self.text(self.ends.client_name, self.texts.len()))
    }

    /// Whether a collection is granted.
    #[must_use]
    pub fn is_granted(&self, collection: &CollectionId) -> bool {
        self.granted.contains(&Granted::from(collection))
    }

    /// Under which conditions the profile may be used.
    #[must_use]
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// What its policy allows, if it has one.
    #[must_use]
    pub fn terms(&self) -> Option<&Terms> {
        self.terms.as_deref()
    }

    /// How often it may call in a short time, if that is limited.
    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        let rate = self.terms()?.rate.as_ref()?;
        Some(rate.limit(self.client, self.profile))
    }

    /// The client's id as services see it.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.text(0, self.ends.client_id)
    }

    /// The client's name as services see it: see [`header_text`].
    #[must_use]
    pub fn client_name(&self) -> &str {
        self.text(self.ends.profile_id, self.ends.client_name)
    }

    /// The profile's id as services see it.
    #[must_use]
    pub fn profile_id(&self) -> &str {
        self.text(self.ends.client_id, self.ends.profile_id)
    }

    fn text(&self, begin: usize, end: usize) -> &str {
        self.texts.get(begin..end).unwrap_or_default()
    }
}

/// A text made fit for a header value: UTF-8, with `%` and all but printable ASCII percent-encoded (RFC 3986).
#[must_use]
pub fn header_text(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    push_header_text(&mut encoded, text);
    encoded
}

fn push_header_text(encoded: &mut String, text: &str) {
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
}
