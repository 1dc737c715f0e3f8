//! Quotas: so many requests in each day, week or month of the calendar, by UTC or by the local time of a place.
//!
//! A quota counts over all gateways, which no single one can: the control plane adds up what they tell and says until when
//! a quota is used up. Beside that each gateway counts for itself, so that one alone never lets more pass than the quota
//! has, however late it hears.

use std::hash::Hasher as _;
use std::time::Duration;

use portcullis_feed::{ProfileId, QuotaWindow, UtcOffset};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::holder::QuotaRecord;
use crate::limit::{Exhausted, count_of};

const MINUTE_MS: u64 = 60_000;
const DAY_MINUTES: i64 = 1_440;
/// 1970 began on a Thursday, three days after a Monday.
const DAYS_SINCE_MONDAY: u64 = 3;

/// What tells one count from all others: whose it is, and what the quota is, so that a quota that is changed begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuotaId([u8; 16]);

/// A quota as a policy says it, worked out: the same for all who have that policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaRule {
    /// As it was told.
    pub record: QuotaRecord,
    digest: [u8; 16],
    text: Box<str>,
}

/// A quota in force, with what it is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Which count.
    pub id: QuotaId,
    /// How many requests each window has.
    pub requests: u64,
}

/// A day, a week or a month: when it begins and when it ends, in milliseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// Its first millisecond.
    pub from_ms: u64,
    /// The first millisecond after it.
    pub until_ms: u64,
}

impl QuotaRule {
    /// A quota of a policy.
    #[must_use]
    pub fn of(record: QuotaRecord) -> Self {
        let mut digest = SipHasher13::new();
        digest.write_u64(record.requests);
        let (number, seconds) = match record.per {
            QuotaWindow::Day => (1, 86_400),
            QuotaWindow::Week => (2, 604_800),
            QuotaWindow::Month => (3, 2_592_000),
        };
        digest.write_u8(number);
        Self {
            digest: digest.finish128().as_bytes(),
            text: format!("\"quota\";q={};w={seconds}", record.requests).into(),
            record,
        }
    }

    /// The quota of a profile.
    #[must_use]
    pub fn quota(&self, profile: ProfileId) -> Quota {
        Quota {
            id: QuotaId(count_of(self.digest, profile.as_bytes())),
            requests: self.record.requests,
        }
    }

    /// The item of the field `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers): the requests and the window in
    /// seconds. A month is told as 30 days.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The window in which a request is counted, unless the control plane has said that the quota is used up.
    ///
    /// # Errors
    /// When it has: how long that lasts.
    pub fn open(&self, now_ms: u64) -> Result<Window, Exhausted> {
        let QuotaRecord {
            per,
            used_up_until_ms,
            offsets,
            ..
        } = &self.record;
        match used_up_until_ms {
            Some(until_ms) if *until_ms > now_ms => Err(until(*until_ms, now_ms)),
            _ => Ok(Window::of(*per, now_ms, offsets)),
        }
    }
}

impl Window {
    /// The window of the calendar in which a time is, by local time. A day begins when local time first reaches it: where
    /// clocks are put back over midnight, it does not end again.
    #[must_use]
    pub fn of(per: QuotaWindow, now_ms: u64, offsets: &[UtcOffset]) -> Self {
        let today = local_day(now_ms, offsets);
        let (from, until) = match per {
            QuotaWindow::Day => (today, today.saturating_add(1)),
            QuotaWindow::Week => {
                let from = today.saturating_sub(today.saturating_add(DAYS_SINCE_MONDAY) % 7);
                (from, from.saturating_add(7))
            }
            QuotaWindow::Month => {
                let (of_month, days) = place_in_month(today);
                let from = today.saturating_sub(of_month);
                (from, from.saturating_add(days))
            }
        };
        Self {
            from_ms: begin_ms(from, offsets),
            until_ms: begin_ms(until, offsets),
        }
    }

    /// How long nothing is left, when nothing is left.
    #[must_use]
    pub fn used_up(&self, now_ms: u64) -> Exhausted {
        until(self.until_ms, now_ms)
    }
}

