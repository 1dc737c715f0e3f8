//! The keys that sign what gateways are told, in the database: their secret halves are sealed.

use portcullis_feed::signature::FeedSigningKey;

use crate::statement::{Row, query};
use crate::{Edit, Snapshot, StoreError, Topic, row};

/// A key that signs what gateways are told.
#[derive(Debug, Clone)]
pub struct FeedKey {
    /// With its secret half.
    pub key: FeedSigningKey,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: u64,
}

impl Snapshot {
    /// All of them, the oldest first.
    ///
    /// # Errors
    /// When the database fails, or one cannot be opened.
    pub async fn feed_keys(&mut self) -> Result<Vec<FeedKey>, StoreError> {
        let rows = query("SELECT * FROM feed_keys ORDER BY created_at_ms, id")
            .fetch_all(&mut self.transaction)
            .await?;
        let opened = |row: &Row| {
            let owner = owner(row.try_get("id")?);
            let seed = self.secret_key.open(&owner, row.try_get("secret")?)?;
            let seed = <[u8; 32]>::try_from(seed).map_err(|_| StoreError::Unsealed)?;
            Ok(FeedKey {
                key: FeedSigningKey::from_seed(&seed),
                created_at_ms: row::number(row, "created_at_ms")?,
            })
        };
        rows.iter().map(opened).collect()
    }
}

impl Edit {
    /// Adds one: the key of 32 random bytes.
    ///
    /// # Errors
    /// When the database fails, or there is this key already.
    pub async fn insert_feed_key(
        &mut self,
        seed: &[u8; 32],
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.touch(Topic::FeedKeys);
        let id = FeedSigningKey::from_seed(seed).public().id();
        let sealed = self.read().secret_key.seal(&owner(id.as_str()), seed)?;
        query("INSERT INTO feed_keys (id, secret, created_at_ms) VALUES ($1, $2, $3)")
            .bind(id.as_str())
            .bind(sealed)
            .bind(row::stored(now_ms))
            .execute(&mut self.read().transaction)
            .await?;
        let made = FeedKey {
            key: FeedSigningKey::from_seed(seed),
            created_at_ms: now_ms,
        };
        self.enter(None, Some(&made)).await
    }

    /// Removes one, if there is such.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_feed_key(&mut self, id: &str) -> Result<(), StoreError> {
        self.touch(Topic::FeedKeys);
        let known = self.read().feed_keys().await?;
        let has_id = |known: &&FeedKey| known.key.public().id().as_str() == id;
        self.run("DELETE FROM feed_keys WHERE id = $1", &id).await?;
        self.enter(known.iter().find(has_id), None).await
    }
}

/// Whose a secret is in the words of its seal: profiles own theirs by their identifiers, which no key has.
pub(crate) fn owner(id: &str) -> String {
    format!("feed key {id}")
}
