//! Copies of the file: whole whoever writes meanwhile, and put in place only when they fit.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use portcullis_feed::Position;
use portcullis_store::{Backup, Share, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use crate::books::{Closed, NOW_MS, author, client, collection, open, open_at, secret_key};
use crate::ground::Ground;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_made_while_others_write_is_of_one_moment() {
    let books = open().await;
    let store = books.store.clone();
    let writing = tokio::spawn(async move {
        for number in 0..300 {
            // Both or none.
            let mut edit = store.edit(&author(), NOW_MS).await.unwrap();
            edit.put_client(&client(&format!("c{number}")))
                .await
                .unwrap();
            let collection = collection(&format!("c{number}"));
            edit.put_collection(&collection).await.unwrap();
            edit.commit().await.unwrap();
        }
    });
    let folder = TempDir::new().unwrap();
    let mut files = Vec::new();
    while files.is_empty() || !writing.is_finished() {
        let file = folder.path().join(format!("{}.backup", files.len()));
        let made = Backup::write(books.ground.path(), &file).await.unwrap();
        files.push((file, made));
    }
    writing.await.unwrap();

    for (file, made) in files {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let ground = Ground::new().await;
        let restored = Backup::restore(&file, ground.path(), &secret_key(1), None).await;
        assert_eq!(restored.unwrap().backup, made);
        let copy = Closed { ground }.opened_as("of the copy").await;
        assert_eq!(copy.head().await, made.revision);
        let mut snapshot = copy.store.read().await.unwrap();
        let clients = snapshot.clients(None, 1_000).await.unwrap();
        assert_eq!(u64::try_from(clients.len()).unwrap(), made.revision);
    }
}

#[tokio::test]
async fn what_was_changed_after_the_copy_is_another_history() {
    let books = open().await;
    let kept = books.put_collection(&collection("orders")).await;
    let file = books.ground.path().join("backup");
    Backup::write(books.ground.path(), &file).await.unwrap();
    let lost = books.put_collection(&collection("lost")).await;
    let closed = books.closed().await;

    let folder = closed.ground.path().to_owned();
    let restored = Backup::restore(&file, &folder, &secret_key(1), Some("then")).await;
    let aside = restored.unwrap().set_aside.unwrap();
    assert_eq!(aside, folder.join("portcullis.db.replaced-then"));
    assert!(aside.exists());
    let books = closed.opened_as("epoch-2").await;
    let share = |revision| {
        books.store.share(&Position {
            epoch: "epoch-1".into(),
            revision,
        })
    };
    assert_eq!(share(kept), Share::All(kept));
    assert_eq!(share(lost), Share::Nothing);
}

#[tokio::test]
async fn nothing_is_overwritten_and_nothing_half_made_is_left() {
    let books = open().await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("backup");
    fs::write(&file, "mine").unwrap();
    let refusal = Backup::write(books.ground.path(), &file).await.unwrap_err();
    assert!(
        matches!(refusal, StoreError::FileExists { .. }),
        "{refusal}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");

    let empty = TempDir::new().unwrap();
    let refusal = Backup::write(empty.path(), &folder.path().join("new")).await;
    let refusal = refusal.unwrap_err();
    assert!(
        matches!(refusal, StoreError::NoDatabase { .. }),
        "{refusal}"
    );
    let nowhere = folder.path().join("no/where");
    let refusal = Backup::write(books.ground.path(), &nowhere)
        .await
        .unwrap_err();
    assert!(
        matches!(refusal, StoreError::UnwritableFile { .. }),
        "{refusal}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_does_not_fit_is_not_restored_and_changes_nothing() {
    let books = open().await;
    books.put_collection(&collection("orders")).await;
    let elsewhere = TempDir::new().unwrap();
    let file = elsewhere.path().join("backup");
    Backup::write(books.ground.path(), &file).await.unwrap();
    let head = books.head().await;
    let restore = async |file: &str, key, force| {
        let file = elsewhere.path().join(file);
        let restored = Backup::restore(&file, books.ground.path(), &secret_key(key), force).await;
        restored.unwrap_err()
    };

    let refusal = restore("backup", 1, Some("then")).await;
    assert!(
        matches!(refusal, StoreError::FolderInUse { .. }),
        "{refusal}"
    );

    fs::write(
        elsewhere.path().join("text"),
        "no database at all. ".repeat(300),
    )
    .unwrap();
    let other = elsewhere.path().join("other");
    let options = SqliteConnectOptions::new()
        .filename(&other)
        .create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::query("CREATE TABLE state (revision BIGINT)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let whole = fs::read(&file).unwrap();
    fs::write(elsewhere.path().join("half"), &whole[..whole.len() / 2]).unwrap();
    books.store.close().await;
    let location = books.ground.location();
    drop(books.store);
    let restore = async |file: &str, key, force| {
        let file = elsewhere.path().join(file);
        let restored = Backup::restore(&file, books.ground.path(), &secret_key(key), force).await;
        restored.unwrap_err()
    };
    for file in ["text", "other", "half", "missing"] {
        let refusal = restore(file, 1, Some("then")).await;
        assert!(
            matches!(refusal, StoreError::NoBackup { .. }),
            "{file}: {refusal}"
        );
    }
    let refusal = restore("backup", 2, Some("then")).await;
    assert!(
        matches!(refusal, StoreError::OtherSecretKey { .. }),
        "{refusal}"
    );
    let refusal = restore("backup", 1, None).await;
    assert!(
        matches!(refusal, StoreError::DatabaseExists { .. }),
        "{refusal}"
    );

    let store = open_at(&location, "epoch-2", NOW_MS, secret_key(1))
        .await
        .unwrap();
    assert_eq!(*store.subscribe().borrow(), head);
}
