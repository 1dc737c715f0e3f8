//! The keys that sign what gateways are told: kept sealed.

use portcullis_feed::signature::FeedSigningKey;
use portcullis_store::{Store, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::books::{Books, NOW_MS, open, secret_key};

const SEED: [u8; 32] = *b"the seed that nobody should see!";

async fn public_keys(books: &Books) -> Vec<String> {
    let mut snapshot = books.store.read().await.unwrap();
    let keys = snapshot.feed_keys().await.unwrap();
    keys.iter()
        .map(|one| one.key.public().to_string())
        .collect()
}

#[tokio::test]
async fn feed_keys_outlive_the_process_in_the_order_of_their_making() {
    let books = open().await;
    let public = |seed: &[u8; 32]| FeedSigningKey::from_seed(seed).public().to_string();
    books
        .edit(async |edit| {
            edit.insert_feed_key(&[2; 32], NOW_MS + 1).await.unwrap();
            edit.insert_feed_key(&SEED, NOW_MS).await.unwrap();
            assert!(edit.insert_feed_key(&SEED, NOW_MS).await.is_err());
        })
        .await;

    let books = books.reopened().await;
    assert_eq!(public_keys(&books).await, [public(&SEED), public(&[2; 32])]);

    let id = FeedSigningKey::from_seed(&SEED).public().id();
    books
        .edit(async |edit| edit.delete_feed_key(id.as_str()).await.unwrap())
        .await;
    assert_eq!(public_keys(&books).await, [public(&[2; 32])]);
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
    let file = books.folder.path().join("portcullis.db");
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
    let store = Store::open(books.folder.path(), "epoch-2", NOW_MS, secret_key(1))
        .await
        .unwrap();
    let mut snapshot = store.read().await.unwrap();
    let refusal = snapshot.feed_keys().await.unwrap_err();
    assert!(matches!(refusal, StoreError::Unsealed), "{refusal}");
}
