//! Adding up the journal: what is taken out of it and what is added to the sums is one transaction.

use std::collections::{BTreeMap, HashMap};

use portcullis_feed::UsageRow;

use super::merged::Merged;
use super::series::Series;
use super::sums::Place;
use super::{Scope, UsageCounts, UsageSince, UsageUnit, refused, series, sums, weeks};
use crate::statement::{Draft, Transaction, Value, query};
use crate::{Store, StoreError, row};

/// About how many rows are taken at once, so that whoever edits records need not wait for long.
const ROWS_AT_ONCE: u64 = 4_000;

/// How many entries are taken at once.
const ENTRIES_AT_ONCE: i64 = 500;

/// A part of the journal, added up.
struct Portion {
    ids: Vec<i64>,
    merged: Merged,
}

impl Store {
    /// Adds a part of the journal to the sums, and takes it out of there. Tells whether there may be more. What is older
    /// than `since` is added to no sum any more.
    ///
    /// # Errors
    /// When the database fails: then nothing is done.
    pub async fn roll_up_usage(&self, since: &UsageSince) -> Result<bool, StoreError> {
        let Some(portion) = self.portion().await? else {
            return Ok(false);
        };
        let laid_out = LaidOut::of(&portion.merged, since);
        let mut transaction = self.books.write_beside().await?;
        let taken = take(&portion.ids, &mut transaction).await?;
        // Another process was faster with some of it, which must not count twice: nothing is kept.
        if taken == portion.ids.len() {
            let profiles = portion.merged.iter().filter_map(|(key, _)| key.profile);
            let clients = refused::clients(profiles, &mut transaction).await?;
            let numbers = series::put(&laid_out.last_minutes, &clients, &mut transaction).await?;
            let sums = placed(laid_out.counted, &numbers)?;
            sums::add(&sums, &mut transaction).await?;
            let weeks = placed_in_weeks(laid_out.weeks, &numbers)?;
            weeks::add(&weeks, &mut transaction).await?;
            transaction.commit().await?;
        }
        Ok(true)
    }

    /// The first part of the journal, if there is any.
    async fn portion(&self) -> Result<Option<Portion>, StoreError> {
        let mut transaction = self.books.read().await?;
        let listed = query("SELECT id, row_count FROM usage_journal ORDER BY part, id LIMIT $1")
            .bind(ENTRIES_AT_ONCE)
            .fetch_all(&mut transaction)
            .await?;
        let (mut ids, mut rows) = (Vec::new(), 0_u64);
        for entry in &listed {
            if rows >= ROWS_AT_ONCE {
                break;
            }
            ids.push(entry.try_get::<i64, _>("id")?);
            rows = rows.saturating_add(row::number(entry, "row_count")?);
        }
        if ids.is_empty() {
            return Ok(None);
        }
        let mut draft = Draft::new("SELECT content FROM usage_journal WHERE id IN ");
        draft.push_list(ids.iter().map(|id| Value::from(*id)));
        let mut merged = Merged::default();
        for entry in draft.finished().fetch_all(&mut transaction).await? {
            let rows: Vec<UsageRow> = row::from_json(&entry, "content")?;
            merged.add(&rows);
        }
        Ok(Some(Portion { ids, merged }))
    }
}

async fn take(ids: &[i64], on: &mut Transaction) -> Result<usize, StoreError> {
    let mut draft = Draft::new("DELETE FROM usage_journal WHERE id IN ");
    draft.push_list(ids.iter().map(|id| Value::from(*id)));
    let taken = draft.finished().execute(on).await?;
    Ok(usize::try_from(taken).unwrap_or(usize::MAX))
}

type Counted = HashMap<(UsageUnit, u64, Series), UsageCounts>;
type CountedByWeek = HashMap<(u64, Series), UsageCounts>;

/// What is to be added to which sums, and the last minute of each series.
#[derive(Default)]
struct LaidOut {
    last_minutes: BTreeMap<Series, u64>,
    counted: Counted,
    weeks: CountedByWeek,
}

impl LaidOut {
    fn of(merged: &Merged, since: &UsageSince) -> Self {
        let mut this = Self::default();
        for scope in Scope::EACH {
            for (key, counts) in merged.iter() {
                let series = Series::of(scope, key);
                let mut is_kept = false;
                for unit in UsageUnit::ALL {
                    let at = unit.start(key.minute);
                    if scope.has(unit) && at >= since.of(unit) {
                        let place = (unit, at, series.clone());
                        this.counted.entry(place).or_default().add(counts);
                        is_kept = true;
                    }
                }
                let week = weeks::start(key.minute);
                if scope == Scope::Profile && week >= since.days {
                    let place = (week, series.clone());
                    this.weeks.entry(place).or_default().add(counts);
                }
                if is_kept {
                    let last: &mut u64 = this.last_minutes.entry(series).or_default();
                    *last = key.minute.max(*last);
                }
            }
        }
        this
    }
}

/// The same by the numbers of the series, in the order in which sums stand.
fn placed(
    counted: Counted,
    numbers: &HashMap<Series, i64>,
) -> Result<Vec<(Place, UsageCounts)>, StoreError> {
    let mut placed = Vec::with_capacity(counted.len());
    for ((unit, at, series), counts) in counted {
        let place = Place {
            unit,
            scope: series.scope,
            at,
            series: number_of(&series, numbers)?,
        };
        placed.push((place, counts));
    }
    placed.sort_unstable_by_key(|(place, _)| *place);
    Ok(placed)
}

fn placed_in_weeks(
    counted: CountedByWeek,
    numbers: &HashMap<Series, i64>,
) -> Result<Vec<(u64, i64, UsageCounts)>, StoreError> {
    let mut placed = Vec::with_capacity(counted.len());
    for ((at, series), counts) in counted {
        placed.push((at, number_of(&series, numbers)?, counts));
    }
    placed.sort_unstable_by_key(|(at, series, _)| (*at, *series));
    Ok(placed)
}

fn number_of(series: &Series, numbers: &HashMap<Series, i64>) -> Result<i64, StoreError> {
    let number = numbers.get(series).copied();
    number.ok_or(StoreError::Unreadable { column: "series" })
}
