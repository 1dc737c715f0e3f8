//! The members of a group with the most of something, and what people call them.

use std::collections::HashMap;

use super::{UsageGroup, UsageQuestion, push_rows};
use crate::statement::{Draft, Value};
use crate::{Snapshot, StoreError};

/// The most of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageOrder {
    /// Requests.
    Requests,
    /// Requests that were refused.
    Refused,
    /// Requests that ended with a status of 500 and above.
    Failed,
    /// Bytes in both directions.
    Bytes,
}

impl UsageOrder {
    const fn sum(self) -> &'static str {
        match self {
            Self::Requests => "SUM(u.requests)",
            Self::Refused => "SUM(u.requests - u.permitted)",
            Self::Failed => "SUM(COALESCE(u.s5, 0))",
            Self::Bytes => "SUM(u.bytes_in + u.bytes_out)",
        }
    }
}

impl Snapshot {
    /// The members of a group with the most of something, from the most downwards. Those without any are left out. Of
    /// reasons, and of requests that were refused for one, only the requests are known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage_top(
        &mut self,
        question: &UsageQuestion,
        group: UsageGroup,
        order: UsageOrder,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        // First for each series, of which there are fewer than sums.
        let mut draft = Draft::new("SELECT ");
        draft.push(match group {
            UsageGroup::Reason => "u.reason",
            of_series => of_series.column(),
        });
        draft.push(" AS name, SUM(u.total) AS total FROM (SELECT u.series AS series, ");
        let is_told_by_weeks = question.is_told_by_weeks(group);
        match (group, &question.filter.reason) {
            (UsageGroup::Reason, _) => {
                draft.push("u.reason AS reason, SUM(u.requests) AS total FROM usage_denials u");
            }
            (_, Some(_)) => {
                draft.push("SUM(u.requests) AS total FROM usage_denials u");
            }
            (_, None) if is_told_by_weeks => {
                draft.push(order.sum()).push(" AS total FROM ");
                let period = question.unit.start(question.from)..question.until;
                let weeks = self.weeks(&period).await?;
                push_rows(&mut draft, &period, &weeks);
                draft.push(" u");
            }
            (_, None) => {
                draft.push(order.sum()).push(" AS total FROM usage_sums u");
            }
        }
        if !is_told_by_weeks {
            self.push_where(&mut draft, question, Some(group), None)
                .await?;
        }
        if let Some(reason) = &question.filter.reason {
            draft.push(" AND u.reason = ").push_bind(reason);
        }
        draft.push(match group {
            UsageGroup::Reason => " GROUP BY u.series, u.reason",
            _ => " GROUP BY u.series",
        });
        draft.push(") u JOIN usage_series s ON s.id = u.series WHERE u.total > 0");
        question.filter.push(&mut draft);
        draft.push(" GROUP BY name ORDER BY total DESC, name LIMIT ");
        draft.push_bind(i64::from(limit));
        let found = draft.finished().fetch_all(&mut self.transaction).await?;
        found.iter().map(|row| row.try_get("name")).collect()
    }

    /// What people call the members of a group, as far as they are there: of a collection with its version.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn usage_names(
        &mut self,
        group: UsageGroup,
        members: &[String],
    ) -> Result<HashMap<String, String>, StoreError> {
        let before = match group {
            UsageGroup::Client => "SELECT id, name FROM clients WHERE id IN ",
            UsageGroup::Profile => "SELECT id, name FROM access_profiles WHERE id IN ",
            UsageGroup::Collection => {
                "SELECT id, name || ' ' || version AS name FROM collections WHERE id IN "
            }
            UsageGroup::Key | UsageGroup::Endpoint | UsageGroup::Reason => {
                return Ok(HashMap::new());
            }
        };
        let mut names = HashMap::new();
        for members in members.chunks(1_000) {
            let mut draft = Draft::new(before);
            draft.push_list(members.iter().map(Value::from));
            for row in draft.finished().fetch_all(&mut self.transaction).await? {
                names.insert(row.try_get("id")?, row.try_get("name")?);
            }
        }
        Ok(names)
    }
}
