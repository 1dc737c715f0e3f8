//! What operators are told of requests that have something in common.

use std::collections::BTreeMap;

use portcullis_store::UsageCounts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Latency;

/// A class of statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum StatusClass {
    /// No answer at all.
    #[serde(rename = "none")]
    Unanswered,
    /// 100 to 199.
    #[serde(rename = "1xx")]
    Informational,
    /// 200 to 299.
    #[serde(rename = "2xx")]
    Successful,
    /// 300 to 399.
    #[serde(rename = "3xx")]
    Redirected,
    /// 400 to 499.
    #[serde(rename = "4xx")]
    ClientError,
    /// 500 to 599.
    #[serde(rename = "5xx")]
    ServerError,
}

/// What was counted of requests. Where it is asked for a status or a reason, or told apart by one of them, only the requests
/// are known, and all else is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct UsageNumbers {
    /// How many there were.
    #[schema(example = 1200)]
    pub requests: u64,
    /// How many were permitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false, example = 1190)]
    pub permitted: Option<u64>,
    /// How many were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false, example = 10)]
    pub refused: Option<u64>,
    /// How many ended with which class of status: `2xx` and so on, and `none` for those without an answer. Classes
    /// without any are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = BTreeMap<String, u64>, required = false)]
    pub statuses: Option<BTreeMap<&'static str, u64>>,
    /// How many bytes the bodies of the requests had.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    pub bytes_in: Option<u64>,
    /// How many bytes the bodies of the answers had.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = u64, required = false)]
    pub bytes_out: Option<u64>,
    /// How long they took. Absent too, when that is known of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Latency, required = false)]
    pub latency: Option<Latency>,
}

impl StatusClass {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Unanswered,
        Self::Informational,
        Self::Successful,
        Self::Redirected,
        Self::ClientError,
        Self::ServerError,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unanswered => "none",
            Self::Informational => "1xx",
            Self::Successful => "2xx",
            Self::Redirected => "3xx",
            Self::ClientError => "4xx",
            Self::ServerError => "5xx",
        }
    }

    /// How many requests ended with it.
    #[must_use]
    pub fn of(self, counts: &UsageCounts) -> u64 {
        let found = Self::ALL.iter().zip(counts.statuses);
        let mut found = found.filter(|(class, _)| **class == self);
        found.next().map_or(0, |(_, count)| count)
    }
}

impl UsageNumbers {
    /// Only that there were so many.
    pub(super) fn only(requests: u64) -> Self {
        Self {
            requests,
            ..Self::default()
        }
    }
}

impl From<&UsageCounts> for UsageNumbers {
    fn from(counts: &UsageCounts) -> Self {
        let statuses = StatusClass::ALL
            .iter()
            .map(|class| (class.name(), class.of(counts)));
        Self {
            requests: counts.requests,
            permitted: Some(counts.permitted),
            refused: Some(counts.requests.saturating_sub(counts.permitted)),
            statuses: Some(statuses.filter(|(_, count)| *count > 0).collect()),
            bytes_in: Some(counts.bytes_in),
            bytes_out: Some(counts.bytes_out),
            latency: Latency::of(&counts.latencies),
        }
    }
}
