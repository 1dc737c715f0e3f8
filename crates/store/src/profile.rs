//! Access profiles in the database, with what they grant.

use std::collections::HashMap;

use portcullis_feed::{ClientId, CollectionId, PolicyId, ProfileId, TokenIdentity};

use crate::batch::writing::Around;
use crate::client::access_method;
use crate::edit::PROFILE;
use crate::filter::{GrantFilter, ProfileFilter, ProfileKey};
use crate::list::{Selection, Window, folded};
use crate::statement::{Row, Value, query};
use crate::{
    AccessMethod, AccessProfile, Edit, ProfileName, SecretKey, Snapshot, StoreError, jwt, row,
};

/// How many profiles are many: of so few, all are looked up to sort them.
const MANY: u64 = 1_000;

/// What profiles are called among the changes.
pub(crate) const KIND: &str = "profile";

/// What stands around the [`values`] of profiles.
pub(crate) const PUT: Around = [
    "INSERT INTO access_profiles (id, client_id, policy_id, name, description, addresses, enabled, \
     expires_at_ms, created_at_ms, updated_at_ms, observe, access_method, jwt, jwt_secret, key_set, \
     token_issuer, token_client, folded_name) ",
    " ON CONFLICT (id) DO UPDATE SET policy_id = excluded.policy_id, name = excluded.name, \
     description = excluded.description, addresses = excluded.addresses, \
     enabled = excluded.enabled, expires_at_ms = excluded.expires_at_ms, \
     updated_at_ms = excluded.updated_at_ms, observe = excluded.observe, \
     access_method = excluded.access_method, jwt = excluded.jwt, \
     jwt_secret = excluded.jwt_secret, key_set = excluded.key_set, \
     token_issuer = excluded.token_issuer, token_client = excluded.token_client, \
     folded_name = excluded.folded_name",
];

/// What stands around the [`grants`] of profiles.
pub(crate) const GRANT: Around = [
    "INSERT INTO profile_collections (profile_id, collection_id, position) ",
    "",
];

impl AccessProfile {
    /// Whether an identity provider has a name for it.
    pub(crate) const fn has_identity(&self) -> bool {
        match &self.access {
            AccessMethod::Jwt(jwt) => jwt.identity.is_some(),
            AccessMethod::ApiKey => false,
        }
    }
}

