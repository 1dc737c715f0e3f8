//! What profiles have used of their quotas, as sums tell it.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use portcullis_feed::{ClientId, PolicyId, ProfileId};

use super::AT_ONCE;
use crate::statement::{Draft, Row, Value};
use crate::usage::{Scope, push_rows};
use crate::{Snapshot, StoreError, UsageUnit, row};

/// What a profile has used of its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaUse {
    /// Which profile.
    pub profile: ProfileId,
    /// Whose it is.
    pub client: ClientId,
    /// The policy whose quota it is.
    pub policy: PolicyId,
    /// How much it was.
    pub calls: Calls,
}

/// How many requests there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// All that were decided.
    pub requests: u64,
    /// Those that were permitted.
    pub permitted: u64,
}

impl Calls {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            requests: row::number(row, "requests")?,
            permitted: row::number(row, "permitted")?,
        })
    }

    const fn and(self, more: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(more.requests),
            permitted: self.permitted.saturating_add(more.permitted),
        }
    }
}

/// Sums that together are all since a minute.
struct Span {
    unit: UsageUnit,
    scope: Scope,
    minutes: Range<u64>,
}

/// The largest sums there are for each part of the time since a minute.
fn spans(from: u64) -> Vec<Span> {
    let first = |unit: UsageUnit| from.next_multiple_of(unit.minutes());
    let (hours, days) = (first(UsageUnit::Hour), first(UsageUnit::Day));
    let part = |unit, minutes| {
        // Minutes are not told apart by profile alone.
        let scope = if unit == UsageUnit::Minute {
            Scope::Detail
        } else {
            Scope::Profile
        };
        Span {
            unit,
            scope,
            minutes,
        }
    };
    let mut spans = vec![part(UsageUnit::Day, days..u64::MAX)];
    if hours < days {
        spans.push(part(UsageUnit::Hour, hours..days));
    }
    if from < hours {
        spans.push(part(UsageUnit::Minute, from..hours));
    }
    spans
}

