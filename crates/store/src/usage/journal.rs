//! Counting batches: each of them once, whatever is repeated.

use std::collections::HashSet;

use portcullis_feed::{UsageBatch, UsageRow};

use super::merged::Merged;
use super::refused;
use crate::statement::{Draft, Row, Transaction, Value, query};
use crate::{Snapshot, Store, StoreError, row};

/// How many rows an entry of the journal has at most.
const MOST_ROWS: usize = 1_000;

/// How many batches one statement takes.
const BATCHES_AT_ONCE: usize = 200;

/// What a batch leaves behind if it is counted. The statement returns nothing for one that was counted before: it waits
/// for whoever counts the same instance at the same time, and then looks again.
const COUNT: [&str; 2] = [
    "INSERT INTO usage_instances (instance, name, number, missing, lost, heard_at_ms) ",
    " ON CONFLICT (instance) DO UPDATE SET name = excluded.name, number = excluded.number, \
     missing = usage_instances.missing + excluded.number - usage_instances.number - 1, \
     lost = usage_instances.lost + excluded.lost, heard_at_ms = excluded.heard_at_ms \
     WHERE usage_instances.number < excluded.number RETURNING instance",
];

impl Store {
    /// Counts batches, and tells of each whether it was not counted before. Everything is kept or nothing. Batches of one
    /// instance are counted in the order in which they stand there.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_usage(
        &self,
        batches: &[UsageBatch],
        now_ms: u64,
    ) -> Result<Vec<bool>, StoreError> {
        // Made before anybody has to wait: nearly always all are new.
        let of_all = entries(batches.iter().flat_map(|batch| &batch.rows))?;
        let mut transaction = self.books.write_beside().await?;
        let is_new = count(batches, now_ms, &mut transaction).await?;
        let new = || {
            let all = batches.iter().zip(&is_new);
            all.filter_map(|(batch, is_new)| is_new.then_some(batch))
        };
        let entries = if is_new.iter().all(|is_new| *is_new) {
            of_all
        } else {
            entries(new().flat_map(|batch| &batch.rows))?
        };
        if !entries.is_empty() {
            let mut draft = Draft::new("INSERT INTO usage_journal (part, row_count, content) ");
            draft.push_rows(entries);
            draft.finished().execute(&mut transaction).await?;
        }
        refused::keep(new(), &mut transaction).await?;
        transaction.commit().await?;
        Ok(is_new)
    }
}

/// Notes the numbers of batches, and tells of each whether it is a new one.
async fn count(
    batches: &[UsageBatch],
    now_ms: u64,
    on: &mut Transaction,
) -> Result<Vec<bool>, StoreError> {
    let mut is_new = vec![false; batches.len()];
    let mut waiting: Vec<usize> = (0..batches.len()).collect();
    // Always in the same order: two processes that count the same instances never wait for each other.
    waiting.sort_by_key(|place| batches.get(*place).map(|batch| &batch.instance));
    while !waiting.is_empty() {
        // One of each instance at a time: no statement touches a row twice.
        let mut instances = HashSet::new();
        let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|place| {
            let batch = batches.get(*place);
            batch.is_none_or(|batch| instances.insert(&batch.instance))
        });
        waiting = later;
        for places in now.chunks(BATCHES_AT_ONCE) {
            let some = places.iter().filter_map(|place| batches.get(*place));
            let [before, after] = COUNT;
            let mut draft = Draft::new(before);
            draft
                .push_rows(some.map(|batch| values(batch, now_ms)))
                .push(after);
            let counted = draft.finished().fetch_all(on).await?;
            let counted = counted
                .iter()
                .map(|row| row.try_get::<String, _>("instance"));
            let counted: HashSet<String> = counted.collect::<Result<_, _>>()?;
            for place in places {
                let batch = batches.get(*place);
                let is_counted = batch.is_some_and(|batch| counted.contains(&batch.instance));
                if let Some(is_new) = is_new.get_mut(*place) {
                    *is_new = is_counted;
                }
            }
        }
    }
    Ok(is_new)
}

fn values(batch: &UsageBatch, now_ms: u64) -> [Value; 6] {
    [
        (&batch.instance).into(),
        (&batch.name).into(),
        row::stored(batch.number).into(),
        row::stored(batch.number.saturating_sub(1)).into(),
        row::stored(batch.lost).into(),
        row::stored(now_ms).into(),
    ]
}

/// Entries of the journal: part, number of rows, and the rows as JSON.
fn entries<'a>(
    rows: impl IntoIterator<Item = &'a UsageRow>,
) -> Result<Vec<[Value; 3]>, StoreError> {
    let mut merged = Merged::default();
    merged.add(rows);
    let mut entries = Vec::new();
    for (part, rows) in merged.into_parts() {
        for rows in rows.chunks(MOST_ROWS) {
            let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            entries.push([
                i64::from(part).into(),
                count.into(),
                row::to_json(&rows, "content")?.into(),
            ]);
        }
    }
    Ok(entries)
}

/// What is known of the batches of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageInstance {
    /// Which one: another for each start of Envoy.
    pub instance: String,
    /// What that Envoy calls itself.
    pub name: String,
    /// The number of the last batch that was counted.
    pub number: u64,
    /// How many batches before it never came.
    pub missing: u64,
    /// How many requests it knows not to have counted.
    pub lost: u64,
    /// When it sent that batch: milliseconds since 1970, UTC.
    pub heard_at_ms: u64,
}

impl Snapshot {
    /// The gateways whose batches are known, in the order of their instances: those after one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage_instances(
        &mut self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<UsageInstance>, StoreError> {
        let found =
            query("SELECT * FROM usage_instances WHERE instance > $1 ORDER BY instance LIMIT $2")
                .bind(after)
                .bind(i64::from(limit))
                .fetch_all(&mut self.transaction)
                .await?;
        let read = |row: &Row| {
            Ok(UsageInstance {
                instance: row.try_get("instance")?,
                name: row.try_get("name")?,
                number: row::number(row, "number")?,
                missing: row::number(row, "missing")?,
                lost: row::number(row, "lost")?,
                heard_at_ms: row::number(row, "heard_at_ms")?,
            })
        };
        found.iter().map(read).collect()
    }
}
