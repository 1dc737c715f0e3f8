//! Access profiles: what a client may use, from where, and how it proves itself. Keys after the first stand elsewhere.

mod draft;

use portcullis_feed::ProfileId;
use portcullis_store::{
    AccessMethod as StoredMethod, AccessProfile, ApiKey, Author, Cascade, Edit, KeySet,
    KeySetSource, ProfileFilter, ProfileKey, Snapshot, Window,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::api_key::{IssuedKey, works};
use super::condition::Condition;
use super::draft::Patch;
use super::jwt::JwtDraft;
use super::once::Once;
use super::page::{Page, one_more};
use super::policy::PolicyDraft;
use super::refusal::refuse_any;
use super::time::Moment;
use super::world::Identifier as _;
use super::{App, Committed, Refusal, Violation};

pub use draft::{AccessMethod, AccessProfileDraft, AddressLists, address_flaws};

/// An access profile with its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileWithKeys {
    /// The profile.
    pub profile: AccessProfile,
    /// The keys that work, the newest first.
    pub keys: Vec<ApiKey>,
    /// What is known of the key set that it follows, if that was looked for yet.
    pub key_set: Option<KeySet>,
}

impl App {
    /// Adds an access profile, and issues its first key, if it is with keys that its callers prove themselves. With a
    /// `policy` that one is made too, and takes the place of what the draft says.
    ///
    /// # Errors
    /// When its client, its policy or a collection does not exist, an address is none, or its tokens could not be
    /// verified or told from those of another profile.
    pub async fn create_profile<A: Serialize + DeserializeOwned>(
        &self,
        author: &Author,
        once: Once<(ProfileWithKeys, Option<IssuedKey>), A>,
        mut draft: AccessProfileDraft,
        policy: Option<PolicyDraft>,
    ) -> Result<A, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let id = ProfileId::new(&self.world)?;
        let policy = policy.map(|draft| self.new_policy(draft, now_ms));
        let policy = policy.transpose()?;
        draft.policy_id = policy.as_ref().map_or(draft.policy_id, |it| Some(it.id));
        let (method, key_expires_at) = (draft.access_method, draft.key_expires_at);
        let (profile, notices) =
            draft.into_profile(id, [now_ms, now_ms], None, &self.key_set_networks)?;
        let issued = match method {
            AccessMethod::ApiKey => {
                self.refuse_past("/key_expires_at", key_expires_at.map(Moment::as_ms))?;
                Some(self.new_key(id, key_expires_at)?)
            }
            AccessMethod::Jwt => {
                let detail = "a profile with the access method `jwt` begins without an API key";
                refuse_given("/key_expires_at", key_expires_at, detail)?;
                None
            }
        };
        let mut edit = self.edit(author).await?;
        if let Some(answer) = once.earlier(&mut edit, now_ms).await? {
            return Ok(answer);
        }
        if let Some(policy) = &policy {
            edit.put_policy(policy).await?;
        }
        refuse_dangling(edit.read(), &profile).await?;
        edit.put_profile(&profile).await?;
        if let Some(issued) = &issued {
            edit.insert_key(&issued.record).await?;
        }
        let profile = self.with_keys(edit.read(), profile).await?;
        once.commit(edit, (profile, issued), notices, now_ms).await
    }

    /// An access profile.
    ///
    /// # Errors
    /// When there is none.
    pub async fn profile(&self, id: ProfileId) -> Result<ProfileWithKeys, Refusal> {
        let mut snapshot = self.store.read().await?;
        let profile = snapshot.profile(id).await?.ok_or_else(|| unknown(id))?;
        self.with_keys(&mut snapshot, profile).await
    }

    /// A page of the access profiles.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn profiles(
        &self,
        filter: &ProfileFilter,
        window: &Window<ProfileKey>,
    ) -> Result<Page<ProfileWithKeys>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let found = snapshot.find_profiles(filter, &one_more(window)).await?;
        let page = Page::cut(found, window);
        let ids: Vec<ProfileId> = page.items.iter().map(|profile| profile.id).collect();
        let mut keys = snapshot.keys_of(&ids).await?;
        let followed = page.items.iter().filter_map(AccessProfile::key_set);
        let followed: Vec<KeySetSource> = followed.cloned().collect();
        let key_sets = snapshot.key_sets(&followed).await?;
        Ok(page.map(|profile| ProfileWithKeys {
            keys: self.working(keys.remove(&profile.id)),
            key_set: profile
                .key_set()
                .and_then(|source| key_sets.get(source).cloned()),
            profile,
        }))
    }

    /// Makes an access profile different. Its keys stay. With a `policy` that one is made too, and takes the place of what
    /// the patch says.
    ///
    /// # Errors
    /// When there is none, it is not what the condition asks for, or the outcome could not be created either.
    pub async fn change_profile(
        &self,
        author: &Author,
        id: ProfileId,
        condition: Condition<ProfileWithKeys>,
        patch: Patch,
        policy: Option<PolicyDraft>,
    ) -> Result<Committed<ProfileWithKeys>, Refusal> {
        let mut edit = self.edit(author).await?;
        let before = edit.read().profile(id).await?.ok_or_else(|| unknown(id))?;
        self.examine(&mut edit, condition, &before).await?;
        let mut draft = AccessProfileDraft::from(&before);
        // Members are merged into objects, and keys into other keys would be nonsense: what is mentioned is replaced.
        let mentions = |member: &str| patch.mentions("jwt", member);
        if mentions("required_claims")
            && let Some(jwt) = &mut draft.jwt
        {
            jwt.required_claims.clear();
        }
        let kept = match &before.access {
            StoredMethod::Jwt(jwt) if !JwtDraft::KEY_MEMBERS.into_iter().any(mentions) => {
                Some(&jwt.keys)
            }
            StoredMethod::Jwt(_) | StoredMethod::ApiKey => None,
        };
        let mut draft = patch.applied_to(&draft)?;
        let now_ms = self.world.clock.now_ms();
        let policy = policy.map(|draft| self.new_policy(draft, now_ms));
        if let Some(policy) = policy.transpose()? {
            edit.put_policy(&policy).await?;
            draft.policy_id = Some(policy.id);
        }
        if draft.client_id != before.client_id {
            let violation = Violation::new("/client_id", "a profile cannot move to another client");
            return Err(Refusal::Invalid(vec![violation]));
        }
        let detail = "only a new profile is given its first key: change the key itself";
        refuse_given("/key_expires_at", draft.key_expires_at, detail)?;
        let times = [before.created_at_ms, now_ms];
        let (profile, notices) = draft.into_profile(id, times, kept, &self.key_set_networks)?;
        refuse_dangling(edit.read(), &profile).await?;
        edit.put_profile(&profile).await?;
        let profile = self.with_keys(edit.read(), profile).await?;
        Ok(Committed::by(edit, profile).await?.with_notices(notices))
    }

    /// Removes an access profile with its keys.
    ///
    /// # Errors
    /// When there is none, or it is not what the condition asks for.
    pub async fn delete_profile(
        &self,
        author: &Author,
        id: ProfileId,
        condition: Condition<ProfileWithKeys>,
    ) -> Result<Committed<Cascade>, Refusal> {
        let mut edit = self.edit(author).await?;
        let profile = edit.read().profile(id).await?.ok_or_else(|| unknown(id))?;
        self.examine(&mut edit, condition, &profile).await?;
        let removed = Cascade {
            removed_keys: edit.read().count_keys(id).await?,
            ..Cascade::default()
        };
        edit.delete_profile(id, self.world.clock.now_ms()).await?;
        Committed::by(edit, removed).await
    }

    /// Refuses what is asked for, when the profile is another one by now.
    pub(super) async fn examine(
        &self,
        edit: &mut Edit,
        condition: Condition<ProfileWithKeys>,
        profile: &AccessProfile,
    ) -> Result<(), Refusal> {
        if !condition.is_some() {
            return Ok(());
        }
        let profile = self.with_keys(edit.read(), profile.clone()).await?;
        condition.examine("access profile", &profile)
    }

    async fn with_keys(
        &self,
        snapshot: &mut Snapshot,
        profile: AccessProfile,
    ) -> Result<ProfileWithKeys, Refusal> {
        let keys = snapshot.keys_of(&[profile.id]).await?.remove(&profile.id);
        let key_set = match profile.key_set() {
            Some(source) => snapshot.key_set(source).await?,
            None => None,
        };
        Ok(ProfileWithKeys {
            keys: self.working(keys),
            key_set,
            profile,
        })
    }

    fn working(&self, keys: Option<Vec<ApiKey>>) -> Vec<ApiKey> {
        let now_ms = self.world.clock.now_ms();
        let mut keys = keys.unwrap_or_default();
        keys.retain(|key| works(key, now_ms));
        keys
    }
}

