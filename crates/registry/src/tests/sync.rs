//! Sentences about changes and what the VMs see of them.

use portcullis_engine::api_key::digest;
use portcullis_engine::path::Path;
use portcullis_engine::{Record, Registry};
use portcullis_feed::{
    AccessMethod, AddressLists, ApiKey, Change, ChangePage, ChangedObject, Client, ClientId,
    Collection, CollectionId, Endpoint, FORMAT, KeyState, Profile, ProfileId, Revision,
};

use super::Memory;
use crate::ledger::Ledger;
use crate::view::View;
use crate::writer::{RefusedPage, Writer};

pub(super) fn profile(number: u128, keys: &[&str]) -> Profile {
    Profile {
        id: ProfileId::from_parts(0, number),
        client: Client {
            id: ClientId::from_parts(0, number),
            name: format!("client {number}"),
            enabled: true,
        },
        enabled: true,
        expires_at_ms: None,
        access: AccessMethod::ApiKey {
            keys: keys
                .iter()
                .map(|key| ApiKey {
                    id: (*key).into(),
                    digest: digest(key.as_bytes()),
                    expires_at_ms: None,
                    deprecated_at_ms: None,
                    state: KeyState::Active,
                })
                .collect(),
        },
        addresses: AddressLists::default(),
        collections: vec![],
        policy: None,
        observe: false,
    }
}

pub(super) fn put(profile: Profile) -> ChangedObject {
    ChangedObject::Profile(Box::new(profile))
}

fn remove(number: u128) -> ChangedObject {
    ChangedObject::ProfileRemoved(ProfileId::from_parts(0, number))
}

pub(super) fn collection(path: &str) -> ChangedObject {
    ChangedObject::Collection(Box::new(Collection {
        id: CollectionId::from_parts(0, 1),
        name: "orders".into(),
        version: "v1".into(),
        endpoints: vec![Endpoint {
            host: None,
            method: "GET".into(),
            path: path.into(),
            enabled: true,
        }],
        public: false,
        allows_dubious_paths: false,
    }))
}

/// A page whose changes are numbered from `after` + 1, with `more` to come.
pub(super) fn page(
    epoch: &str,
    after: Revision,
    objects: Vec<ChangedObject>,
    more: u64,
) -> ChangePage {
    let changes: Vec<_> = (after + 1..)
        .zip(objects)
        .map(|(revision, object)| Change { revision, object })
        .collect();
    let revision = after + changes.len() as u64;
    ChangePage {
        format: FORMAT,
        epoch: epoch.into(),
        after,
        revision,
        head: revision + more,
        changes,
    }
}

/// Shared memory that is in sync with epoch `e` up to revision 2: keys `a` and `b` of profiles 1 and 2.
pub(super) fn synced() -> (Memory, Writer<Memory>, View<Memory>) {
    let memory = Memory::default();
    let mut writer = Writer::new(memory.clone(), 1);
    writer
        .apply(&page(
            "e",
            0,
            vec![put(profile(1, &["a"])), put(profile(2, &["b"]))],
            0,
        ))
        .unwrap();
    let view = View::new(memory.clone(), 1 << 20);
    view.refresh();
    (memory, writer, view)
}

fn revision_of(view: &View<Memory>) -> Option<Revision> {
    view.applied().map(|applied| applied.revision)
}

pub(super) fn client_of(view: &View<Memory>, key: &str) -> Option<String> {
    let digest = digest(key.as_bytes());
    view.cached(&digest)
        .or_else(|| view.stored(&digest))
        .map(|holder| holder.client_name().to_string())
}

#[test]
fn nothing_is_known_until_the_first_sync_is_complete() {
    let memory = Memory::default();
    let mut writer = Writer::new(memory.clone(), 1);
    let view = View::new(memory, 1 << 20);
    assert_eq!(writer.position(), Ok((None, 0)));
    let first = writer
        .apply(&page("e", 0, vec![put(profile(1, &["a"]))], 1))
        .unwrap();
    assert!(first.is_behind && !first.is_visible);
    view.refresh();
    assert!(
        view.routes().is_none() && client_of(&view, "a").is_none() && revision_of(&view).is_none()
    );
    assert_eq!(writer.position(), Ok((Some("e".into()), 1)));
    let last = writer
        .apply(&page("e", 1, vec![put(profile(2, &["b"]))], 0))
        .unwrap();
    assert!(!last.is_behind && last.is_visible);
    view.refresh();
    assert_eq!(client_of(&view, "a").as_deref(), Some("client 1"));
    assert_eq!(client_of(&view, "b").as_deref(), Some("client 2"));
    assert_eq!(revision_of(&view), Some(2));
}

