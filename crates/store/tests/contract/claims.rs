//! Work in the background: one process at a time does it, and another takes over when that is gone.

use std::time::{Duration, Instant};

use portcullis_store::{Claim, Store, Work};
use tokio::time::timeout;

use crate::books::open;
use crate::replicas::another;

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(20);

async fn claims(store: &Store, work: Work) -> Claim {
    timeout(PATIENCE, store.claim(work)).await.unwrap()
}

async fn is_refused(store: &Store, work: Work) -> bool {
    let asked = timeout(Duration::from_millis(1_500), store.claim(work));
    asked.await.is_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_at_a_time_does_each_kind_of_work() {
    let one = open().await;
    let two = another(&one, "of two").await;
    let mut held = claims(&one.store, Work::KeySets).await;
    assert!(is_refused(&two.store, Work::KeySets).await);
    let _other = claims(&two.store, Work::Removals).await;
    assert!(timeout(Duration::from_secs(3), held.lost()).await.is_err());

    drop(held);
    let _taken_over = claims(&two.store, Work::KeySets).await;
    assert!(is_refused(&one.store, Work::KeySets).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_cut_off_hears_of_it_and_another_takes_over() {
    let one = open().await;
    let two = another(&one, "of two").await;
    let mut held = claims(&one.store, Work::KeySets).await;
    let began = Instant::now();
    one.ground
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks \
             WHERE locktype = 'advisory' AND database = \
             (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .await;
    let (_taken_over, lost) = tokio::join!(
        claims(&two.store, Work::KeySets),
        timeout(PATIENCE, held.lost())
    );
    lost.unwrap();
    assert!(began.elapsed() < Duration::from_secs(10));
}
