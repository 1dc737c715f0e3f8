//! Statements about many rows, as many of them as databases need.

use super::MOST_VALUES;
use crate::statement::{Draft, Value};
use crate::{Edit, StoreError, row};

/// What stands around the rows of a statement.
pub(crate) type Around = [&'static str; 2];

/// Says of each object which revision it has now, and when it was removed.
const MARK: Around = [
    "INSERT INTO changes (kind, object_id, revision, removed_at_ms) ",
    " ON CONFLICT (kind, object_id) \
     DO UPDATE SET revision = excluded.revision, removed_at_ms = excluded.removed_at_ms",
];

impl Edit {
    /// Runs a statement for one row.
    pub(crate) async fn put_row<const COLUMNS: usize>(
        &mut self,
        [before, after]: Around,
        row: [Value; COLUMNS],
    ) -> Result<(), StoreError> {
        let mut draft = Draft::new(before);
        draft.push_rows([row]).push(after);
        draft.kept().execute(&mut self.read().transaction).await?;
        Ok(())
    }

    /// Runs a statement for the rows of many things.
    pub(super) async fn put_rows<T, const COLUMNS: usize>(
        &mut self,
        [before, after]: Around,
        things: &[T],
        values: impl Fn(&T) -> Result<[Value; COLUMNS], StoreError>,
    ) -> Result<(), StoreError> {
        for things in things.chunks(MOST_VALUES / COLUMNS) {
            let rows: Vec<_> = things.iter().map(&values).collect::<Result<_, _>>()?;
            let mut draft = Draft::new(before);
            draft.push_rows(rows).push(after);
            draft
                .finished()
                .execute(&mut self.read().transaction)
                .await?;
        }
        Ok(())
    }

    /// Runs a statement, which ends where the list of identifiers begins.
    pub(super) async fn run_each<T: ToString>(
        &mut self,
        statement: &'static str,
        ids: &[T],
    ) -> Result<(), StoreError> {
        for ids in ids.chunks(MOST_VALUES) {
            let mut draft = Draft::new(statement);
            draft.push_list(ids.iter().map(|id| Value::from(id.to_string())));
            draft
                .finished()
                .execute(&mut self.read().transaction)
                .await?;
        }
        Ok(())
    }

    /// Gives each object of a kind the next revision.
    pub(super) async fn mark_each<T: ToString>(
        &mut self,
        kind: &'static str,
        ids: &[T],
        removed_at_ms: Option<u64>,
    ) -> Result<(), StoreError> {
        let first = self.take_revisions(ids.len());
        let marked: Vec<_> = ids.iter().map(ToString::to_string).zip(first..).collect();
        let removed_at_ms = removed_at_ms.map(row::stored);
        self.put_rows(MARK, &marked, |(id, revision)| {
            Ok([
                kind.into(),
                id.into(),
                row::stored(*revision).into(),
                removed_at_ms.into(),
            ])
        })
        .await
    }
}
