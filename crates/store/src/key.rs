//! API keys in the database: digests only.

use std::collections::HashMap;

use portcullis_feed::ProfileId;
use sqlx::Row as _;

use crate::database::Row;
use crate::edit::PROFILE_CHANGED;
use crate::{ApiKey, Edit, Snapshot, StoreError, row};

impl Snapshot {
    /// The keys of each profile, the newest first: all that were not revoked, and the four revoked last. Profiles
    /// without any are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keys_of(
        &mut self,
        profiles: &[ProfileId],
    ) -> Result<HashMap<ProfileId, Vec<ApiKey>>, StoreError> {
        let mut keys: HashMap<_, Vec<_>> = HashMap::new();
        let found = self
            .ordered_rows(
                "SELECT * FROM (SELECT k.*, ROW_NUMBER() OVER \
                 (PARTITION BY profile_id ORDER BY COALESCE(revoked_at_ms, 0) DESC, id) AS place \
                 FROM api_keys k WHERE profile_id",
                profiles,
                ") AS placed WHERE revoked_at_ms IS NULL OR place <= 4 \
                 ORDER BY profile_id, created_at_ms DESC, id",
            )
            .await?;
        for row in &found {
            let key = from_row(row)?;
            keys.entry(key.profile_id).or_default().push(key);
        }
        Ok(keys)
    }
}

impl Edit {
    /// Adds a key to a profile.
    ///
    /// # Errors
    /// When the database fails, or the profile does not exist.
    pub async fn insert_key(&mut self, key: &ApiKey) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO api_keys \
             (id, profile_id, digest, created_at_ms, expires_at_ms, revoked_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&key.id)
        .bind(key.profile_id.to_string())
        .bind(key.digest.to_string())
        .bind(row::stored(key.created_at_ms))
        .bind(key.expires_at_ms.map(row::stored))
        .bind(key.revoked_at_ms.map(row::stored))
        .execute(&mut *self.read().transaction)
        .await?;
        self.mark(PROFILE_CHANGED, &key.profile_id).await
    }

    /// Revokes all keys of a profile that are not revoked yet.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn revoke_keys(&mut self, profile: ProfileId, now_ms: u64) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE api_keys SET revoked_at_ms = $1 \
             WHERE profile_id = $2 AND revoked_at_ms IS NULL",
        )
        .bind(row::stored(now_ms))
        .bind(profile.to_string())
        .execute(&mut *self.read().transaction)
        .await?;
        self.mark(PROFILE_CHANGED, &profile).await
    }
}

fn from_row(row: &Row) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: row.try_get("id")?,
        profile_id: row::parsed(row, "profile_id")?,
        digest: row::parsed(row, "digest")?,
        created_at_ms: row::number(row, "created_at_ms")?,
        expires_at_ms: row::number_if_any(row, "expires_at_ms")?,
        revoked_at_ms: row::number_if_any(row, "revoked_at_ms")?,
    })
}
