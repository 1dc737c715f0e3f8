//! Access profiles: what a client may use, from where, and the keys with which it proves itself.

use std::collections::HashSet;

use portcullis_engine::address::AddressRules;
use portcullis_engine::api_key;
use portcullis_feed::{ClientId, CollectionId, PolicyId, ProfileId};
use portcullis_store::{AccessProfile, ApiKey, Edit, Snapshot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client::enabled;
use super::draft::{Patch, list, object_or_default};
use super::page::Page;
use super::refusal::refuse_any;
use super::text::{Description, Name, stored_description, stored_name};
use super::time::Moment;
use super::world::Identifier as _;
use super::{App, Committed, Refusal, Violation};

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
}

/// How the callers of a profile prove themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessMethod {
    /// By an API key.
    #[default]
    ApiKey,
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
}

/// A key in the one moment when it is known in full.
#[derive(Debug)]
pub struct IssuedKey {
    /// What is shown once.
    pub key: api_key::ApiKey,
    /// What is kept.
    pub record: ApiKey,
}

impl App {
    /// Adds an access profile, and issues its first key.
    ///
    /// # Errors
    /// When its client, its policy or a collection does not exist, or an address is none.
    pub async fn create_profile(
        &self,
        draft: AccessProfileDraft,
    ) -> Result<Committed<(AccessProfile, IssuedKey)>, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let profile = draft.into_profile(ProfileId::new(&self.world)?, now_ms, now_ms)?;
        let issued = self.issue_key(profile.id)?;
        let mut edit = self.store.edit().await?;
        refuse_dangling(edit.read(), &profile).await?;
        edit.put_profile(&profile).await?;
        edit.insert_key(&issued.record).await?;
        Committed::by(edit, (profile, issued)).await
    }

    /// An access profile.
    ///
    /// # Errors
    /// When there is none.
    pub async fn profile(&self, id: ProfileId) -> Result<ProfileWithKeys, Refusal> {
        let mut snapshot = self.store.read().await?;
        let profile = snapshot.profile(id).await?.ok_or_else(|| unknown(id))?;
        with_keys(&mut snapshot, profile).await
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
        let items = page.items.into_iter().map(|profile| ProfileWithKeys {
            keys: working(keys.remove(&profile.id).unwrap_or_default()),
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
        let draft = patch.applied_to(&AccessProfileDraft::from(&before))?;
        if draft.client_id != before.client_id {
            let violation = Violation::new("/client_id", "a profile cannot move to another client");
            return Err(Refusal::Invalid(vec![violation]));
        }
        let profile = draft.into_profile(id, before.created_at_ms, self.world.clock.now_ms())?;
        refuse_dangling(edit.read(), &profile).await?;
        edit.put_profile(&profile).await?;
        let profile = with_keys(edit.read(), profile).await?;
        Committed::by(edit, profile).await
    }

    /// Removes an access profile with its keys.
    ///
    /// # Errors
    /// When there is none.
    pub async fn delete_profile(&self, id: ProfileId) -> Result<Committed<()>, Refusal> {
        let mut edit = self.store.edit().await?;
        known(&mut edit, id).await?;
        edit.delete_profile(id).await?;
        Committed::by(edit, ()).await
    }

    /// Revokes the key of an access profile at once, and issues a new one.
    ///
    /// # Errors
    /// When there is no such profile.
    pub async fn refresh_key(&self, id: ProfileId) -> Result<Committed<IssuedKey>, Refusal> {
        let issued = self.issue_key(id)?;
        let mut edit = self.store.edit().await?;
        known(&mut edit, id).await?;
        edit.revoke_keys(id, issued.record.created_at_ms).await?;
        edit.insert_key(&issued.record).await?;
        Committed::by(edit, issued).await
    }

    fn issue_key(&self, profile_id: ProfileId) -> Result<IssuedKey, Refusal> {
        let entropy = &self.world.entropy;
        let key =
            api_key::ApiKey::compose(&self.key_environment, entropy.bytes()?, entropy.bytes()?)
                .map_err(|invalid| Refusal::Malformed(invalid.to_string()))?;
        let record = ApiKey {
            id: key.id().to_owned(),
            profile_id,
            digest: key.digest(),
            created_at_ms: self.world.clock.now_ms(),
            expires_at_ms: None,
            deprecated_at_ms: None,
            revoked_at_ms: None,
            imported: false,
        };
        Ok(IssuedKey { key, record })
    }
}

async fn known(edit: &mut Edit, id: ProfileId) -> Result<AccessProfile, Refusal> {
    edit.read().profile(id).await?.ok_or_else(|| unknown(id))
}

async fn with_keys(
    snapshot: &mut Snapshot,
    profile: AccessProfile,
) -> Result<ProfileWithKeys, Refusal> {
    let keys = snapshot.keys_of(&[profile.id]).await?.remove(&profile.id);
    Ok(ProfileWithKeys {
        keys: working(keys.unwrap_or_default()),
        profile,
    })
}

fn working(mut keys: Vec<ApiKey>) -> Vec<ApiKey> {
    keys.retain(|key| key.revoked_at_ms.is_none());
    keys
}

/// Everything that a profile refers to has to exist.
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
    refuse_any(violations)
}

impl AccessProfileDraft {
    fn into_profile(
        self,
        id: ProfileId,
        created_at_ms: u64,
        updated_at_ms: u64,
    ) -> Result<AccessProfile, Refusal> {
        let addresses = portcullis_feed::AddressLists {
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
        refuse_any(violations)?;
        let AccessMethod::ApiKey = self.access_method;
        Ok(AccessProfile {
            id,
            client_id: self.client_id,
            name: self.name.into(),
            description: self.description.map(String::from),
            collections: self.collections,
            policy_id: self.policy_id,
            access: portcullis_store::AccessMethod::ApiKey,
            addresses,
            enabled: self.enabled,
            observe: false,
            expires_at_ms: self.expires_at.map(Moment::as_ms),
            created_at_ms,
            updated_at_ms,
        })
    }
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
            access_method: AccessMethod::ApiKey,
            addresses: AddressLists {
                allow: profile.addresses.allow.clone(),
                deny: profile.addresses.deny.clone(),
            },
            enabled: profile.enabled,
            expires_at: profile.expires_at_ms.map(Moment::from_ms),
        }
    }
}

fn unknown(id: ProfileId) -> Refusal {
    Refusal::NotFound {
        kind: "access profile",
        id: id.to_string(),
    }
}
