//! The last day of several at once, hour by hour: what lists show beside each of their rows.

use std::collections::HashMap;

use portcullis_store::{UsageFilter, UsageGroup, UsageQuestion, UsageUnit};

use crate::app::{App, Refusal};

/// Of how many hours a day is: the present one is the last.
pub const HOURS: usize = 24;

const HOUR_MIN: u64 = 60;

/// The last day of something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    /// The requests of each hour, the oldest first.
    pub requests: [u64; HOURS],
    /// Those of them that were refused.
    pub refused: [u64; HOURS],
}

impl Day {
    /// All requests of the day.
    #[must_use]
    pub fn all_requests(&self) -> u64 {
        self.requests.iter().sum()
    }

    /// All that were refused.
    #[must_use]
    pub fn all_refused(&self) -> u64 {
        self.refused.iter().sum()
    }
}

impl App {
    /// The last day of members of a group, by their identifiers. Those without any request are left out.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn usage_of_day(
        &self,
        group: UsageGroup,
        members: &[String],
    ) -> Result<HashMap<String, Day>, Refusal> {
        let present = UsageUnit::Hour.start(self.now_ms() / 60_000);
        let until = present.saturating_add(HOUR_MIN);
        let hours = u64::try_from(HOURS).unwrap_or_default();
        let from = until.saturating_sub(hours.saturating_mul(HOUR_MIN));
        let question = UsageQuestion {
            unit: UsageUnit::Hour,
            from,
            until,
            filter: UsageFilter::default(),
        };
        let mut snapshot = self.store.read().await?;
        let sums = snapshot
            .usage(&question, true, Some(group), Some(members))
            .await?;
        let mut days: HashMap<String, Day> = HashMap::new();
        for sum in sums {
            let hour = sum.at.saturating_sub(from) / HOUR_MIN;
            let hour = usize::try_from(hour).unwrap_or(usize::MAX);
            let day = days.entry(sum.group).or_default();
            let counts = (day.requests.get_mut(hour), day.refused.get_mut(hour));
            if let (Some(requests), Some(refused)) = counts {
                *requests = sum.counts.requests;
                *refused = sum.counts.requests.saturating_sub(sum.counts.permitted);
            }
        }
        Ok(days)
    }
}
