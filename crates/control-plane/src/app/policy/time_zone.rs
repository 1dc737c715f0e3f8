//! Names of time zones.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A time zone by its name in the IANA time zone database, written as it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, max_length = 64, example = "Europe/Berlin")]
pub struct TimeZone(String);

/// A text names no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no time zone with this name: names are those of the IANA database, such as `Europe/Berlin`"
)]
pub struct UnknownTimeZone;

impl TimeZone {
    /// One that was read before it was stored.
    pub(super) const fn stored(name: String) -> Self {
        Self(name)
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TimeZone {
    type Error = UnknownTimeZone;

    fn try_from(text: String) -> Result<Self, UnknownTimeZone> {
        let known = portcullis_store::time_zone(&text);
        known.map(Self).ok_or(UnknownTimeZone)
    }
}

impl From<TimeZone> for String {
    fn from(zone: TimeZone) -> Self {
        zone.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_the_database_writes_them() {
        let zone = TimeZone::try_from("europe/berlin".to_owned()).unwrap();
        assert_eq!(zone.as_str(), "Europe/Berlin");
        for unknown in ["", "Berlin", "Europe/Berlin ", "CET1CEST"] {
            let refused = TimeZone::try_from(unknown.to_owned());
            assert_eq!(refused, Err(UnknownTimeZone), "{unknown}");
        }
    }
}