#[test]
fn an_empty_control_plane_makes_a_gateway_ready_too() {
    let memory = Memory::default();
    let mut writer = Writer::new(memory.clone(), 1);
    assert!(writer.apply(&page("e", 0, vec![], 0)).unwrap().is_visible);
    let view = View::new(memory, 1 << 20);
    view.refresh();
    assert!(view.routes().is_some());
}

#[test]
fn a_hit_asks_nothing_and_a_miss_reads_one_page_known_or_not() {
    let (memory, _, view) = synced();
    assert_eq!(
        memory.reads_of(|| assert!(client_of(&view, "a").is_some())),
        1
    );
    assert_eq!(
        memory.reads_of(|| assert!(client_of(&view, "a").is_some())),
        0
    );
    assert_eq!(
        memory.reads_of(|| assert!(client_of(&view, "unknown").is_none())),
        1
    );
}

#[test]
fn every_kind_of_change_reaches_a_record_that_is_cached() {
    let (_, mut writer, view) = synced();
    assert!(client_of(&view, "a").is_some() && client_of(&view, "b").is_some());
    let renamed = Profile {
        client: Client {
            name: "new".into(),
            ..profile(1, &[]).client
        },
        ..profile(1, &["a"])
    };
    writer
        .apply(&page(
            "e",
            2,
            vec![put(renamed), put(profile(2, &["c"]))],
            0,
        ))
        .unwrap();
    view.refresh();
    assert_eq!(client_of(&view, "a").as_deref(), Some("new"));
    assert_eq!(client_of(&view, "b"), None, "a replaced key opens nothing");
    assert_eq!(client_of(&view, "c").as_deref(), Some("client 2"));
    writer.apply(&page("e", 4, vec![remove(1)], 0)).unwrap();
    view.refresh();
    assert_eq!(client_of(&view, "a"), None);
}

#[test]
fn what_did_not_change_stays_cached() {
    let (memory, mut writer, view) = synced();
    client_of(&view, "a");
    writer
        .apply(&page("e", 2, vec![put(profile(2, &["c"]))], 0))
        .unwrap();
    view.refresh();
    assert_eq!(
        memory.reads_of(|| assert!(client_of(&view, "a").is_some())),
        0
    );
}

#[test]
fn a_vm_that_missed_more_than_the_journal_holds_forgets_everything() {
    let (_, mut writer, view) = synced();
    client_of(&view, "b");
    writer.apply(&page("e", 2, vec![remove(2)], 0)).unwrap();
    for after in 3..400 {
        writer
            .apply(&page(
                "e",
                after,
                vec![put(profile(3, &[&after.to_string()]))],
                0,
            ))
            .unwrap();
    }
    view.refresh();
    assert_eq!(client_of(&view, "b"), None);
    assert!(client_of(&view, "399").is_some() && client_of(&view, "398").is_none());
}

#[test]
fn routes_follow_their_collections() {
    let (_, mut writer, view) = synced();
    let has = |path: &str| {
        let path = Path::parse(path.as_bytes()).unwrap();
        view.routes().unwrap().find(b"h", b"GET", &path).is_some()
    };
    assert!(!has("/a"));
    writer
        .apply(&page("e", 2, vec![collection("/a")], 0))
        .unwrap();
    view.refresh();
    assert!(has("/a"));
    writer
        .apply(&page("e", 3, vec![collection("/b")], 0))
        .unwrap();
    view.refresh();
    assert!(has("/b") && !has("/a"));
    let gone = ChangedObject::CollectionRemoved(CollectionId::from_parts(0, 1));
    writer.apply(&page("e", 4, vec![gone], 0)).unwrap();
    view.refresh();
    assert!(!has("/b"));
}

