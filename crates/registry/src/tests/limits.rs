//! Rate limits over several VMs.

use std::cell::Cell;
use std::rc::Rc;

use portcullis_engine::holder::RateLimitRecord;
use portcullis_engine::limit::{Limit, RateRule};
use portcullis_feed::{RateScope, RateWindow};

use super::Memory;
use crate::layout::limit_key;
use crate::limiter::Limiter;
use crate::memory::SharedMemory as _;

const SECOND: u64 = 1_000_000_000;

fn limit_of(profile: u32, requests: u32, burst: u32) -> Limit {
    let record = RateLimitRecord {
        requests,
        per: RateWindow::Second,
        burst,
        scope: RateScope::AccessProfile,
    };
    let id = |prefix, number: u32| format!("{prefix}_01jcz3v9k4m0x2p7q8r9{number:06}");
    let rule = RateRule::of(record, id("po", 1).parse().unwrap());
    let (client, profile) = (id("cl", 1), id("ap", profile));
    rule.limit(client.parse().unwrap(), profile.parse().unwrap())
}

fn limit(requests: u32, burst: u32) -> Limit {
    limit_of(1, requests, burst)
}

/// Lets requests come to some VMs, each `pause_ns` after the one before, and tells when those came that passed.
fn play(limit: &Limit, vms: usize, pause_ns: u64, seconds: u64, random: &mut Dice) -> Vec<u64> {
    let memory = Memory::default();
    let vms: Vec<_> = (0..vms).map(|_| Limiter::new(memory.clone())).collect();
    let mut passed = Vec::new();
    let mut now = SECOND;
    while now < SECOND * (1 + seconds) {
        let vm = random.below(u64::try_from(vms.len()).unwrap());
        if vms[usize::try_from(vm).unwrap()].admit(limit, now).is_ok() {
            passed.push(now);
        }
        now += 1 + random.below(2 * pause_ns);
    }
    passed
}

/// Makes sure that no span has more than the limit allows: from any of them to any later one, as many as the burst and
/// one for each interval in between. So where each is put back by as many intervals as requests passed before it, none is
/// earlier than one before it by more than what the rest of the burst takes.
#[track_caller]
fn assert_never_more(limit: &Limit, passed: &[u64]) {
    let intervals = |count: u64| i128::from(count) * i128::from(limit.interval_ns);
    let mut latest = i128::MIN;
    for (number, at) in (0_u64..).zip(passed) {
        let put_back = i128::from(*at) - intervals(number);
        latest = latest.max(put_back);
        let most = intervals(u64::from(limit.burst) - 1);
        assert!(latest - put_back <= most, "request {number}: {limit:?}");
    }
}

/// Chance that a seed repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }
}

#[test]
fn whatever_the_number_of_vms_as_much_passes_as_is_allowed_and_never_more() {
    let mut dice = Dice(7);
    for (requests, seconds) in [(5, 4), (50, 4), (500, 4), (5_000, 2), (50_000, 1)] {
        for burst in [requests, requests / 5, 2 * requests] {
            for vms in [1, 2, 4, 9] {
                let limit = limit(requests, burst.max(1));
                // Far more than may pass. Where few may come at once, a slot that is free waits for the next request.
                let times = if burst < 20 { 100 } else { 3 };
                let passed = play(&limit, vms, limit.interval_ns / times, seconds, &mut dice);
                assert_never_more(&limit, &passed);
                let seconds = f64::from(u32::try_from(seconds).unwrap());
                let allowed = f64::from(limit.burst) + seconds * f64::from(requests);
                let count = f64::from(u32::try_from(passed.len()).unwrap());
                // At a rate of 5, a single request weighs more than two in a hundred.
                let least = 0.98 * allowed - 1.5;
                assert!(count >= least, "{count} of {allowed}, {vms} VMs: {limit:?}");
            }
        }
    }
}

#[test]
fn who_calls_less_than_the_limit_is_hardly_ever_refused() {
    let mut dice = Dice(11);
    for vms in [1, 4] {
        let limit = limit(1_000, 1_000);
        let memory = Memory::default();
        let vms: Vec<_> = (0..vms).map(|_| Limiter::new(memory.clone())).collect();
        let mut now = SECOND;
        for number in 0..5_000_usize {
            assert!(
                vms[number % vms.len()].admit(&limit, now).is_ok(),
                "{number}"
            );
            now += limit.interval_ns + dice.below(limit.interval_ns);
        }
    }
}

