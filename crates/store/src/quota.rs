//! Quotas: what profiles have used of theirs, and what was judged of that. That a quota is used up is part of what gateways
//! are told of a profile, so it takes a revision; it is no change by anybody, and stands in no audit.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use portcullis_feed::{ClientId, PolicyId, ProfileId, Quota};

use crate::edit::PROFILE;
use crate::statement::{Draft, Row, Value, query};
use crate::usage::Scope;
use crate::{Edit, Snapshot, StoreError, UsageUnit, row};

/// How many identifiers a statement names.
const AT_ONCE: usize = 500;

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

/// What was last judged of the quota of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaStanding {
    /// The quota.
    pub quota: Quota,
    /// When the window ends: milliseconds since 1970, UTC.
    pub until_ms: u64,
    /// How much of it was reached, of a hundred: 80 or 100.
    pub percent: u64,
}

/// That a profile has used much of its quota, or all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaEvent {
    /// Counts up. 0 of one that is to be added.
    pub id: u64,
    /// When it was noticed: milliseconds since 1970, UTC.
    pub at_ms: u64,
    /// Whose profile it is.
    pub client: ClientId,
    /// Which profile.
    pub profile: ProfileId,
    /// When the window begins: milliseconds since 1970, UTC.
    pub from_ms: u64,
    /// How many requests that count there were in it so far.
    pub used: u64,
    /// What was reached.
    pub standing: QuotaStanding,
}

/// Which events are asked for: those that fit all that is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaEventFilter {
    /// Of this client.
    pub client: Option<ClientId>,
    /// Of this profile.
    pub profile: Option<ProfileId>,
    /// Whose window ends after this: milliseconds since 1970, UTC.
    pub open_at_ms: Option<u64>,
}

/// Sums that together are all since a minute.
struct Span {
    unit: UsageUnit,
    scope: Scope,
    from: u64,
    /// None: for ever.
    until: Option<u64>,
}

