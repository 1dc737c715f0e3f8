//! Quotas: what profiles have used of theirs, and what was judged of that. That a quota is used up is part of what gateways
//! are told of a profile, so it takes a revision; it is no change by anybody, and stands in no audit.

use std::collections::HashMap;
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
    /// How many requests were permitted.
    pub used: u64,
}

/// What was last judged of the quota of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaStanding {
    /// The quota.
    pub quota: Quota,
    /// When the window ends: milliseconds since 1970, UTC.
    pub until_ms: u64,
    /// How much of it was reached, of a hundred: 80 or 100.
    pub percent: u64,
}

/// That a profile has used much of its quota, or all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// How many requests were permitted in it so far.
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

impl Snapshot {
    /// What the profiles with some policies have used since a day, by its first minute; those that have used something.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn quota_uses(
        &mut self,
        policies: &[PolicyId],
        from: u64,
    ) -> Result<Vec<QuotaUse>, StoreError> {
        let mut uses = Vec::new();
        for policies in policies.chunks(AT_ONCE) {
            let mut draft = Draft::new(
                "SELECT p.id AS profile_id, p.client_id AS client_id, p.policy_id AS policy_id, \
                 CAST(SUM(u.permitted) AS BIGINT) AS used FROM usage_sums u \
                 JOIN usage_series s ON s.id = u.series \
                 JOIN access_profiles p ON p.id = s.profile_id WHERE u.unit = ",
            );
            draft.push_bind(UsageUnit::Day.number());
            draft
                .push(" AND u.scope = ")
                .push_bind(Scope::Profile.number());
            draft.push(" AND u.at >= ").push_bind(row::stored(from));
            draft.push(" AND p.policy_id IN ");
            draft.push_list(policies.iter().map(|id| Value::from(id.to_string())));
            draft.push(" GROUP BY p.id, p.client_id, p.policy_id");
            for found in draft.finished().fetch_all(&mut self.transaction).await? {
                uses.push(QuotaUse {
                    profile: row::parsed(&found, "profile_id")?,
                    client: row::parsed(&found, "client_id")?,
                    policy: row::parsed(&found, "policy_id")?,
                    used: row::number(&found, "used")?,
                });
            }
        }
        Ok(uses)
    }

    /// How many requests of some profiles were permitted on the days from one on and before another, each told by its
    /// first minute. Those without any are left out. Every sum is looked up by its place: it takes as long as there are
    /// profiles and days, however many others there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn permitted_of(
        &mut self,
        profiles: &[ProfileId],
        days: Range<u64>,
    ) -> Result<HashMap<ProfileId, u64>, StoreError> {
        let mut permitted = HashMap::new();
        let step = usize::try_from(UsageUnit::Day.minutes()).unwrap_or(1);
        let days: Vec<Value> = days
            .step_by(step)
            .map(|day| Value::from(row::stored(day)))
            .collect();
        if days.is_empty() {
            return Ok(permitted);
        }
        for profiles in profiles.chunks(AT_ONCE) {
            let mut draft = Draft::new(
                "SELECT s.profile_id AS profile_id, CAST(SUM(u.permitted) AS BIGINT) AS permitted \
                 FROM usage_series s JOIN usage_sums u ON u.series = s.id \
                 WHERE s.key_id = '' AND s.collection_id = '' AND s.endpoint = '' AND s.scope = ",
            );
            draft.push_bind(Scope::Profile.number());
            draft.push(" AND s.profile_id IN ");
            draft.push_list(profiles.iter().map(|id| Value::from(id.to_string())));
            draft
                .push(" AND u.unit = ")
                .push_bind(UsageUnit::Day.number());
            draft
                .push(" AND u.scope = ")
                .push_bind(Scope::Profile.number());
            draft.push(" AND u.at IN ").push_list(days.iter().cloned());
            draft.push(" GROUP BY s.profile_id");
            for found in draft.finished().fetch_all(&mut self.transaction).await? {
                let count = row::number(&found, "permitted")?;
                permitted.insert(row::parsed(&found, "profile_id")?, count);
            }
        }
        Ok(permitted)
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
