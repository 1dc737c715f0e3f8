//! The audit: what each edit changed, written by the edit itself in the same transaction, so that no change can forget
//! it; and how it is read. Entries are added and never changed or removed: there is no statement that would.

mod audited;
mod people;
mod query;

use portcullis_feed::Revision;
use serde_json::{Map, Value as Json};

use crate::statement::{Draft, Transaction, Value, query as statement};
use crate::{Author, Edit, StoreError, row};

pub(crate) use audited::{Audited, hexadecimal};
pub use query::{AuditFilter, AuditRecord, AuthorName};

/// How many entries one statement takes: databases bound the number of its values.
const MOST_AT_ONCE: usize = 500;

/// What one edit has to tell the audit.
pub(crate) struct Journal {
    author: Author,
    at_ms: u64,
    waiting: Vec<Entry>,
    /// The number of the last entry that was written.
    last: Option<u64>,
}

struct Entry {
    kind: &'static str,
    object_id: String,
    object_name: Option<String>,
    action: &'static str,
    before: Option<Map<String, Json>>,
    after: Option<Map<String, Json>>,
    revision: Revision,
}

impl Journal {
    pub(crate) const fn new(author: Author, at_ms: u64) -> Self {
        Self {
            author,
            at_ms,
            waiting: Vec::new(),
            last: None,
        }
    }

    /// Writes what waits to be written.
    pub(crate) async fn write(&mut self, to: &mut Transaction) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let last = match self.last {
            Some(last) => last,
            // Nobody else adds any meanwhile: this edit has the write lock.
            None => {
                let found = statement("SELECT COALESCE(MAX(ordinal), 0) AS last FROM audit")
                    .fetch_one(to)
                    .await?;
                row::number(&found, "last")?
            }
        };
        let mut ordinal = last;
        let mut rows = Vec::with_capacity(self.waiting.len());
        for entry in self.waiting.drain(..) {
            ordinal = ordinal.saturating_add(1);
            let json = |state: Option<Map<String, Json>>| {
                let state = state.map(|state| row::to_json(&state, "state"));
                state.transpose()
            };
            rows.push([
                Value::from(row::stored(ordinal)),
                row::stored(self.at_ms).into(),
                self.author.who.kind().into(),
                self.author.who.id().into(),
                self.author.who.name().into(),
                self.author.request_id.clone().into(),
                entry.kind.into(),
                entry.object_id.into(),
                entry.object_name.into(),
                entry.action.into(),
                json(entry.before)?.into(),
                json(entry.after)?.into(),
                row::stored(entry.revision).into(),
            ]);
        }
        let mut draft = Draft::new(
            "INSERT INTO audit (ordinal, at_ms, author_kind, author_id, author_name, request_id, \
             kind, object_id, object_name, action, state_before, state_after, revision) ",
        );
        draft.push_rows(rows);
        draft.finished().execute(to).await?;
        self.last = Some(ordinal);
        Ok(())
    }
}

impl Edit {
    /// Enters what became of a record: it was made, is different, or is gone. What is as it was is no change.
    pub(crate) async fn enter<T: Audited>(
        &mut self,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Result<(), StoreError> {
        let Some(record) = after.or(before) else {
            return Ok(());
        };
        let secret_key = &self.read().secret_key;
        let mut was = before.map(|before| before.state(secret_key));
        let mut is = after.map(|after| after.state(secret_key));
        let action = match (&mut was, &mut is) {
            (Some(was), Some(is)) => {
                keep_different(was, is);
                if was.is_empty() && is.is_empty() {
                    return Ok(());
                }
                record.change()
            }
            (None, _) => "create",
            (Some(_), None) => "delete",
        };
        let entry = Entry {
            kind: T::KIND,
            object_id: record.object_id(),
            object_name: record.object_name(),
            action,
            before: was,
            after: is,
            revision: self.revision(),
        };
        self.journal.waiting.push(entry);
        if self.journal.waiting.len() >= MOST_AT_ONCE {
            self.write_journal().await?;
        }
        Ok(())
    }
}

/// Leaves the members that differ.
fn keep_different(was: &mut Map<String, Json>, is: &mut Map<String, Json>) {
    was.retain(|name, value| is.get(name) != Some(value) || is.remove(name).is_none());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Map<String, Json> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn only_members_that_differ_are_kept() {
        let mut was = object(r#"{"same": [1], "other": 1, "gone": true, "null": null}"#);
        let mut is = object(r#"{"same": [1], "other": 2, "new": true, "null": null}"#);
        keep_different(&mut was, &mut is);
        assert_eq!(was, object(r#"{"other": 1, "gone": true}"#));
        assert_eq!(is, object(r#"{"other": 2, "new": true}"#));
    }
}
