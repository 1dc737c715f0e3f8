//! Questions about sums.

use portcullis_feed::{ClientId, CollectionId, ProfileId};

use super::sums::{self, SUMS};
use super::{Scope, UsageCounts, UsageUnit};
use crate::statement::{Draft, Row, Value};
use crate::{Snapshot, StoreError, row};

/// How many series are named one by one in a statement, and how many sums are looked up one by one instead of reading
/// all of the period.
const MOST_SERIES: usize = 500;
const MOST_LOOKED_UP: u64 = 100_000;

/// How many moments are named one by one.
const MOST_MOMENTS: u64 = 3_000;

/// What is asked for: sums of a unit, from one on and before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuestion {
    /// Which sums.
    pub unit: UsageUnit,
    /// The first minute of the first.
    pub from: u64,
    /// The first minute after the last.
    pub until: u64,
    /// What they are about.
    pub filter: UsageFilter,
}

/// Which requests: those that fit all that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct UsageFilter {
    /// Whose client the profile is.
    pub client: Option<ClientId>,
    /// Whose they are.
    pub profile: Option<ProfileId>,
    /// By which key they came.
    pub key_id: Option<String>,
    /// What they asked for.
    pub collection: Option<CollectionId>,
    /// The endpoint of it, as `METHOD /path/{template}`.
    pub endpoint: Option<String>,
    /// Only those that were refused for this reason: of these only their number is known.
    pub reason: Option<String>,
}

/// What is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageGroup {
    /// Clients, by their identifiers.
    Client,
    /// Access profiles, by their identifiers.
    Profile,
    /// Keys, by their public ids.
    Key,
    /// Collections, by their identifiers.
    Collection,
    /// Endpoints, by their names.
    Endpoint,
    /// Why requests were refused: of these only their number is known.
    Reason,
}

/// A sum of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageSum {
    /// The first minute of the time that it is about. 0, unless times were to be told apart.
    pub at: u64,
    /// What it is about, by the identifier. Empty for what is not known, and when nothing was to be told apart.
    pub group: String,
    /// What was counted.
    pub counts: UsageCounts,
}

impl UsageGroup {
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Client => "s.client_id",
            Self::Profile => "s.profile_id",
            Self::Key => "s.key_id",
            Self::Collection => "s.collection_id",
            Self::Endpoint => "s.endpoint",
            Self::Reason => "u.reason",
        }
    }
}

impl UsageFilter {
    fn texts(&self) -> [(&'static str, Option<String>); 5] {
        [
            (" AND s.client_id = ", self.client.map(|id| id.to_string())),
            (
                " AND s.profile_id = ",
                self.profile.map(|id| id.to_string()),
            ),
            (" AND s.key_id = ", self.key_id.clone()),
            (
                " AND s.collection_id = ",
                self.collection.map(|id| id.to_string()),
            ),
            (" AND s.endpoint = ", self.endpoint.clone()),
        ]
    }

    fn names_series(&self) -> bool {
        self.texts().iter().any(|(_, text)| text.is_some())
    }

    pub(super) fn push(&self, to: &mut Draft) {
        for (part, text) in self.texts() {
            if let Some(text) = text {
                to.push(part).push_bind(text);
            }
        }
    }
}

impl UsageQuestion {
    /// The scope that tells apart as much as is needed and no more.
    pub(super) fn scope(&self, group: Option<UsageGroup>) -> Scope {
        let filter = &self.filter;
        let by_key = filter.key_id.is_some() || group == Some(UsageGroup::Key);
        let by_caller = filter.client.is_some()
            || filter.profile.is_some()
            || matches!(group, Some(UsageGroup::Client | UsageGroup::Profile));
        let by_endpoint = filter.collection.is_some()
            || filter.endpoint.is_some()
            || matches!(group, Some(UsageGroup::Collection | UsageGroup::Endpoint));
        let scope = match (by_key, by_caller, by_endpoint) {
            (true, _, _) | (_, true, true) => Scope::Detail,
            (_, true, false) => Scope::Profile,
            (_, false, true) => Scope::Endpoint,
            (_, false, false) => Scope::All,
        };
        if scope.has(self.unit) {
            scope
        } else {
            Scope::Detail
        }
    }

    /// Whether it is about what weeks know of all profiles.
    pub(super) fn is_told_by_weeks(&self, group: UsageGroup) -> bool {
        self.unit == UsageUnit::Day
            && self.scope(Some(group)) == Scope::Profile
            && self.filter.reason.is_none()
            && !self.filter.names_series()
    }

