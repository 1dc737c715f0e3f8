//! When a key set is fetched again.

/// What servers say for how long their answer is good is honoured from here …
const SHORTEST_S: u64 = 60;
/// … to here.
const LONGEST_S: u64 = 24 * 60 * 60;
/// For how long an answer is good that does not say it.
const USUAL_S: u64 = 10 * 60;

/// The pause after the first failure; each further one doubles it, …
const FIRST_PAUSE_S: u64 = 10;
/// … up to this.
const LAST_PAUSE_S: u64 = 10 * 60;

/// How far apart a set is asked for, however many tokens name keys that it did not have.
const ASKED_EVERY_MS: u64 = 10_000;

/// When a set is due that was had now, and is good for so long. Sooner by up to a tenth, as chance has it.
pub(super) fn after_success(now_ms: u64, lifetime_s: Option<u64>, chance: u64) -> u64 {
    let lifetime_s = lifetime_s.unwrap_or(USUAL_S).clamp(SHORTEST_S, LONGEST_S);
    let sooner_ms = below(chance, lifetime_s * 1_000 / 10);
    let pause_ms = (lifetime_s * 1_000 - sooner_ms).max(SHORTEST_S * 1_000);
    now_ms.saturating_add(pause_ms)
}

/// When a set is due that failed so often in a row. Later by up to a quarter, as chance has it, but not than the last
/// pause.
pub(super) fn after_failure(now_ms: u64, failures: u64, chance: u64) -> u64 {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let factor = 2_u64.saturating_pow(doublings);
    let pause_s = FIRST_PAUSE_S.saturating_mul(factor).min(LAST_PAUSE_S);
    let later_ms = below(chance, pause_s * 1_000 / 4);
    let pause_ms = (pause_s * 1_000 + later_ms).min(LAST_PAUSE_S * 1_000);
    now_ms.saturating_add(pause_ms)
}

/// When a set is due for which somebody asks sooner.
pub(super) fn sooner(due_at_ms: u64, asked_at_ms: Option<u64>, now_ms: u64) -> u64 {
    let possible_ms = asked_at_ms.map_or(now_ms, |at| at.saturating_add(ASKED_EVERY_MS));
    due_at_ms.min(possible_ms.max(now_ms))
}

fn below(chance: u64, limit: u64) -> u64 {
    chance.checked_rem(limit.saturating_add(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    #[test]
    fn a_lifetime_is_honoured_between_a_minute_and_a_day() {
        for (lifetime_s, expected_s) in [
            (None, 600),
            (Some(0), 60),
            (Some(59), 60),
            (Some(61), 61),
            (Some(3_600), 3_600),
            (Some(86_401), 86_400),
            (Some(u64::MAX), 86_400),
        ] {
            let due_at_ms = after_success(NOW_MS, lifetime_s, 0);
            assert_eq!(due_at_ms, NOW_MS + expected_s * 1_000, "{lifetime_s:?}");
            for chance in [1, 77_777, 1 << 40, u64::MAX] {
                let pause_ms = after_success(NOW_MS, lifetime_s, chance) - NOW_MS;
                let soonest_ms = (expected_s * 900).max(60_000);
                assert!((soonest_ms..=expected_s * 1_000).contains(&pause_ms));
            }
        }
    }

    #[test]
    fn pauses_after_failures_double_from_10_seconds_to_10_minutes() {
        let pauses = [10, 20, 40, 80, 160, 320, 600, 600];
        for (failures, expected_s) in (1..).zip(pauses).chain([(u64::MAX, 600)]) {
            let due_at_ms = after_failure(NOW_MS, failures, 0);
            assert_eq!(due_at_ms, NOW_MS + expected_s * 1_000, "{failures}");
            for chance in [1, 77_777, 1 << 40, u64::MAX] {
                let pause_ms = after_failure(NOW_MS, failures, chance) - NOW_MS;
                let latest_ms = (expected_s * 1_250).min(600_000);
                assert!((expected_s * 1_000..=latest_ms).contains(&pause_ms));
            }
        }
    }

    #[test]
    fn chance_spreads_what_would_be_due_at_once() {
        assert_ne!(after_success(0, None, 1), after_success(0, None, 2));
        assert_ne!(after_failure(0, 1, 1), after_failure(0, 1, 2));
    }

    #[test]
    fn who_asks_sooner_waits_until_the_last_question_is_10_seconds_old() {
        let later = NOW_MS + 500_000;
        assert_eq!(sooner(later, None, NOW_MS), NOW_MS);
        assert_eq!(sooner(later, Some(NOW_MS - 9_999), NOW_MS), NOW_MS + 1);
        assert_eq!(sooner(later, Some(NOW_MS - 10_000), NOW_MS), NOW_MS);
        assert_eq!(sooner(later, Some(NOW_MS - 90_000), NOW_MS), NOW_MS);
        assert_eq!(sooner(NOW_MS + 5, Some(NOW_MS), NOW_MS), NOW_MS + 5);
    }
}
