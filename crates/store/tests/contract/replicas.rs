//! Several processes over one database: here several stores. What one writes, all hear of; and none takes a database that
//! was put back for the one that it was.

use std::time::Duration;

use portcullis_feed::{Position, Revision};
use portcullis_store::{Share, Store, Topic};

use crate::books::{Books, Closed, NOW_MS, author, collection, open, open_at, secret_key};
use crate::ground::Ground;

/// Another store over the same database.
pub async fn another(books: &Books, epoch: &str) -> Books {
    let location = books.ground.location();
    let store = open_at(&location, epoch, NOW_MS, secret_key(1)).await;
    Books {
        store: store.unwrap(),
        ground: Ground::none(),
    }
}

async fn hears(store: &Store, revision: Revision) {
    let mut head = store.subscribe();
    let heard = head.wait_for(|head| *head >= revision);
    let heard = tokio::time::timeout(Duration::from_secs(20), heard).await;
    heard.unwrap().unwrap();
}

fn at(epoch: &str, revision: Revision) -> Position {
    Position {
        epoch: epoch.into(),
        revision,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_writes_the_others_hear_of() {
    let one = open().await;
    let two = another(&one, "of two").await;
    let three = another(&one, "of three").await;

    let revision = one.put_collection(&collection("orders")).await;
    hears(&two.store, revision).await;
    hears(&three.store, revision).await;
    let revision = three.put_collection(&collection("stock")).await;
    hears(&one.store, revision).await;
    hears(&two.store, revision).await;
    assert_eq!(one.changes_after(0).await, two.changes_after(0).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_know_the_lives_that_others_begin() {
    let one = open().await;
    let revision = one.put_collection(&collection("orders")).await;
    let two = another(&one, "of two").await;
    let further = two.put_collection(&collection("stock")).await;
    hears(&one.store, further).await;

    for books in [&one, &two] {
        let share = |epoch, revision| books.store.share(&at(epoch, revision));
        assert_eq!(share("epoch-1", revision), Share::All(revision));
        assert_eq!(share("epoch-1", further), Share::Nothing);
        assert_eq!(share("of two", further), Share::All(further));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_in_memory_is_told_of_when_another_writes_it() {
    let one = open().await;
    let two = another(&one, "of two").await;
    let mut topics = two.store.topics();
    let before = *topics.borrow_and_update();

    one.edit(async |edit| edit.insert_feed_key(&[3; 32], NOW_MS).await.unwrap())
        .await;

    let place = Topic::FeedKeys.place();
    let told = topics.wait_for(|counts| counts[place] != before[place]);
    let told = tokio::time::timeout(Duration::from_secs(20), told).await;
    told.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_put_back_while_it_is_in_use_begins_a_life_with_the_next_edit() {
    let one = open().await;
    one.put_collection(&collection("orders")).await;
    let earlier = one.ground.copied().await;
    let lost = one.put_collection(&collection("lost")).await;
    let two = another(&one, "of two").await;

    one.ground.put_back(&earlier).await;
    let mut revision = 0;
    while revision <= lost {
        // The first may meet a connection that has ended.
        let Ok(mut edit) = two.store.edit(&author(), NOW_MS).await else {
            continue;
        };
        edit.put_collection(&collection(&format!("c{revision}")))
            .await
            .unwrap();
        revision = edit.commit().await.unwrap();
    }

    hears(&one.store, revision).await;
    for books in [&one, &two] {
        let share = books.store.share(&at("epoch-1", lost));
        assert_eq!(share, Share::Nothing, "of another history");
        assert_eq!(*books.store.subscribe().borrow(), revision);
    }
    let mut snapshot = one.store.read().await.unwrap();
    let standing = snapshot.standing(Some(&"epoch-1".to_owned()), lost).await;
    assert_eq!(standing.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_that_start_at_once_on_an_empty_database_all_start() {
    let ground = Ground::new().await;
    let location = ground.location();
    let starting: Vec<_> = (0..5)
        .map(|number| {
            let location = location.clone();
            tokio::spawn(async move {
                open_at(&location, &format!("of {number}"), NOW_MS, secret_key(1)).await
            })
        })
        .collect();
    for started in starting {
        started.await.unwrap().unwrap();
    }
    let books = Closed { ground }.opened_as("last").await;
    assert_eq!(books.head().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_usage_that_comes_to_two_processes_at_once_counts_once() {
    use crate::usage::{FOR_EVER, NOW_MIN, batch, count, requests, row};

    let one = open().await;
    let two = another(&one, "of two").await;
    for number in 1..=20 {
        let mut batches = Vec::new();
        for instance in 1..=10 {
            batches.push(batch(instance, number, vec![row(NOW_MIN, None, 2)]));
        }
        let (here, there) = tokio::join!(count(&one.store, &batches), count(&two.store, &batches));
        // Each is counted by one of them.
        assert!(here.iter().zip(&there).all(|(here, there)| here != there));
    }
    let (here, there) = tokio::join!(
        async { while one.store.roll_up_usage(&FOR_EVER).await.unwrap() {} },
        async { while two.store.roll_up_usage(&FOR_EVER).await.unwrap() {} }
    );
    assert_eq!((here, there), ((), ()));
    assert_eq!(requests(&one.store).await, 20 * 10 * 2);
}
