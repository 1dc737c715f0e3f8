//! Weeks: what profiles had in all days of each. Who had most in a month, and how much of a quota is used, is asked of all
//! profiles at once: by weeks there is a fraction to read. They begin on Mondays, UTC.

use std::ops::Range;

use super::sums;
use super::{Scope, UsageCounts, UsageUnit};
use crate::statement::{Draft, Transaction, Value, query};
use crate::{Snapshot, StoreError, row};

/// How many minutes a week has, and how many of one had passed when 1970 began, on a Thursday.
const WEEK: u64 = 7 * 24 * 60;
const BEFORE_1970: u64 = 3 * 24 * 60;

const PUT: [&str; 2] = [
    "INSERT INTO usage_weeks (at, series, requests, permitted, bytes_in, bytes_out, s5) ",
    " ON CONFLICT (at, series) DO UPDATE SET \
     requests = usage_weeks.requests + excluded.requests, \
     permitted = usage_weeks.permitted + excluded.permitted, \
     bytes_in = usage_weeks.bytes_in + excluded.bytes_in, \
     bytes_out = usage_weeks.bytes_out + excluded.bytes_out, \
     s5 = COALESCE(usage_weeks.s5 + excluded.s5, usage_weeks.s5, excluded.s5)",
];

/// The first minute of the week in which a minute is.
pub(super) const fn start(minute: u64) -> u64 {
    let since_monday = match minute.saturating_add(BEFORE_1970).checked_rem(WEEK) {
        Some(rest) => rest,
        None => 0,
    };
    minute.saturating_sub(since_monday)
}

/// Adds counts to the weeks that begin with a minute, by the numbers of their series. No week has a series twice.
pub(super) async fn add(
    counts: &[(u64, i64, UsageCounts)],
    on: &mut Transaction,
) -> Result<(), StoreError> {
    let rows = counts.iter().map(|(at, series, counts)| {
        let [.., failed] = counts.statuses;
        vec![
            row::stored(*at).into(),
            (*series).into(),
            row::stored(counts.requests).into(),
            row::stored(counts.permitted).into(),
            row::stored(counts.bytes_in).into(),
            row::stored(counts.bytes_out).into(),
            (failed > 0).then(|| row::stored(failed)).into(),
        ]
    });
    sums::put(PUT, &rows.collect::<Vec<Vec<Value>>>(), on).await
}

impl Snapshot {
    /// Those weeks of a period of whole days that are kept, from the first to the end of the last.
    pub(crate) async fn weeks(&mut self, period: &Range<u64>) -> Result<Range<u64>, StoreError> {
        let found = query(
            "SELECT (SELECT MIN(at) FROM usage_weeks) AS oldest, \
             (SELECT MAX(at) FROM usage_sums WHERE unit = $1 AND scope = $2) AS newest",
        )
        .bind(UsageUnit::Day.number())
        .bind(Scope::Profile.number())
        .fetch_one(&mut self.transaction)
        .await?;
        let oldest = row::number_if_any(&found, "oldest")?;
        let newest = row::number_if_any(&found, "newest")?;
        let Some((oldest, newest)) = oldest.zip(newest) else {
            return Ok(period.end..period.end);
        };
        let first = start(period.start.saturating_add(WEEK - 1));
        let from = first.max(oldest).min(period.end);
        // A week that ends after the period has nothing else in it when nothing came since then.
        let until = if newest < period.end {
            period.end
        } else {
            start(period.end)
        };
        Ok(from..until.max(from))
    }
}

/// Goes on with the rows of all profiles in a period of whole days, each with its `series` and what weeks know: those of its
/// weeks, as [`Snapshot::weeks`] tells them, and those of the days around.
pub(crate) fn push_rows(draft: &mut Draft, period: &Range<u64>, weeks: &Range<u64>) {
    draft.push(
        "(SELECT series, requests, permitted, bytes_in, bytes_out, s5 FROM usage_weeks WHERE at >= ",
    );
    push_range(draft, weeks);
    for days in [period.start..weeks.start, weeks.end..period.end] {
        draft.push(
            " UNION ALL SELECT series, requests, permitted, bytes_in, bytes_out, s5 \
             FROM usage_sums WHERE unit = ",
        );
        draft.push_bind(UsageUnit::Day.number());
        draft
            .push(" AND scope = ")
            .push_bind(Scope::Profile.number());
        draft.push(" AND at >= ");
        push_range(draft, &days);
    }
    draft.push(")");
}

fn push_range(draft: &mut Draft, minutes: &Range<u64>) {
    draft.push_bind(row::stored(minutes.start));
    draft.push(" AND at < ");
    draft.push_bind(row::stored(minutes.end));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_mondays() {
        const DAY: u64 = 24 * 60;
        // 2026-11-23 was a Monday.
        let monday = 20_780 * DAY;
        for (minute, begin) in [
            (monday - 1, monday - WEEK),
            (monday, monday),
            (monday + 3 * DAY + 7, monday),
            (monday + WEEK - 1, monday),
            (monday + WEEK, monday + WEEK),
            // Of the week in which 1970 began only that part.
            (0, 0),
            (4 * DAY - 1, 0),
            (4 * DAY, 4 * DAY),
        ] {
            assert_eq!(start(minute), begin, "{minute}");
        }
    }
}
