//! Key sets in the database: what is known of each that a profile follows, and when it is to be fetched again.

use std::collections::HashMap;

use portcullis_feed::{Algorithm, Jwk};
use serde::{Deserialize, Serialize};

use crate::edit::PROFILES_FOLLOWING;
use crate::statement::{Row, query};
use crate::{
    AccessMethod, AccessProfile, Edit, JwtKeys, KeySetSource, Snapshot, StoreError, Topic, row,
};

/// Begins a statement with the sources that profiles follow, each once, and perhaps a NULL. It leaps through the index
/// from one to the next, since a single set may have very many followers.
macro_rules! followed {
    () => {
        "WITH RECURSIVE followed (source) AS (SELECT MIN(key_set) FROM access_profiles \
         UNION ALL SELECT (SELECT MIN(key_set) FROM access_profiles WHERE key_set > source) \
         FROM followed WHERE source IS NOT NULL) "
    };
}

/// A key set that profiles follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet {
    /// Where it is fetched.
    pub source: KeySetSource,
    /// The keys that are known, in the order of the set.
    pub keys: Vec<SetKey>,
    /// From which URL they came, and the entity tag that the server gave them (RFC 9110 section 8.8.3).
    pub version: Option<SetVersion>,
    /// When it was asked for last: milliseconds since 1970, UTC.
    pub asked_at_ms: Option<u64>,
    /// When it was had last: milliseconds since 1970, UTC.
    pub fetched_at_ms: Option<u64>,
    /// When it is asked for next: milliseconds since 1970, UTC.
    pub due_at_ms: u64,
    /// How often it could not be had since it was had last.
    pub failures: u64,
    /// Why it could not.
    pub failure: Option<String>,
}

/// A key of a set, as a JSON Web Key (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetKey {
    /// The key.
    #[serde(flatten)]
    pub key: Jwk,
    /// What it is for, where the set says so. Otherwise for whatever it is fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<Algorithm>,
}

/// By what a server tells whether it has something newer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetVersion {
    /// Whose version it is.
    pub url: String,
    /// Its entity tag.
    pub etag: String,
}

impl AccessProfile {
    /// The set that it follows, if it does.
    #[must_use]
    pub fn key_set(&self) -> Option<&KeySetSource> {
        match &self.access {
            AccessMethod::Jwt(jwt) => match &jwt.keys {
                JwtKeys::Followed(source) => Some(source),
                JwtKeys::Pasted(_) | JwtKeys::Secret(_) => None,
            },
            AccessMethod::ApiKey => None,
        }
    }
}

impl KeySet {
    /// The keys that profiles with an algorithm are told of: as many as they can have, the first.
    pub(crate) fn keys_for(&self, algorithm: Algorithm) -> Vec<Jwk> {
        let fit = self.keys.iter().filter(|key| key.is_for(algorithm));
        fit.map(|key| key.key.clone())
            .take(portcullis_feed::Jwt::MOST_KEYS)
            .collect()
    }
}

impl SetKey {
    /// Whether it is of the kind that an algorithm needs, and not for another.
    fn is_for(&self, algorithm: Algorithm) -> bool {
        let is_of_kind = self.key.material.kind() == Some(algorithm.key_kind());
        is_of_kind && self.alg.is_none_or(|alg| alg == algorithm)
    }
}

