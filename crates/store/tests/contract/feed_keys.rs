//! The keys that sign what gateways are told: kept sealed.

use portcullis_feed::signature::FeedSigningKey;

use crate::books::{Books, NOW_MS, author, open};

pub const SEED: [u8; 32] = *b"the seed that nobody should see!";

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
        })
        .await;

    let mut edit = books.store.edit(&author(), NOW_MS).await.unwrap();
    assert!(edit.insert_feed_key(&SEED, NOW_MS).await.is_err());
    drop(edit);

    let books = books.reopened().await;
    assert_eq!(public_keys(&books).await, [public(&SEED), public(&[2; 32])]);

    let id = FeedSigningKey::from_seed(&SEED).public().id();
    books
        .edit(async |edit| edit.delete_feed_key(id.as_str()).await.unwrap())
        .await;
    assert_eq!(public_keys(&books).await, [public(&[2; 32])]);
}