#[test]
fn a_vm_that_hardly_calls_takes_nothing_from_one_that_does() {
    let limit = limit(1_000, 100);
    let memory = Memory::default();
    let (busy, quiet) = (Limiter::new(memory.clone()), Limiter::new(memory));
    let (mut passed, mut now) = (0, SECOND);
    for number in 0..40_000_u64 {
        let vm = if number % 500 == 0 { &quiet } else { &busy };
        passed += u32::from(vm.admit(&limit, now).is_ok());
        now += limit.interval_ns / 4;
    }
    assert!((9_850..=10_100).contains(&passed), "{passed}");
}

#[test]
fn few_requests_look_into_the_shared_memory() {
    let limit = limit(50_000, 50_000);
    let memory = Memory::default();
    let vm = Limiter::new(memory.clone());
    let mut now = SECOND;
    let mut call = |count: u32, pause: u64| {
        memory.reads_of(|| {
            for _ in 0..count {
                let _ = vm.admit(&limit, now);
                now += pause;
            }
        })
    };
    call(1_000, limit.interval_ns);
    let reads = call(10_000, limit.interval_ns);
    assert!(reads < 400, "{reads}");
    // Fewer than may come, by very different measures.
    for times in [2, 10, 100] {
        let reads = call(10_000, times * limit.interval_ns);
        assert!(reads < 1_200, "{reads} at {times}");
    }
    // Far too many: the rest is refused without a look.
    call(60_000, 1_000);
    let reads = call(100_000, 1_000);
    assert!(reads < 400, "{reads}");
}

#[test]
fn a_vm_that_takes_slots_at_the_same_moment_is_noticed() {
    let limit = limit(10, 1);
    let memory = Memory::default();
    let (one, other) = (Limiter::new(memory.clone()), Limiter::new(memory.clone()));
    let was_admitted = Rc::new(Cell::new(false));
    let (noted, same) = (Rc::clone(&was_admitted), limit);
    memory.before_write(
        0,
        Box::new(move || noted.set(other.admit(&same, SECOND).is_ok())),
    );
    assert!(one.admit(&limit, SECOND).is_err());
    assert!(was_admitted.get());
}

#[test]
fn a_count_that_cannot_be_written_refuses() {
    let limit = limit(10, 10);
    let memory = Memory::default();
    let vm = Limiter::new(memory.clone());
    memory.fail_after(Some(0));
    assert!(vm.admit(&limit, SECOND).is_err());
    memory.fail_after(None);
    assert!(vm.admit(&limit, SECOND + 2_000_000).is_ok());
}

#[test]
fn callers_are_told_how_things_stand() {
    let limit = limit(10, 4);
    let memory = Memory::default();
    let (one, other) = (Limiter::new(memory.clone()), Limiter::new(memory));
    let mut remaining = Vec::new();
    for vm in [&one, &other, &one, &other] {
        remaining.push(vm.admit(&limit, SECOND).unwrap().remaining);
    }
    assert_eq!(remaining, [3, 2, 1, 0]);
    let exhausted = one.admit(&limit, SECOND).unwrap_err();
    assert_eq!(exhausted.retry_in.as_millis(), 100);
    assert_eq!(exhausted.full_in.as_millis(), 400);
}

#[test]
fn pages_hold_only_who_called_lately_and_no_vm_remembers_without_end() {
    let memory = Memory::default();
    let vm = Limiter::new(memory.clone());
    let mut now = SECOND;
    for profile in 0..100_000 {
        assert!(vm.admit(&limit_of(profile, 1, 1), now).is_ok());
        now += SECOND / 1_000;
    }
    // A second is a thousand of them: what is older is dropped from each page that is written.
    let written = (0..crate::layout::LIMIT_PAGES).count();
    assert!(memory.keys() <= written, "{}", memory.keys());
    assert!(memory.bytes() < written * 22 * 3, "{}", memory.bytes());
    let known = limit_of(99_999, 1, 1);
    let (page, _) = memory.read(&limit_key(&known.id)).unwrap();
    assert!(page.len() <= 5 * 22, "{}", page.len());
    assert!(vm.admit(&known, now).is_err());
}
