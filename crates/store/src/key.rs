//! API keys in the database: digests only.

use std::cmp::Reverse;
use std::collections::HashMap;

use portcullis_feed::{Digest, ProfileId};

use crate::batch::writing::Around;
use crate::edit::PROFILE;
use crate::statement::{Row, Value, query};
use crate::{ApiKey, Edit, Snapshot, StoreError, row};

/// How many of the revoked keys of a profile are of interest: the last ones. Statements know one less of it by heart.
const MOST_REVOKED: usize = 20;

/// What stands around the [`values`] of keys. Of a key that exists only the ends change.
pub(crate) const PUT: Around = [
    "INSERT INTO api_keys (id, profile_id, digest, created_at_ms, expires_at_ms, deprecated_at_ms, \
     revoked_at_ms, imported) ",
    " ON CONFLICT (id) DO UPDATE SET expires_at_ms = excluded.expires_at_ms, \
     deprecated_at_ms = excluded.deprecated_at_ms, revoked_at_ms = excluded.revoked_at_ms",
];

impl Snapshot {
    /// The keys of each profile, the newest first: all that were not revoked, and the twenty revoked last. Profiles
    /// without any are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keys_of(
        &mut self,
        profiles: &[ProfileId],
    ) -> Result<HashMap<ProfileId, Vec<ApiKey>>, StoreError> {
        let mut found = self
            .ordered_rows(
                "SELECT * FROM api_keys WHERE profile_id",
                profiles,
                " AND revoked_at_ms IS NULL",
            )
            .await?;
        let revoked = self
            .ordered_rows(
                "SELECT k.* FROM access_profiles p JOIN api_keys k ON k.profile_id = p.id \
                 AND k.revoked_at_ms >= COALESCE((SELECT r.revoked_at_ms FROM api_keys r \
                 WHERE r.profile_id = p.id AND r.revoked_at_ms IS NOT NULL \
                 ORDER BY r.revoked_at_ms DESC LIMIT 1 OFFSET 19), 0) WHERE p.id",
                profiles,
                "",
            )
            .await?;
        found.extend(revoked);
        let mut keys: HashMap<_, Vec<_>> = HashMap::new();
        for row in &found {
            let key = from_row(row)?;
            keys.entry(key.profile_id).or_default().push(key);
        }
        for keys in keys.values_mut() {
            cut(keys);
        }
        Ok(keys)
    }

    /// How many API keys that are not revoked a profile has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_keys(&mut self, profile: ProfileId) -> Result<u64, StoreError> {
        self.count(
            "SELECT COUNT(*) AS found FROM api_keys \
             WHERE profile_id = $1 AND revoked_at_ms IS NULL",
            &profile,
        )
        .await
    }

    /// Whether any profile has or had a key with this digest.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_key(&mut self, digest: Digest) -> Result<bool, StoreError> {
        let found = query("SELECT 1 FROM api_keys WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        Ok(found.is_some())
    }

    async fn unrevoked_keys(&mut self, profile: ProfileId) -> Result<Vec<ApiKey>, StoreError> {
        let found = query("SELECT * FROM api_keys WHERE profile_id = $1 AND revoked_at_ms IS NULL")
            .bind(profile.to_string())
            .fetch_all(&mut self.transaction)
            .await?;
        found.iter().map(from_row).collect()
    }

    async fn keys_named(&mut self, ids: &[String]) -> Result<Vec<ApiKey>, StoreError> {
        let found = self
            .ordered_rows("SELECT * FROM api_keys WHERE id", ids, " ORDER BY id")
            .await?;
        found.iter().map(from_row).collect()
    }
}

