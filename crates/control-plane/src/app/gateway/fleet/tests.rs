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
        applied: None,
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
    let (_, gone) = fleet.take_unsaved();
    assert_eq!(gone.len(), Fleet::ROOM);
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
    let (changed, gone) = fleet.take_unsaved();
    assert_eq!((changed.len(), gone.len()), (1, 1));
    fleet.keep_unsaved(&changed, &gone);
    assert_eq!(fleet.take_unsaved(), (changed, gone));
    assert_eq!(fleet.take_unsaved(), (vec![], vec![]));
}
