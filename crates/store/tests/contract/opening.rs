//! Opening a database: new, again, and when it cannot be.

use std::error::Error as _;

use portcullis_store::{Location, StoreError};

use crate::books::{NOW_MS, open, open_at, secret_key};

#[tokio::test]
async fn records_and_revisions_outlive_the_process() {
    let books = open().await;
    let (acme, _, _) = books.with_profile("acme").await;
    let head = books.head().await;

    let books = books.reopened().await;

    assert_eq!(books.head().await, head);
    assert_eq!(*books.store.subscribe().borrow(), head);
    let mut snapshot = books.store.read().await.unwrap();
    assert_eq!(snapshot.client(acme.id).await.unwrap(), Some(acme));
}

#[tokio::test]
async fn a_folder_that_another_process_uses_is_refused() {
    let books = open().await;
    let refusal = open_at(&books.ground.location(), "epoch-2", NOW_MS, secret_key(1))
        .await
        .err()
        .unwrap();
    assert!(
        matches!(refusal, StoreError::FolderInUse { .. }),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refusal = open_at(
        &Location::Folder(file.join("data")),
        "epoch-1",
        NOW_MS,
        secret_key(1),
    )
    .await
    .err()
    .unwrap();
    assert!(
        matches!(refusal, StoreError::UnwritableFolder { .. }),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("portcullis.db");
    let text = "this is no database. ".repeat(100);
    std::fs::write(&file, &text).unwrap();

    let refusal = open_at(
        &Location::Folder(folder.path().into()),
        "epoch-1",
        NOW_MS,
        secret_key(1),
    )
    .await
    .err()
    .unwrap();

    assert!(matches!(refusal, StoreError::Unopened { .. }), "{refusal}");
    assert!(
        refusal
            .source()
            .unwrap()
            .to_string()
            .contains("not a database")
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_database() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _store = open_at(
        &Location::Folder(data.clone()),
        "epoch-1",
        NOW_MS,
        secret_key(1),
    )
    .await
    .unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("portcullis.db")), 0o600);
}
