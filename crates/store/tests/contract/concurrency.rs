//! A reader who has seen R has seen everything up to R, whoever writes meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_feed::{ChangedObject, Revision};
use portcullis_store::{Collection, Store};
use tokio::task::JoinSet;

use crate::books::{NOW_MS, author, collection, first_changes, open, polled};

const WRITERS: usize = 8;
const EDITS: usize = 40;

/// Makes a collection different again and again; tells the revision and the state of each edit.
async fn write(store: Store, writer: usize) -> Vec<(Revision, Collection)> {
    let mut written = Vec::new();
    let mut mine = collection(&format!("of writer {writer}"));
    for number in 0..EDITS {
        mine.version = format!("v{number}");
        let mut edit = store.edit(&author(), NOW_MS).await.unwrap();
        edit.put_collection(&mine).await.unwrap();
        if number % 3 == 2 {
            // Given up half-way: it must not leave a trace, a gap that anybody waits for, or a lock.
            drop(edit);
            continue;
        }
        tokio::task::yield_now().await;
        let revision = edit.commit().await.unwrap();
        written.push((revision, mine.clone()));
    }
    written
}

/// Reads page after page until it has seen the last revision; checks what it sees.
async fn read(
    store: Store,
    last: tokio::sync::watch::Receiver<Revision>,
) -> BTreeMap<String, String> {
    let mut newest = store.subscribe();
    let mut seen = BTreeMap::new();
    let mut after = 0;
    while *last.borrow() == 0 || after < *last.borrow() {
        newest.borrow_and_update();
        let mut snapshot = store.read().await.unwrap();
        let head = snapshot.head().await.unwrap();
        let changes = first_changes(&mut snapshot, after, 3, NOW_MS).await;
        drop(snapshot);
        for change in &changes {
            assert!(change.revision > after && change.revision <= head);
            after = change.revision;
            let ChangedObject::Collection(collection) = &change.object else {
                panic!("{change:?}");
            };
            let before = seen.insert(collection.name.clone(), collection.version.clone());
            assert_ne!(before.as_ref(), Some(&collection.version), "told twice");
        }
        if changes.is_empty() {
            let _ = tokio::time::timeout(Duration::from_millis(20), newest.changed()).await;
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_never_misses_a_revision_while_eight_write() {
    let books = open().await;
    let (last, awaited) = tokio::sync::watch::channel(0);
    let reader = tokio::spawn(read(books.store.clone(), awaited));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(books.store.clone(), writer));
    }

    let written: Vec<_> = writers.join_all().await.concat();
    let head = books.head().await;
    last.send(head).unwrap();
    let seen = tokio::time::timeout(Duration::from_secs(30), reader)
        .await
        .unwrap()
        .unwrap();

    let mut revisions: Vec<Revision> = written.iter().map(|(revision, _)| *revision).collect();
    revisions.sort_unstable();
    revisions.dedup();
    assert_eq!(
        revisions.len(),
        written.len(),
        "each edit has its own revision"
    );
    assert_eq!(revisions.last(), Some(&head));
    let mut newest: BTreeMap<String, (Revision, String)> = BTreeMap::new();
    for (revision, collection) in written {
        let entry = newest.entry(collection.name).or_default();
        *entry = entry.clone().max((revision, collection.version));
    }
    let newest: BTreeMap<_, _> = newest
        .into_iter()
        .map(|(name, (_, version))| (name, version))
        .collect();
    assert_eq!(seen, newest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_who_go_away_at_any_moment_leave_a_store_that_works() {
    let books = open().await;
    for pause_us in 0..60 {
        let store = books.store.clone();
        let caller = tokio::spawn(async move {
            let mut edit = store.edit(&author(), NOW_MS).await?;
            edit.put_collection(&collection(&format!("c{pause_us}")))
                .await?;
            edit.commit().await
        });
        // Not a wait for anything: each caller goes away at another moment.
        tokio::time::sleep(Duration::from_micros(pause_us * 20)).await;
        caller.abort();
        let _ = caller.await;
    }

    let last = collection("last");
    let revision = books.put_collection(&last).await;

    let changes = books.changes_after(0).await;
    assert_eq!(changes.last().unwrap().revision, revision);
    assert_eq!(books.head().await, revision);
    assert_eq!(*books.store.subscribe().borrow(), revision);
    let revisions: Vec<Revision> = changes.iter().map(|change| change.revision).collect();
    assert_eq!(revisions, (1..=revision).collect::<Vec<_>>());
}

/// A reader who goes away while the server has not answered yet must not leave a transaction on the connection: whoever
/// has it next would read what was, and could write nothing.
#[tokio::test]
async fn who_stops_waiting_for_a_transaction_leaves_none_behind() {
    let books = open().await;
    for round in 0..200 {
        drop(polled(books.store.read(), round % 20).await);
        // Beside those who edit, on a connection of those who read.
        let expired = books.store.expire_refusals(0, 60).await;
        assert_eq!(expired.map_err(|it| it.to_string()), Ok(false), "{round}");
    }
}
