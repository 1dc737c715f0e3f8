//! Counts on their way, while leaders fall and overtake each other.

use std::sync::mpsc;

use portcullis_feed::ProfileId;
use portcullis_feed::usage::{LARGEST_BYTES, MOST_ROWS, UsageRow};

use super::Memory;
use crate::layout::roster_key;
use crate::memory::{Expect, SharedMemory as _};
use crate::usage::Ended::{Refused, Taken};
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
    parcel.add(&mut tallies.into_iter(), usize::MAX);
    parcel
}

fn sum(batches: &[Batch]) -> u64 {
    let tallies = batches.iter().flat_map(|batch| batch.parcel.tallies());
    tallies.map(|tally| tally.counts.requests).sum()
}

/// What a leader does who has heard of no answer.
fn turn(memory: &Memory) -> Option<Batch> {
    Outbox::turn(memory, None, &[])
}

/// Takes everything that there is to be sent.
fn sent(memory: &Memory) -> Vec<Batch> {
    sent_beside(memory, &[])
}

fn sent_beside(memory: &Memory, fallen: &[Fallen]) -> Vec<Batch> {
    let (mut batches, mut ended) = (Vec::new(), None);
    while let Some(batch) = Outbox::turn(memory, ended, fallen) {
        ended = Some(Taken(batch.number));
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
    let first = turn(&memory).unwrap();
    assert_eq!((first.number, first.parcel.tallies().len()), (1, 2));
    assert!(first.parcel.tallies().contains(&tally(1, 7, 5)));

    assert!(hand_over(&memory, 0, &parcel(vec![tally(1, 7, 4)])));
    assert_eq!(turn(&memory), Some(first));
    for _ in 0..2 {
        let second = Outbox::turn(&memory, Some(Taken(1)), &[]).unwrap();
        assert_eq!(
            (second.number, second.parcel.tallies()),
            (2, vec![tally(1, 7, 4)])
        );
    }
    assert_eq!(Outbox::turn(&memory, Some(Taken(2)), &[]), None);
    assert_eq!(turn(&memory), None);
}

#[test]
fn a_turn_replaces_what_is_to_be_sent_once_and_not_at_all_without_news() {
    let memory = process(1);
    let many = (0..3_000).map(|profile| tally(profile, 7, 1)).collect();
    assert!(hand_over(&memory, 0, &parcel(many)));
    // Beside that, the box is emptied.
    assert_eq!(memory.writes_of(|| drop(turn(&memory))), 2);
    assert_eq!(memory.writes_of(|| drop(turn(&memory))), 0);
    let next = || drop(Outbox::turn(&memory, Some(Taken(1)), &[]));
    assert_eq!(memory.writes_of(next), 1);
}

#[test]
fn what_a_batch_held_that_is_never_taken_is_told_as_lost() {
    let memory = process(1);
    let mut of_two = parcel(vec![tally(1, 7, 5), tally(2, 7, 1)]);
    of_two.lost = 3;
    assert!(hand_over(&memory, 0, &of_two));
    assert_eq!(turn(&memory).unwrap().number, 1);
    for _ in 0..2 {
        let next = Outbox::turn(&memory, Some(Refused(1)), &[]).unwrap();
        let Parcel { refused, lost, .. } = &next.parcel;
        assert_eq!((next.number, next.parcel.tallies().len()), (2, 0));
        assert_eq!((refused.len(), *lost), (0, 9));
    }
    assert_eq!(Outbox::turn(&memory, Some(Taken(2)), &[]), None);
}

#[test]
fn a_box_is_not_filled_again_before_it_was_fetched() {
    let memory = process(1);
    let one = parcel(vec![tally(1, 7, 1)]);
    assert!(hand_over(&memory, 0, &one));
    assert!(!hand_over(&memory, 0, &one));
    assert!(turn(&memory).is_some());
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
        let unsure = turn(&memory);
        memory.fail_after(None);
        // Whoever leads next begins with what is there.
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
        let (seen, heard) = mpsc::channel();
        let interruption = move || {
            seen.send(turn(&other)).unwrap();
            // The boxes are filled again meanwhile.
            for place in 0..2 {
                assert!(hand_over(&other, place, &parcel(vec![tally(1, 7, 1)])));
            }
        };
        memory.before_write(writes, Box::new(interruption));
        let begun = turn(&memory);
        let mut batches = sent(&memory);
        // Where it was overtaken just then, it has stopped, and begins again with what is there.
        batches.extend(sent(&memory));
        batches.dedup_by_key(|batch| batch.number);
        let expected = if memory.is_waiting() { 20 } else { 22 };
        assert_eq!(sum(&batches), expected, "{writes}");
        // Neither has sent anything else under the number of what is sent.
        for early in begun.into_iter().chain(heard.try_iter().flatten()) {
            assert_eq!(batches[0], early, "{writes}");
        }
    }
}

#[test]
fn what_a_vm_takes_along_when_it_falls_is_told_as_a_number_once() {
    let memory = process(2);
    let fell = |place, decided| Fallen { place, decided };
    assert!(hand_over(&memory, 1, &parcel(vec![tally(1, 7, 10)])));
    // It has handed over 10 of 13; its last parcel is still in its box.
    let batches = sent_beside(&memory, &[fell(1, 13)]);
    let lost = |batches: &[Batch]| batches.iter().map(|batch| batch.parcel.lost).sum::<u64>();
    assert_eq!((sum(&batches), lost(&batches)), (10, 3));

    // Whoever has its place next goes on from there, and hands all over but one.
    assert!(hand_over(&memory, 1, &parcel(vec![tally(1, 8, 5)])));
    assert_eq!(lost(&sent(&memory)), 0);
    let batches = sent_beside(&memory, &[fell(0, 0), fell(1, 19)]);
    assert_eq!(lost(&batches), 1);
    assert_eq!(Outbox::turn(&memory, None, &[fell(1, 19)]), None);
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
        let _unsure = Outbox::turn(&memory, None, &fallen);
        memory.fail_after(None);
        let batches = sent_beside(&memory, &fallen);
        let lost: u64 = batches.iter().map(|batch| batch.parcel.lost).sum();
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
        assert_eq!(turn(&memory).unwrap().number, 1);
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
