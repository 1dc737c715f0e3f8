//! What gateways ask for: the changes after a revision, with all that they need to know of each.

use std::collections::HashMap;

use portcullis_feed::{
    Change, ChangedObject, ClientId, CollectionId, Jwk, KeyMaterial, KeyState, PolicyId, Profile,
    ProfileId, Revision,
};
use sqlx::Row as _;

use crate::{
    AccessMethod, AccessProfile, ApiKey, Client, Jwt, JwtKeys, KeySet, KeySetSource, Policy,
    Snapshot, StoreError, client, collection, policy, row,
};

/// For how long the holders of a spent key are told that it is revoked or expired, and not merely unknown.
const SPENT_TOLD_MS: u64 = 30 * 24 * 60 * 60 * 1000;

impl Snapshot {
    /// The first `limit` changes after a revision, in order: the newest state of each object only.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn changes(
        &mut self,
        after: Revision,
        limit: u32,
        now_ms: u64,
    ) -> Result<Vec<Change>, StoreError> {
        let marks = self.marks(after, limit).await?;
        let mut profiles = self.carried_profiles(&marks, now_ms).await?;
        let mut collections = self.carried_collections(&marks).await?;
        marks
            .into_iter()
            .map(|(revision, mark)| {
                let object = match mark {
                    Mark::Profile(id) => profiles
                        .remove(&id)
                        .map(Box::new)
                        .map(ChangedObject::Profile),
                    Mark::Collection(id) => collections
                        .remove(&id)
                        .map(Box::new)
                        .map(ChangedObject::Collection),
                    Mark::ProfileRemoved(id) => Some(ChangedObject::ProfileRemoved(id)),
                    Mark::CollectionRemoved(id) => Some(ChangedObject::CollectionRemoved(id)),
                };
                let object = object.ok_or(StoreError::Unreadable {
                    column: "object_id",
                })?;
                Ok(Change { revision, object })
            })
            .collect()
    }

    async fn marks(
        &mut self,
        after: Revision,
        limit: u32,
    ) -> Result<Vec<(Revision, Mark)>, StoreError> {
        let found = sqlx::query(
            "SELECT revision, kind, object_id, removed FROM changes WHERE revision > $1 \
             ORDER BY revision LIMIT $2",
        )
        .bind(row::stored(after))
        .bind(i64::from(limit))
        .fetch_all(&mut *self.transaction)
        .await?;
        found
            .iter()
            .map(|row| {
                let mark = match (row.try_get("kind")?, row.try_get("removed")?) {
                    ("profile", false) => Mark::Profile(row::parsed(row, "object_id")?),
                    ("profile", true) => Mark::ProfileRemoved(row::parsed(row, "object_id")?),
                    ("collection", false) => Mark::Collection(row::parsed(row, "object_id")?),
                    ("collection", true) => Mark::CollectionRemoved(row::parsed(row, "object_id")?),
                    _ => return Err(StoreError::Unreadable { column: "kind" }),
                };
                Ok((row::number(row, "revision")?, mark))
            })
            .collect()
    }

    async fn carried_profiles(
        &mut self,
        marks: &[(Revision, Mark)],
        now_ms: u64,
    ) -> Result<HashMap<ProfileId, Profile>, StoreError> {
        let ids: Vec<ProfileId> = marks
            .iter()
            .filter_map(|(_, mark)| match mark {
                Mark::Profile(id) => Some(*id),
                Mark::ProfileRemoved(_) | Mark::Collection(_) | Mark::CollectionRemoved(_) => None,
            })
            .collect();
        let profiles = self.profiles_named(&ids).await?;
        let mut keys = self.keys_of(&ids).await?;
        let clients = self.clients_of(&profiles).await?;
        let policies = self.policies_of(&profiles).await?;
        let key_sets = self.key_sets_of(&profiles).await?;
        profiles
            .into_iter()
            .map(|profile| {
                let client = clients
                    .get(&profile.client_id)
                    .ok_or(StoreError::Unreadable {
                        column: "client_id",
                    })?;
                let policy = profile.policy_id.and_then(|id| policies.get(&id));
                let set = profile.key_set().and_then(|source| key_sets.get(source));
                let keys = keys.remove(&profile.id).unwrap_or_default();
                let mut carried = carried(profile, client, policy, keys, now_ms);
                if let (Some(set), portcullis_feed::AccessMethod::Jwt(jwt)) =
                    (set, &mut carried.access)
                {
                    jwt.keys = set.keys_for(jwt.algorithm);
                }
                Ok((carried.id, carried))
            })
            .collect()
    }

    async fn clients_of(
        &mut self,
        profiles: &[AccessProfile],
    ) -> Result<HashMap<ClientId, Client>, StoreError> {
        let ids = distinct(profiles.iter().map(|profile| profile.client_id));
        let rows = self.rows("SELECT * FROM clients WHERE id", &ids).await?;
        rows.iter()
            .map(|row| client::from_row(row).map(|client| (client.id, client)))
            .collect()
    }

    async fn policies_of(
        &mut self,
        profiles: &[AccessProfile],
    ) -> Result<HashMap<PolicyId, Policy>, StoreError> {
        let ids = distinct(profiles.iter().filter_map(|profile| profile.policy_id));
        let rows = self.rows("SELECT * FROM policies WHERE id", &ids).await?;
        rows.iter()
            .map(|row| policy::from_row(row).map(|policy| (policy.id, policy)))
            .collect()
    }

    async fn key_sets_of(
        &mut self,
        profiles: &[AccessProfile],
    ) -> Result<HashMap<KeySetSource, KeySet>, StoreError> {
        let sources = distinct(profiles.iter().filter_map(AccessProfile::key_set).cloned());
        self.key_sets(&sources).await
    }

    async fn carried_collections(
        &mut self,
        marks: &[(Revision, Mark)],
    ) -> Result<HashMap<CollectionId, portcullis_feed::Collection>, StoreError> {
        let ids: Vec<CollectionId> = marks
            .iter()
            .filter_map(|(_, mark)| match mark {
                Mark::Collection(id) => Some(*id),
                Mark::CollectionRemoved(_) | Mark::Profile(_) | Mark::ProfileRemoved(_) => None,
            })
            .collect();
        let rows = self
            .rows("SELECT * FROM collections WHERE id", &ids)
            .await?;
        rows.iter()
            .map(|row| collection::from_row(row).map(|found| (found.id, found.as_carried())))
            .collect()
    }
}

