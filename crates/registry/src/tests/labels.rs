//! Which profiles and collections metrics tell apart, while VMs overtake each other.

use portcullis_feed::{CollectionId, ProfileId};

use super::Memory;
use crate::labels::{Bounds, Labels};

const BOUNDS: Bounds = Bounds {
    profiles: 3,
    collections: 2,
};

fn profile(number: u128) -> ProfileId {
    ProfileId::from_parts(0, number)
}

fn collection(number: u128) -> CollectionId {
    CollectionId::from_parts(0, number)
}

fn told_apart(labels: &Labels<Memory>) -> Vec<u128> {
    let told = (0..10).filter(|number| labels.has_profile(&profile(*number)));
    told.collect()
}

#[test]
fn the_first_of_all_vms_are_told_apart_and_no_more_than_the_bound() {
    let memory = Memory::default();
    let [mut one, mut other] = [0, 1].map(|_| Labels::new(memory.clone()));
    one.admit(BOUNDS, &[profile(7), profile(2)], &[]);
    other.admit(BOUNDS, &[profile(5), profile(4), profile(2)], &[]);
    one.admit(BOUNDS, &[profile(1)], &[]);
    assert_eq!(told_apart(&other), [2, 5, 7]);
    assert_eq!(told_apart(&one), [2, 5, 7]);
    let mut reloaded = Labels::new(memory);
    reloaded.admit(BOUNDS, &[profile(9), profile(5)], &[]);
    assert_eq!(told_apart(&reloaded), [2, 5, 7]);
}

#[test]
fn a_vm_that_is_overtaken_takes_what_the_other_has_left() {
    let memory = Memory::default();
    let mut one = Labels::new(memory.clone());
    let faster = memory.clone();
    memory.before_write(
        0,
        Box::new(move || {
            let mut other = Labels::new(faster);
            other.admit(BOUNDS, &[profile(1), profile(2)], &[]);
        }),
    );
    one.admit(BOUNDS, &[profile(3), profile(4)], &[]);
    assert!(!memory.is_waiting());
    assert_eq!(told_apart(&one), [1, 2, 3]);
}

#[test]
fn nothing_is_told_apart_that_could_not_be_entered() {
    let memory = Memory::default();
    let mut labels = Labels::new(memory.clone());
    memory.fail_after(Some(0));
    labels.admit(BOUNDS, &[profile(1)], &[(collection(1), "orders/v1")]);
    assert_eq!(told_apart(&labels), [0_u128; 0]);
    assert_eq!(labels.of_collection(&collection(1)), None);
    memory.fail_after(None);
    labels.admit(BOUNDS, &[profile(1)], &[(collection(1), "orders/v1")]);
    assert_eq!(told_apart(&labels), [1]);
}

#[test]
fn a_full_table_is_not_read_again() {
    let memory = Memory::default();
    let mut labels = Labels::new(memory.clone());
    labels.admit(BOUNDS, &[profile(1), profile(2), profile(3)], &[]);
    let reads = memory.reads_of(|| labels.admit(BOUNDS, &[profile(4)], &[]));
    assert_eq!(reads, 0);
    let none = Bounds {
        profiles: 0,
        collections: 0,
    };
    let mut labels = Labels::new(memory.clone());
    let reads = memory.reads_of(|| labels.admit(none, &[profile(4)], &[]));
    assert_eq!(reads, 0);
}

#[test]
fn labels_of_collections_are_plain_and_no_two_are_alike() {
    let memory = Memory::default();
    let mut labels = Labels::new(memory);
    let bounds = Bounds {
        profiles: 0,
        collections: 4,
    };
    let long = "x".repeat(100);
    let told = [
        (collection(1), "orders.eu/v1.2"),
        (collection(2), "orders:eu/v1 2"),
        (collection(3), "other"),
        (collection(4), long.as_str()),
    ];
    labels.admit(bounds, &[], &told);
    let label = |number| labels.of_collection(&collection(number)).unwrap();
    assert_eq!(label(1), "orders_eu/v1_2");
    assert_eq!(label(2), collection(2).to_string());
    assert_eq!(label(3), collection(3).to_string());
    assert_eq!(label(4).len(), 64);
}

#[test]
fn a_collection_keeps_its_label_when_it_is_renamed() {
    let mut labels = Labels::new(Memory::default());
    labels.admit(BOUNDS, &[], &[(collection(1), "orders/v1")]);
    labels.admit(
        BOUNDS,
        &[],
        &[(collection(1), "sales/v1"), (collection(2), "stock/v1")],
    );
    assert_eq!(labels.of_collection(&collection(1)), Some("orders/v1"));
    assert_eq!(labels.of_collection(&collection(2)), Some("stock/v1"));
}
