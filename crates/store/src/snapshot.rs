//! Reading: all that one snapshot reads is of one moment. What can be read stands with its kind of record.

use portcullis_feed::Revision;
use sqlx::Transaction;

use crate::database::{Database, Row};
use crate::{SecretKey, StoreError, row};

/// The records as they are at one moment.
pub struct Snapshot {
    pub(crate) transaction: Transaction<'static, Database>,
    pub(crate) secret_key: SecretKey,
}

impl Snapshot {
    pub(crate) const fn of(
        transaction: Transaction<'static, Database>,
        secret_key: SecretKey,
    ) -> Self {
        Self {
            transaction,
            secret_key,
        }
    }

    /// The newest revision.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn head(&mut self) -> Result<Revision, StoreError> {
        let state = sqlx::query("SELECT revision FROM state")
            .fetch_one(&mut *self.transaction)
            .await?;
        row::number(&state, "revision")
    }

    /// The rows that a statement picks by their identifiers: it ends where the list of these begins.
    pub(crate) async fn rows<T: ToString>(
        &mut self,
        statement: &'static str,
        ids: &[T],
    ) -> Result<Vec<Row>, StoreError> {
        self.ordered_rows(statement, ids, "").await
    }

    /// The same, with what follows the list.
    pub(crate) async fn ordered_rows<T: ToString>(
        &mut self,
        statement: &'static str,
        ids: &[T],
        rest: &'static str,
    ) -> Result<Vec<Row>, StoreError> {
        // `IN ()` is no SQL.
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = sqlx::QueryBuilder::<Database>::new(statement);
        query.push(" IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(id.to_string());
        }
        list.push_unseparated(")");
        query.push(rest);
        // Not kept prepared: each number of identifiers makes another statement.
        let query = query.build().persistent(false);
        Ok(query.fetch_all(&mut *self.transaction).await?)
    }
}
