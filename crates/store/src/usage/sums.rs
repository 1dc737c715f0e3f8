//! The columns of sums: how counts are added to them, and how they are read.

use portcullis_feed::usage::{LATENCY_BUCKETS, STATUS_CLASSES};

use super::{Scope, UsageCounts, UsageUnit};
use crate::statement::{Draft, Row, Transaction, Value};
use crate::{StoreError, row};

/// How many rows one statement takes: few different statements, which the database knows by heart.
const SIZES: [usize; 3] = [100, 10, 1];

/// What a count becomes to which another is added, or none.
macro_rules! added {
    ($column:literal) => {
        concat!(
            $column,
            " = COALESCE(usage_sums.",
            $column,
            " + excluded.",
            $column,
            ", usage_sums.",
            $column,
            ", excluded.",
            $column,
            ")"
        )
    };
}

macro_rules! sparse_columns {
    ($($column:literal)*) => {
        const PUT: [&str; 2] = [
            concat!(
                "INSERT INTO usage_sums (unit, scope, at, series, requests, permitted, bytes_in, \
                 bytes_out", $(", ", $column,)* ") "
            ),
            concat!(
                " ON CONFLICT (unit, scope, at, series) DO UPDATE SET \
                 requests = usage_sums.requests + excluded.requests, \
                 permitted = usage_sums.permitted + excluded.permitted, \
                 bytes_in = usage_sums.bytes_in + excluded.bytes_in, \
                 bytes_out = usage_sums.bytes_out + excluded.bytes_out",
                $(", ", added!($column),)*
            ),
        ];

        /// The sums of many rows `u`.
        pub(super) const SUMS: &str = concat!(
            "CAST(SUM(u.requests) AS BIGINT) AS requests, \
             CAST(SUM(u.permitted) AS BIGINT) AS permitted, \
             CAST(SUM(u.bytes_in) AS BIGINT) AS bytes_in, \
             CAST(SUM(u.bytes_out) AS BIGINT) AS bytes_out",
            $(", CAST(SUM(u.", $column, ") AS BIGINT) AS ", $column,)*
        );
    };
}

sparse_columns! {
    "s0" "s1" "s2" "s3" "s4" "s5"
    "l0" "l1" "l2" "l3" "l4" "l5" "l6" "l7" "l8" "l9" "l10" "l11" "l12" "l13" "l14" "l15" "l16"
}

const STATUSES: [&str; STATUS_CLASSES] = ["s0", "s1", "s2", "s3", "s4", "s5"];

const LATENCIES: [&str; LATENCY_BUCKETS] = [
    "l0", "l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8", "l9", "l10", "l11", "l12", "l13", "l14",
    "l15", "l16",
];

const PUT_DENIALS: [&str; 2] = [
    "INSERT INTO usage_denials (unit, scope, at, series, reason, requests) ",
    " ON CONFLICT (unit, scope, at, series, reason) DO UPDATE SET \
     requests = usage_denials.requests + excluded.requests",
];

/// Where a sum stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) unit: UsageUnit,
    pub(super) scope: Scope,
    pub(super) at: u64,
    pub(super) series: i64,
}

impl Place {
    fn values(&self) -> [Value; 4] {
        [
            self.unit.number().into(),
            self.scope.number().into(),
            row::stored(self.at).into(),
            self.series.into(),
        ]
    }
}

/// Adds counts to sums. No place stands there twice.
pub(super) async fn add(
    counts: &[(Place, UsageCounts)],
    on: &mut Transaction,
) -> Result<(), StoreError> {
    let sums = counts.iter().map(|(place, counts)| {
        let totals = [
            counts.requests,
            counts.permitted,
            counts.bytes_in,
            counts.bytes_out,
        ];
        let totals = totals.map(|count| Value::from(row::stored(count)));
        let sparse = counts.statuses.iter().chain(&counts.latencies);
        let sparse = sparse.map(|count| (*count > 0).then(|| row::stored(*count)).into());
        let row = place.values().into_iter().chain(totals).chain(sparse);
        row.collect()
    });
    put(PUT, &sums.collect::<Vec<_>>(), on).await?;
    let denials = counts.iter().flat_map(|(place, counts)| {
        counts.denials.iter().map(|(reason, count)| {
            let [unit, scope, at, series] = place.values();
            vec![
                unit,
                scope,
                at,
                series,
                reason.into(),
                row::stored(*count).into(),
            ]
        })
    });
    put(PUT_DENIALS, &denials.collect::<Vec<_>>(), on).await
}

/// Puts rows between the parts of a statement, many at a time.
pub(super) async fn put(
    [before, after]: [&'static str; 2],
    mut rows: &[Vec<Value>],
    on: &mut Transaction,
) -> Result<(), StoreError> {
    for size in SIZES {
        while let Some((some, rest)) = rows.split_at_checked(size) {
            let mut draft = Draft::new(before);
            draft.push_rows(some.iter().cloned()).push(after);
            draft.kept().execute(on).await?;
            rows = rest;
        }
    }
    Ok(())
}

/// Counts as [`SUMS`] tell them. Reasons are told elsewhere.
pub(super) fn from_row(row: &Row) -> Result<UsageCounts, StoreError> {
    let mut counts = UsageCounts {
        requests: summed(row, "requests")?,
        permitted: summed(row, "permitted")?,
        bytes_in: summed(row, "bytes_in")?,
        bytes_out: summed(row, "bytes_out")?,
        ..UsageCounts::default()
    };
    for (count, column) in counts.statuses.iter_mut().zip(STATUSES) {
        *count = summed(row, column)?;
    }
    for (count, column) in counts.latencies.iter_mut().zip(LATENCIES) {
        *count = summed(row, column)?;
    }
    Ok(counts)
}

fn summed(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    Ok(row::number_if_any(row, column)?.unwrap_or(0))
}