impl Snapshot {
    /// A profile, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile(&mut self, id: ProfileId) -> Result<Option<AccessProfile>, StoreError> {
        Ok(self.profiles_named(&[id]).await?.pop())
    }

    /// The profiles after one, of one client or of all, in the order of their identifiers, which is that of their
    /// creation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profiles(
        &mut self,
        client: Option<ClientId>,
        after: Option<ProfileId>,
        limit: u32,
    ) -> Result<Vec<AccessProfile>, StoreError> {
        let after = after.map_or_else(String::new, |id| id.to_string());
        let query = match client {
            Some(client) => query(
                "SELECT * FROM access_profiles WHERE id > $1 AND client_id = $3 \
                 ORDER BY id LIMIT $2",
            )
            .bind(after)
            .bind(i64::from(limit))
            .bind(client.to_string()),
            None => query("SELECT * FROM access_profiles WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(after)
                .bind(i64::from(limit)),
        };
        let found = query.fetch_all(&mut self.transaction).await?;
        self.profiles_from_rows(&found).await
    }

    /// A window of those profiles that a filter leaves.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_profiles(
        &mut self,
        filter: &ProfileFilter,
        window: &Window<ProfileKey>,
    ) -> Result<Vec<AccessProfile>, StoreError> {
        let grant = &filter.grant;
        let mut selection = Selection::of("SELECT * FROM access_profiles");
        let client = filter.client_id.map(|id| id.to_string());
        selection.when("client_id = ", client);
        selection.when_named(filter.name.as_deref());
        selection.when("enabled = ", filter.enabled);
        selection.when("observe = ", filter.observe);
        let policy = grant.policy_id.map(|id| id.to_string());
        selection.when("policy_id = ", policy);
        selection.when("access_method = ", grant.by_tokens.map(access_method));
        let before_ms = filter.expires_before_ms.map(row::stored);
        selection.when("COALESCE(expires_at_ms, 9223372036854775807) < ", before_ms);
        if let Some(collection) = grant.collection_id {
            // Few are looked for first; where they are many, each profile is asked, since enough of them grant it.
            let is_wide = self.is_wide(grant).await?;
            let draft = selection.and().push(match is_wide {
                true => {
                    "EXISTS (SELECT 1 FROM profile_collections c \
                     WHERE c.profile_id = access_profiles.id AND c.collection_id = "
                }
                false => "id IN (SELECT profile_id FROM profile_collections WHERE collection_id = ",
            });
            draft.push_bind(collection.to_string()).push(")");
        }
        let found = selection.rows(window, &mut self.transaction).await?;
        self.profiles_from_rows(&found).await
    }

    /// Whether many profiles grant something.
    pub(crate) async fn is_wide(&mut self, grant: &GrantFilter) -> Result<bool, StoreError> {
        let (statement, id) = match (grant.collection_id, grant.policy_id) {
            (Some(collection), _) => (
                "SELECT COUNT(*) AS found FROM \
                 (SELECT 1 FROM profile_collections WHERE collection_id = $1 LIMIT 1000) few",
                collection.to_string(),
            ),
            (None, Some(policy)) => (
                "SELECT COUNT(*) AS found FROM \
                 (SELECT 1 FROM access_profiles WHERE policy_id = $1 LIMIT 1000) few",
                policy.to_string(),
            ),
            (None, None) => return Ok(true),
        };
        Ok(self.count(statement, &id).await? >= MANY)
    }

    /// Those of the profiles which exist, in no order.
    pub(crate) async fn profiles_named(
        &mut self,
        ids: &[ProfileId],
    ) -> Result<Vec<AccessProfile>, StoreError> {
        let found = self
            .rows("SELECT * FROM access_profiles WHERE id", ids)
            .await?;
        self.profiles_from_rows(&found).await
    }

    /// The profiles that grant a collection: the first of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profiles_granting(
        &mut self,
        collection: CollectionId,
        limit: u32,
    ) -> Result<Vec<ProfileName>, StoreError> {
        self.profile_names(
            "SELECT p.id, p.name FROM profile_collections c \
             JOIN access_profiles p ON p.id = c.profile_id \
             WHERE c.collection_id = $1 ORDER BY p.id LIMIT $2",
            &collection,
            limit,
        )
        .await
    }

    /// The profiles that have a policy: the first of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profiles_under(
        &mut self,
        policy: PolicyId,
        limit: u32,
    ) -> Result<Vec<ProfileName>, StoreError> {
        self.profile_names(
            "SELECT id, name FROM access_profiles WHERE policy_id = $1 ORDER BY id LIMIT $2",
            &policy,
            limit,
        )
        .await
    }

    /// The profile that an identity provider has a name for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_identified(
        &mut self,
        identity: &TokenIdentity,
    ) -> Result<Option<ProfileName>, StoreError> {
        let found = query(
            "SELECT id, name FROM access_profiles WHERE token_issuer = $1 AND token_client = $2",
        )
        .bind(&identity.issuer)
        .bind(&identity.client)
        .fetch_optional(&mut self.transaction)
        .await?;
        found.as_ref().map(name_from_row).transpose()
    }

    async fn profile_names(
        &mut self,
        statement: &'static str,
        object: &impl ToString,
        limit: u32,
    ) -> Result<Vec<ProfileName>, StoreError> {
        let found = query(statement)
            .bind(object.to_string())
            .bind(i64::from(limit))
            .fetch_all(&mut self.transaction)
            .await?;
        found.iter().map(name_from_row).collect()
    }

    pub(crate) async fn profiles_from_rows(
        &mut self,
        rows: &[Row],
    ) -> Result<Vec<AccessProfile>, StoreError> {
        let ids: Vec<ProfileId> = rows
            .iter()
            .map(|row| row::parsed(row, "id"))
            .collect::<Result<_, _>>()?;
        let mut granted = self.granted_by(&ids).await?;
        rows.iter()
            .zip(ids)
            .map(|(row, id)| {
                let collections = granted.remove(&id).unwrap_or_default();
                from_row(row, id, collections, &self.secret_key)
            })
            .collect()
    }

    async fn granted_by(
        &mut self,
        ids: &[ProfileId],
    ) -> Result<HashMap<ProfileId, Vec<CollectionId>>, StoreError> {
        let mut granted: HashMap<_, Vec<_>> = HashMap::new();
        let found = self
            .ordered_rows(
                "SELECT profile_id, collection_id FROM profile_collections WHERE profile_id",
                ids,
                " ORDER BY profile_id, position",
            )
            .await?;
        for row in &found {
            granted
                .entry(row::parsed(row, "profile_id")?)
                .or_default()
                .push(row::parsed(row, "collection_id")?);
        }
        Ok(granted)
    }
}