#[test]
fn a_resync_goes_on_beside_the_live_records_and_replaces_them_at_once() {
    let (_, mut writer, view) = synced();
    writer.start_over().unwrap();
    assert_eq!(writer.position(), Ok((None, 0)));
    writer
        .apply(&page("f", 0, vec![put(profile(1, &["x"]))], 1))
        .unwrap();
    view.refresh();
    assert!(client_of(&view, "a").is_some() && client_of(&view, "x").is_none());
    writer
        .apply(&page("f", 1, vec![put(profile(3, &["y"]))], 0))
        .unwrap();
    view.refresh();
    assert_eq!(
        client_of(&view, "a"),
        None,
        "what the new epoch does not know is gone"
    );
    assert!(client_of(&view, "x").is_some() && client_of(&view, "y").is_some());
}

#[test]
fn a_vm_that_was_not_woken_during_two_resyncs_still_finds_its_keys() {
    let (memory, mut writer, late) = synced();
    for epoch in ["f", "g"] {
        writer.start_over().unwrap();
        writer
            .apply(&page(epoch, 0, vec![put(profile(1, &["a"]))], 0))
            .unwrap();
    }
    assert_eq!(client_of(&late, "a").as_deref(), Some("client 1"));
    assert_eq!(memory.reads_of(|| drop(client_of(&late, "a"))), 0);
}

#[test]
fn many_resyncs_do_not_add_keys() {
    let (memory, mut writer, _) = synced();
    let mut keys = vec![];
    for round in 0..20 {
        writer.start_over().unwrap();
        writer
            .apply(&page(
                &round.to_string(),
                0,
                vec![put(profile(1, &["a"])), put(profile(2, &["b"]))],
                0,
            ))
            .unwrap();
        keys.push(memory.keys());
    }
    assert_eq!(keys[1], keys[19]);
}

#[test]
fn a_key_that_went_over_to_another_profile_survives_the_end_of_its_first() {
    let (_, mut writer, view) = synced();
    writer
        .apply(&page(
            "e",
            2,
            vec![put(profile(2, &["b", "a"])), remove(1)],
            0,
        ))
        .unwrap();
    view.refresh();
    assert_eq!(client_of(&view, "a").as_deref(), Some("client 2"));
}

#[test]
fn a_leader_that_falls_after_any_write_leaves_nothing_that_the_next_cannot_mend() {
    for writes in 0.. {
        let (memory, mut writer, view) = synced();
        client_of(&view, "a");
        let change = page(
            "e",
            2,
            vec![put(profile(1, &["c"])), remove(2), collection("/a")],
            0,
        );
        memory.fail_after(Some(writes));
        let outcome = writer.apply(&change);
        memory.fail_after(None);
        let is_whole = outcome.is_ok();
        let mut next = Writer::new(memory, 2);
        if !is_whole {
            assert_eq!(outcome, Err(RefusedPage::LeadershipLost));
            assert_eq!(
                next.position(),
                Ok((Some("e".into()), 2)),
                "after {writes} writes"
            );
            next.apply(&change).unwrap();
        }
        view.refresh();
        let found = ["a", "b", "c"].map(|key| client_of(&view, key).is_some());
        assert_eq!(found, [false, false, true], "after {writes} writes");
        if is_whole {
            return assert!(writes > 5);
        }
    }
}

#[test]
fn a_leader_that_was_replaced_cannot_write_over_its_successor() {
    let (memory, mut old, view) = synced();
    let mut new = Writer::new(memory, 2);
    new.apply(&page("e", 2, vec![remove(1)], 0)).unwrap();
    let late = page("e", 3, vec![put(profile(1, &["a"]))], 0);
    assert_eq!(old.apply(&late), Err(RefusedPage::LeadershipLost));
    view.refresh();
    assert_eq!(client_of(&view, "a"), None);
}

#[test]
fn a_new_leader_goes_on_with_what_the_old_one_had_begun() {
    let (memory, mut old, view) = synced();
    old.start_over().unwrap();
    old.apply(&page("f", 0, vec![put(profile(1, &["x"]))], 1))
        .unwrap();
    let mut new = Writer::new(memory, 2);
    assert_eq!(new.position(), Ok((Some("f".into()), 1)));
    new.apply(&page("f", 1, vec![put(profile(3, &["y"]))], 0))
        .unwrap();
    view.refresh();
    let found = ["a", "x", "y"].map(|key| client_of(&view, key).is_some());
    assert_eq!(found, [false, true, true]);
}