impl QuotaId {
    /// Its bytes, which are as good as random.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

fn until(until_ms: u64, now_ms: u64) -> Exhausted {
    let left = Duration::from_millis(until_ms.saturating_sub(now_ms));
    Exhausted {
        retry_in: left,
        full_in: left,
    }
}

/// The day since 1970 that it is by local time.
fn local_day(now_ms: u64, offsets: &[UtcOffset]) -> u64 {
    let now = now_ms / MINUTE_MS;
    let begun = offsets.partition_point(|UtcOffset(from, _)| *from <= now);
    let offset = offsets.get(begun.saturating_sub(1)).map_or(0, |it| it.1);
    let local = i64::try_from(now)
        .unwrap_or(i64::MAX)
        .saturating_add(offset.into());
    let day = u64::try_from(local.div_euclid(DAY_MINUTES)).unwrap_or(0);
    let next = day.saturating_add(1);
    // It may have begun before clocks were put back.
    if begin_ms(next, offsets) <= now_ms {
        next
    } else {
        day
    }
}

/// When a day since 1970 begins: the first time at which local time has reached it, in milliseconds since 1970, UTC.
fn begin_ms(day: u64, offsets: &[UtcOffset]) -> u64 {
    let midnight = i64::try_from(day)
        .unwrap_or(i64::MAX)
        .saturating_mul(DAY_MINUTES);
    let utc = &[UtcOffset(0, 0)][..];
    let offsets = if offsets.is_empty() { utc } else { offsets };
    let ends = offsets.iter().skip(1).map(|it| Some(it.0)).chain([None]);
    for (UtcOffset(from, offset), end) in offsets.iter().zip(ends) {
        let reached = midnight.saturating_sub((*offset).into());
        let reached = u64::try_from(reached).unwrap_or(0).max(*from);
        if end.is_none_or(|end| reached < end) {
            return reached.saturating_mul(MINUTE_MS);
        }
    }
    u64::MAX
}

/// How many days of its month have passed on a day since 1970, and how many that month has (Gregorian calendar).
const fn place_in_month(day: u64) -> (u64, u64) {
    // Counted from the first of March of the year 0, so that the leap day is the last one of a year.
    let day = day.saturating_add(719_468);
    let of_era = day % 146_097;
    let year = (of_era
        .saturating_sub(of_era / 1_460)
        .saturating_add(of_era / 36_524)
        .saturating_sub(of_era / 146_096))
        / 365;
    let of_year = of_era.saturating_sub(
        year.saturating_mul(365)
            .saturating_add(year / 4)
            .saturating_sub(year / 100),
    );
    // Months from March on, of 31, 30, 31, 30, 31 days again and again.
    let month = of_year.saturating_mul(5).saturating_add(2) / 153;
    let first = month.saturating_mul(153).saturating_add(2) / 5;
    let days = match month {
        // February: of the year that ends with it.
        11 => {
            let year = year.saturating_add(1);
            if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) {
                29
            } else {
                28
            }
        }
        1 | 3 | 6 | 8 => 30,
        _ => 31,
    };
    (of_year.saturating_sub(first), days)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    const fn days(window: Window) -> (u64, u64) {
        (window.from_ms / DAY_MS, window.until_ms / DAY_MS)
    }

    #[test]
    fn windows_are_those_of_the_calendar() {
        for (per, now_ms, from_ms, until_ms) in [
            // 2027-01-15T08:00:00Z, a Friday.
            (
                QuotaWindow::Day,
                1_800_000_000_000,
                1_799_971_200_000,
                1_800_057_600_000,
            ),
            (
                QuotaWindow::Week,
                1_800_000_000_000,
                1_799_625_600_000,
                1_800_230_400_000,
            ),
            (
                QuotaWindow::Month,
                1_800_000_000_000,
                1_798_761_600_000,
                1_801_440_000_000,
            ),
            // The last millisecond of 2024-02-29, a Thursday.
            (
                QuotaWindow::Month,
                1_709_251_199_999,
                1_706_745_600_000,
                1_709_251_200_000,
            ),
            (
                QuotaWindow::Week,
                1_709_251_199_999,
                1_708_905_600_000,
                1_709_510_400_000,
            ),
            // The first one of a month that has begun on a Friday.
            (
                QuotaWindow::Month,
                1_709_251_200_000,
                1_709_251_200_000,
                1_711_929_600_000,
            ),
        ] {
            assert_eq!(
                Window::of(per, now_ms, &[]),
                Window { from_ms, until_ms },
                "{per:?} {now_ms}"
            );
        }
    }