/// What a row of `changes` says.
enum Mark {
    Profile(ProfileId),
    ProfileRemoved(ProfileId),
    Collection(CollectionId),
    CollectionRemoved(CollectionId),
}

fn distinct<T: Ord>(ids: impl Iterator<Item = T>) -> Vec<T> {
    let mut ids: Vec<T> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn carried(
    profile: AccessProfile,
    client: &Client,
    policy: Option<&Policy>,
    keys: Vec<ApiKey>,
    now_ms: u64,
) -> Profile {
    let keys = carried_keys(keys, now_ms);
    Profile {
        id: profile.id,
        client: client.as_carried(),
        enabled: profile.enabled,
        expires_at_ms: profile.expires_at_ms,
        access: match profile.access {
            AccessMethod::ApiKey => portcullis_feed::AccessMethod::ApiKey { keys },
            AccessMethod::Jwt(jwt) => {
                portcullis_feed::AccessMethod::Jwt(Box::new(carried_jwt(*jwt, keys)))
            }
        },
        addresses: profile.addresses,
        collections: profile.collections,
        policy: policy.map(Policy::as_carried),
        observe: profile.observe,
    }
}

fn carried_jwt(jwt: Jwt, named_by_keys: Vec<portcullis_feed::ApiKey>) -> portcullis_feed::Jwt {
    let follows_key_set = matches!(jwt.keys, JwtKeys::Followed(_));
    let keys = match jwt.keys {
        JwtKeys::Pasted(keys) => keys,
        JwtKeys::Secret(k) => vec![Jwk {
            kid: None,
            material: KeyMaterial::Oct { k },
        }],
        // Filled in where the set is known. As long as it was never fetched, no token is good.
        JwtKeys::Followed(_) => Vec::new(),
    };
    portcullis_feed::Jwt {
        algorithm: jwt.algorithm,
        keys,
        follows_key_set,
        named_by_keys,
        identity: jwt.identity,
        issuers: jwt.issuers,
        audiences: jwt.audiences,
        required_claims: jwt.required_claims,
        max_lifetime_s: jwt.max_lifetime_s,
        allows_no_expiry: jwt.allows_no_expiry,
    }
}

fn carried_keys(keys: Vec<ApiKey>, now_ms: u64) -> Vec<portcullis_feed::ApiKey> {
    let told_since_ms = now_ms.saturating_sub(SPENT_TOLD_MS);
    keys.into_iter()
        .filter(|key| key.revoked_at_ms.is_none_or(|at| at >= told_since_ms))
        .filter(|key| key.expires_at_ms.is_none_or(|at| at >= told_since_ms))
        .map(|key| portcullis_feed::ApiKey {
            id: key.id,
            digest: key.digest,
            expires_at_ms: key.expires_at_ms,
            deprecated_at_ms: key.deprecated_at_ms,
            state: match key.revoked_at_ms {
                Some(_) => KeyState::Revoked,
                None => KeyState::Active,
            },
        })
        .collect()
}
