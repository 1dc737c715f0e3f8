//! Access profiles: what a client may use, from where, and how it proves itself. Keys after the first stand elsewhere.

use std::collections::HashSet;

use portcullis_engine::address::{self, AddressRules};
use portcullis_feed::{ClientId, CollectionId, PolicyId, ProfileId};
use portcullis_store::{
    AccessMethod as StoredMethod, AccessProfile, ApiKey, JwtKeys, KeySet, KeySetSource, Snapshot,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::api_key::{IssuedKey, works};
use super::client::enabled;
use super::draft::{Patch, list, object_if_any, object_or_default};
use super::jwt::JwtDraft;
use super::key_set::Networks;
use super::page::Page;
use super::refusal::refuse_any;
use super::text::{Description, Name, stored_description, stored_name};
use super::time::Moment;
use super::world::Identifier as _;
use super::{App, Committed, Notice, Refusal, Violation};

/// An access profile as an operator writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessProfileDraft {
    /// Whose it is. It cannot move to another client.
    #[schema(value_type = String, example = "cl_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub client_id: ClientId,
    /// What people call it.
    pub name: Name,
    /// More about it.
    #[serde(default)]
    pub description: Option<Description>,
    /// What it grants: 1 to 1,000 collections, each once.
    #[serde(deserialize_with = "list::<1_000, _, _>")]
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 1000)]
    pub collections: Vec<CollectionId>,
    /// How much of it. Unlimited, when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "po_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub policy_id: Option<PolicyId>,
    /// How its callers prove themselves.
    #[serde(default)]
    #[schema(default = "api_key")]
    pub access_method: AccessMethod,
    /// What their tokens have to be like: given with the access method `jwt`, and with no other.
    #[serde(default, deserialize_with = "object_if_any")]
    pub jwt: Option<JwtDraft>,
    /// When the first API key stops working. Never, when absent. Only for a new profile with the access method
    /// `api_key`.
    #[serde(default, skip_serializing)]
    pub key_expires_at: Option<Moment>,
    /// From which addresses.
    #[serde(default, deserialize_with = "object_or_default")]
    pub addresses: AddressLists,
    /// Whether it may be used at all. True, when absent.
    #[serde(default = "enabled")]
    #[schema(default = true)]
    pub enabled: bool,
    /// When it stops working. Never, when absent.
    #[serde(default)]
    pub expires_at: Option<Moment>,
    /// Whether calls that it does not grant (by address, endpoint, collection or limit) are only noted, and pass. False,
    /// when absent.
    #[serde(default)]
    pub observe: bool,
}

/// How the callers of a profile prove themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessMethod {
    /// By an API key.
    #[default]
    ApiKey,
    /// By a signed token.
    Jwt,
}

/// Addresses, CIDR blocks such as `10.0.0.0/8`, and ranges such as `10.0.0.1-10.0.0.9`, IPv4 and IPv6.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressLists {
    /// Only these may call: at most 10,000 entries. Empty: all.
    #[serde(default, deserialize_with = "list::<10_000, _, _>")]
    #[schema(required = false, example = json!(["203.0.113.0/24"]))]
    pub allow: Vec<String>,
    /// These may not, even when allowed: at most 10,000 entries.
    #[serde(default, deserialize_with = "list::<10_000, _, _>")]
    #[schema(required = false, example = json!([]))]
    pub deny: Vec<String>,
}

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
    /// Adds an access profile, and issues its first key, if it is with keys that its callers prove themselves.
    ///
    /// # Errors
    /// When its client, its policy or a collection does not exist, an address is none, or its tokens could not be
    /// verified or told from those of another profile.
    pub async fn create_profile(
        &self,
        draft: AccessProfileDraft,
    ) -> Result<Committed<(ProfileWithKeys, Option<IssuedKey>)>, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let id = ProfileId::new(&self.world)?;
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
        let mut edit = self.store.edit().await?;
        refuse_dangling(edit.read(), &profile).await?;
        edit.put_profile(&profile).await?;
        if let Some(issued) = &issued {
            edit.insert_key(&issued.record).await?;
        }
        let profile = self.with_keys(edit.read(), profile).await?;
        let created = Committed::by(edit, (profile, issued)).await?;
        Ok(created.with_notices(notices))
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

    /// A page of the access profiles of one client or of all.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn profiles(
        &self,
        client: Option<ClientId>,
        after: Option<ProfileId>,
        limit: u32,
    ) -> Result<Page<ProfileWithKeys>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let found = snapshot
            .profiles(client, after, limit.saturating_add(1))
            .await?;
        let page = Page::cut(found, limit);
        let ids: Vec<ProfileId> = page.items.iter().map(|profile| profile.id).collect();
        let mut keys = snapshot.keys_of(&ids).await?;
        let followed = page.items.iter().filter_map(AccessProfile::key_set);
        let followed: Vec<KeySetSource> = followed.cloned().collect();
        let key_sets = snapshot.key_sets(&followed).await?;
        let items = page.items.into_iter().map(|profile| ProfileWithKeys {
            keys: self.working(keys.remove(&profile.id)),
            key_set: profile
                .key_set()
                .and_then(|source| key_sets.get(source).cloned()),
            profile,
        });
        Ok(Page {
            items: items.collect(),
            has_more: page.has_more,
        })
    }

    /// Makes an access profile different. Its keys stay.
    ///
    /// # Errors
    /// When there is none, or the outcome could not be created either.
    pub async fn change_profile(
        &self,
        id: ProfileId,
        patch: Patch,
    ) -> Result<Committed<ProfileWithKeys>, Refusal> {
        let mut edit = self.store.edit().await?;
        let before = edit.read().profile(id).await?.ok_or_else(|| unknown(id))?;
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
        let draft = patch.applied_to(&draft)?;
        if draft.client_id != before.client_id {
            let violation = Violation::new("/client_id", "a profile cannot move to another client");
            return Err(Refusal::Invalid(vec![violation]));
        }
        let detail = "only a new profile is given its first key: change the key itself";
        refuse_given("/key_expires_at", draft.key_expires_at, detail)?;
        let times = [before.created_at_ms, self.world.clock.now_ms()];
        let (profile, notices) = draft.into_profile(id, times, kept, &self.key_set_networks)?;
        refuse_dangling(edit.read(), &profile).await?;
        edit.put_profile(&profile).await?;
        let profile = self.with_keys(edit.read(), profile).await?;
        Ok(Committed::by(edit, profile).await?.with_notices(notices))
    }

    /// Removes an access profile with its keys.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_profile(&self, id: ProfileId) -> Result<Committed<()>, Refusal> {
        let mut edit = self.store.edit().await?;
        edit.read().profile(id).await?.ok_or_else(|| unknown(id))?;
        edit.delete_profile(id).await?;
        Committed::by(edit, ()).await
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

