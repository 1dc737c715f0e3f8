//! Quotas over several VMs of one Envoy.

use portcullis_engine::holder::QuotaRecord;
use portcullis_engine::quota::{Quota, QuotaRule, Window};
use portcullis_feed::QuotaWindow;

use super::Memory;
use crate::layout::quota_key;
use crate::memory::SharedMemory as _;
use crate::quotas::{Quotas, hurries, hurry};

const DAY_MS: u64 = 86_400_000;

fn quota_of(profile: u32, requests: u64) -> Quota {
    let record = QuotaRecord {
        requests,
        per: QuotaWindow::Day,
        used_up_until_ms: None,
        offsets: Vec::new(),
    };
    let id = format!("ap_01jcz3v9k4m0x2p7q8r9{profile:06}");
    QuotaRule::of(record).quota(id.parse().unwrap())
}

fn day(number: u64) -> Window {
    Window::of(QuotaWindow::Day, number * DAY_MS, &[])
}

#[test]
fn no_more_pass_than_a_quota_has_however_many_vms_there_are() {
    for vms in [1, 2, 4, 9] {
        for requests in [0, 1, 2, 63, 1_000, 40_000] {
            let memory = Memory::default();
            let quota = quota_of(1, requests);
            let vms: Vec<_> = (0..vms).map(|_| Quotas::new(memory.clone())).collect();
            let mut passed = 0;
            for asked in 0..requests * 2 + 20 {
                let vm = usize::try_from(asked * 7 + asked / 3).unwrap() % vms.len();
                passed += u64::from(vms[vm].spend(&quota, day(20_000)));
            }
            assert!(passed <= requests, "{passed} of {requests}");
            // What one has taken and does not use is lost to the others: none here, since all go on asking.
            assert_eq!(passed, requests, "{} VMs", vms.len());
        }
    }
}

#[test]
fn a_new_window_begins_anew() {
    let vm = Quotas::new(Memory::default());
    let quota = quota_of(1, 2);
    for number in [5, 6, 8] {
        let spent = [(); 3].map(|()| vm.spend(&quota, day(number)));
        assert_eq!(spent, [true, true, false]);
    }
}

#[test]
fn another_quota_begins_anew_and_another_profile_counts_for_itself() {
    let vm = Quotas::new(Memory::default());
    assert!(vm.spend(&quota_of(1, 1), day(5)));
    assert!(!vm.spend(&quota_of(1, 1), day(5)));
    assert!(vm.spend(&quota_of(2, 1), day(5)));
    assert!(vm.spend(&quota_of(1, 2), day(5)));
}

#[test]
fn a_vm_that_falls_takes_along_what_it_had_taken_and_no_more() {
    let memory = Memory::default();
    let quota = quota_of(1, 100_000);
    let mut passed = 0;
    for _ in 0..50 {
        let vm = Quotas::new(memory.clone());
        passed += u64::from(vm.spend(&quota, day(5)));
    }
    let vm = Quotas::new(memory);
    while vm.spend(&quota, day(5)) {
        passed += 1;
    }
    assert!((100_000 - 50 * 63..=100_000).contains(&passed), "{passed}");
}

#[test]
fn a_page_forgets_counts_of_windows_that_have_passed() {
    let memory = Memory::default();
    let vm = Quotas::new(memory.clone());
    let quota = quota_of(1, 10);
    let key = quota_key(&quota.id);
    let mut alike = (2..).map(|number| quota_of(number, 10));
    let other = alike.find(|it| quota_key(&it.id) == key).unwrap();
    assert!(vm.spend(&quota, day(5)));
    assert!(vm.spend(&other, day(5)));
    assert_eq!(memory.read(&key).unwrap().0.len(), 64);
    assert!(vm.spend(&other, day(6)));
    assert_eq!(memory.read(&key).unwrap().0.len(), 32);
}

#[test]
fn a_two_hundredth_of_a_quota_is_told_soon() {
    let vm = Quotas::new(Memory::default());
    let large = quota_of(1, 200_000);
    let spend = |count: u64| {
        let spent = (0..count).filter(|_| vm.spend(&large, day(5))).count();
        assert_eq!(u64::try_from(spent), Ok(count));
    };
    // What is taken in advance, 64 at once, is as good as used.
    spend(960);
    assert!(!vm.is_urgent());
    spend(64);
    assert!(vm.is_urgent());
    vm.told();
    assert!(!vm.is_urgent());
    spend(900);
    assert!(!vm.is_urgent());
    spend(100);
    assert!(vm.is_urgent());
    vm.told();
    // Of a small one each request counts.
    assert!(vm.spend(&quota_of(2, 100), day(5)));
    assert!(vm.is_urgent());
}

#[test]
fn the_leader_hears_that_somebody_hurries() {
    let memory = Memory::default();
    let before = hurries(&memory);
    hurry(&memory);
    assert_ne!(hurries(&memory), before);
}
