use super::*;

fn rule(requests: u32, per: RateWindow, burst: u32, scope: RateScope, policy: u128) -> RateRule {
    let record = RateLimitRecord {
        requests,
        per,
        burst,
        scope,
    };
    RateRule::of(record, PolicyId::from_parts(0, policy))
}

/// That of the first profile of the first client.
fn limit(requests: u32, per: RateWindow, burst: u32) -> Limit {
    limit_of(
        &rule(requests, per, burst, RateScope::AccessProfile, 1),
        1,
        1,
    )
}

fn limit_of(rule: &RateRule, client: u128, profile: u128) -> Limit {
    rule.limit(
        ClientId::from_parts(1_800_000_000_000, client),
        ProfileId::from_parts(1_800_000_000_000, profile),
    )
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn a_burst_passes_at_once_and_then_one_each_interval() {
    let limit = limit(10, RateWindow::Second, 3);
    assert_eq!(limit.interval_ns, SECOND / 10);
    let (mut until, mut now) = (0, 5 * SECOND);
    for _ in 0..3 {
        let (lease, next) = limit.lease(until, now, 1).unwrap();
        assert_eq!(lease.left, 1);
        until = next;
    }
    assert_eq!(limit.lease(until, now, 1), Err(now + SECOND / 10));
    now += SECOND / 10;
    let (_, until) = limit.lease(until, now, 1).unwrap();
    assert_eq!(limit.lease(until, now, 1), Err(now + SECOND / 10));
    assert_eq!(limit.allowance(until, now, 0).remaining, 0);
    assert_eq!(limit.allowance(until, now + SECOND, 0).remaining, 3);
}

#[test]
fn what_is_given_out_at_once_is_what_single_requests_would_get() {
    let limit = limit(1_000, RateWindow::Minute, 7);
    let (lease, until) = limit.lease(0, SECOND, 100).unwrap();
    assert_eq!((lease.first_ns, lease.left), (SECOND, 7));
    let single = (0..7).fold(0, |until, _| limit.lease(until, SECOND, 1).unwrap().1);
    assert_eq!(until, single);
}

#[test]
fn slots_that_pass_are_lost() {
    let limit = limit(10, RateWindow::Second, 10);
    let (mut lease, _) = limit.lease(0, SECOND, 5).unwrap();
    assert!(lease.take(&limit, SECOND));
    // The slots at 1.1, 1.2 and 1.3 have passed; the one at 1.4 is now.
    assert!(lease.take(&limit, SECOND + 4 * SECOND / 10));
    assert_eq!(lease.left, 0);
    assert!(!lease.take(&limit, SECOND + 4 * SECOND / 10));
}

#[test]
fn extreme_limits_stay_finite() {
    for (requests, per, burst) in [
        (1, RateWindow::Day, 1),
        (1, RateWindow::Day, u32::MAX),
        (u32::MAX, RateWindow::Second, u32::MAX),
        (u32::MAX, RateWindow::Second, 1),
    ] {
        let limit = limit(requests, per, burst);
        let (mut lease, until) = limit.lease(0, SECOND, u32::MAX).unwrap();
        assert!(lease.take(&limit, SECOND), "{limit:?}");
        let _ = limit.lease(until, SECOND, 1);
        let _ = limit.allowance(u64::MAX, 0, u32::MAX);
        assert!(!lease.take(&limit, u64::MAX), "{limit:?}");
    }
}

#[test]
fn counts_are_told_apart_by_whose_they_are_and_by_the_limit() {
    let one = limit(10, RateWindow::Second, 3);
    assert_eq!(one.id, limit(10, RateWindow::Second, 3).id);
    assert_ne!(one.id, limit(10, RateWindow::Second, 4).id);
    assert_ne!(one.id, limit(10, RateWindow::Minute, 3).id);
    let rule = |scope, policy| rule(10, RateWindow::Second, 3, scope, policy);
    let of = |scope, policy, client, profile| limit_of(&rule(scope, policy), client, profile).id;
    let by_profile = |policy, profile| of(RateScope::AccessProfile, policy, 1, profile);
    let by_client = |policy, client, profile| of(RateScope::Client, policy, client, profile);
    // A profile counts for itself, under whichever policy says the same.
    assert_eq!(by_profile(1, 1), by_profile(2, 1));
    assert_ne!(by_profile(1, 1), by_profile(1, 2));
    // All profiles of a client that have the same policy count together.
    assert_eq!(by_client(1, 1, 1), by_client(1, 1, 2));
    assert_ne!(by_client(1, 1, 1), by_client(2, 1, 1));
    assert_ne!(by_client(1, 1, 1), by_client(1, 2, 1));
    assert_ne!(by_client(1, 1, 1), by_profile(1, 1));
    assert_eq!(rule(RateScope::Client, 1).text(), "\"rate\";q=10;w=1");
}

#[test]
fn counts_begin_with_what_is_random_in_whose_they_are() {
    let first_bytes = |profile: u128| {
        let rule = rule(10, RateWindow::Second, 3, RateScope::AccessProfile, 1);
        let [first @ .., _, _, _, _, _, _, _, _] = *limit_of(&rule, 1, profile).id.as_bytes();
        first
    };
    assert_ne!(first_bytes(1), first_bytes(2));
}

/// Somebody who takes requests and has leases of various sizes.
#[derive(Default)]
struct Worker {
    lease: Lease,
}

/// However requests come, to however many workers, whatever each leases: in no span of time are there more than the
/// burst and the rate allow. And where requests come without a pause, hardly fewer.
#[test]
fn never_more_than_burst_and_rate_over_any_span() {
    let mut random = fastrand::Rng::with_seed(0x6763_7261);
    for round in 0..400 {
        let per = [RateWindow::Second, RateWindow::Minute][random.usize(..2)];
        let limit = limit(random.u32(1..=2_000), per, random.u32(1..=200));
        let mut workers: Vec<Worker> = (0..random.usize(1..=5))
            .map(|_| Worker::default())
            .collect();
        let (mut now, mut until) = (SECOND, 0);
        let mut passed = Vec::new();
        // Sometimes far more requests than may pass, sometimes about as many, sometimes few.
        let pause =
            limit.interval_ns * [1, 2, 8][random.usize(..3)] / [1, 4, 16][random.usize(..3)];
        for _ in 0..3_000 {
            now += random.u64(..=pause.max(1) * 2);
            let worker = random.usize(..workers.len());
            let worker = &mut workers[worker];
            if !worker.lease.take(&limit, now) {
                // A worker's clock may be read a little before another's, and used after it.
                let earlier = now - random.u64(..=now.min(2_000));
                let Ok((lease, next)) = limit.lease(until, earlier, random.u32(1..=20)) else {
                    continue;
                };
                (worker.lease, until) = (lease, next);
                if !worker.lease.take(&limit, earlier) {
                    continue;
                }
            }
            passed.push(now);
        }
        let slack = 2_000_u64.div_ceil(limit.interval_ns);
        for (index, begin) in passed.iter().enumerate() {
            for (count, end) in (1_u64..).zip(&passed[index..]) {
                let allowed = u64::from(limit.burst) + (end - begin) / limit.interval_ns + slack;
                assert!(
                    count <= allowed,
                    "round {round}: {count} > {allowed}, {limit:?}"
                );
            }
        }
    }
}
