//! Operators in the database: people who manage records, and what their passwords are checked against.

use std::fmt;

use portcullis_feed::OperatorId;

use crate::statement::{Row, query};
use crate::{Edit, Snapshot, StoreError, row};

/// What an operator may do. Each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Look at records.
    Viewer,
    /// Change them.
    Editor,
    /// Decide who may do that, and who hears of it.
    Admin,
}

/// Who manages records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Its public name.
    pub id: OperatorId,
    /// The name to log in with, in lower case.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// A disabled operator can do nothing.
    pub enabled: bool,
    /// What their password is checked against. None, as long as none was chosen.
    pub password: Option<Password>,
    /// By which an identity provider knows them.
    pub provider: Option<ProviderIdentity>,
    /// Milliseconds since 1970, UTC.
    pub created_at_ms: u64,
    /// Milliseconds since 1970, UTC.
    pub updated_at_ms: u64,
    /// When they logged in last: milliseconds since 1970, UTC.
    pub last_log_in_at_ms: Option<u64>,
}

/// What a password is checked against. Its `Debug` form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// An Argon2id hash as a PHC string.
    pub hash: String,
    /// When it was chosen: milliseconds since 1970, UTC.
    pub changed_at_ms: u64,
}

/// By which an identity provider knows an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderIdentity {
    /// Which provider.
    pub issuer: String,
    /// Its name for them, which never becomes another's.
    pub subject: String,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Password(of {})", self.changed_at_ms)
    }
}

impl Role {
    /// All of them, the smallest first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn as_text(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_text() == text)
    }
}

impl Snapshot {
    /// An operator, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operator(&mut self, id: OperatorId) -> Result<Option<Operator>, StoreError> {
        let found = query("SELECT * FROM operators WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        found.as_ref().map(from_row).transpose()
    }

    /// The operator who logs in with an e-mail address in lower case.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operator_by_email(&mut self, email: &str) -> Result<Option<Operator>, StoreError> {
        let found = query("SELECT * FROM operators WHERE email = $1")
            .bind(email)
            .fetch_optional(&mut self.transaction)
            .await?;
        found.as_ref().map(from_row).transpose()
    }

    /// The operator whom an identity provider knows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operator_by_provider(
        &mut self,
        identity: &ProviderIdentity,
    ) -> Result<Option<Operator>, StoreError> {
        let found =
            query("SELECT * FROM operators WHERE provider_issuer = $1 AND provider_subject = $2")
                .bind(&identity.issuer)
                .bind(&identity.subject)
                .fetch_optional(&mut self.transaction)
                .await?;
        found.as_ref().map(from_row).transpose()
    }

    /// The operators after one, in the order of their identifiers, which is that of their creation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operators(
        &mut self,
        after: Option<OperatorId>,
        limit: u32,
    ) -> Result<Vec<Operator>, StoreError> {
        let found = query("SELECT * FROM operators WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after.map_or_else(String::new, |id| id.to_string()))
            .bind(i64::from(limit))
            .fetch_all(&mut self.transaction)
            .await?;
        found.iter().map(from_row).collect()
    }

    /// How many operators there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_operators(&mut self) -> Result<u64, StoreError> {
        let counted = query("SELECT COUNT(*) AS count FROM operators")
            .fetch_one(&mut self.transaction)
            .await?;
        row::number(&counted, "count")
    }

    /// Whether there is an enabled admin besides one operator.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn has_admin_besides(&mut self, id: OperatorId) -> Result<bool, StoreError> {
        let found =
            query("SELECT id FROM operators WHERE role = 'admin' AND enabled AND id <> $1 LIMIT 1")
                .bind(id.to_string())
                .fetch_optional(&mut self.transaction)
                .await?;
        Ok(found.is_some())
    }
}

impl Edit {
    /// Adds an operator, or gives them their new state.
    ///
    /// # Errors
    /// When the database fails, or another has the same e-mail address or identity.
    pub async fn put_operator(&mut self, operator: &Operator) -> Result<(), StoreError> {
        let before = self.read().operator(operator.id).await?;
        let password = operator.password.as_ref();
        let provider = operator.provider.as_ref();
        query(
            "INSERT INTO operators (id, email, name, role, enabled, password, \
             password_changed_at_ms, provider_issuer, provider_subject, created_at_ms, \
             updated_at_ms, last_log_in_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (id) DO UPDATE SET email = excluded.email, name = excluded.name, \
             role = excluded.role, enabled = excluded.enabled, password = excluded.password, \
             password_changed_at_ms = excluded.password_changed_at_ms, \
             provider_issuer = excluded.provider_issuer, \
             provider_subject = excluded.provider_subject, \
             updated_at_ms = excluded.updated_at_ms, \
             last_log_in_at_ms = excluded.last_log_in_at_ms",
        )
        .bind(operator.id.to_string())
        .bind(&operator.email)
        .bind(&operator.name)
        .bind(operator.role.as_text())
        .bind(operator.enabled)
        .bind(password.map(|password| password.hash.as_str()))
        .bind(password.map(|password| row::stored(password.changed_at_ms)))
        .bind(provider.map(|provider| provider.issuer.as_str()))
        .bind(provider.map(|provider| provider.subject.as_str()))
        .bind(row::stored(operator.created_at_ms))
        .bind(row::stored(operator.updated_at_ms))
        .bind(operator.last_log_in_at_ms.map(row::stored))
        .execute(&mut self.read().transaction)
        .await?;
        self.enter(before.as_ref(), Some(operator)).await
    }

    /// Removes an operator with their sessions and links.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_operator(&mut self, id: OperatorId) -> Result<(), StoreError> {
        let operator = self.read().operator(id).await?;
        self.end_sessions_of(id, None).await?;
        self.run("DELETE FROM operators WHERE id = $1", &id).await?;
        self.enter(operator.as_ref(), None).await
    }
}

pub(crate) fn role(row: &Row) -> Result<Role, StoreError> {
    let role = Role::from_text(row.try_get("role")?);
    role.ok_or(StoreError::Unreadable { column: "role" })
}

fn from_row(row: &Row) -> Result<Operator, StoreError> {
    let hash: Option<String> = row.try_get("password")?;
    let changed_at_ms = row::number_if_any(row, "password_changed_at_ms")?;
    let issuer: Option<String> = row.try_get("provider_issuer")?;
    let subject: Option<String> = row.try_get("provider_subject")?;
    Ok(Operator {
        id: row::parsed(row, "id")?,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role: role(row)?,
        enabled: row.try_get("enabled")?,
        password: hash
            .zip(changed_at_ms)
            .map(|(hash, changed_at_ms)| Password {
                hash,
                changed_at_ms,
            }),
        provider: issuer
            .zip(subject)
            .map(|(issuer, subject)| ProviderIdentity { issuer, subject }),
        created_at_ms: row::number(row, "created_at_ms")?,
        updated_at_ms: row::number(row, "updated_at_ms")?,
        last_log_in_at_ms: row::number_if_any(row, "last_log_in_at_ms")?,
    })
}
