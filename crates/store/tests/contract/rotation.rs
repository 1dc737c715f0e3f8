//! Another key for secrets: nothing is lost, and who was not given it neither reads nor writes.

use portcullis_feed::SecretOctets;
use portcullis_store::{AccessMethod, JwtKeys, SecretKey, StoreError};

use crate::books::{Books, Closed, NOW_MS, open, open_at, secret_key};
use crate::credentials::{jwt, secret};
use crate::feed_keys::SEED;

impl Closed {
    async fn opened_with(self, epoch: &str, secret_key: SecretKey) -> Books {
        let store = open_at(&self.ground.location(), epoch, NOW_MS, secret_key).await;
        Books {
            store: store.unwrap(),
            ground: self.ground,
        }
    }
}

#[tokio::test]
async fn all_secrets_open_under_the_new_key_alone_once_they_are_sealed_again() {
    let books = open().await;
    let (_, _, mut production) = books.with_profile("acme").await;
    production.access = AccessMethod::Jwt(Box::new(jwt(secret())));
    books.put_profile(&production).await;
    books
        .edit(async |edit| edit.insert_feed_key(&SEED, NOW_MS).await.unwrap())
        .await;
    let changes = books.changes_after(0).await;

    let books = books
        .closed()
        .await
        .opened_with("epoch-2", secret_key(2).and(&[1; 32]))
        .await;
    let head = books.head().await;
    let rotated = books.store.rotate_secret_key(NOW_MS).await.unwrap();
    assert_eq!(rotated.secrets, 2);
    assert_ne!(rotated.from, rotated.to);
    let again = books.store.rotate_secret_key(NOW_MS).await.unwrap();
    assert_eq!((again.from, again.secrets), (rotated.to, 0));

    let books = books
        .closed()
        .await
        .opened_with("epoch-3", secret_key(2))
        .await;
    assert_eq!(books.changes_after(0).await, changes);
    assert_eq!(books.head().await, head, "gateways need not hear of it");
    let kept = books.store.read().await.unwrap().feed_keys().await.unwrap();
    assert_eq!(kept.len(), 1);

    let location = books.ground.location();
    books.store.close().await;
    drop(books.store);
    let refusal = open_at(&location, "epoch-4", NOW_MS, secret_key(1)).await;
    let refusal = refusal.err().unwrap();
    assert!(
        matches!(refusal, StoreError::OtherSecretKey { .. }),
        "{refusal}"
    );
}

#[tokio::test]
async fn until_then_a_process_with_both_keys_seals_as_the_others_do() {
    let books = open().await;
    let (_, _, mut production) = books.with_profile("acme").await;
    let books = books
        .closed()
        .await
        .opened_with("epoch-2", secret_key(2).and(&[1; 32]))
        .await;
    let secret = SecretOctets(b"a secret of thirty-two byte or so".to_vec());
    production.access = AccessMethod::Jwt(Box::new(jwt(JwtKeys::Secret(secret))));
    books.put_profile(&production).await;

    let books = books
        .closed()
        .await
        .opened_with("epoch-3", secret_key(1))
        .await;
    let mut snapshot = books.store.read().await.unwrap();
    let read = snapshot.profile(production.id).await.unwrap();
    assert_eq!(read, Some(production));
}
