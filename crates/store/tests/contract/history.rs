//! From which points of its history a database lets readers go on, and which removals it tells whom.

use portcullis_feed::{Position, Revision};

use portcullis_store::Share;

use crate::books::{Books, NOW_MS, author, collection, names, open};

const LONG_AGO: u64 = NOW_MS - 1;

/// Whether a reader may go on from there.
async fn goes_on(books: &Books, epoch: &str, after: Revision) -> bool {
    let mut snapshot = books.store.read().await.unwrap();
    let standing = snapshot.standing(Some(&epoch.into()), after).await;
    standing.unwrap().is_some()
}

/// What a reader is told: the first two changes, and the epoch that it is told with them; nothing if it has to begin
/// again.
async fn asked(
    books: &Books,
    epoch: Option<&str>,
    after: Revision,
) -> Option<(Vec<String>, String)> {
    let mut snapshot = books.store.read().await.unwrap();
    let epoch = epoch.map(str::to_owned);
    let standing = snapshot.standing(epoch.as_ref(), after).await.unwrap()?;
    let changes = snapshot.changes(&standing, 2, NOW_MS).await.unwrap();
    let seen = match changes.last() {
        Some(last) if changes.len() == 2 => last.revision,
        _ => standing.head,
    };
    Some((names(&changes), standing.epoch_at(seen)))
}

async fn create(books: &Books, name: &str) -> portcullis_store::Collection {
    let created = collection(name);
    books.put_collection(&created).await;
    created
}

async fn remove(books: &Books, removed: &portcullis_store::Collection, at_ms: u64) -> Revision {
    books
        .edit(async |edit| edit.delete_collection(removed.id, at_ms).await.unwrap())
        .await
}

/// Forgets what was removed before now.
async fn forget(books: &Books, most: u32) -> u64 {
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    let forgotten = edit.forget_removals(NOW_MS, most).await.unwrap();
    edit.commit().await.unwrap();
    forgotten
}

#[tokio::test]
async fn a_restart_costs_no_reader_anything() {
    let books = open().await;
    create(&books, "a").await;
    let books = books.reopened_as("epoch-2").await;
    create(&books, "b").await;
    let books = books.reopened_as("epoch-3").await;

    for (epoch, seen) in [
        ("epoch-1", 0),
        ("epoch-1", 1),
        ("epoch-2", 0),
        ("epoch-2", 2),
        ("epoch-3", 1),
        ("epoch-3", 2),
    ] {
        assert!(goes_on(&books, epoch, seen).await, "{epoch} {seen}");
    }
    for (epoch, never_there) in [("epoch-1", 2), ("epoch-2", 3), ("epoch-3", 3), ("other", 0)] {
        let goes_on = goes_on(&books, epoch, never_there).await;
        assert!(!goes_on, "{epoch} {never_there}");
    }
    assert_eq!(asked(&books, None, 1).await, None);
}

#[tokio::test]
async fn a_reader_in_step_is_told_the_newest_life() {
    let books = open().await;
    create(&books, "a").await;
    let books = books.reopened_as("epoch-2").await;

    let in_step = asked(&books, Some("epoch-1"), 1).await;

    assert_eq!(in_step, Some((vec![], "epoch-2".into())));
}

#[tokio::test]
async fn a_reader_who_has_seen_a_part_is_told_from_which_state() {
    let books = open().await;
    for name in ["a", "b", "c", "d"] {
        create(&books, name).await;
    }

    let (_, from_nothing) = asked(&books, None, 0).await.unwrap();
    let (_, from_there) = asked(&books, Some("epoch-1"), 1).await.unwrap();

    assert_eq!(from_nothing, "epoch-1.4.4");
    assert_eq!(from_there, "epoch-1.4.1");
    let books = books.reopened_as("epoch-2").await;
    create(&books, "e").await;
    for epoch in [from_nothing, from_there] {
        let (_, goes_on) = asked(&books, Some(&epoch), 2).await.unwrap();
        let since = epoch.rsplit_once('.').unwrap().1;
        assert_eq!(goes_on, format!("epoch-2.5.{since}"));
    }
    for never_there in [
        "epoch-1.5.0",
        "epoch-2.6.0",
        "epoch-1.1.0",
        "epoch-1.4",
        "epoch-1.x.0",
    ] {
        assert!(!goes_on(&books, never_there, 2).await, "{never_there}");
    }
}

#[tokio::test]
async fn who_begins_later_is_not_told_of_earlier_removals() {
    let books = open().await;
    let [first, removed, last] = [
        create(&books, "first").await,
        create(&books, "removed").await,
        create(&books, "last").await,
    ];
    let ids = |some: &[&portcullis_store::Collection]| -> Vec<String> {
        some.iter().map(|one| one.id.to_string()).collect()
    };
    let (told, before) = asked(&books, None, 0).await.unwrap();
    assert_eq!(told, ids(&[&first, &removed]));
    remove(&books, &removed, NOW_MS).await;
    let gone = format!("-{}", removed.id);

    let (told, _) = asked(&books, Some(&before), 2).await.unwrap();
    assert_eq!(told, [last.id.to_string(), gone.clone()]);

    let (told, later) = asked(&books, None, 0).await.unwrap();
    assert_eq!(told, ids(&[&first, &last]));
    let (told, _) = asked(&books, Some(&later), 3).await.unwrap();
    assert!(told.is_empty(), "{told:?}");
    let (told, _) = asked(&books, Some("epoch-1"), 3).await.unwrap();
    assert_eq!(told, [gone]);
}

