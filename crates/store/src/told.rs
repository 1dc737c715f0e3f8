//! Single records as gateways are told them, for who wants to know what those know: the same as in the feed, since they
//! are read by what tells the feed.

use portcullis_feed::{ChangedObject, Collection, Digest, Profile, ProfileId, Revision};

use crate::statement::query;
use crate::{ApiKey, ProfileName, Snapshot, Standing, StoreError, key, profile, row};

impl Snapshot {
    /// A profile as gateways are told of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn told_profile(
        &mut self,
        id: ProfileId,
        now_ms: u64,
    ) -> Result<Option<Profile>, StoreError> {
        let found = query(
            "SELECT revision FROM changes WHERE kind = 'profile' AND object_id = $1 \
             AND removed_at_ms IS NULL",
        )
        .bind(id.to_string())
        .fetch_optional(&mut self.transaction)
        .await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let revision: Revision = row::number(&found, "revision")?;
        let standing = Standing::just_before(revision);
        let told = self.changes(&standing, 1, now_ms).await?;
        Ok(told.into_iter().find_map(|change| match change.object {
            ChangedObject::Profile(profile) if profile.id == id => Some(*profile),
            ChangedObject::Profile(_)
            | ChangedObject::ProfileRemoved(_)
            | ChangedObject::Collection(_)
            | ChangedObject::CollectionRemoved(_) => None,
        }))
    }

    /// How many profiles there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_count(&mut self) -> Result<u64, StoreError> {
        let counted = query("SELECT COUNT(*) AS count FROM access_profiles")
            .fetch_one(&mut self.transaction)
            .await?;
        row::number(&counted, "count")
    }

    /// The profiles after one, in the order of their identifiers, which is that of their creation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_names_after(
        &mut self,
        after: Option<ProfileId>,
        limit: u32,
    ) -> Result<Vec<ProfileName>, StoreError> {
        let found =
            query("SELECT id, name FROM access_profiles WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(after.map_or_else(String::new, |id| id.to_string()))
                .bind(i64::from(limit))
                .fetch_all(&mut self.transaction)
                .await?;
        found.iter().map(profile::name_from_row).collect()
    }

    /// All collections as gateways are told of them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn told_collections(&mut self) -> Result<Vec<Collection>, StoreError> {
        let all = self.collections(None, u32::MAX).await?;
        Ok(all.iter().map(|one| one.as_carried()).collect())
    }

    /// The key with this public id, whosever it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key(&mut self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        let found = query("SELECT * FROM api_keys WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut self.transaction)
            .await?;
        found.as_ref().map(key::from_row).transpose()
    }

    /// The key with this digest, whosever it is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_digested(&mut self, digest: Digest) -> Result<Option<ApiKey>, StoreError> {
        let found = query("SELECT * FROM api_keys WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        found.as_ref().map(key::from_row).transpose()
    }
}