/// A leader is paused before each single write of a page, another one leads meanwhile and hears newer news, and the first
/// wakes up and writes the rest of what it has.
#[test]
fn a_leader_that_wakes_up_too_late_brings_nothing_back() {
    let news = vec![put(profile(1, &["a", "old"])), put(profile(3, &["new"]))];
    let news = page("e", 2, news, 0);
    for (newer, stays) in [
        (vec![remove(1), remove(3)], false),
        (vec![put(profile(1, &["a"])), remove(3)], true),
        (
            vec![put(profile(2, &["b", "a"])), remove(1), remove(3)],
            true,
        ),
    ] {
        for writes in 0..10 {
            let (memory, mut paused, view) = synced();
            let mut new = Writer::new(memory.clone(), 2);
            let newer = page("e", 2, newer.clone(), 0);
            let lead = move || drop(new.apply(&newer).unwrap());
            memory.before_write(writes, Box::new(lead));
            let outcome = paused.apply(&news);
            if memory.is_waiting() {
                assert!(outcome.is_ok() && writes > 4, "it was over before");
                break;
            }
            assert_eq!(outcome, Err(RefusedPage::LeadershipLost));
            view.refresh();
            let found = ["old", "new", "a"].map(|key| client_of(&view, key).is_some());
            assert_eq!(found, [false, false, stays], "before write {writes}");
        }
    }
}

#[test]
fn a_generation_that_a_replaced_leader_was_filling_cannot_be_ended_by_it() {
    let (memory, mut old, view) = synced();
    old.start_over().unwrap();
    let mut new = Writer::new(memory.clone(), 2);
    assert_eq!(new.position(), Ok((None, 0)));
    let late = page("f", 0, vec![put(profile(1, &["x"]))], 0);
    assert_eq!(old.apply(&late), Err(RefusedPage::LeadershipLost));
    view.refresh();
    assert!(client_of(&view, "a").is_some() && client_of(&view, "x").is_none());
}

#[test]
fn a_new_life_of_the_database_goes_on_where_the_last_one_ended() {
    let (_, mut writer, view) = synced();
    writer.apply(&page("f", 2, vec![remove(1)], 0)).unwrap();
    assert_eq!(writer.position(), Ok((Some("f".into()), 3)));
    writer.apply(&page("g", 3, vec![], 0)).unwrap();
    assert_eq!(writer.position(), Ok((Some("g".into()), 3)));
    view.refresh();
    assert!(client_of(&view, "a").is_none() && client_of(&view, "b").is_some());
}

#[test]
fn what_is_held_is_counted() {
    let (_, mut writer, view) = synced();
    let sizes = |view: &View<Memory>| {
        view.refresh();
        let sizes = view.state(|state| state.sizes).unwrap();
        (sizes.profiles, sizes.credentials, sizes.bytes)
    };
    let (profiles, credentials, bytes) = sizes(&view);
    assert_eq!((profiles, credentials), (2, 2));
    writer
        .apply(&page(
            "e",
            2,
            vec![put(profile(1, &["a", "c"])), put(profile(2, &[]))],
            0,
        ))
        .unwrap();
    let more = sizes(&view);
    assert_eq!((more.0, more.1), (1, 2));
    assert!(more.2 > bytes / 2);
    writer.start_over().unwrap();
    writer
        .apply(&page(
            "f",
            0,
            vec![put(profile(1, &["a"])), put(profile(2, &["b"]))],
            0,
        ))
        .unwrap();
    assert_eq!(sizes(&view), (2, 2, bytes), "as after the first sync");
}