    #[test]
    fn windows_follow_each_other_without_a_gap_for_four_hundred_years() {
        for per in [QuotaWindow::Day, QuotaWindow::Week, QuotaWindow::Month] {
            // The first week is cut off: it began before 1970.
            let mut before = Window::of(per, 4 * DAY_MS, &[]);
            for day in 5..146_097 {
                let window = Window::of(per, day * DAY_MS, &[]);
                let is_next = days(window).0 == days(before).1;
                assert!(window == before || is_next, "{per:?} {day}");
                assert!((window.from_ms..window.until_ms).contains(&(day * DAY_MS)));
                let length = days(window).1 - days(window).0;
                let expected = match per {
                    QuotaWindow::Day => 1..=1,
                    QuotaWindow::Week => 7..=7,
                    QuotaWindow::Month => 28..=31,
                };
                assert!(
                    expected.contains(&length) || day < 4,
                    "{per:?} {day}: {length}"
                );
                before = window;
            }
        }
    }

    /// Of Berlin: summer time from 2027-03-28T01:00:00Z to 2027-10-31T01:00:00Z.
    const BERLIN: [UtcOffset; 3] = [
        UtcOffset(0, 60),
        UtcOffset(30_103_260, 120),
        UtcOffset(30_415_740, 60),
    ];

    fn hours(window: Window) -> u64 {
        (window.until_ms - window.from_ms) / 3_600_000
    }

    #[test]
    fn windows_begin_by_local_time() {
        // 2027-01-15T08:00:00Z: the day began at 2027-01-14T23:00:00Z.
        let winter = Window::of(QuotaWindow::Day, 1_800_000_000_000, &BERLIN);
        assert_eq!(winter.from_ms, 1_799_967_600_000);
        assert_eq!(hours(winter), 24);
        // 2027-03-28T12:00:00Z and 2027-10-31T12:00:00Z: days of 23 and of 25 hours.
        for (now_ms, length) in [(1_806_235_200_000, 23), (1_824_984_000_000, 25)] {
            let window = Window::of(QuotaWindow::Day, now_ms, &BERLIN);
            assert_eq!(hours(window), length);
            assert_eq!(
                window,
                Window::of(QuotaWindow::Day, window.from_ms, &BERLIN)
            );
            let before = Window::of(QuotaWindow::Day, window.from_ms - 1, &BERLIN);
            assert_eq!(before.until_ms, window.from_ms);
            let after = Window::of(QuotaWindow::Day, window.until_ms, &BERLIN);
            assert_eq!(after.from_ms, window.until_ms);
        }
        let month = Window::of(QuotaWindow::Month, 1_806_235_200_000, &BERLIN);
        assert_eq!(hours(month), 31 * 24 - 1);
    }

    #[test]
    fn a_day_that_has_begun_does_not_end_when_clocks_are_put_back_over_midnight() {
        // Ten minutes into day 20,000 it becomes 23:10 of the day before again; a day later clocks are put forward at 23:30,
        // so that midnight never is.
        let day = 20_000 * 1_440;
        let offsets = [
            UtcOffset(0, 60),
            UtcOffset(day - 50, 0),
            UtcOffset(day + 1_410, 60),
        ];
        let of = |minute: u64| Window::of(QuotaWindow::Day, minute * 60_000, &offsets);
        let begun = of(day - 60);
        assert_eq!(begun.from_ms, (day - 60) * 60_000);
        assert_eq!(of(day - 1), begun);
        assert_eq!(of(day), begun);
        assert_eq!(begun.until_ms, (day + 1_410) * 60_000);
        assert_eq!(of(day + 1_410).from_ms, begun.until_ms);
        assert_eq!(of(day - 61).until_ms, begun.from_ms);
    }
}