impl AccessProfileDraft {
    fn into_profile(
        self,
        id: ProfileId,
        [created_at_ms, updated_at_ms]: [u64; 2],
        kept: Option<&JwtKeys>,
        networks: &Networks,
    ) -> Result<(AccessProfile, Vec<Notice>), Refusal> {
        let mut addresses = portcullis_feed::AddressLists {
            allow: self.addresses.allow,
            deny: self.addresses.deny,
        };
        let mut violations = repetitions(&self.collections);
        if self.collections.is_empty() {
            let detail = "a profile grants at least one collection";
            violations.push(Violation::new("/collections", detail));
        }
        if let Err(invalid) = AddressRules::parse(&addresses) {
            let pointer = format!("/addresses/{}/{}", invalid.list, invalid.index);
            violations.push(Violation::new(pointer, invalid));
        }
        let access = access(self.access_method, self.jwt, kept, networks)
            .map_err(|flaws| violations.extend(flaws));
        refuse_any(violations)?;
        let notices = [
            normalise("allow", &mut addresses.allow),
            normalise("deny", &mut addresses.deny),
        ];
        let profile = AccessProfile {
            id,
            client_id: self.client_id,
            name: self.name.into(),
            description: self.description.map(String::from),
            collections: self.collections,
            policy_id: self.policy_id,
            access: access.unwrap_or(StoredMethod::ApiKey),
            addresses,
            enabled: self.enabled,
            observe: self.observe,
            expires_at_ms: self.expires_at.map(Moment::as_ms),
            created_at_ms,
            updated_at_ms,
        };
        Ok((profile, notices.concat()))
    }
}

/// The access method, from the two members that say it.
fn access(
    method: AccessMethod,
    jwt: Option<JwtDraft>,
    kept: Option<&JwtKeys>,
    networks: &Networks,
) -> Result<StoredMethod, Vec<Violation>> {
    let flaw = |detail| Err(vec![Violation::new("/jwt", detail)]);
    match (method, jwt) {
        (AccessMethod::ApiKey, None) => Ok(StoredMethod::ApiKey),
        (AccessMethod::ApiKey, Some(_)) => {
            flaw("null is expected, because the access method is `api_key`")
        }
        (AccessMethod::Jwt, None) => {
            flaw("an object is expected, because the access method is `jwt`")
        }
        (AccessMethod::Jwt, Some(jwt)) => {
            let jwt = jwt.into_jwt(kept, networks)?;
            Ok(StoredMethod::Jwt(Box::new(jwt)))
        }
    }
}

/// Writes each entry of a list of addresses in the form that says what it covers.
fn normalise(list: &str, entries: &mut [String]) -> Vec<Notice> {
    let mut notices = Vec::new();
    for (index, entry) in entries.iter_mut().enumerate() {
        if let Some(normal) = address::normalised(entry) {
            notices.push(Notice {
                pointer: format!("/addresses/{list}/{index}"),
                detail: format!("`{entry}` is kept as `{normal}`, which covers the same"),
            });
            *entry = normal;
        }
    }
    notices
}

fn repetitions(collections: &[CollectionId]) -> Vec<Violation> {
    let mut seen = HashSet::new();
    collections
        .iter()
        .enumerate()
        .filter(|(_, id)| !seen.insert(**id))
        .map(|(index, id)| {
            Violation::new(
                format!("/collections/{index}"),
                format!("`{id}` is granted twice"),
            )
        })
        .collect()
}

impl From<&AccessProfile> for AccessProfileDraft {
    fn from(profile: &AccessProfile) -> Self {
        Self {
            client_id: profile.client_id,
            name: stored_name(&profile.name),
            description: stored_description(profile.description.as_deref()),
            collections: profile.collections.clone(),
            policy_id: profile.policy_id,
            access_method: AccessMethod::from(&profile.access),
            jwt: match &profile.access {
                StoredMethod::ApiKey => None,
                StoredMethod::Jwt(jwt) => Some(JwtDraft::from(&**jwt)),
            },
            key_expires_at: None,
            addresses: AddressLists {
                allow: profile.addresses.allow.clone(),
                deny: profile.addresses.deny.clone(),
            },
            enabled: profile.enabled,
            expires_at: profile.expires_at_ms.map(Moment::from_ms),
            observe: profile.observe,
        }
    }
}

impl From<&StoredMethod> for AccessMethod {
    fn from(stored: &StoredMethod) -> Self {
        match stored {
            StoredMethod::ApiKey => Self::ApiKey,
            StoredMethod::Jwt(_) => Self::Jwt,
        }
    }
}

pub(super) fn unknown(id: ProfileId) -> Refusal {
    Refusal::NotFound {
        kind: "access profile",
        id: id.to_string(),
    }
}
