//! Sentences about the lease and the roster.

use super::Memory;
use crate::lease::{COURTESY_MS, DESERTED_MS, LEASE_MS, Lease, is_deserted};
use crate::roster::{Applied, Report, Roster, SILENCE_MS};

const NOW_MS: u64 = 1_800_000_000_000;

/// The report of a VM that serves requests and has applied this revision of generation 1.
fn applied(revision: u64) -> Report {
    Report {
        applied: Some(Applied {
            generation: 1,
            revision,
        }),
        serves_requests: true,
    }
}

#[test]
fn the_first_candidate_leads_and_the_others_follow() {
    let memory = Memory::default();
    let (mut one, mut two) = (Lease::new(memory.clone(), 1), Lease::new(memory, 2));
    assert_eq!(one.tend(NOW_MS, false, None), Some(1));
    assert_eq!(two.tend(NOW_MS, false, None), None);
    assert_eq!(one.tend(NOW_MS + LEASE_MS - 1, false, None), Some(1));
    assert_eq!(
        two.tend(NOW_MS + LEASE_MS, false, None),
        None,
        "the lease was renewed"
    );
}

#[test]
fn a_lapsed_lease_is_taken_over_with_a_higher_term_and_its_holder_notices() {
    let memory = Memory::default();
    let (mut one, mut two) = (Lease::new(memory.clone(), 1), Lease::new(memory, 2));
    one.tend(NOW_MS, false, None);
    assert_eq!(two.tend(NOW_MS + LEASE_MS, false, None), Some(2));
    assert_eq!(one.tend(NOW_MS + LEASE_MS + 1, false, None), None);
}

#[test]
fn a_vm_that_serves_requests_holds_back_for_one_that_does_not() {
    let memory = Memory::default();
    let mut gone = Lease::new(memory.clone(), 1);
    gone.tend(NOW_MS, false, None);
    let (mut worker, mut idle) = (Lease::new(memory.clone(), 2), Lease::new(memory.clone(), 3));
    assert_eq!(worker.tend(NOW_MS + LEASE_MS, true, None), None);
    assert_eq!(idle.tend(NOW_MS + LEASE_MS, false, None), Some(2));
    let mut alone = Lease::new(memory, 4);
    assert_eq!(
        alone.tend(NOW_MS + 2 * LEASE_MS + COURTESY_MS, true, None),
        Some(3)
    );
}

#[test]
fn a_released_lease_can_be_taken_at_once() {
    let memory = Memory::default();
    let (mut one, mut two) = (Lease::new(memory.clone(), 1), Lease::new(memory, 2));
    one.tend(NOW_MS, false, None);
    one.release(NOW_MS);
    assert_eq!(two.tend(NOW_MS, false, None), Some(2));
    one.release(NOW_MS);
    assert_eq!(
        two.tend(NOW_MS, false, None),
        Some(2),
        "what is not ours is not given back"
    );
}

#[test]
fn a_clock_that_jumps_back_does_not_freeze_leadership() {
    let memory = Memory::default();
    let (mut gone, mut two) = (Lease::new(memory.clone(), 1), Lease::new(memory, 2));
    gone.tend(NOW_MS, false, None);
    assert_eq!(two.tend(NOW_MS - 3_600_000, false, None), Some(2));
}

#[test]
fn of_two_candidates_at_the_same_moment_one_leads() {
    let memory = Memory::default();
    let mut one = Lease::new(memory.clone(), 1);
    memory.fail_after(Some(0));
    assert_eq!(
        one.tend(NOW_MS, false, None),
        None,
        "the write lost against another one"
    );
}

#[test]
fn every_other_vm_is_woken_by_its_own_queue() {
    let memory = Memory::default();
    let mut vms: Vec<_> = (1..=3)
        .map(|member| Roster::new(memory.clone(), member))
        .collect();
    vms.iter_mut()
        .for_each(|vm| vm.report(Report::default(), NOW_MS));
    vms[0].wake_others(NOW_MS);
    let others: Vec<_> = vms[1..].iter().filter_map(Roster::queue).collect();
    assert_eq!(*memory.0.rung.borrow(), others);
    assert_ne!(vms[1].queue(), vms[2].queue());
}

#[test]
fn the_place_of_a_silent_vm_is_taken_over_and_nothing_grows() {
    let memory = Memory::default();
    let mut now_ms = NOW_MS;
    for generation in 0..50 {
        let mut vm = Roster::new(memory.clone(), 100 + generation);
        vm.report(applied(generation), now_ms);
        now_ms += SILENCE_MS + 1;
    }
    assert_eq!((memory.keys(), memory.0.queues.borrow().len()), (1, 1));
}

#[test]
fn a_vm_whose_place_was_taken_finds_another() {
    let memory = Memory::default();
    let (mut slow, mut other) = (
        Roster::new(memory.clone(), 1),
        Roster::new(memory.clone(), 2),
    );
    slow.report(Report::default(), NOW_MS);
    other.report(Report::default(), NOW_MS + SILENCE_MS + 1);
    assert_eq!(slow.queue(), other.queue());
    slow.report(Report::default(), NOW_MS + SILENCE_MS + 2);
    assert_ne!(slow.queue(), other.queue());
}