impl Snapshot {
    /// What the profiles with some policies have used since a minute; those that have used something. Where days of UTC do
    /// not begin then, the rest of that day is made from hours and minutes, as far as these are still kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn quota_uses(
        &mut self,
        policies: &[PolicyId],
        from: u64,
    ) -> Result<Vec<QuotaUse>, StoreError> {
        let mut uses: BTreeMap<ProfileId, QuotaUse> = BTreeMap::new();
        for span in spans(from) {
            for policies in policies.chunks(AT_ONCE) {
                for more in self.used_in(&span, policies).await? {
                    let known = uses.get(&more.profile);
                    let calls = known.map_or(more.calls, |known| known.calls.and(more.calls));
                    let sum = QuotaUse { calls, ..more };
                    uses.insert(more.profile, sum);
                }
            }
        }
        Ok(uses.into_values().collect())
    }

    async fn used_in(
        &mut self,
        span: &Span,
        policies: &[PolicyId],
    ) -> Result<Vec<QuotaUse>, StoreError> {
        let mut draft = Draft::new(
            "SELECT p.id AS profile_id, p.client_id AS client_id, p.policy_id AS policy_id, \
             CAST(SUM(u.requests) AS BIGINT) AS requests, \
             CAST(SUM(u.permitted) AS BIGINT) AS permitted FROM (SELECT u.series AS series, \
             SUM(u.requests) AS requests, SUM(u.permitted) AS permitted FROM ",
        );
        if span.unit == UsageUnit::Day {
            let weeks = self.weeks(&span.minutes).await?;
            push_rows(&mut draft, &span.minutes, &weeks);
            draft.push(" u");
        } else {
            draft.push("usage_sums u WHERE u.unit = ");
            draft.push_bind(span.unit.number());
            draft.push(" AND u.scope = ").push_bind(span.scope.number());
            let minutes = &span.minutes;
            draft
                .push(" AND u.at >= ")
                .push_bind(row::stored(minutes.start));
            draft
                .push(" AND u.at < ")
                .push_bind(row::stored(minutes.end));
        }
        draft.push(
            " GROUP BY u.series) u JOIN usage_series s ON s.id = u.series \
             JOIN access_profiles p ON p.id = s.profile_id WHERE p.policy_id IN ",
        );
        draft.push_list(policies.iter().map(|id| Value::from(id.to_string())));
        draft.push(" GROUP BY p.id, p.client_id, p.policy_id");
        let found = draft.finished().fetch_all(&mut self.transaction).await?;
        let read = |row: &Row| {
            Ok(QuotaUse {
                profile: row::parsed(row, "profile_id")?,
                client: row::parsed(row, "client_id")?,
                policy: row::parsed(row, "policy_id")?,
                calls: Calls::read(row)?,
            })
        };
        found.iter().map(read).collect()
    }

    /// How many requests of some profiles there were from a minute on and before another. Those without any are left out.
    /// Every sum is looked up by its place: it takes as long as there are profiles and times, however many others there
    /// are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn calls_of(
        &mut self,
        profiles: &[ProfileId],
        period: Range<u64>,
    ) -> Result<HashMap<ProfileId, Calls>, StoreError> {
        let mut calls: HashMap<ProfileId, Calls> = HashMap::new();
        for span in spans(period.start) {
            let until = span.minutes.end.min(period.end);
            let step = usize::try_from(span.unit.minutes()).unwrap_or(1);
            let moments: Vec<Value> = (span.minutes.start..until)
                .step_by(step)
                .map(|at| Value::from(row::stored(at)))
                .collect();
            if moments.is_empty() {
                continue;
            }
            for profiles in profiles.chunks(AT_ONCE) {
                let owners = self.series_of(&span, profiles).await?;
                let series: Vec<i64> = owners.keys().copied().collect();
                for series in series.chunks(AT_ONCE) {
                    for found in self.calls_at(&span, &moments, series).await? {
                        let Some(owner) = owners.get(&found.try_get::<i64, _>("series")?) else {
                            continue;
                        };
                        let known = calls.entry(*owner).or_default();
                        *known = known.and(Calls::read(&found)?);
                    }
                }
            }
        }
        Ok(calls)
    }

    /// The series of a span that are about some profiles, and whose each is.
    async fn series_of(
        &mut self,
        span: &Span,
        profiles: &[ProfileId],
    ) -> Result<HashMap<i64, ProfileId>, StoreError> {
        let mut draft = Draft::new("SELECT id, profile_id FROM usage_series WHERE scope = ");
        draft.push_bind(span.scope.number());
        draft.push(" AND profile_id IN ");
        draft.push_list(profiles.iter().map(|id| Value::from(id.to_string())));
        let found = draft.finished().fetch_all(&mut self.transaction).await?;
        let read = |row: &Row| Ok((row.try_get("id")?, row::parsed(row, "profile_id")?));
        found.iter().map(read).collect()
    }

    /// What stands of some series at some moments. No other table is joined: where SQLite may choose by which it begins, it
    /// reads all sums of those moments.
    async fn calls_at(
        &mut self,
        span: &Span,
        moments: &[Value],
        series: &[i64],
    ) -> Result<Vec<Row>, StoreError> {
        let mut draft = Draft::new(
            "SELECT series, CAST(SUM(requests) AS BIGINT) AS requests, \
             CAST(SUM(permitted) AS BIGINT) AS permitted FROM usage_sums WHERE unit = ",
        );
        draft.push_bind(span.unit.number());
        draft.push(" AND scope = ").push_bind(span.scope.number());
        draft.push(" AND at IN ").push_list(moments.iter().cloned());
        draft.push(" AND series IN ");
        draft.push_list(series.iter().map(|id| Value::from(*id)));
        draft.push(" GROUP BY series");
        draft.finished().fetch_all(&mut self.transaction).await
    }
}
