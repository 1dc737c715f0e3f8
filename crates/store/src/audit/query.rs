//! Reading the audit, the newest first.

use portcullis_feed::Revision;
use serde_json::{Map, Value};

use crate::statement::{Draft, Row};
use crate::{Snapshot, StoreError, row};

/// A change as the audit tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its number: without gaps, in the order of the commits.
    pub ordinal: u64,
    /// When: milliseconds since 1970, UTC.
    pub at_ms: u64,
    /// Who.
    pub author: AuthorName,
    /// In answer to which request, if to one.
    pub request_id: Option<String>,
    /// What kind of record.
    pub kind: String,
    /// Which one.
    pub object_id: String,
    /// What people called it, if they did.
    pub object_name: Option<String>,
    /// What was done: `create`, `change`, `delete` or `revoke`.
    pub action: String,
    /// What it was like. Of a change, the members that differ.
    pub before: Option<Map<String, Value>>,
    /// What it is like since. Of a change, the members that differ.
    pub after: Option<Map<String, Value>>,
    /// The newest revision then: a gateway that has seen it has seen the change.
    pub revision: Revision,
}

/// An author by the names of that time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorName {
    /// What kind of author: `operator`, `token`, `operator_token`, `newcomer` or `system`.
    pub kind: String,
    /// Its public name, if it has one.
    pub id: Option<String>,
    /// What people call it.
    pub name: String,
}

/// Which changes are wanted: those that fit all that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The identifier of the author, or the kind of authors without one.
    pub author: Option<String>,
    /// What kind of record.
    pub kind: Option<String>,
    /// The identifier of the record.
    pub object: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// Not before: milliseconds since 1970, UTC.
    pub since_ms: Option<u64>,
    /// Before: milliseconds since 1970, UTC.
    pub until_ms: Option<u64>,
    /// In answer to which request.
    pub request_id: Option<String>,
}

impl Snapshot {
    /// The changes that fit a filter, the newest first: those with smaller numbers than one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(
        &mut self,
        filter: &AuditFilter,
        below: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let mut draft = Draft::new("SELECT * FROM audit WHERE ordinal < ");
        draft.push_bind(row::stored(below.unwrap_or(u64::MAX)));
        if let Some(author) = &filter.author {
            draft.push(" AND (author_id = ").push_bind(author);
            draft.push(" OR (author_id IS NULL AND author_kind = ");
            draft.push_bind(author).push("))");
        }
        let texts = [
            (" AND kind = ", &filter.kind),
            (" AND object_id = ", &filter.object),
            (" AND action = ", &filter.action),
            (" AND request_id = ", &filter.request_id),
        ];
        for (part, text) in texts {
            if let Some(text) = text {
                draft.push(part).push_bind(text);
            }
        }
        if let Some(since_ms) = filter.since_ms {
            draft
                .push(" AND at_ms >= ")
                .push_bind(row::stored(since_ms));
        }
        if let Some(until_ms) = filter.until_ms {
            draft.push(" AND at_ms < ").push_bind(row::stored(until_ms));
        }
        draft.push(" ORDER BY ordinal DESC LIMIT ");
        draft.push_bind(i64::from(limit));
        let found = draft.finished().fetch_all(&mut self.transaction).await?;
        found.iter().map(from_row).collect()
    }
}

fn from_row(row: &Row) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        ordinal: row::number(row, "ordinal")?,
        at_ms: row::number(row, "at_ms")?,
        author: AuthorName {
            kind: row.try_get("author_kind")?,
            id: row.try_get("author_id")?,
            name: row.try_get("author_name")?,
        },
        request_id: row.try_get("request_id")?,
        kind: row.try_get("kind")?,
        object_id: row.try_get("object_id")?,
        object_name: row.try_get("object_name")?,
        action: row.try_get("action")?,
        before: row::from_json_if_any(row, "state_before")?,
        after: row::from_json_if_any(row, "state_after")?,
        revision: row::number(row, "revision")?,
    })
}
