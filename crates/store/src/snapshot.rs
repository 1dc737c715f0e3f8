//! Reading: all that one snapshot reads is of one moment. What can be read stands with its kind of record.

use std::collections::HashMap;
use std::hash::Hash;
use std::str::FromStr;

use portcullis_feed::Revision;

use crate::statement::{Draft, Row, Transaction, Value, query};
use crate::{SecretKey, StoreError, row};

/// The records as they are at one moment.
pub struct Snapshot {
    pub(crate) transaction: Transaction,
    pub(crate) secret_key: SecretKey,
}

impl Snapshot {
    pub(crate) const fn of(transaction: Transaction, secret_key: SecretKey) -> Self {
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
        let state = query("SELECT revision FROM state")
            .fetch_one(&mut self.transaction)
            .await?;
        row::number(&state, "revision")
    }

    /// What a statement counts, which calls it `found`, of one object.
    pub(crate) async fn count(
        &mut self,
        statement: &'static str,
        object: &impl ToString,
    ) -> Result<u64, StoreError> {
        let counted = query(statement)
            .bind(object.to_string())
            .fetch_one(&mut self.transaction)
            .await?;
        row::number(&counted, "found")
    }

    /// What a statement counts for each of several objects: it ends where the list of these begins, and calls the object
    /// `counted` and how often it `found` it.
    pub(crate) async fn counts<T: ToString + FromStr + Eq + Hash>(
        &mut self,
        statement: &'static str,
        objects: &[T],
        rest: &'static str,
    ) -> Result<HashMap<T, u64>, StoreError> {
        let found = self.ordered_rows(statement, objects, rest).await?;
        let counts = found
            .iter()
            .map(|row| Ok((row::parsed(row, "counted")?, row::number(row, "found")?)));
        counts.collect()
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
        let ids = ids.iter().map(|id| Value::from(id.to_string()));
        let mut draft = Draft::new(statement);
        draft.push(" IN ").push_list(ids).push(rest);
        draft.finished().fetch_all(&mut self.transaction).await
    }
}
