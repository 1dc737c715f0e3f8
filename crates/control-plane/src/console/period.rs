//! Of which time pages tell: it stands in their addresses, and follows from page to page.

use maud::{Markup, html};
use portcullis_store::UsageUnit;
use serde::{Deserialize, Serialize};

use super::design::{Choice, choice};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// How long a time, until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Period {
    /// A day, hour by hour.
    #[serde(rename = "1d")]
    Day,
    /// Seven days, hour by hour.
    #[serde(rename = "7d")]
    Week,
    /// Thirty days.
    #[default]
    #[serde(rename = "30d")]
    Month,
    /// Ninety days.
    #[serde(rename = "90d")]
    Quarter,
}

impl Period {
    const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    /// As addresses say it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Day => "1d",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    /// As people say it.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Day => "last 24 hours",
            Self::Week => "last 7 days",
            Self::Month => "last 30 days",
            Self::Quarter => "last 90 days",
        }
    }

    /// When it begins, seen from a moment.
    pub(super) const fn since_ms(self, now_ms: u64) -> u64 {
        let days = match self {
            Self::Day => 1,
            Self::Week => 7,
            // The present day is one of them.
            Self::Month => 29,
            Self::Quarter => 89,
        };
        now_ms.saturating_sub(days * DAY_MS)
    }

    /// In which steps it is told.
    pub(super) const fn unit(self) -> UsageUnit {
        match self {
            Self::Day | Self::Week => UsageUnit::Hour,
            Self::Month | Self::Quarter => UsageUnit::Day,
        }
    }

    /// All there are to choose from.
    pub(super) fn choices() -> Vec<Choice> {
        Self::ALL
            .map(|period| choice(period.name(), period.words()))
            .into()
    }

    /// Links to the same page of another time.
    pub(super) fn links(self, path: &str) -> Markup {
        html! {
            nav.actions aria-label="Time" {
                @for period in Self::ALL {
                    a.button href={ (path) "?period=" (period.name()) "#usage" }
                        aria-current=[(period == self).then_some("true")] { (period.words()) }
                }
            }
        }
    }
}
