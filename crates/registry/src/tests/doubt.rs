//! Sentences about what a leader leaves behind who falls, or is replaced, in the middle of a page.

use std::cell::RefCell;
use std::rc::Rc;

use portcullis_feed::ChangePage;

use super::sync::{client_of, page, profile, put, synced};
use crate::writer::{RefusedPage, Writer};

/// Key `a` is replaced by `c`, and `x` comes.
fn changes(epoch: &str) -> ChangePage {
    let objects = vec![put(profile(1, &["c"])), put(profile(3, &["x"]))];
    page(epoch, 2, objects, 0)
}

#[test]
fn no_cache_keeps_what_a_replaced_leader_took_away_without_saying_so() {
    for writes in 0.. {
        let (memory, mut old, view) = synced();
        let view = Rc::new(view);
        let new = Rc::new(RefCell::new(Writer::new(memory.clone(), 2)));
        let (seen, next) = (Rc::clone(&view), Rc::clone(&new));
        let take_over = move || {
            next.borrow_mut().position().unwrap();
            seen.refresh();
            client_of(&seen, "a");
        };
        memory.before_write(writes, Box::new(take_over));
        let outcome = old.apply(&changes("e"));
        if memory.is_waiting() {
            assert!(outcome.is_ok() && writes > 3, "it was over before");
            return;
        }
        assert_eq!(outcome, Err(RefusedPage::LeadershipLost));
        new.borrow_mut().apply(&changes("e")).unwrap();
        view.refresh();
        let found = ["a", "c", "x"].map(|key| client_of(&view, key).is_some());
        assert_eq!(found, [false, true, true], "before write {writes}");
    }
}

#[test]
fn what_was_half_applied_before_a_backup_was_put_back_does_not_stay() {
    for writes in 0.. {
        let (memory, mut old, view) = synced();
        memory.fail_after(Some(writes));
        let outcome = old.apply(&changes("e"));
        memory.fail_after(None);
        if outcome.is_ok() {
            return assert!(writes > 3, "it was over before");
        }
        let mut next = Writer::new(memory, 2);
        assert_eq!(next.position(), Ok((Some("e".into()), 2)));
        let nothing_since = page("f", 2, vec![], 0);
        assert_eq!(next.apply(&nothing_since), Err(RefusedPage::InDoubt));
        let all = vec![put(profile(1, &["a"])), put(profile(2, &["b"]))];
        next.apply(&page("f", 0, all, 0)).unwrap();
        view.refresh();
        let found = ["a", "c", "x"].map(|key| client_of(&view, key).is_some());
        assert_eq!(found, [true, false, false], "after {writes} writes");
    }
}

#[test]
fn another_life_of_the_database_is_gone_on_with_when_nothing_is_in_doubt() {
    let (memory, mut same, view) = synced();
    same.apply(&page("f", 2, vec![], 0)).unwrap();
    let mut next = Writer::new(memory.clone(), 2);
    next.position().unwrap();
    next.note_current().unwrap();
    next.apply(&page("g", 2, vec![], 0)).unwrap();
    let mut third = Writer::new(memory, 3);
    third
        .apply(&page("g", 2, vec![put(profile(1, &["c"]))], 0))
        .unwrap();
    third.apply(&page("h", 3, vec![], 0)).unwrap();
    view.refresh();
    assert_eq!(view.applied().map(|it| it.generation), Some(1));
    assert!(client_of(&view, "c").is_some() && client_of(&view, "a").is_none());
}