fn refuse_given(pointer: &str, given: Option<Moment>, detail: &str) -> Result<(), Refusal> {
    match given {
        Some(_) => Err(Refusal::Invalid(vec![Violation::new(pointer, detail)])),
        None => Ok(()),
    }
}

/// Everything that a profile refers to has to exist, and its identity has to be its own.
async fn refuse_dangling(snapshot: &mut Snapshot, profile: &AccessProfile) -> Result<(), Refusal> {
    let mut violations = Vec::new();
    if snapshot.client(profile.client_id).await?.is_none() {
        let detail = format!("there is no client `{}`", profile.client_id);
        violations.push(Violation::new("/client_id", detail));
    }
    let existing = snapshot.known_collections(&profile.collections).await?;
    for (index, id) in profile.collections.iter().enumerate() {
        if !existing.contains(id) {
            let detail = format!("there is no collection `{id}`");
            violations.push(Violation::new(format!("/collections/{index}"), detail));
        }
    }
    if let Some(id) = profile.policy_id
        && snapshot.policy(id).await?.is_none()
    {
        let detail = format!("there is no policy `{id}`");
        violations.push(Violation::new("/policy_id", detail));
    }
    refuse_any(violations)?;
    let StoredMethod::Jwt(jwt) = &profile.access else {
        return Ok(());
    };
    let Some(identity) = &jwt.identity else {
        return Ok(());
    };
    match snapshot.profile_identified(identity).await? {
        Some(holder) if holder.id != profile.id => Err(Refusal::IdentityTaken {
            issuer: identity.issuer.clone(),
            client: identity.client.clone(),
            holder,
        }),
        _ => Ok(()),
    }
}

pub(super) fn unknown(id: ProfileId) -> Refusal {
    Refusal::NotFound {
        kind: "access profile",
        id: id.to_string(),
    }
}
