//! Tokens of operators and gateways in the database: digests only.

use portcullis_feed::{Digest, GatewayTokenId};

use crate::filter::{GatewayTokenFilter, GatewayTokenKey};
use crate::list::{Selection, Window, folded};
use crate::statement::{Row, query};
use crate::{Edit, Snapshot, StoreError, Topic, row};

/// Where a token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenSource {
    /// Made by the control plane when it started without one, and shown once.
    Generated,
    /// Given to the control plane by its environment.
    Environment,
    /// Made because an operator asked for it, and shown once.
    Made,
}

/// The token that opens the REST interface, for who has no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorToken {
    /// The SHA-256 digest of the token.
    pub digest: Digest,
    /// Where it came from.
    pub source: TokenSource,
}

/// A token that opens the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayToken {
    /// Its public name.
    pub id: GatewayTokenId,
    /// The SHA-256 digest of the token.
    pub digest: Digest,
    /// What people call it.
    pub name: String,
    /// More about it.
    pub description: Option<String>,
    /// Where it came from.
    pub source: TokenSource,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: u64,
    /// When it stops opening anything: milliseconds since 1970, UTC.
    pub expires_at_ms: Option<u64>,
    /// When it was used last, roughly: milliseconds since 1970, UTC.
    pub last_used_at_ms: Option<u64>,
}

impl Snapshot {
    /// The token of the environment, or of the first start, that opens the REST interface.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operator_token(&mut self) -> Result<Option<OperatorToken>, StoreError> {
        let found = query("SELECT digest, source FROM tokens WHERE kind = 'operator'")
            .fetch_optional(&mut self.transaction)
            .await?;
        let token = |row: &Row| {
            Ok(OperatorToken {
                digest: row::parsed(row, "digest")?,
                source: source(row)?,
            })
        };
        found.as_ref().map(token).transpose()
    }

    /// A token that opens the feed, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gateway_token(
        &mut self,
        id: GatewayTokenId,
    ) -> Result<Option<GatewayToken>, StoreError> {
        let found = query("SELECT * FROM tokens WHERE id = $1 AND kind = 'gateway'")
            .bind(id.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        found.as_ref().map(from_row).transpose()
    }

    /// The tokens that open the feed, after one, in the order of their identifiers, which is that of their creation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gateway_tokens(
        &mut self,
        after: Option<GatewayTokenId>,
        limit: u32,
    ) -> Result<Vec<GatewayToken>, StoreError> {
        let found =
            query("SELECT * FROM tokens WHERE kind = 'gateway' AND id > $1 ORDER BY id LIMIT $2")
                .bind(after.map_or_else(String::new, |id| id.to_string()))
                .bind(i64::from(limit))
                .fetch_all(&mut self.transaction)
                .await?;
        found.iter().map(from_row).collect()
    }
}

impl Snapshot {
    /// A window of those tokens of gateways that a filter leaves.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_gateway_tokens(
        &mut self,
        filter: &GatewayTokenFilter,
        window: &Window<GatewayTokenKey>,
    ) -> Result<Vec<GatewayToken>, StoreError> {
        let mut selection = Selection::of("SELECT * FROM tokens");
        selection.when("kind = ", Some("gateway"));
        selection.when_named(filter.name.as_deref());
        let before_ms = filter.expires_before_ms.map(row::stored);
        selection.when("COALESCE(expires_at_ms, 9223372036854775807) < ", before_ms);
        let found = selection.rows(window, &mut self.transaction).await?;
        found.iter().map(from_row).collect()
    }
}

impl Edit {
    /// Makes this the only token of operators.
    ///
    /// # Errors
    /// When the database fails, or the token is one of gateways.
    pub async fn replace_operator_token(
        &mut self,
        digest: Digest,
        source: TokenSource,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let before = self.read().operator_token().await?;
        self.run("DELETE FROM tokens WHERE kind = $1", &"operator")
            .await?;
        query(
            "INSERT INTO tokens (digest, kind, source, created_at_ms) \
             VALUES ($1, 'operator', $2, $3)",
        )
        .bind(digest.to_string())
        .bind(source.as_text())
        .bind(row::stored(now_ms))
        .execute(&mut self.read().transaction)
        .await?;
        let after = OperatorToken { digest, source };
        self.enter(before.as_ref(), Some(&after)).await
    }

    /// Adds a token of gateways, or gives it its new state. Its digest stays what it was.
    ///
    /// # Errors
    /// When the database fails, or the token is one of operators.
    pub async fn put_gateway_token(&mut self, token: &GatewayToken) -> Result<(), StoreError> {
        self.touch(Topic::GatewayTokens);
        let before = self.read().gateway_token(token.id).await?;
        query(
            "INSERT INTO tokens (digest, kind, id, name, description, source, created_at_ms, \
             expires_at_ms, last_used_at_ms, folded_name) \
             VALUES ($1, 'gateway', $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
             description = excluded.description, source = excluded.source, \
             expires_at_ms = excluded.expires_at_ms, last_used_at_ms = excluded.last_used_at_ms, \
             folded_name = excluded.folded_name",
        )
        .bind(token.digest.to_string())
        .bind(token.id.to_string())
        .bind(&token.name)
        .bind(&token.description)
        .bind(token.source.as_text())
        .bind(row::stored(token.created_at_ms))
        .bind(token.expires_at_ms.map(row::stored))
        .bind(token.last_used_at_ms.map(row::stored))
        .bind(folded(&token.name))
        .execute(&mut self.read().transaction)
        .await?;
        self.enter(before.as_ref(), Some(token)).await
    }

    /// Notes when a token of gateways was used last. One that is gone is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_token_used(
        &mut self,
        id: GatewayTokenId,
        at_ms: u64,
    ) -> Result<(), StoreError> {
        query("UPDATE tokens SET last_used_at_ms = $1 WHERE id = $2")
            .bind(row::stored(at_ms))
            .bind(id.to_string())
            .execute(&mut self.read().transaction)
            .await?;
        Ok(())
    }

    /// Removes a token of gateways.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_gateway_token(&mut self, id: GatewayTokenId) -> Result<(), StoreError> {
        self.touch(Topic::GatewayTokens);
        let token = self.read().gateway_token(id).await?;
        self.run("DELETE FROM tokens WHERE id = $1 AND kind = 'gateway'", &id)
            .await?;
        self.enter(token.as_ref(), None).await
    }
}

impl TokenSource {
    pub(crate) const fn as_text(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Environment => "environment",
            Self::Made => "made",
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        [Self::Generated, Self::Environment, Self::Made]
            .into_iter()
            .find(|source| source.as_text() == text)
    }
}

fn from_row(row: &Row) -> Result<GatewayToken, StoreError> {
    Ok(GatewayToken {
        id: row::parsed(row, "id")?,
        digest: row::parsed(row, "digest")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        source: source(row)?,
        created_at_ms: row::number(row, "created_at_ms")?,
        expires_at_ms: row::number_if_any(row, "expires_at_ms")?,
        last_used_at_ms: row::number_if_any(row, "last_used_at_ms")?,
    })
}

fn source(row: &Row) -> Result<TokenSource, StoreError> {
    let source = TokenSource::from_text(row.try_get("source")?);
    source.ok_or(StoreError::Unreadable { column: "source" })
}
