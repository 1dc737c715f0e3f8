//! Which sums a question is answered from: the finest that are kept and not too many.

use portcullis_store::{UsageSince, UsageUnit};

const HOUR: u64 = 60;
const DAY: u64 = 24 * HOUR;

/// How many minutes are asked for where nothing is said.
const LONG: u64 = DAY;

/// How many moments an answer has at most.
pub const MOST_MOMENTS: u64 = 3_000;

/// A period in whole minutes, hours or days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Of what it consists.
    pub unit: UsageUnit,
    /// Its first minute, since 1970.
    pub from: u64,
    /// The first minute after it.
    pub until: u64,
}

/// A question has no period, or one that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvalidPeriod {
    Empty,
    TooManyMoments,
}

impl Period {
    /// The period between two times in milliseconds since 1970, cut to whole units: a day until now, where nothing is
    /// said. Where no unit is asked for, it is one of which there are still sums: minutes for hours, hours for days, and
    /// days for more.
    pub(super) fn of(
        (since_ms, until_ms): (Option<u64>, Option<u64>),
        unit: Option<UsageUnit>,
        kept: &UsageSince,
        now_ms: u64,
    ) -> Result<Self, InvalidPeriod> {
        let until = until_ms.unwrap_or(now_ms).div_ceil(60_000);
        let from = since_ms.map_or(until.saturating_sub(LONG), |since_ms| since_ms / 60_000);
        let minutes = until.saturating_sub(from);
        if minutes == 0 {
            return Err(InvalidPeriod::Empty);
        }
        let unit = unit.unwrap_or_else(|| {
            let is_kept = |unit: UsageUnit| from >= kept.of(unit);
            if minutes <= 3 * HOUR && is_kept(UsageUnit::Minute) {
                UsageUnit::Minute
            } else if minutes <= 3 * DAY && is_kept(UsageUnit::Hour) {
                UsageUnit::Hour
            } else {
                UsageUnit::Day
            }
        });
        let last = unit.start(until.saturating_sub(1));
        let period = Self {
            unit,
            from: unit.start(from),
            until: last.saturating_add(unit.minutes()),
        };
        let moments = (period.until - period.from) / unit.minutes();
        if moments > MOST_MOMENTS {
            return Err(InvalidPeriod::TooManyMoments);
        }
        Ok(period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 20_000 * DAY + 90;

    fn period(since: u64, until: u64, unit: Option<UsageUnit>) -> Result<Period, InvalidPeriod> {
        let kept = UsageSince {
            minutes: NOW - 2 * DAY,
            hours: NOW - 90 * DAY,
            days: 0,
        };
        let ms = |minute: u64| Some(minute * 60_000);
        Period::of((ms(since), ms(until)), unit, &kept, NOW * 60_000)
    }

    #[test]
    fn a_period_is_cut_to_whole_units_that_are_kept() {
        for (since, until, unit, from, end) in [
            (NOW - 60, NOW, UsageUnit::Minute, NOW - 60, NOW),
            (NOW - DAY, NOW, UsageUnit::Hour, NOW - 30 - DAY, NOW + 30),
            (
                NOW - 30 * DAY,
                NOW,
                UsageUnit::Day,
                NOW - 90 - 30 * DAY,
                NOW - 90 + DAY,
            ),
            (
                NOW - 5 * DAY,
                NOW - 5 * DAY + 1,
                UsageUnit::Hour,
                NOW - 5 * DAY - 30,
                NOW - 5 * DAY + 30,
            ),
            (
                NOW - 99 * DAY,
                NOW - 99 * DAY + 1,
                UsageUnit::Day,
                NOW - 90 - 99 * DAY,
                NOW - 90 - 98 * DAY,
            ),
        ] {
            let expected = Period {
                unit,
                from,
                until: end,
            };
            assert_eq!(period(since, until, None), Ok(expected));
        }
    }

    #[test]
    fn an_empty_period_and_too_many_moments_are_none() {
        assert_eq!(period(NOW, NOW, None), Err(InvalidPeriod::Empty));
        assert_eq!(period(NOW, NOW - 1, None), Err(InvalidPeriod::Empty));
        let minutes = Some(UsageUnit::Minute);
        let long = period(NOW - 3_001, NOW, minutes);
        assert_eq!(long, Err(InvalidPeriod::TooManyMoments));
    }
}