#[tokio::test]
async fn removals_are_forgotten_when_they_are_old_and_those_who_missed_them_begin_again() {
    let books = open().await;
    let [kept, old, new] = [
        create(&books, "kept").await,
        create(&books, "old").await,
        create(&books, "new").await,
    ];
    let (_, half_way) = asked(&books, None, 0).await.unwrap();
    let at_old = remove(&books, &old, LONG_AGO).await;
    let (_, half_way_later) = asked(&books, None, 0).await.unwrap();
    let at_new = remove(&books, &new, NOW_MS).await;
    assert_eq!((at_old, at_new), (4, 5));

    assert_eq!(forget(&books, 10).await, 1);
    assert_eq!(forget(&books, 10).await, 0);

    assert!(!goes_on(&books, "epoch-1", 3).await);
    assert!(!goes_on(&books, &half_way, 2).await);
    // Begun after what was forgotten: only what came later is still to be told.
    let gone = format!("-{}", new.id);
    for (epoch, after) in [("epoch-1", 4), (&half_way_later, 3)] {
        let told = asked(&books, Some(epoch), after).await.unwrap();
        assert_eq!(told, (vec![gone.clone()], "epoch-1".into()), "{epoch}");
    }
    let anew = asked(&books, None, 0).await.unwrap();
    assert_eq!(anew, (vec![kept.id.to_string()], "epoch-1".into()));
}

#[tokio::test]
async fn removals_are_forgotten_in_portions_the_oldest_first() {
    let books = open().await;
    for (name, age_ms) in [("a", 1), ("b", 3), ("c", 2), ("d", 4)] {
        let created = create(&books, name).await;
        remove(&books, &created, NOW_MS - age_ms).await;
    }
    assert_eq!(forget(&books, 2).await, 2);
    assert!(goes_on(&books, "epoch-1", 8).await);
    assert!(!goes_on(&books, "epoch-1", 7).await);
    assert_eq!(books.changes_after(8).await, []);
    assert_eq!(forget(&books, 2).await, 2);
    assert_eq!(forget(&books, 2).await, 0);
}

#[tokio::test]
async fn what_exists_is_never_forgotten() {
    let books = open().await;
    let kept = create(&books, "kept").await;
    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    assert_eq!(edit.forget_removals(u64::MAX, 10).await.unwrap(), 0);
    edit.commit().await.unwrap();
    assert!(goes_on(&books, "epoch-1", 1).await);
    assert_eq!(names(&books.changes_after(0).await), [kept.id.to_string()]);
}

#[tokio::test]
async fn lives_that_ended_long_ago_are_forgotten_and_the_newest_never_is() {
    let books = open().await;
    create(&books, "a").await;
    let books = books.closed().await.opened_at("epoch-2", NOW_MS + 10).await;
    let books = books.closed().await.opened_at("epoch-3", NOW_MS + 20).await;
    for (before_ms, remembered) in [
        (NOW_MS + 10, [true, true, true]),
        (NOW_MS + 11, [false, true, true]),
        (NOW_MS + 99, [false, false, true]),
    ] {
        books
            .edit(async |edit| edit.forget_lives(before_ms).await.unwrap())
            .await;
        let epochs = ["epoch-1", "epoch-2", "epoch-3"];
        for (epoch, remembered) in epochs.into_iter().zip(remembered) {
            assert_eq!(goes_on(&books, epoch, 1).await, remembered, "{epoch}");
        }
    }
}

#[tokio::test]
async fn the_store_knows_its_history_by_heart() {
    let books = open().await;
    create(&books, "a").await;
    create(&books, "b").await;
    let books = books.reopened_as("epoch-2").await;
    let position = |epoch: &str, revision| Position {
        epoch: epoch.into(),
        revision,
    };
    for (place, share) in [
        (position("epoch-1", 2), Share::All(2)),
        (position("epoch-1", 3), Share::Nothing),
        (position("epoch-1.2.0", 1), Share::Part),
        (position("epoch-1.2.0", 2), Share::All(2)),
        (position("epoch-1.3.0", 1), Share::Nothing),
        (position("epoch-2", 1), Share::All(1)),
        (position("epoch-2", 3), Share::Nothing),
        (position("epoch-2.1.0", 2), Share::Nothing),
        (position("other", 0), Share::Nothing),
        (position("", 0), Share::Nothing),
    ] {
        assert_eq!(books.store.share(&place), share, "{place:?}");
    }
    create(&books, "c").await;
    let share = |epoch, revision| books.store.share(&position(epoch, revision));
    assert_eq!(share("epoch-2", 3), Share::All(3));
    assert_eq!(share("epoch-1", 3), Share::Nothing);
}
