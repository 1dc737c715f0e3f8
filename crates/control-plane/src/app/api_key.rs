//! The API keys of access profiles: issued, imported, refreshed, and how they end.

use std::fmt;

use portcullis_engine::api_key;
use portcullis_engine::jwt::token::looks_like_token;
use portcullis_feed::ProfileId;
use portcullis_store::{AccessProfile, ApiKey, Author, Cascade, Edit};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access_profile::ProfileWithKeys;
use super::condition::Condition;
use super::draft::Patch;
use super::once::Once;
use super::time::Moment;
use super::{App, Committed, Refusal, Violation, access_profile};

/// How many keys of a profile work at the same time at most.
pub(super) const MOST_WORKING: usize = 20;

/// How long keys may overlap at most: 90 days.
const LONGEST_OVERLAP_S: u32 = 7_776_000;

/// How a key is refreshed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRefresh {
    /// For how many seconds the old keys go on, though never longer than they would have: at most 90 days. With none,
    /// they are revoked at once.
    #[serde(default)]
    #[schema(value_type = u32, required = false, default = 0, maximum = 7_776_000)]
    pub overlap_s: Overlap,
    /// When the new key stops working. Never, when absent.
    #[serde(default)]
    pub expires_at: Option<Moment>,
}

/// A number of seconds for which old keys go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Overlap(u32);

/// A further key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyDraft {
    /// When it stops working. Never, when absent.
    #[serde(default)]
    pub expires_at: Option<Moment>,
    /// A key from elsewhere, to be accepted as it is. A new one is made, when absent.
    #[serde(default)]
    pub key: Option<ForeignKey>,
}

/// What can be changed of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyDraft {
    /// When it stops working. Never, when null.
    #[serde(default)]
    pub expires_at: Option<Moment>,
}

/// A key from elsewhere: 16 to 512 visible ASCII characters without commas and quotes. Its `Debug` form does not show
/// it.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, min_length = 16, max_length = 512)]
pub struct ForeignKey(String);

/// A number of seconds is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an overlap has at most {LONGEST_OVERLAP_S} seconds, which are 90 days")]
pub struct InvalidOverlap;

/// A text cannot be imported as a key. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidForeignKey {
    /// It could not travel in every place where keys may stand, or is too easy to guess.
    #[error(
        "a key has 16 to 512 characters, all of them visible ASCII, and no comma and no quotation mark"
    )]
    Form,
    /// It begins like a key that was issued here.
    #[error("this begins like a key of Portcullis, but is mistyped")]
    Mistyped,
    /// Callers who present it would be taken for others.
    #[error("this looks like a JSON Web Token, and would be read as one")]
    Token,
}

/// A key in the one moment when it may be known in full.
#[derive(Debug)]
pub struct IssuedKey {
    /// What is shown once. A key from elsewhere is not shown: whoever gave it knows it.
    pub key: Option<api_key::ApiKey>,
    /// What is kept.
    pub record: ApiKey,
}

impl TryFrom<u32> for Overlap {
    type Error = InvalidOverlap;

    fn try_from(seconds: u32) -> Result<Self, InvalidOverlap> {
        let is_overlap = seconds <= LONGEST_OVERLAP_S;
        is_overlap.then_some(Self(seconds)).ok_or(InvalidOverlap)
    }
}

impl TryFrom<String> for ForeignKey {
    type Error = InvalidForeignKey;

    fn try_from(text: String) -> Result<Self, InvalidForeignKey> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b',' | b'"' | b'\'');
        if !(16..=512).contains(&text.len()) || !text.bytes().all(is_plain) {
            return Err(InvalidForeignKey::Form);
        }
        if api_key::is_mistyped(text.as_bytes()) {
            return Err(InvalidForeignKey::Mistyped);
        }
        if looks_like_token(text.as_bytes()) {
            return Err(InvalidForeignKey::Token);
        }
        Ok(Self(text))
    }
}

impl fmt::Debug for ForeignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForeignKey")
    }
}