impl Snapshot {
    /// What is known of a key set, if it is followed and was seen to be.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_set(&mut self, source: &KeySetSource) -> Result<Option<KeySet>, StoreError> {
        let mut found = self.key_sets(std::slice::from_ref(source)).await?;
        Ok(found.remove(source))
    }

    /// What is known of several.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_sets(
        &mut self,
        sources: &[KeySetSource],
    ) -> Result<HashMap<KeySetSource, KeySet>, StoreError> {
        let rows = self
            .rows("SELECT * FROM key_sets WHERE source", sources)
            .await?;
        rows.iter()
            .map(|row| from_row(row).map(|set| (set.source.clone(), set)))
            .collect()
    }

    /// The sets that are to be fetched next, the most urgent first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn key_sets_by_due(&mut self, limit: u32) -> Result<Vec<KeySet>, StoreError> {
        let rows = query("SELECT * FROM key_sets ORDER BY due_at_ms, source LIMIT $1")
            .bind(i64::from(limit))
            .fetch_all(&mut self.transaction)
            .await?;
        rows.iter().map(from_row).collect()
    }

    /// Whether [`Edit::follow_key_sets`] has something to do.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_other_key_sets(&mut self) -> Result<bool, StoreError> {
        let found = query(concat!(
            followed!(),
            "SELECT 1 FROM followed f WHERE source IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM key_sets k WHERE k.source = f.source) \
             UNION ALL SELECT 1 FROM key_sets k WHERE NOT EXISTS \
             (SELECT 1 FROM access_profiles p WHERE p.key_set = k.source) LIMIT 1",
        ))
        .fetch_optional(&mut self.transaction)
        .await?;
        Ok(found.is_some())
    }
}

impl Edit {
    /// Takes up the sets that profiles follow by now, to be fetched at once, and forgets those that none follows any
    /// more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn follow_key_sets(&mut self, now_ms: u64) -> Result<(), StoreError> {
        self.touch(Topic::KeySets);
        query(concat!(
            followed!(),
            "INSERT INTO key_sets (source, keys, due_at_ms, failures) \
             SELECT source, '[]', CAST($1 AS BIGINT), 0 FROM followed \
             WHERE source IS NOT NULL ON CONFLICT (source) DO NOTHING",
        ))
        .bind(row::stored(now_ms))
        .execute(&mut self.read().transaction)
        .await?;
        query(
            "DELETE FROM key_sets WHERE NOT EXISTS \
             (SELECT 1 FROM access_profiles p WHERE p.key_set = key_sets.source)",
        )
        .execute(&mut self.read().transaction)
        .await?;
        Ok(())
    }

    /// Gives a followed set its new state. When its keys are others than before, every profile that follows it is
    /// changed. Nothing happens to a set that is not followed any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change_key_set(&mut self, set: &KeySet) -> Result<(), StoreError> {
        self.touch(Topic::KeySets);
        let Some(before) = self.read().key_set(&set.source).await? else {
            return Ok(());
        };
        let (url, etag) = set
            .version
            .as_ref()
            .map(|version| (&version.url, &version.etag))
            .unzip();
        query(
            "UPDATE key_sets SET keys = $2, url = $3, etag = $4, asked_at_ms = $5, \
             fetched_at_ms = $6, due_at_ms = $7, failures = $8, failure = $9 WHERE source = $1",
        )
        .bind(set.source.to_string())
        .bind(row::to_json(&set.keys, "keys")?)
        .bind(url)
        .bind(etag)
        .bind(set.asked_at_ms.map(row::stored))
        .bind(set.fetched_at_ms.map(row::stored))
        .bind(row::stored(set.due_at_ms))
        .bind(row::stored(set.failures))
        .bind(&set.failure)
        .execute(&mut self.read().transaction)
        .await?;
        if before.keys != set.keys {
            self.mark_changed(PROFILES_FOLLOWING, &set.source).await?;
        }
        self.enter(Some(&before), Some(set)).await
    }
}

fn from_row(row: &Row) -> Result<KeySet, StoreError> {
    let url: Option<String> = row.try_get("url")?;
    let etag: Option<String> = row.try_get("etag")?;
    Ok(KeySet {
        source: row::parsed(row, "source")?,
        keys: row::from_json(row, "keys")?,
        version: url.zip(etag).map(|(url, etag)| SetVersion { url, etag }),
        asked_at_ms: row::number_if_any(row, "asked_at_ms")?,
        fetched_at_ms: row::number_if_any(row, "fetched_at_ms")?,
        due_at_ms: row::number(row, "due_at_ms")?,
        failures: row::number(row, "failures")?,
        failure: row.try_get("failure")?,
    })
}