impl Edit {
    /// Adds a key to a profile.
    ///
    /// # Errors
    /// When the database fails, the profile does not exist, or there is such a key already.
    pub async fn insert_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        let [before, _] = PUT;
        self.put_row([before, ""], values(key)?).await?;
        self.mark_changed(PROFILE, &key.profile_id).await?;
        self.enter(None, Some(key)).await
    }

    /// Revokes all keys of a profile that are not revoked yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_keys(&mut self, profile: ProfileId, now_ms: u64) -> Result<(), StoreError> {
        let before = self.read().unrevoked_keys(profile).await?;
        query(
            "UPDATE api_keys SET revoked_at_ms = $1 \
             WHERE profile_id = $2 AND revoked_at_ms IS NULL",
        )
        .bind(row::stored(now_ms))
        .bind(profile.to_string())
        .execute(&mut self.read().transaction)
        .await?;
        self.mark_changed(PROFILE, &profile).await?;
        self.enter_keys(&before).await
    }

    /// Lets all working keys of a profile go on until then, and no longer, as deprecated ones. Those that were
    /// deprecated before, or expire sooner, stay as they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deprecate_keys(
        &mut self,
        profile: ProfileId,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<(), StoreError> {
        let before = self.read().unrevoked_keys(profile).await?;
        query(
            "UPDATE api_keys SET deprecated_at_ms = COALESCE(deprecated_at_ms, $1), \
             expires_at_ms = CASE WHEN expires_at_ms < $2 THEN expires_at_ms ELSE $2 END \
             WHERE profile_id = $3 AND revoked_at_ms IS NULL \
             AND (expires_at_ms IS NULL OR expires_at_ms > $1)",
        )
        .bind(row::stored(now_ms))
        .bind(row::stored(until_ms))
        .bind(profile.to_string())
        .execute(&mut self.read().transaction)
        .await?;
        self.mark_changed(PROFILE, &profile).await?;
        self.enter_keys(&before).await
    }

    /// Gives a key its new state: when it expires, is deprecated and revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn update_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        let before = self
            .read()
            .keys_named(std::slice::from_ref(&key.id))
            .await?;
        query(
            "UPDATE api_keys SET expires_at_ms = $1, deprecated_at_ms = $2, revoked_at_ms = $3 \
             WHERE id = $4 AND profile_id = $5",
        )
        .bind(key.expires_at_ms.map(row::stored))
        .bind(key.deprecated_at_ms.map(row::stored))
        .bind(key.revoked_at_ms.map(row::stored))
        .bind(&key.id)
        .bind(key.profile_id.to_string())
        .execute(&mut self.read().transaction)
        .await?;
        self.mark_changed(PROFILE, &key.profile_id).await?;
        self.enter_keys(&before).await
    }

    /// Enters what became of keys.
    async fn enter_keys(&mut self, before: &[ApiKey]) -> Result<(), StoreError> {
        let ids: Vec<_> = before.iter().map(|key| key.id.clone()).collect();
        let after = self.read().keys_named(&ids).await?;
        for is in &after {
            let was = before.iter().find(|was| was.id == is.id);
            self.enter(was, Some(is)).await?;
        }
        Ok(())
    }
}

/// Leaves all that were not revoked and those that were last, the newest first.
pub(crate) fn cut(keys: &mut Vec<ApiKey>) {
    let by_revocation = |key: &ApiKey| (Reverse(key.revoked_at_ms), key.id.clone());
    keys.sort_by_cached_key(by_revocation);
    let mut revoked = 0;
    keys.retain(|key| {
        revoked += usize::from(key.revoked_at_ms.is_some());
        key.revoked_at_ms.is_none() || revoked <= MOST_REVOKED
    });
    keys.sort_by_cached_key(|key| (Reverse(key.created_at_ms), key.id.clone()));
}

pub(crate) fn values(key: &ApiKey) -> Result<[Value; 8], StoreError> {
    Ok([
        (&key.id).into(),
        key.profile_id.to_string().into(),
        key.digest.to_string().into(),
        row::stored(key.created_at_ms).into(),
        key.expires_at_ms.map(row::stored).into(),
        key.deprecated_at_ms.map(row::stored).into(),
        key.revoked_at_ms.map(row::stored).into(),
        key.imported.into(),
    ])
}

pub(crate) fn from_row(row: &Row) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: row.try_get("id")?,
        profile_id: row::parsed(row, "profile_id")?,
        digest: row::parsed(row, "digest")?,
        created_at_ms: row::number(row, "created_at_ms")?,
        expires_at_ms: row::number_if_any(row, "expires_at_ms")?,
        deprecated_at_ms: row::number_if_any(row, "deprecated_at_ms")?,
        revoked_at_ms: row::number_if_any(row, "revoked_at_ms")?,
        imported: row.try_get("imported")?,
    })
}
