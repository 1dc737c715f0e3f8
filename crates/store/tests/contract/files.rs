//! What the files of SQLite give away: nothing.

use portcullis_store::{AccessMethod, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::books::{NOW_MS, open, open_at, secret_key};
use crate::credentials::{jwt, secret};
use crate::feed_keys::SEED;

#[tokio::test]
async fn a_secret_does_not_stand_in_the_file_of_the_database() {
    let books = open().await;
    let (_, _, mut production) = books.with_profile("acme").await;
    production.access = AccessMethod::Jwt(Box::new(jwt(secret())));
    books.put_profile(&production).await;
    books.store.close().await;
    for file in std::fs::read_dir(books.ground.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"canary"));
        assert!(!bytes.windows(8).any(|part| part == b"Y2FuYXJ5"));
    }
}

#[tokio::test]
async fn the_file_gives_no_feed_key_away_and_none_passes_for_another() {
    let books = open().await;
    books
        .edit(async |edit| {
            edit.insert_feed_key(&SEED, NOW_MS).await.unwrap();
            edit.insert_feed_key(&[2; 32], NOW_MS).await.unwrap();
        })
        .await;
    books.store.close().await;
    drop(books.store);
    let file = books.ground.path().join("portcullis.db");
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(SEED.len()).any(|window| window == SEED));

    let pool = SqlitePoolOptions::new()
        .connect_with(SqliteConnectOptions::new().filename(&file))
        .await
        .unwrap();
    sqlx::query("UPDATE feed_keys SET secret = (SELECT MAX(secret) FROM feed_keys)")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let store = open_at(&books.ground.location(), "epoch-2", NOW_MS, secret_key(1))
        .await
        .unwrap();
    let mut snapshot = store.read().await.unwrap();
    let refusal = snapshot.feed_keys().await.unwrap_err();
    assert!(matches!(refusal, StoreError::Unsealed), "{refusal}");
}
