//! Counts on their way, while leaders fall and overtake each other.

use portcullis_feed::ProfileId;
use portcullis_feed::usage::{LARGEST_BYTES, MOST_ROWS, UsageRow};

use super::Memory;
use crate::layout::roster_key;
use crate::memory::{Expect, SharedMemory as _};
use crate::usage::{Alike, Batch, Counts, Fallen, Outbox, Parcel, Tally, hand_over};

/// A process with so many places in its roster.
fn process(places: u32) -> Memory {
    let memory = Memory::default();
    for place in 0..places {
        memory
            .write(&roster_key(place), &[], Expect::Absent)
            .unwrap();
    }
    memory
}

fn tally(profile: u64, minute: u64, requests: u64) -> Tally<'static> {
    Tally {
        alike: Alike {
            minute,
            profile: Some(ProfileId::from_parts(0, profile.into())),
            key_id: None,
            collection: None,
            endpoint: None,
        },
        counts: Counts {
            requests,
            ..Counts::default()
        },
    }
}

fn parcel(tallies: Vec<Tally<'_>>) -> Parcel {
    let mut parcel = Parcel::default();
    parcel.add(tallies, usize::MAX);
    parcel
}

fn sum(batches: &[Batch]) -> u64 {
    let tallies = batches.iter().flat_map(|batch| batch.parcel.tallies());
    tallies.map(|tally| tally.counts.requests).sum()
}

/// Takes everything that there is to be sent.
fn sent(memory: &Memory) -> Vec<Batch> {
    let mut batches = Vec::new();
    while let Some(batch) = Outbox::next(memory) {
        Outbox::settle(memory, batch.number);
        batches.push(batch);
    }
    batches
}

#[test]
fn what_is_alike_is_added_and_a_batch_stays_the_same_until_it_is_taken() {
    let memory = process(2);
    assert!(hand_over(
        &memory,
        0,
        &parcel(vec![tally(1, 7, 2), tally(2, 7, 1)])
    ));
    assert!(hand_over(&memory, 1, &parcel(vec![tally(1, 7, 3)])));
    Outbox::fetch(&memory, &[]);
    let first = Outbox::next(&memory).unwrap();
    assert_eq!((first.number, first.parcel.tallies().len()), (1, 2));
    assert!(first.parcel.tallies().contains(&tally(1, 7, 5)));

    assert!(hand_over(&memory, 0, &parcel(vec![tally(1, 7, 4)])));
    Outbox::fetch(&memory, &[]);
    assert_eq!(Outbox::next(&memory), Some(first));
    Outbox::settle(&memory, 1);
    Outbox::settle(&memory, 1);
    let second = Outbox::next(&memory).unwrap();
    assert_eq!(
        (second.number, second.parcel.tallies()),
        (2, vec![tally(1, 7, 4)])
    );
    Outbox::settle(&memory, 2);
    assert_eq!(Outbox::next(&memory), None);
}

#[test]
fn what_a_batch_held_that_is_never_taken_is_told_as_lost() {
    let memory = process(1);
    let mut of_two = parcel(vec![tally(1, 7, 5), tally(2, 7, 1)]);
    of_two.lost = 3;
    assert!(hand_over(&memory, 0, &of_two));
    Outbox::fetch(&memory, &[]);
    assert_eq!(Outbox::next(&memory).unwrap().number, 1);
    Outbox::give_up(&memory, 1);
    Outbox::give_up(&memory, 1);
    let next = Outbox::next(&memory).unwrap();
    let Parcel { refused, lost, .. } = &next.parcel;
    assert_eq!((next.number, next.parcel.tallies().len()), (2, 0));
    assert_eq!((refused.len(), *lost), (0, 9));
    Outbox::settle(&memory, 2);
    assert_eq!(Outbox::next(&memory), None);
}

#[test]
fn a_box_is_not_filled_again_before_it_was_fetched() {
    let memory = process(1);
    let one = parcel(vec![tally(1, 7, 1)]);
    assert!(hand_over(&memory, 0, &one));
    assert!(!hand_over(&memory, 0, &one));
    Outbox::fetch(&memory, &[]);
    assert!(hand_over(&memory, 0, &one));
}

#[test]
fn a_leader_may_fall_after_each_of_its_writes_and_everything_is_counted_once() {
    for writes in 0..8 {
        let memory = process(3);
        for place in 0..3 {
            assert!(hand_over(&memory, place, &parcel(vec![tally(1, 7, 10)])));
        }
        memory.fail_after(Some(writes));
        Outbox::fetch(&memory, &[]);
        let unsure = Outbox::next(&memory);
        memory.fail_after(None);
        // Whoever leads next begins with what is there.
        Outbox::fetch(&memory, &[]);
        let mut batches = sent(&memory);
        if let Some(first) = unsure {
            assert_eq!(batches[0], first, "{writes}");
        }
        for place in 0..3 {
            assert!(
                hand_over(&memory, place, &parcel(vec![tally(1, 8, 1)])),
                "{writes}"
            );
        }
        Outbox::fetch(&memory, &[]);
        batches.extend(sent(&memory));
        assert_eq!(sum(&batches), 33, "{writes}");
    }
}