impl App {
    /// All keys of a profile that were not revoked, the newest first.
    ///
    /// # Errors
    /// When there is no such profile.
    pub async fn keys(&self, id: ProfileId) -> Result<Vec<ApiKey>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let profile = snapshot.profile(id).await?;
        let profile = profile.ok_or_else(|| access_profile::unknown(id))?;
        let keys = snapshot.keys_of(&[profile.id]).await?.remove(&profile.id);
        let mut keys = keys.unwrap_or_default();
        keys.retain(|key| key.revoked_at_ms.is_none());
        Ok(keys)
    }

    /// A key of a profile that was not revoked.
    ///
    /// # Errors
    /// When there is none.
    pub async fn key(&self, id: ProfileId, key: &str) -> Result<ApiKey, Refusal> {
        let mut keys = self.keys(id).await?;
        keys.retain(|known| known.id == key);
        keys.pop().ok_or_else(|| unknown(key))
    }

    /// Issues a new key in place of all others of a profile, which end at once or after an overlap.
    ///
    /// # Errors
    /// When there is no such profile, it is not what the condition asks for, too many of its keys would work, or the new
    /// one would have ended already.
    pub async fn refresh_key<A: Serialize + DeserializeOwned>(
        &self,
        author: &Author,
        id: ProfileId,
        condition: Condition<ProfileWithKeys>,
        once: Once<IssuedKey, A>,
        KeyRefresh {
            overlap_s: Overlap(overlap_s),
            expires_at,
        }: KeyRefresh,
    ) -> Result<A, Refusal> {
        let issued = self.new_key(id, expires_at)?;
        let now_ms = issued.record.created_at_ms;
        let mut edit = self.edit(author).await?;
        if let Some(answer) = once.earlier(&mut edit, now_ms).await? {
            return Ok(answer);
        }
        let profile = known_profile(&mut edit, id).await?;
        self.examine(&mut edit, condition, &profile).await?;
        if overlap_s == 0 {
            edit.revoke_keys(id, now_ms).await?;
        } else {
            let until_ms = now_ms.saturating_add(u64::from(overlap_s).saturating_mul(1000));
            edit.deprecate_keys(id, now_ms, until_ms).await?;
        }
        insert(&mut edit, &issued.record).await?;
        once.commit(edit, issued, Vec::new(), now_ms).await
    }

    /// Gives a profile a further key: a new one, or one from elsewhere.
    ///
    /// # Errors
    /// When there is no such profile, too many of its keys would work, the new one would have ended already, or it is
    /// somebody's already.
    pub async fn issue_key<A: Serialize + DeserializeOwned>(
        &self,
        author: &Author,
        id: ProfileId,
        once: Once<IssuedKey, A>,
        draft: KeyDraft,
    ) -> Result<A, Refusal> {
        let mut issued = self.new_key(id, draft.expires_at)?;
        if let Some(ForeignKey(text)) = draft.key {
            issued.record.digest = api_key::digest(text.as_bytes());
            issued.record.imported = true;
            issued.key = None;
        }
        let now_ms = issued.record.created_at_ms;
        let mut edit = self.edit(author).await?;
        if let Some(answer) = once.earlier(&mut edit, now_ms).await? {
            return Ok(answer);
        }
        known_profile(&mut edit, id).await?;
        insert(&mut edit, &issued.record).await?;
        once.commit(edit, issued, Vec::new(), now_ms).await
    }

    /// Changes when a key stops working.
    ///
    /// # Errors
    /// When there is no such key, it is not what the condition asks for, or the moment is past.
    pub async fn change_key(
        &self,
        author: &Author,
        id: ProfileId,
        key: &str,
        condition: Condition<ApiKey>,
        patch: Patch,
    ) -> Result<Committed<ApiKey>, Refusal> {
        let mut edit = self.edit(author).await?;
        let mut key = known_key(&mut edit, id, key).await?;
        condition.examine("key", &key)?;
        let draft = patch.applied_to(&ApiKeyDraft {
            expires_at: key.expires_at_ms.map(Moment::from_ms),
        })?;
        let expires_at_ms = draft.expires_at.map(Moment::as_ms);
        if expires_at_ms != key.expires_at_ms {
            self.refuse_past("/expires_at", expires_at_ms)?;
            key.expires_at_ms = expires_at_ms;
            edit.update_key(&key).await?;
            refuse_too_many(&mut edit, id, self.world.clock.now_ms()).await?;
        }
        Committed::by(edit, key).await
    }

    /// Revokes one key of a profile at once.
    ///
    /// # Errors
    /// When there is no such key, or it is not what the condition asks for.
    pub async fn revoke_key(
        &self,
        author: &Author,
        id: ProfileId,
        key: &str,
        condition: Condition<ApiKey>,
    ) -> Result<Committed<Cascade>, Refusal> {
        let mut edit = self.edit(author).await?;
        let mut key = known_key(&mut edit, id, key).await?;
        condition.examine("key", &key)?;
        key.revoked_at_ms = Some(self.world.clock.now_ms());
        edit.update_key(&key).await?;
        let removed = Cascade {
            removed_keys: 1,
            ..Cascade::default()
        };
        Committed::by(edit, removed).await
    }

    /// A new key, which is not kept yet.
    pub(super) fn new_key(
        &self,
        profile_id: ProfileId,
        expires_at: Option<Moment>,
    ) -> Result<IssuedKey, Refusal> {
        let expires_at_ms = expires_at.map(Moment::as_ms);
        self.refuse_past("/expires_at", expires_at_ms)?;
        let entropy = &self.world.entropy;
        let key =
            api_key::ApiKey::compose(&self.key_environment, entropy.bytes()?, entropy.bytes()?)
                .map_err(|invalid| Refusal::Malformed(invalid.to_string()))?;
        let record = ApiKey {
            id: key.id().to_owned(),
            profile_id,
            digest: key.digest(),
            created_at_ms: self.world.clock.now_ms(),
            expires_at_ms,
            deprecated_at_ms: None,
            revoked_at_ms: None,
            imported: false,
        };
        Ok(IssuedKey {
            key: Some(key),
            record,
        })
    }

    /// Makes sure that a key does not end before it begins.
    pub(super) fn refuse_past(&self, pointer: &str, at_ms: Option<u64>) -> Result<(), Refusal> {
        if at_ms.is_none_or(|at_ms| at_ms > self.world.clock.now_ms()) {
            return Ok(());
        }
        let violation = Violation::new(pointer, "a moment in the future is expected");
        Err(Refusal::Invalid(vec![violation]))
    }
}