#[test]
fn a_silent_vm_is_not_rung() {
    let memory = Memory::default();
    let (mut gone, mut one) = (
        Roster::new(memory.clone(), 1),
        Roster::new(memory.clone(), 2),
    );
    gone.report(Report::default(), NOW_MS);
    one.report(Report::default(), NOW_MS);
    one.wake_others(NOW_MS + SILENCE_MS + 1);
    assert!(memory.0.rung.borrow().is_empty());
}

#[test]
fn a_vm_takes_its_wake_ups_along_to_another_context_and_nobody_elses() {
    let memory = Memory::default();
    let (mut one, mut two) = (
        Roster::new(memory.clone(), 1),
        Roster::new(memory.clone(), 2),
    );
    one.reopen();
    assert!(memory.0.opened.borrow().is_empty(), "it has no place yet");
    one.report(Report::default(), NOW_MS);
    two.report(Report::default(), NOW_MS);
    let queues = (one.queue(), two.queue());
    one.reopen();
    assert_eq!((one.queue(), two.queue()), queues);
    assert_eq!(memory.0.opened.borrow().last().copied(), queues.0);
    one.wake_others(NOW_MS);
    assert_eq!(memory.0.rung.borrow().last().copied(), queues.1);
}

#[test]
fn a_lease_given_back_goes_to_a_vm_that_serves_no_requests_first() {
    let memory = Memory::default();
    let [mut leader, mut worker, mut idle] =
        [1, 2, 3].map(|candidate| Lease::new(memory.clone(), candidate));
    leader.tend(NOW_MS, true, None);
    leader.release(NOW_MS);
    assert_eq!(leader.tend(NOW_MS, true, None), None);
    assert_eq!(worker.tend(NOW_MS + COURTESY_MS - 1, true, None), None);
    assert_eq!(idle.tend(NOW_MS + COURTESY_MS - 1, false, None), Some(2));
}

#[test]
fn a_lease_given_back_is_not_lost_when_every_vm_serves_requests() {
    let memory = Memory::default();
    let mut leader = Lease::new(memory.clone(), 1);
    leader.tend(NOW_MS, true, None);
    leader.release(NOW_MS);
    let mut worker = Lease::new(memory, 2);
    assert_eq!(worker.tend(NOW_MS + COURTESY_MS, true, None), Some(2));
}

#[test]
fn the_leader_is_woken_by_whoever_has_applied_something_but_not_by_itself() {
    let memory = Memory::default();
    let (mut leader, follower) = (Lease::new(memory.clone(), 1), Lease::new(memory.clone(), 2));
    follower.ring_leader();
    leader.tend(NOW_MS, false, Some(7));
    follower.ring_leader();
    leader.ring_leader();
    assert_eq!(*memory.0.rung.borrow(), [7]);
    assert_eq!(leader.tend(NOW_MS + 1, false, Some(8)), Some(1));
    follower.ring_leader();
    assert_eq!(*memory.0.rung.borrow(), [7, 8], "it has another queue now");
}

#[test]
fn what_every_vm_has_applied_is_the_least_of_those_that_are_alive() {
    let memory = Memory::default();
    let mut vms = [1, 2, 3].map(|member| Roster::new(memory.clone(), member));
    let census = |vms: &[Roster<Memory>; 3], now_ms| {
        let census = vms[0].census(now_ms);
        (census.members, census.applied)
    };
    assert_eq!(census(&vms, NOW_MS), (0, None));
    for (vm, revision) in vms.iter_mut().zip([5, 4, 6]) {
        vm.report(applied(revision), NOW_MS);
    }
    assert_eq!(census(&vms, NOW_MS), (3, applied(4).applied));
    vms[1].report(Report::default(), NOW_MS);
    assert_eq!(census(&vms, NOW_MS), (3, None), "one knows nothing");
    let later = NOW_MS + SILENCE_MS;
    vms[0].report(applied(5), later);
    vms[2].report(applied(6), later);
    assert_eq!(census(&vms, later + 1), (2, applied(5).applied));
    let older = Report {
        applied: Some(Applied {
            generation: 0,
            revision: 9,
        }),
        ..applied(9)
    };
    vms[2].report(older, later);
    assert_eq!(census(&vms, later + 1).1, older.applied);
}

#[test]
fn a_vm_that_serves_no_requests_is_found_by_the_others() {
    let memory = Memory::default();
    let mut vms = [1, 2].map(|member| Roster::new(memory.clone(), member));
    vms[0].report(Report::default(), NOW_MS);
    vms[1].report(applied(1), NOW_MS);
    assert_eq!(vms[0].census(NOW_MS).idle, None);
    assert_eq!(vms[1].census(NOW_MS).idle, vms[0].queue());
}

#[test]
fn a_registry_is_deserted_when_nobody_has_led_for_long() {
    let memory = Memory::default();
    assert!(!is_deserted(&memory, NOW_MS), "there never was one");
    let mut lease = Lease::new(memory.clone(), 1);
    lease.tend(NOW_MS, false, None);
    let long_ms = NOW_MS + LEASE_MS + DESERTED_MS;
    assert!(!is_deserted(&memory, long_ms) && is_deserted(&memory, long_ms + 1));
    lease.release(NOW_MS);
    assert!(is_deserted(&memory, NOW_MS + DESERTED_MS + 1));
    lease.tend(long_ms + 1, false, None);
    assert!(!is_deserted(&memory, long_ms + 1));
}