impl Edit {
    /// Adds a profile, or gives it its new state.
    ///
    /// # Errors
    /// When the database fails, its client, its policy or one of its collections does not exist, or another profile
    /// has its identity.
    pub async fn put_profile(&mut self, profile: &AccessProfile) -> Result<(), StoreError> {
        let before = self.read().profile(profile.id).await?;
        let row = values(profile, &self.read().secret_key)?;
        self.put_row(PUT, row).await?;
        if before.as_ref().map(|before| &before.collections) != Some(&profile.collections) {
            self.grant(profile).await?;
        }
        let is_told = |before: &AccessProfile| carried(before) != carried(profile);
        if before.as_ref().is_none_or(is_told) {
            self.mark_changed(PROFILE, &profile.id).await?;
        }
        self.enter(before.as_ref(), Some(profile)).await
    }

    /// Removes a profile with its keys.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_profile(&mut self, id: ProfileId, now_ms: u64) -> Result<(), StoreError> {
        let profile = self.read().profile(id).await?;
        self.mark_removed(PROFILE, &id, now_ms).await?;
        self.run("DELETE FROM access_profiles WHERE id = $1", &id)
            .await?;
        self.enter(profile.as_ref(), None).await
    }

    async fn grant(&mut self, profile: &AccessProfile) -> Result<(), StoreError> {
        self.run(
            "DELETE FROM profile_collections WHERE profile_id = $1",
            &profile.id,
        )
        .await?;
        for row in grants(profile) {
            self.put_row(GRANT, row).await?;
        }
        Ok(())
    }
}

pub(crate) fn values(
    profile: &AccessProfile,
    secret_key: &SecretKey,
) -> Result<[Value; 18], StoreError> {
    let access = jwt::columns(profile, secret_key)?;
    Ok([
        profile.id.to_string().into(),
        profile.client_id.to_string().into(),
        profile.policy_id.map(|id| id.to_string()).into(),
        (&profile.name).into(),
        (&profile.description).into(),
        row::to_json(&profile.addresses, "addresses")?.into(),
        profile.enabled.into(),
        profile.expires_at_ms.map(row::stored).into(),
        row::stored(profile.created_at_ms).into(),
        row::stored(profile.updated_at_ms).into(),
        profile.observe.into(),
        access.access_method.into(),
        access.jwt.into(),
        access.jwt_secret.into(),
        access.key_set.into(),
        access.token_issuer.into(),
        access.token_client.into(),
        folded(&profile.name).into(),
    ])
}

/// What stands between [`GRANT`], for each collection that a profile grants.
pub(crate) fn grants(profile: &AccessProfile) -> impl Iterator<Item = [Value; 3]> + '_ {
    let positions = (0_i64..).zip(&profile.collections);
    positions.map(|(position, collection)| {
        [
            profile.id.to_string().into(),
            collection.to_string().into(),
            position.into(),
        ]
    })
}

/// What gateways are told of a profile itself.
pub(crate) fn carried(profile: &AccessProfile) -> impl PartialEq + '_ {
    (
        &profile.collections,
        profile.policy_id,
        &profile.access,
        &profile.addresses,
        profile.observe,
        profile.enabled,
        profile.expires_at_ms,
    )
}

pub(crate) fn name_from_row(row: &Row) -> Result<ProfileName, StoreError> {
    Ok(ProfileName {
        id: row::parsed(row, "id")?,
        name: row.try_get("name")?,
    })
}

fn from_row(
    row: &Row,
    id: ProfileId,
    collections: Vec<CollectionId>,
    secret_key: &SecretKey,
) -> Result<AccessProfile, StoreError> {
    Ok(AccessProfile {
        id,
        client_id: row::parsed(row, "client_id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        collections,
        policy_id: row::parsed_if_any(row, "policy_id")?,
        access: jwt::access_from_row(row, secret_key)?,
        addresses: row::from_json(row, "addresses")?,
        enabled: row.try_get("enabled")?,
        observe: row.try_get("observe")?,
        expires_at_ms: row::number_if_any(row, "expires_at_ms")?,
        created_at_ms: row::number(row, "created_at_ms")?,
        updated_at_ms: row::number(row, "updated_at_ms")?,
    })
}
