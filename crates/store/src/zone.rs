//! Time zones, in the numbers that gateways are told of them: those know no names, and no rules.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use portcullis_feed::UtcOffset;

/// How many changes of the clocks are told ahead: three years of summer time. Gateways are told again whenever they sync.
const MOST_TOLD: usize = 6;
const MINUTE_MS: u64 = 60_000;

/// From when on local time of a zone differs from UTC by how much: from now on, as far as it is known and told. None when
/// there is no zone with that name in the IANA time zone database.
#[must_use]
pub fn utc_offsets(zone: &str, now_ms: u64) -> Option<Vec<UtcOffset>> {
    // Of so far back, in windows that are open, clocks may have changed before now.
    const LONGEST_WINDOW_MS: u64 = 32 * 24 * 60 * MINUTE_MS;
    let zone = TimeZone::get(zone).ok()?;
    let from_ms = now_ms.saturating_sub(LONGEST_WINDOW_MS);
    let from = Timestamp::from_millisecond(i64::try_from(from_ms).ok()?).ok()?;
    let minutes = |seconds: i32| i16::try_from(seconds.div_euclid(60)).unwrap_or(0);
    let mut offsets = vec![UtcOffset(0, minutes(zone.to_offset(from).seconds()))];
    for change in zone.following(from).take(MOST_TOLD) {
        let at = u64::try_from(change.timestamp().as_second()).unwrap_or(0) / 60;
        offsets.push(UtcOffset(at, minutes(change.offset().seconds())));
    }
    Some(offsets)
}

/// What the IANA time zone database calls a zone, however its name is spelled. None when there is none.
#[must_use]
pub fn time_zone(name: &str) -> Option<String> {
    TimeZone::get(name).ok()?.iana_name().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2027-01-15T08:00:00Z.
    const NOW_MS: u64 = 1_800_000_000_000;

    #[test]
    fn changes_of_clocks_are_known_ahead() {
        let berlin = utc_offsets("Europe/Berlin", NOW_MS).unwrap();
        assert_eq!(
            berlin[..3],
            [
                UtcOffset(0, 60),
                UtcOffset(30_103_260, 120),
                UtcOffset(30_415_740, 60)
            ]
        );
        assert_eq!(berlin.len(), MOST_TOLD + 1);
        assert_eq!(
            utc_offsets("Asia/Kolkata", NOW_MS),
            Some(vec![UtcOffset(0, 330)])
        );
        assert_eq!(utc_offsets("UTC", NOW_MS), Some(vec![UtcOffset(0, 0)]));
        for unknown in ["", "Europe/Atlantis", "../etc/passwd"] {
            assert_eq!(utc_offsets(unknown, NOW_MS), None, "{unknown}");
        }
    }

    #[test]
    fn a_window_that_began_before_clocks_were_changed_is_whole() {
        // 2027-03-31T12:00:00Z: the month began in winter time.
        let berlin = utc_offsets("Europe/Berlin", 1_806_494_400_000).unwrap();
        assert_eq!(berlin[..2], [UtcOffset(0, 60), UtcOffset(30_103_260, 120)]);
    }
}
