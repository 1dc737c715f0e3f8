//! Tokens of operators and gateways in the database: digests only.

use portcullis_feed::Digest;

use crate::{Edit, Snapshot, StoreError, TokenKind, TokenSource, row};

impl Snapshot {
    /// Whether a token with this digest opens what `kind` says.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_token(&mut self, kind: TokenKind, digest: Digest) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT 1 FROM tokens WHERE digest = $1 AND kind = $2")
            .bind(digest.to_string())
            .bind(kind.as_text())
            .fetch_optional(&mut *self.transaction)
            .await?;
        Ok(found.is_some())
    }

    /// Whether there is a token of a kind from a source.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_token_from(
        &mut self,
        kind: TokenKind,
        source: TokenSource,
    ) -> Result<bool, StoreError> {
        let found = sqlx::query("SELECT 1 FROM tokens WHERE kind = $1 AND source = $2")
            .bind(kind.as_text())
            .bind(source.as_text())
            .fetch_optional(&mut *self.transaction)
            .await?;
        Ok(found.is_some())
    }
}

impl Edit {
    /// Makes this the only token of its kind.
    ///
    /// # Errors
    /// When the database fails, or the token is one of another kind.
    pub async fn replace_tokens(
        &mut self,
        kind: TokenKind,
        digest: Digest,
        source: TokenSource,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.run("DELETE FROM tokens WHERE kind = $1", &kind.as_text())
            .await?;
        sqlx::query(
            "INSERT INTO tokens (digest, kind, source, created_at_ms) VALUES ($1, $2, $3, $4)",
        )
        .bind(digest.to_string())
        .bind(kind.as_text())
        .bind(source.as_text())
        .bind(row::stored(now_ms))
        .execute(&mut *self.read().transaction)
        .await?;
        Ok(())
    }
}
