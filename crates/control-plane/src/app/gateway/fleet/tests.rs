//! What a fleet promises when there are more gateways than it holds, and when clocks jump.

use portcullis_feed::{GatewayReport, GatewayTokenId};
use portcullis_store::TokenName;

use super::*;

const NOW_MS: u64 = 1_800_000_000_000;

fn said(number: usize) -> Said {
    let report = GatewayReport {
        instance: format!("{number:016x}"),
        at_us: 0,
        name: String::new(),
        version: String::new(),
        format: 2,
        applied: None,
        workers: 1,
        feed_keys: vec![],
    };
    Said {
        instance: report.instance.parse().unwrap(),
        report,
    }
}

fn word(number: usize, now_ms: u64) -> Word {
    Word {
        said: said(number),
        token: TokenName {
            id: GatewayTokenId::from_parts(0, 0),
            name: String::new(),
        },
        applied: Share::Nothing,
        asks_after: None,
        now_ms,
    }
}

fn asking(number: usize, now_ms: u64) -> Word {
    Word {
        asks_after: Some(0),
        ..word(number, now_ms)
    }
}

#[test]
fn those_who_are_silent_longest_make_room() {
    let mut fleet = Fleet::default();
    for number in 0..Fleet::MOST {
        let spoken_ms = NOW_MS + u64::try_from(Fleet::MOST - number).unwrap();
        assert!(fleet.note(word(number, spoken_ms)).is_ok());
    }
    let later_ms = NOW_MS + 1_000_000;
    assert!(fleet.note(asking(Fleet::MOST - 1, later_ms)).is_ok());

    assert!(fleet.note(word(Fleet::MOST, later_ms)).is_ok());

    assert_eq!(fleet.after(None).count(), Fleet::MOST - Fleet::ROOM + 1);
    let is_known = |number| fleet.get(said(number).instance).is_some();
    assert!(is_known(Fleet::MOST) && is_known(Fleet::MOST - 1) && is_known(0));
    assert!(!is_known(Fleet::MOST - 2) && !is_known(Fleet::MOST - 1 - Fleet::ROOM));
    assert!(is_known(Fleet::MOST - 2 - Fleet::ROOM));
    assert_eq!(fleet.take_unsaved(Fleet::MOST).gone.len(), Fleet::ROOM);
}

#[test]
fn nobody_who_is_connected_makes_room() {
    let mut fleet = Fleet::default();
    for number in 0..Fleet::MOST {
        assert!(fleet.note(asking(number, NOW_MS)).is_ok());
    }
    let later_ms = NOW_MS + 1_000_000;
    assert!(fleet.note(word(Fleet::MOST, later_ms)).is_err());
    fleet.end_question(said(0).instance, NOW_MS);
    assert!(fleet.note(word(Fleet::MOST, later_ms)).is_ok());
    assert!(fleet.get(said(0).instance).is_none());
}

#[test]
fn a_gateway_may_have_two_questions_open_for_a_moment() {
    let mut fleet = Fleet::default();
    let instance = said(1).instance;
    for _ in 0..2 {
        assert!(fleet.note(asking(1, NOW_MS)).is_ok());
    }
    let state = |fleet: &Fleet| fleet.get(instance).unwrap().state(NOW_MS + 1_000_000);
    fleet.end_question(instance, NOW_MS);
    assert_eq!(state(&fleet), GatewayState::Connected);
    fleet.end_question(instance, NOW_MS);
    assert_eq!(state(&fleet), GatewayState::Lost);
}

#[test]
fn a_clock_that_goes_back_keeps_nobody_connected() {
    let mut fleet = Fleet::default();
    let instance = said(1).instance;
    assert!(fleet.note(word(1, NOW_MS)).is_ok());
    let back_ms = NOW_MS - 3_600_000;
    fleet.tend(back_ms);
    let member = fleet.get(instance).unwrap();
    assert_eq!(member.seen.last_contact_ms, back_ms);
    assert_eq!(member.state(back_ms + 60_001), GatewayState::Lost);
}

#[test]
fn what_could_not_be_saved_is_saved_the_next_time() {
    let mut fleet = Fleet::default();
    for number in [1, 2] {
        assert!(fleet.note(word(number, NOW_MS)).is_ok());
    }
    fleet.forget(said(2).instance);
    for _ in 0..2 {
        let unsaved = fleet.take_unsaved(10);
        assert_eq!((unsaved.changed.len(), unsaved.gone.len()), (1, 1));
        assert_eq!(fleet.count_unsaved(), 0);
        fleet.keep_unsaved(unsaved);
    }
    assert_eq!(fleet.count_unsaved(), 1);
}

#[test]
fn as_many_are_handed_over_at_once_as_are_asked_for() {
    let mut fleet = Fleet::default();
    for number in 0..5 {
        assert!(fleet.note(word(number, NOW_MS)).is_ok());
    }
    let taken = [2, 2, 2].map(|most| fleet.take_unsaved(most).changed.len());
    assert_eq!(taken, [2, 2, 1]);
}

/// What another process has seen at a time.
fn heard(number: usize, at_us: u64, now_ms: u64) -> Heard {
    let mut said = said(number).report;
    said.at_us = at_us;
    Heard {
        gateway: Gateway {
            report: said,
            asked_after: None,
            token: word(number, now_ms).token,
            first_contact_ms: now_ms,
            last_contact_ms: now_ms,
        },
        applied: Share::Nothing,
        asking_at: None,
        silent_from_ms: now_ms,
    }
}

