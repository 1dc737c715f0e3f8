//! Minutes, hours and days. Each is told by its first minute, in minutes since 1970, UTC.

/// Of how long a time one sum is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UsageUnit {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day, UTC.
    Day,
}

/// Since when sums are kept, by the first minute of the oldest. What comes for an earlier time is not added any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageSince {
    /// Of minutes.
    pub minutes: u64,
    /// Of hours.
    pub hours: u64,
    /// Of days.
    pub days: u64,
}

impl UsageUnit {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// How many minutes it has.
    #[must_use]
    pub const fn minutes(self) -> u64 {
        match self {
            Self::Minute => 1,
            Self::Hour => 60,
            Self::Day => 24 * 60,
        }
    }

    /// The first minute of the one in which a minute is.
    #[must_use]
    pub const fn start(self, minute: u64) -> u64 {
        let into_it = match minute.checked_rem(self.minutes()) {
            Some(rest) => rest,
            None => 0,
        };
        minute.saturating_sub(into_it)
    }

    /// As it stands in the database.
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Minute => 0,
            Self::Hour => 1,
            Self::Day => 2,
        }
    }
}

impl UsageSince {
    /// Since when sums of a unit are kept.
    #[must_use]
    pub const fn of(&self, unit: UsageUnit) -> u64 {
        match unit {
            UsageUnit::Minute => self.minutes,
            UsageUnit::Hour => self.hours,
            UsageUnit::Day => self.days,
        }
    }
}
