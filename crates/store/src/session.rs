//! Sessions of operators in the database, and the links that work once: digests only.

use portcullis_feed::{Digest, OperatorId, SessionId};

use crate::statement::{Row, query};
use crate::{Edit, Snapshot, StoreError, row};

/// What a browser of an operator may do, until it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its public name.
    pub id: SessionId,
    /// The SHA-256 digest of what opens it.
    pub digest: Digest,
    /// Whose it is.
    pub operator_id: OperatorId,
    /// How it was opened.
    pub method: LogInMethod,
    /// From where it was opened.
    pub address: Option<String>,
    /// By what it was opened, in its own words.
    pub user_agent: Option<String>,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: u64,
    /// When it was used last, to within a minute or so: milliseconds since 1970, UTC.
    pub last_used_at_ms: u64,
    /// When it ends however much it is used: milliseconds since 1970, UTC.
    pub expires_at_ms: u64,
}

/// How operators prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogInMethod {
    /// By their password.
    Password,
    /// By a link that works once.
    Link,
    /// By an identity provider (OpenID Connect).
    SingleSignOn,
}

/// A link that works once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The SHA-256 digest of its secret part.
    pub digest: Digest,
    /// Who may choose a password by it. None: whoever has it becomes the first operator.
    pub operator_id: Option<OperatorId>,
    /// When it stops working: milliseconds since 1970, UTC.
    pub expires_at_ms: u64,
}

impl LogInMethod {
    const ALL: [Self; 3] = [Self::Password, Self::Link, Self::SingleSignOn];

    /// Its name.
    #[must_use]
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Link => "link",
            Self::SingleSignOn => "single_sign_on",
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|method| method.as_text() == text)
    }
}

impl Snapshot {
    /// The session that a secret with this digest opens.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session_opened_by(
        &mut self,
        digest: Digest,
    ) -> Result<Option<Session>, StoreError> {
        let found = query("SELECT * FROM sessions WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        found.as_ref().map(from_row).transpose()
    }

    /// A session, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let found = query("SELECT * FROM sessions WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        found.as_ref().map(from_row).transpose()
    }

    /// The sessions of an operator, or of all, after one, in the order of their identifiers, which is that of their
    /// creation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sessions(
        &mut self,
        of: Option<OperatorId>,
        after: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let after = after.map_or_else(String::new, |id| id.to_string());
        let statement = match of {
            Some(operator) => query(
                "SELECT * FROM sessions WHERE id > $1 AND operator_id = $3 ORDER BY id LIMIT $2",
            )
            .bind(after)
            .bind(i64::from(limit))
            .bind(operator.to_string()),
            None => query("SELECT * FROM sessions WHERE id > $1 ORDER BY id LIMIT $2")
                .bind(after)
                .bind(i64::from(limit)),
        };
        let found = statement.fetch_all(&mut self.transaction).await?;
        found.iter().map(from_row).collect()
    }

    /// A link, if it has not worked yet. It may have expired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn link(&mut self, digest: Digest) -> Result<Option<Link>, StoreError> {
        let found = query("SELECT * FROM links WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        let link = |row: &Row| {
            Ok(Link {
                digest: row::parsed(row, "digest")?,
                operator_id: row::parsed_if_any(row, "operator_id")?,
                expires_at_ms: row::number(row, "expires_at_ms")?,
            })
        };
        found.as_ref().map(link).transpose()
    }
}