#[test]
fn of_what_two_processes_heard_the_later_report_counts_in_whatever_order_it_comes() {
    for order in [[5, 9], [9, 5]] {
        let mut fleet = Fleet::default();
        for at_us in order {
            let heard = Heard {
                applied: Share::All(at_us),
                ..heard(1, at_us, NOW_MS)
            };
            fleet.hear(heard, NOW_MS);
        }
        assert_eq!(fleet.get(said_instance()).unwrap().applied, Some(9));
    }
    let mut fleet = Fleet::default();
    let mut said = Word {
        applied: Share::All(7),
        ..word(1, NOW_MS)
    };
    said.said.report.at_us = 7;
    assert!(fleet.note(said).is_ok());
    let late = Heard {
        applied: Share::All(5),
        ..heard(1, 5, NOW_MS)
    };
    assert!(!fleet.hear(late, NOW_MS));
    assert_eq!(fleet.get(said_instance()).unwrap().applied, Some(7));
}

#[test]
fn who_asks_elsewhere_is_connected_as_long_as_they_live_there() {
    let other = Arc::new(Other::living(NOW_MS));
    let mut fleet = Fleet::default();
    let asks = Heard {
        asking_at: Some(Arc::clone(&other)),
        ..heard(1, 1, NOW_MS)
    };
    fleet.hear(asks, NOW_MS);
    let state = |fleet: &Fleet, now_ms| fleet.get(said_instance()).unwrap().state(now_ms);
    let minutes = |number: u64| NOW_MS + number * 60_000;
    other.beats(minutes(9));
    assert_eq!(state(&fleet, minutes(9) + 8_000), GatewayState::Connected);
    assert_eq!(state(&fleet, minutes(9) + 20_000), GatewayState::Silent);
    assert_eq!(state(&fleet, minutes(11)), GatewayState::Lost);
    other.beats(minutes(11));
    assert_eq!(state(&fleet, minutes(11)), GatewayState::Connected);

    fleet.hear(heard(1, 2, minutes(11)), minutes(11));
    other.beats(minutes(20));
    assert_eq!(state(&fleet, minutes(20)), GatewayState::Lost);
}

#[test]
fn who_is_said_not_to_ask_though_it_asks_here_is_told_of_again() {
    let mut fleet = Fleet::default();
    assert!(fleet.note(asking(1, NOW_MS)).is_ok());
    fleet.take_unsaved(10);
    let asks = Heard {
        asking_at: Some(Arc::new(Other::living(NOW_MS))),
        ..heard(1, 1, NOW_MS)
    };
    fleet.hear(asks, NOW_MS);
    assert_eq!(
        fleet.count_unsaved(),
        0,
        "they would contradict each other for ever"
    );
    fleet.hear(heard(1, 1, NOW_MS), NOW_MS);
    let unsaved = fleet.take_unsaved(10);
    assert!(matches!(&unsaved.changed[..], [(_, true)]));
}

#[test]
fn who_is_forgotten_elsewhere_is_forgotten_unless_it_was_heard_of_here() {
    let mut fleet = Fleet::default();
    for number in [1, 2] {
        assert!(fleet.note(word(number, NOW_MS)).is_ok());
    }
    let later_ms = NOW_MS + 100_000;
    assert!(fleet.note(word(2, later_ms)).is_ok());
    fleet.take_unsaved(10);
    for number in [1, 2, 3] {
        fleet.hear_gone(said(number).instance, later_ms);
    }
    let known: Vec<_> = fleet.after(None).map(|(instance, _)| *instance).collect();
    assert_eq!(known, [said(2).instance]);
    let unsaved = fleet.take_unsaved(10);
    assert_eq!((unsaved.changed.len(), unsaved.gone.len()), (1, 0));
}

#[test]
fn who_has_applied_more_than_is_known_of_is_placed_when_it_is() {
    let mut fleet = Fleet::default();
    let mut ahead = word(1, NOW_MS);
    ahead.said.report.applied = Some(portcullis_feed::Position {
        epoch: "e1".into(),
        revision: 9,
    });
    assert!(fleet.note(ahead).is_ok());
    let applied = |fleet: &Fleet| fleet.get(said_instance()).unwrap().applied;
    assert_eq!(applied(&fleet), None);
    assert!(!fleet.place(|_| Share::Nothing));
    assert!(fleet.place(|_| Share::All(9)));
    assert_eq!(applied(&fleet), Some(9));
    assert!(
        !fleet.place(|_| Share::All(10)),
        "once it is placed it stays"
    );
}

#[test]
fn who_is_on_the_way_through_several_pages_has_what_it_had_before() {
    let mut fleet = Fleet::default();
    for (applied, expected) in [
        (Share::Part, None),
        (Share::All(4), Some(4)),
        (Share::Part, Some(4)),
        (Share::All(9), Some(9)),
        (Share::Nothing, None),
    ] {
        let said = Word {
            applied,
            ..word(1, NOW_MS)
        };
        assert!(fleet.note(said).is_ok());
        let member = fleet.get(said_instance()).map(|member| member.applied);
        assert_eq!(member, Some(expected), "{applied:?}");
    }
}

fn said_instance() -> Instance {
    said(1).instance
}
