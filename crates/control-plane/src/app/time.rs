//! Moments as operators write and read them: RFC 3339. Inside, a moment is milliseconds since 1970, UTC.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A moment. Written in UTC, read with any offset (RFC 3339).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = DateTime, example = "2027-01-31T12:00:00Z")]
pub struct Moment(i64);

/// A text is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time after 1970 as in RFC 3339, such as `2027-01-31T12:00:00Z`")]
pub struct InvalidMoment(String);

impl Moment {
    /// So many milliseconds after 1970 began.
    #[must_use]
    pub fn from_ms(ms: u64) -> Self {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        Self(ms.min(Timestamp::MAX.as_millisecond()))
    }

    /// Milliseconds since 1970, UTC.
    #[must_use]
    pub fn as_ms(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }
}

impl TryFrom<String> for Moment {
    type Error = InvalidMoment;

    fn try_from(text: String) -> Result<Self, InvalidMoment> {
        match text.parse::<Timestamp>() {
            Ok(time) if time.as_millisecond() >= 0 => Ok(Self(time.as_millisecond())),
            _ => Err(InvalidMoment(text)),
        }
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Timestamp::from_millisecond(self.0).map_or(Err(fmt::Error), |time| time.fmt(f))
    }
}
