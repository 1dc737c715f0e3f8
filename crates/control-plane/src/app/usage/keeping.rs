//! For how long usage is kept.

use std::fmt;
use std::str::FromStr;

use portcullis_store::{UsageSince, UsageUnit};

/// A length of time in whole minutes, such as `90m`, `48h`, `2d` or `12w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

/// A text is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no length of time: a whole number with `m`, `h`, `d` or `w` behind it, such as `90d`"
)]
pub struct InvalidSpan(String);

/// For how long which usage is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Sums of minutes.
    pub minutes: Span,
    /// Sums of hours.
    pub hours: Span,
    /// Sums of days.
    pub days: Span,
    /// The sample of refusals.
    pub refusals: Span,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            minutes: Span::of_days(2),
            hours: Span::of_days(90),
            days: Span::of_days(730),
            refusals: Span::of_days(7),
        }
    }
}

impl Span {
    /// So many hours.
    #[must_use]
    pub const fn of_hours(hours: u64) -> Self {
        Self(hours.saturating_mul(60))
    }

    /// So many days.
    #[must_use]
    pub const fn of_days(days: u64) -> Self {
        Self(days.saturating_mul(24 * 60))
    }

    /// In minutes.
    #[must_use]
    pub const fn minutes(self) -> u64 {
        self.0
    }
}

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let read = || {
            let unit = text.chars().last()?;
            let minutes: u64 = match unit {
                'm' => 1,
                'h' => 60,
                'd' => 24 * 60,
                'w' => 7 * 24 * 60,
                _ => return None,
            };
            let number = text.strip_suffix(unit)?;
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let number: u64 = number.parse().ok().filter(|_| is_number)?;
            number.checked_mul(minutes)
        };
        read().map(Self).ok_or_else(|| InvalidSpan(text.to_owned()))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            minutes if minutes.is_multiple_of(24 * 60) => write!(f, "{}d", minutes / (24 * 60)),
            minutes if minutes.is_multiple_of(60) => write!(f, "{}h", minutes / 60),
            minutes => write!(f, "{minutes}m"),
        }
    }
}

impl Keeping {
    /// Since when sums are kept.
    #[must_use]
    pub fn since(&self, now_ms: u64) -> UsageSince {
        let now = now_ms / 60_000;
        let since = |unit: UsageUnit, span: Span| unit.start(now.saturating_sub(span.0));
        UsageSince {
            minutes: since(UsageUnit::Minute, self.minutes),
            hours: since(UsageUnit::Hour, self.hours),
            days: since(UsageUnit::Day, self.days),
        }
    }

    /// Since when refusals are kept: milliseconds since 1970, UTC.
    #[must_use]
    pub const fn refusals_since_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.refusals.0.saturating_mul(60_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_whole_numbers_of_something() {
        for (text, minutes, short) in [
            ("90m", 90, "90m"),
            ("48h", 2_880, "2d"),
            ("5h", 300, "5h"),
            ("2d", 2_880, "2d"),
            ("1w", 10_080, "7d"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(
                (span.minutes(), span.to_string().as_str()),
                (minutes, short)
            );
        }
        for text in [
            "",
            "d",
            "2",
            "2 d",
            "-1d",
            "+1d",
            "1.5d",
            "2y",
            "99999999999999999999w",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