/// Whether a key opens anything at a moment.
pub(super) fn works(key: &ApiKey, now_ms: u64) -> bool {
    key.revoked_at_ms.is_none() && key.expires_at_ms.is_none_or(|at_ms| at_ms > now_ms)
}

async fn insert(edit: &mut Edit, key: &ApiKey) -> Result<(), Refusal> {
    if edit.read().has_key(key.digest).await? {
        return Err(Refusal::KeyTaken);
    }
    edit.insert_key(key).await?;
    refuse_too_many(edit, key.profile_id, key.created_at_ms).await
}

async fn refuse_too_many(edit: &mut Edit, id: ProfileId, now_ms: u64) -> Result<(), Refusal> {
    let keys = edit.read().keys_of(&[id]).await?.remove(&id);
    let keys = keys.unwrap_or_default();
    if keys.iter().filter(|key| works(key, now_ms)).count() > MOST_WORKING {
        return Err(Refusal::TooManyKeys { most: MOST_WORKING });
    }
    Ok(())
}

async fn known_profile(edit: &mut Edit, id: ProfileId) -> Result<AccessProfile, Refusal> {
    let found = edit.read().profile(id).await?;
    found.ok_or_else(|| access_profile::unknown(id))
}

async fn known_key(edit: &mut Edit, id: ProfileId, key: &str) -> Result<ApiKey, Refusal> {
    known_profile(edit, id).await?;
    let keys = edit.read().keys_of(&[id]).await?.remove(&id);
    let found = keys
        .unwrap_or_default()
        .into_iter()
        .find(|known| known.id == key && known.revoked_at_ms.is_none());
    found.ok_or_else(|| unknown(key))
}

fn unknown(key: &str) -> Refusal {
    Refusal::NotFound {
        kind: "key",
        id: key.to_owned(),
    }
}