#[test]
fn a_leader_that_is_overtaken_changes_nothing() {
    for writes in 0..5 {
        let memory = process(2);
        for place in 0..2 {
            assert!(hand_over(&memory, place, &parcel(vec![tally(1, 7, 10)])));
        }
        let other = memory.clone();
        let interruption = move || {
            Outbox::fetch(&other, &[]);
            // The boxes are filled again meanwhile.
            for place in 0..2 {
                assert!(hand_over(&other, place, &parcel(vec![tally(1, 7, 1)])));
            }
        };
        memory.before_write(writes, Box::new(interruption));
        Outbox::fetch(&memory, &[]);
        let mut batches = sent(&memory);
        Outbox::fetch(&memory, &[]);
        batches.extend(sent(&memory));
        let expected = if memory.is_waiting() { 20 } else { 22 };
        assert_eq!(sum(&batches), expected, "{writes}");
    }
}

#[test]
fn what_a_vm_takes_along_when_it_falls_is_told_as_a_number_once() {
    let memory = process(2);
    let fell = |place, decided| Fallen { place, decided };
    assert!(hand_over(&memory, 1, &parcel(vec![tally(1, 7, 10)])));
    // It has handed over 10 of 13; its last parcel is still in its box.
    for _ in 0..2 {
        Outbox::fetch(&memory, &[fell(1, 13)]);
    }
    let batches = sent(&memory);
    let lost = |batches: &[Batch]| batches.iter().map(|batch| batch.parcel.lost).sum::<u64>();
    assert_eq!((sum(&batches), lost(&batches)), (10, 3));

    // Whoever has its place next goes on from there, and hands all over but one.
    assert!(hand_over(&memory, 1, &parcel(vec![tally(1, 8, 5)])));
    Outbox::fetch(&memory, &[]);
    assert_eq!(lost(&sent(&memory)), 0);
    Outbox::fetch(&memory, &[fell(0, 0), fell(1, 19)]);
    assert_eq!(lost(&sent(&memory)), 1);
    Outbox::fetch(&memory, &[fell(1, 19)]);
    assert_eq!(Outbox::next(&memory), None);
}

#[test]
fn a_leader_that_falls_tells_no_loss_twice() {
    for writes in 0..4 {
        let memory = process(1);
        let fallen = [Fallen {
            place: 0,
            decided: 4,
        }];
        memory.fail_after(Some(writes));
        Outbox::fetch(&memory, &fallen);
        let _unsure = Outbox::next(&memory);
        memory.fail_after(None);
        Outbox::fetch(&memory, &fallen);
        let lost: u64 = sent(&memory).iter().map(|batch| batch.parcel.lost).sum();
        assert_eq!(lost, 4, "{writes}");
    }
}

#[test]
fn what_waits_is_bounded_and_what_is_left_out_is_told() {
    let memory = process(1);
    let mut counted = 0;
    for minute in 0..12 {
        let tallies: Vec<_> = (0..2_000)
            .map(|profile| tally(profile, minute, 1))
            .collect();
        counted += 2_000;
        assert!(hand_over(&memory, 0, &parcel(tallies)));
        Outbox::fetch(&memory, &[]);
    }
    let batches = sent(&memory);
    // Told less precisely when, but all of it.
    assert_eq!(sum(&batches), counted);
    assert!(
        batches
            .iter()
            .all(|batch| batch.parcel.tallies().len() <= MOST_ROWS)
    );

    let tallies: Vec<_> = (0..30_000).map(|profile| tally(profile, 60, 1)).collect();
    assert!(hand_over(&memory, 0, &parcel(tallies)));
    Outbox::fetch(&memory, &[]);
    let batches = sent(&memory);
    let lost: u64 = batches.iter().map(|batch| batch.parcel.lost).sum();
    assert_eq!((sum(&batches), lost), (20_000, 10_000));
}

#[test]
fn no_row_is_such_that_its_batch_is_refused() {
    let mut tally = tally(1, 7, u64::MAX);
    tally.counts.bytes_in = u64::MAX;
    tally.counts.ends.count(2, 0, 1);
    tally.counts.ends.count(2, 16, 2);
    tally.counts.deny("rate_limit_exceeded", 2);
    let row = UsageRow::from(&tally);
    assert_eq!(row.bytes_in, LARGEST_BYTES);
    assert_eq!(row.statuses, [(2, 3)]);
    assert_eq!(row.latencies, [(0, 1), (16, 2)]);
    assert_eq!(row.denials, [("rate_limit_exceeded", 2)]);
    assert!(row.permitted <= row.requests);
}