impl Edit {
    /// Opens a session.
    ///
    /// # Errors
    /// When the database fails, or there is no such operator.
    pub async fn insert_session(&mut self, session: &Session) -> Result<(), StoreError> {
        query(
            "INSERT INTO sessions (id, digest, operator_id, method, address, user_agent, \
             created_at_ms, last_used_at_ms, expires_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(session.id.to_string())
        .bind(session.digest.to_string())
        .bind(session.operator_id.to_string())
        .bind(session.method.as_text())
        .bind(&session.address)
        .bind(&session.user_agent)
        .bind(row::stored(session.created_at_ms))
        .bind(row::stored(session.last_used_at_ms))
        .bind(row::stored(session.expires_at_ms))
        .execute(&mut self.read().transaction)
        .await?;
        self.enter(None, Some(session)).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_session(&mut self, id: SessionId) -> Result<(), StoreError> {
        let session = self.read().session(id).await?;
        self.run("DELETE FROM sessions WHERE id = $1", &id).await?;
        self.enter(session.as_ref(), None).await
    }

    /// Ends all sessions of an operator, but one if it is named, and makes their links useless.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_sessions_of(
        &mut self,
        operator: OperatorId,
        besides: Option<SessionId>,
    ) -> Result<(), StoreError> {
        let sessions = self.read().sessions(Some(operator), None, u32::MAX).await?;
        for session in sessions {
            if Some(session.id) != besides {
                self.delete_session(session.id).await?;
            }
        }
        self.run("DELETE FROM links WHERE operator_id = $1", &operator)
            .await
    }

    /// Notes when a session was used last. One that is gone is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_session_used(&mut self, id: SessionId, at_ms: u64) -> Result<(), StoreError> {
        query("UPDATE sessions SET last_used_at_ms = $1 WHERE id = $2 AND last_used_at_ms < $1")
            .bind(row::stored(at_ms))
            .bind(id.to_string())
            .execute(&mut self.read().transaction)
            .await?;
        Ok(())
    }

    /// Forgets sessions and links that are over: those that end by a moment, and sessions that were not used since
    /// another.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_sessions(
        &mut self,
        now_ms: u64,
        unused_since_ms: u64,
    ) -> Result<(), StoreError> {
        query("DELETE FROM sessions WHERE expires_at_ms <= $1 OR last_used_at_ms <= $2")
            .bind(row::stored(now_ms))
            .bind(row::stored(unused_since_ms))
            .execute(&mut self.read().transaction)
            .await?;
        query("DELETE FROM links WHERE expires_at_ms <= $1")
            .bind(row::stored(now_ms))
            .execute(&mut self.read().transaction)
            .await?;
        Ok(())
    }

    /// Makes a link the only one of its operator, or a further one by which the first operator may come.
    ///
    /// # Errors
    /// When the database fails, or there is no such operator.
    pub async fn replace_link(&mut self, link: &Link) -> Result<(), StoreError> {
        // Each process that starts without operators shows a link for the first one: any of them works.
        if let Some(operator) = &link.operator_id {
            self.run("DELETE FROM links WHERE operator_id = $1", operator)
                .await?;
        }
        query("INSERT INTO links (digest, operator_id, expires_at_ms) VALUES ($1, $2, $3)")
            .bind(link.digest.to_string())
            .bind(link.operator_id.map(|id| id.to_string()))
            .bind(row::stored(link.expires_at_ms))
            .execute(&mut self.read().transaction)
            .await?;
        self.enter(None, Some(link)).await
    }

    /// Uses a link up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_link(&mut self, digest: Digest) -> Result<(), StoreError> {
        self.run("DELETE FROM links WHERE digest = $1", &digest)
            .await
    }

    /// Makes links useless by which the first operator may come.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_first_links(&mut self) -> Result<(), StoreError> {
        query("DELETE FROM links WHERE operator_id IS NULL")
            .execute(&mut self.read().transaction)
            .await?;
        Ok(())
    }
}

fn from_row(row: &Row) -> Result<Session, StoreError> {
    let method = LogInMethod::from_text(row.try_get("method")?);
    Ok(Session {
        id: row::parsed(row, "id")?,
        digest: row::parsed(row, "digest")?,
        operator_id: row::parsed(row, "operator_id")?,
        method: method.ok_or(StoreError::Unreadable { column: "method" })?,
        address: row.try_get("address")?,
        user_agent: row.try_get("user_agent")?,
        created_at_ms: row::number(row, "created_at_ms")?,
        last_used_at_ms: row::number(row, "last_used_at_ms")?,
        expires_at_ms: row::number(row, "expires_at_ms")?,
    })
}