    /// How many sums of the unit there are for each series.
    fn moments(&self) -> u64 {
        let minutes = self.until.saturating_sub(self.from);
        minutes.div_ceil(self.unit.minutes())
    }
}

impl Snapshot {
    /// The sums of a question: one of each moment if times are told apart, and one of each member of a group if there is
    /// one, only of those members that are named if any are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage(
        &mut self,
        question: &UsageQuestion,
        by_time: bool,
        group: Option<UsageGroup>,
        only: Option<&[String]>,
    ) -> Result<Vec<UsageSum>, StoreError> {
        if only.is_some_and(<[_]>::is_empty) {
            return Ok(Vec::new());
        }
        let of_denials = question.filter.reason.is_some() || group == Some(UsageGroup::Reason);
        let counts = if of_denials {
            "CAST(SUM(u.requests) AS BIGINT) AS requests"
        } else {
            SUMS
        };
        let rows = self
            .summed(question, of_denials, counts, by_time, group, only)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(UsageSum {
                    at: row::number(row, "at")?,
                    group: row.try_get("name")?,
                    counts: if of_denials {
                        UsageCounts {
                            requests: row::number_if_any(row, "requests")?.unwrap_or(0),
                            ..UsageCounts::default()
                        }
                    } else {
                        sums::from_row(row)?
                    },
                })
            })
            .collect()
    }

    async fn summed(
        &mut self,
        question: &UsageQuestion,
        of_denials: bool,
        counts: &'static str,
        by_time: bool,
        group: Option<UsageGroup>,
        only: Option<&[String]>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut draft = Draft::new(if by_time {
            "SELECT u.at AS at, "
        } else {
            "SELECT CAST(0 AS BIGINT) AS at, "
        });
        draft.push(group.map_or("CAST('' AS TEXT)", UsageGroup::column));
        draft.push(" AS name, ").push(counts);
        draft.push(if of_denials {
            " FROM usage_denials u JOIN usage_series s ON s.id = u.series"
        } else {
            " FROM usage_sums u JOIN usage_series s ON s.id = u.series"
        });
        self.push_where(&mut draft, question, group, only).await?;
        question.filter.push(&mut draft);
        if let Some(reason) = &question.filter.reason {
            draft.push(" AND u.reason = ").push_bind(reason);
        }
        if let (Some(group), Some(only)) = (group, only) {
            draft.push(" AND ").push(group.column()).push(" IN ");
            draft.push_list(only.iter().map(Value::from));
        }
        draft.push(match (by_time, group) {
            (true, None) => " GROUP BY u.at ORDER BY u.at",
            (true, Some(_)) => " GROUP BY u.at, name ORDER BY u.at, name",
            (false, Some(_)) => " GROUP BY name ORDER BY name",
            // One row even of nothing.
            (false, None) => "",
        });
        draft.finished().fetch_all(&mut self.transaction).await
    }

    /// Goes on with where the sums `u` stand that a question needs: each of them by its place if they are few, and all of
    /// the period if not.
    pub(super) async fn push_where(
        &mut self,
        draft: &mut Draft,
        question: &UsageQuestion,
        group: Option<UsageGroup>,
        only: Option<&[String]>,
    ) -> Result<(), StoreError> {
        let scope = question.scope(group);
        draft
            .push(" WHERE u.unit = ")
            .push_bind(question.unit.number());
        draft.push(" AND u.scope = ").push_bind(scope.number());
        let moments = question.moments();
        if moments <= MOST_MOMENTS
            && let Some(series) = self.few_series(question, scope, group, only).await?
            && moments.saturating_mul(u64::try_from(series.len()).unwrap_or(u64::MAX))
                <= MOST_LOOKED_UP
        {
            let step = usize::try_from(question.unit.minutes()).unwrap_or(1);
            let moments = (question.unit.start(question.from)..question.until).step_by(step);
            draft.push(" AND u.at IN ");
            draft.push_list(moments.map(|at| Value::from(row::stored(at))));
            draft.push(" AND u.series IN ").push_list(series);
            return Ok(());
        }
        draft.push(" AND u.at >= ");
        draft.push_bind(row::stored(question.unit.start(question.from)));
        draft
            .push(" AND u.at < ")
            .push_bind(row::stored(question.until));
        Ok(())
    }

    /// The series that a question is about, if it names some and they are few.
    async fn few_series(
        &mut self,
        question: &UsageQuestion,
        scope: Scope,
        group: Option<UsageGroup>,
        only: Option<&[String]>,
    ) -> Result<Option<Vec<Value>>, StoreError> {
        let members = group.zip(only);
        let members = members.filter(|(group, _)| *group != UsageGroup::Reason);
        if !question.filter.names_series() && members.is_none() {
            return Ok(None);
        }
        let mut draft = Draft::new("SELECT s.id AS id FROM usage_series s WHERE s.scope = ");
        draft.push_bind(scope.number());
        question.filter.push(&mut draft);
        if let Some((group, only)) = members {
            draft.push(" AND ").push(group.column()).push(" IN ");
            draft.push_list(only.iter().map(Value::from));
        }
        let limit = MOST_SERIES.saturating_add(1);
        draft.push(" LIMIT ");
        draft.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let found = draft.finished().fetch_all(&mut self.transaction).await?;
        if found.len() > MOST_SERIES {
            return Ok(None);
        }
        // `IN ()` is no SQL, and no series has this number.
        let mut ids = vec![Value::from(0_i64)];
        for row in &found {
            ids.push(row.try_get::<i64, _>("id")?.into());
        }
        Ok(Some(ids))
    }
}