#[test]
fn what_a_resync_left_behind_is_cleared_away_once_every_vm_follows() {
    let (memory, mut writer, late) = synced();
    writer.start_over().unwrap();
    writer
        .apply(&page("f", 0, vec![put(profile(1, &["a"]))], 0))
        .unwrap();
    let before = memory.bytes();
    writer.tidy(u32::MAX, false);
    assert_eq!(memory.bytes(), before, "a VM still reads it");
    (0..40).for_each(|_| writer.tidy(10_000, true));
    let after = memory.bytes();
    assert!(after < before - 150, "{before} {after}");
    assert_eq!(
        client_of(&late, "a").as_deref(),
        Some("client 1"),
        "a late VM finds its way"
    );
    writer.tidy(u32::MAX, true);
    assert_eq!(memory.bytes(), after);
    writer.start_over().unwrap();
    writer
        .apply(&page("g", 0, vec![put(profile(1, &["a"]))], 1))
        .unwrap();
    let filling = memory.bytes();
    writer.tidy(u32::MAX, true);
    assert_eq!(
        memory.bytes(),
        filling,
        "it does not touch what is being filled"
    );
}

#[test]
fn what_was_deserted_is_not_decided_by_until_it_is_known_to_be_the_newest() {
    for news in [None, Some(page("e", 2, vec![remove(1)], 0))] {
        let (memory, _, running) = synced();
        assert!(client_of(&running, "a").is_some());
        Ledger::desert(&memory);
        let started = View::new(memory.clone(), 1 << 20);
        let is_open = || {
            started.refresh();
            started.routes().is_some()
        };
        assert!(!is_open() && client_of(&started, "b").is_none());
        let mut leader = Writer::new(memory, 2);
        leader.position().unwrap();
        assert!(!is_open(), "nothing was heard yet");
        match &news {
            None => assert!(leader.note_current().unwrap()),
            Some(page) => assert!(leader.apply(page).unwrap().is_visible),
        }
        assert!(is_open());
        assert_eq!(client_of(&started, "a").is_some(), news.is_none());
        assert!(!leader.note_current().unwrap());
    }
}

#[test]
fn a_stored_record_begins_with_the_id_of_its_profile() {
    for (_, record) in Record::of(&profile(7, &["a", "b"])).unwrap() {
        let value = postcard::to_allocvec(&record).unwrap();
        assert!(value.starts_with(ProfileId::from_parts(0, 7).as_bytes()));
    }
}

#[test]
fn a_page_that_was_not_asked_for_or_is_out_of_order_changes_nothing() {
    let (_, mut writer, view) = synced();
    let good = page("e", 2, vec![remove(1), remove(2)], 0);
    let with = |change: &dyn Fn(&mut ChangePage)| {
        let mut page = good.clone();
        change(&mut page);
        page
    };
    for bad in [
        with(&|page| page.format = FORMAT + 1),
        with(&|page| page.after = 1),
        with(&|page| page.changes.reverse()),
        with(&|page| page.changes[0].revision = 2),
        with(&|page| page.revision = 3),
        with(&|page| page.head = 3),
        page("e", 2, vec![], 5),
    ] {
        assert!(writer.apply(&bad).is_err(), "{bad:?}");
    }
    view.refresh();
    assert!(client_of(&view, "a").is_some() && client_of(&view, "b").is_some());
    assert!(writer.apply(&good).is_ok());
}

#[test]
fn a_profile_whose_addresses_cannot_be_read_opens_nothing_and_is_reported() {
    let (_, mut writer, view) = synced();
    let mut unreadable = profile(1, &["a"]);
    unreadable.addresses.allow = vec!["10.0.0.0/99".into()];
    let progress = writer
        .apply(&page("e", 2, vec![put(unreadable)], 0))
        .unwrap();
    assert_eq!(progress.unreadable[0].0, ProfileId::from_parts(0, 1));
    view.refresh();
    assert_eq!(client_of(&view, "a"), None);
}

#[test]
fn the_cache_stays_within_its_weight() {
    let memory = Memory::default();
    let mut writer = Writer::new(memory.clone(), 1);
    let names: Vec<String> = (0..500).map(|number| format!("k{number}")).collect();
    let objects = (0..)
        .zip(&names)
        .map(|(number, name)| put(profile(number, &[name])))
        .collect();
    writer.apply(&page("e", 0, objects, 0)).unwrap();
    let view = View::new(memory.clone(), 50_000);
    view.refresh();
    for name in &names {
        assert!(client_of(&view, name).is_some());
        // Even the smallest weighs 230 bytes.
        assert!(view.cached_count() <= 217);
    }
    assert!(view.cached_count() > 30);
    assert_eq!(memory.reads_of(|| drop(client_of(&view, "k499"))), 0);
}
