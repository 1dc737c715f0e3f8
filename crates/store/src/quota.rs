//! Quotas: what profiles have used of theirs, and what was judged of that. That a quota is used up is part of what gateways
//! are told of a profile, so it takes a revision; it is no change by anybody, and stands in no audit.

mod used;

use std::collections::HashMap;

use portcullis_feed::{ClientId, ProfileId, Quota};

use crate::edit::PROFILE;
use crate::statement::{Draft, Row, query};
use crate::{Edit, Snapshot, StoreError, row};

pub use used::{Calls, QuotaUse};

/// How many identifiers a statement names.
const AT_ONCE: usize = 500;

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

impl Snapshot {
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