/// The largest sums there are for each part of the time since a minute.
fn spans(from: u64) -> Vec<Span> {
    let first = |unit: UsageUnit| from.next_multiple_of(unit.minutes());
    let (hours, days) = (first(UsageUnit::Hour), first(UsageUnit::Day));
    let part = |unit, from, until| {
        // Minutes are not told apart by profile alone.
        let scope = if unit == UsageUnit::Minute {
            Scope::Detail
        } else {
            Scope::Profile
        };
        Span {
            unit,
            scope,
            from,
            until,
        }
    };
    let mut spans = vec![part(UsageUnit::Day, days, None)];
    if hours < days {
        spans.push(part(UsageUnit::Hour, hours, Some(days)));
    }
    if from < hours {
        spans.push(part(UsageUnit::Minute, from, Some(hours)));
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
             CAST(SUM(u.permitted) AS BIGINT) AS permitted FROM usage_sums u \
             JOIN usage_series s ON s.id = u.series \
             JOIN access_profiles p ON p.id = s.profile_id WHERE u.unit = ",
        );
        draft.push_bind(span.unit.number());
        draft.push(" AND u.scope = ").push_bind(span.scope.number());
        draft
            .push(" AND u.at >= ")
            .push_bind(row::stored(span.from));
        if let Some(until) = span.until {
            draft.push(" AND u.at < ").push_bind(row::stored(until));
        }
        draft.push(" AND p.policy_id IN ");
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
            let until = span.until.map_or(period.end, |until| until.min(period.end));
            let step = usize::try_from(span.unit.minutes()).unwrap_or(1);
            let moments: Vec<Value> = (span.from..until)
                .step_by(step)
                .map(|at| Value::from(row::stored(at)))
                .collect();
            if moments.is_empty() {
                continue;
            }
            for profiles in profiles.chunks(AT_ONCE) {
                for found in self.calls_at(&span, &moments, profiles).await? {
                    let more = Calls::read(&found)?;
                    let known = calls.entry(row::parsed(&found, "profile_id")?).or_default();
                    *known = known.and(more);
                }
            }
        }
        Ok(calls)
    }

    async fn calls_at(
        &mut self,
        span: &Span,
        moments: &[Value],
        profiles: &[ProfileId],
    ) -> Result<Vec<Row>, StoreError> {
        let mut draft = Draft::new(
            "SELECT s.profile_id AS profile_id, CAST(SUM(u.requests) AS BIGINT) AS requests, \
             CAST(SUM(u.permitted) AS BIGINT) AS permitted \
             FROM usage_series s JOIN usage_sums u ON u.series = s.id WHERE s.scope = ",
        );
        draft.push_bind(span.scope.number());
        if span.scope == Scope::Profile {
            draft.push(" AND s.key_id = '' AND s.collection_id = '' AND s.endpoint = ''");
        }
        draft.push(" AND s.profile_id IN ");
        draft.push_list(profiles.iter().map(|id| Value::from(id.to_string())));
        draft.push(" AND u.unit = ").push_bind(span.unit.number());
        draft.push(" AND u.scope = ").push_bind(span.scope.number());
        draft
            .push(" AND u.at IN ")
            .push_list(moments.iter().cloned());
        draft.push(" GROUP BY s.profile_id");
        draft.finished().fetch_all(&mut self.transaction).await
    }

    /// What was last judged of some profiles. Those of which nothing was are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn quota_standings(
        &mut self,
        profiles: &[ProfileId],
    ) -> Result<HashMap<ProfileId, QuotaStanding>, StoreError> {
        let mut standings = HashMap::new();
        for profiles in profiles.chunks(AT_ONCE) {
            let statement = "SELECT * FROM quota_standings WHERE profile_id";
            for found in self.rows(statement, profiles).await? {
                standings.insert(row::parsed(&found, "profile_id")?, from_row(&found)?);
            }
        }
        Ok(standings)
    }

    /// The events that fit a filter, the newest first: those before one, by its `id`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn quota_events(
        &mut self,
        filter: &QuotaEventFilter,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<QuotaEvent>, StoreError> {
        let mut draft = Draft::new("SELECT * FROM quota_events WHERE id < ");
        draft.push_bind(row::stored(before.unwrap_or(u64::MAX)));
        let texts = [
            (" AND client_id = ", filter.client.map(|id| id.to_string())),
            (
                " AND profile_id = ",
                filter.profile.map(|id| id.to_string()),
            ),
        ];
        for (part, text) in texts {
            if let Some(text) = text {
                draft.push(part).push_bind(text);
            }
        }
        if let Some(open_at_ms) = filter.open_at_ms {
            draft
                .push(" AND until_ms > ")
                .push_bind(row::stored(open_at_ms));
        }
        draft.push(" ORDER BY id DESC LIMIT ");
        draft.push_bind(i64::from(limit));
        let found = draft.finished().fetch_all(&mut self.transaction).await?;
        let read = |row: &Row| {
            Ok(QuotaEvent {
                id: row::number(row, "id")?,
                at_ms: row::number(row, "at_ms")?,
                client: row::parsed(row, "client_id")?,
                profile: row::parsed(row, "profile_id")?,
                from_ms: row::number(row, "from_ms")?,
                used: row::number(row, "used")?,
                standing: from_row(row)?,
            })
        };
        found.iter().map(read).collect()
    }
}

impl Edit {
    /// Notes what was judged of a quota, and tells gateways when it is used up.
    ///
    /// # Errors
    /// When the database fails, or there is no such profile.
    pub async fn put_quota_event(&mut self, event: &QuotaEvent) -> Result<(), StoreError> {
        let standing = &event.standing;
        let quota = row::to_json(&standing.quota, "quota")?;
        query(
            "INSERT INTO quota_standings (profile_id, quota, until_ms, percent) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (profile_id) DO UPDATE SET \
             quota = excluded.quota, until_ms = excluded.until_ms, percent = excluded.percent",
        )
        .bind(event.profile.to_string())
        .bind(quota.as_str())
        .bind(row::stored(standing.until_ms))
        .bind(row::stored(standing.percent))
        .execute(&mut self.read().transaction)
        .await?;
        query(
            "INSERT INTO quota_events (at_ms, client_id, profile_id, quota, from_ms, until_ms, \
             used, percent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(row::stored(event.at_ms))
        .bind(event.client.to_string())
        .bind(event.profile.to_string())
        .bind(quota.as_str())
        .bind(row::stored(event.from_ms))
        .bind(row::stored(standing.until_ms))
        .bind(row::stored(event.used))
        .bind(row::stored(standing.percent))
        .execute(&mut self.read().transaction)
        .await?;
        if standing.is_used_up() {
            self.mark_changed(PROFILE, &event.profile).await?;
        }
        Ok(())
    }
}

impl QuotaStanding {
    /// Whether nothing is left.
    #[must_use]
    pub const fn is_used_up(&self) -> bool {
        self.percent >= 100
    }
}

pub(crate) fn from_row(row: &Row) -> Result<QuotaStanding, StoreError> {
    Ok(QuotaStanding {
        quota: row::from_json(row, "quota")?,
        until_ms: row::number(row, "until_ms")?,
        percent: row::number(row, "percent")?,
    })
}
