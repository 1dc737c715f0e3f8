//! The tokens by which robots manage records, in the database: digests only.

use portcullis_feed::{Digest, RobotTokenId};

use crate::operator::role;
use crate::statement::{Row, query};
use crate::{Edit, Role, Snapshot, StoreError, row};

/// A token by which a robot manages records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotToken {
    /// Its public name.
    pub id: RobotTokenId,
    /// The SHA-256 digest of the token.
    pub digest: Digest,
    /// What people call it.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// What it may do at most.
    pub role: Role,
    /// Which parts of the REST interface it is good for, by the first part of their paths. None: for all.
    pub resources: Option<Vec<String>>,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: u64,
    /// When it stops opening anything: milliseconds since 1970, UTC.
    pub expires_at_ms: Option<u64>,
    /// When it was used last, to within a minute or so: milliseconds since 1970, UTC.
    pub last_used_at_ms: Option<u64>,
}

impl Snapshot {
    /// The token with a digest, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn robot_token_by_digest(
        &mut self,
        digest: Digest,
    ) -> Result<Option<RobotToken>, StoreError> {
        let found = query("SELECT * FROM robot_tokens WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        found.as_ref().map(from_row).transpose()
    }

    /// A token, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn robot_token(
        &mut self,
        id: RobotTokenId,
    ) -> Result<Option<RobotToken>, StoreError> {
        let found = query("SELECT * FROM robot_tokens WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        found.as_ref().map(from_row).transpose()
    }

    /// The tokens after one, in the order of their identifiers, which is that of their creation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn robot_tokens(
        &mut self,
        after: Option<RobotTokenId>,
        limit: u32,
    ) -> Result<Vec<RobotToken>, StoreError> {
        let found = query("SELECT * FROM robot_tokens WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after.map_or_else(String::new, |id| id.to_string()))
            .bind(i64::from(limit))
            .fetch_all(&mut self.transaction)
            .await?;
        found.iter().map(from_row).collect()
    }
}

impl Edit {
    /// Adds a token, or gives it its new state. Its digest stays what it was.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_robot_token(&mut self, token: &RobotToken) -> Result<(), StoreError> {
        let before = self.read().robot_token(token.id).await?;
        let resources = token.resources.as_ref();
        let resources = resources.map(|resources| row::to_json(resources, "resources"));
        query(
            "INSERT INTO robot_tokens (id, digest, name, description, role, resources, \
             created_at_ms, expires_at_ms, last_used_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO UPDATE SET \
             name = excluded.name, description = excluded.description, role = excluded.role, \
             resources = excluded.resources, expires_at_ms = excluded.expires_at_ms",
        )
        .bind(token.id.to_string())
        .bind(token.digest.to_string())
        .bind(&token.name)
        .bind(&token.description)
        .bind(token.role.as_text())
        .bind(resources.transpose()?)
        .bind(row::stored(token.created_at_ms))
        .bind(token.expires_at_ms.map(row::stored))
        .bind(token.last_used_at_ms.map(row::stored))
        .execute(&mut self.read().transaction)
        .await?;
        self.enter(before.as_ref(), Some(token)).await
    }

    /// Removes a token.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_robot_token(&mut self, id: RobotTokenId) -> Result<(), StoreError> {
        let token = self.read().robot_token(id).await?;
        self.run("DELETE FROM robot_tokens WHERE id = $1", &id)
            .await?;
        self.enter(token.as_ref(), None).await
    }

    /// Notes when a token was used last. One that is gone is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_robot_token_used(
        &mut self,
        id: RobotTokenId,
        at_ms: u64,
    ) -> Result<(), StoreError> {
        query("UPDATE robot_tokens SET last_used_at_ms = $1 WHERE id = $2")
            .bind(row::stored(at_ms))
            .bind(id.to_string())
            .execute(&mut self.read().transaction)
            .await?;
        Ok(())
    }
}

fn from_row(row: &Row) -> Result<RobotToken, StoreError> {
    Ok(RobotToken {
        id: row::parsed(row, "id")?,
        digest: row::parsed(row, "digest")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        role: role(row)?,
        resources: row::from_json_if_any(row, "resources")?,
        created_at_ms: row::number(row, "created_at_ms")?,
        expires_at_ms: row::number_if_any(row, "expires_at_ms")?,
        last_used_at_ms: row::number_if_any(row, "last_used_at_ms")?,
    })
}
