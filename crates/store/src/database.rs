//! Opening the database: which kind it is, how its connections behave, and its form. No records.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis_feed::{Position, Revision};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Pool, Row as _, SqlSafeStr as _};
use tokio::sync::watch;

use crate::life::Lives;
use crate::{Edit, SecretKey, Share, Snapshot, StoreError};

/// The one place that says which database this is.
pub(crate) type Database = sqlx::Sqlite;
pub(crate) type Row = <Database as sqlx::Database>::Row;

const FILE: &str = "portcullis.db";
/// How many rows the thread of a connection may be ahead of who reads them. With the few that are the default, the two
/// wake each other all the time while a page of the feed is read, which costs more than the reading.
const ROWS_AHEAD: usize = 1_000;

const LOCK_FILE: &str = "portcullis.lock";
const MIGRATIONS: [(i64, &str, &str); 5] = [
    (1, "records", include_str!("../migrations/1_records.sql")),
    (
        2,
        "credentials",
        include_str!("../migrations/2_credentials.sql"),
    ),
    (3, "key sets", include_str!("../migrations/3_key_sets.sql")),
    (4, "feed", include_str!("../migrations/4_feed.sql")),
    (5, "gateways", include_str!("../migrations/5_gateways.sql")),
];

/// An open database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: Pool<Database>,
    writer: Pool<Database>,
    head: watch::Sender<Revision>,
    lives: Arc<Lives>,
    secret_key: SecretKey,
    _lock: Arc<File>,
}

impl Store {
    /// Opens `portcullis.db` in a folder; makes both when they are missing. The database begins the life that
    /// `new_epoch` names, which must be random. A new one keeps its secrets under `secret_key` from then on.
    ///
    /// # Errors
    /// When the folder cannot be written or is in use, the file is not a database of this or an earlier version, or it
    /// keeps its secrets under another key.
    pub async fn open(
        folder: &Path,
        new_epoch: &str,
        now_ms: u64,
        secret_key: SecretKey,
    ) -> Result<Self, StoreError> {
        let lock = Arc::new(claim(folder)?);
        let path = folder.join(FILE);
        let options = connect_options(&path);
        let unopened = |source| StoreError::Unopened {
            path: path.clone(),
            source,
        };
        // One writer: SQLite has a single write lock, and waiting for a connection is fair and wakes at once, where
        // waiting for the lock is neither.
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(unopened)?;
        migrator()
            .run(&writer)
            .await
            .map_err(|source| StoreError::Unmigrated {
                path: path.clone(),
                source,
            })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(unopened)?;
        prepare(&writer, &path, &secret_key).await?;
        let mut store = Self {
            readers,
            writer,
            head: watch::Sender::new(0),
            lives: Arc::default(),
            secret_key,
            _lock: lock,
        };
        let mut edit = store.edit().await?;
        edit.begin_life(new_epoch, now_ms).await?;
        store.lives = Arc::new(edit.read().lives().await?);
        edit.commit().await?;
        Ok(store)
    }

    /// Tells the newest revision, and wakes whoever waits for a newer one as soon as it is committed.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Revision> {
        self.head.subscribe()
    }

    /// What a reader has who says that it is at a point in the history of this database. Its removals may be forgotten
    /// by now.
    #[must_use]
    pub fn share(&self, position: &Position) -> Share {
        self.lives.share(position, *self.head.borrow())
    }

    /// Begins to read: everything as it is at one moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot::of(
            self.readers.begin().await?,
            self.secret_key.clone(),
        ))
    }

    /// Begins to write, as soon as nobody else does.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn edit(&self) -> Result<Edit, StoreError> {
        let transaction = self.writer.begin().await?;
        Edit::begin(transaction, self.head.clone(), self.secret_key.clone()).await
    }

    /// Waits until all transactions have ended, then closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Makes the folder and the file of the database, readable by their owner only, and takes them for this process.
fn claim(folder: &Path) -> Result<File, StoreError> {
    let unwritable = |source| StoreError::UnwritableFolder {
        path: PathBuf::from(folder),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(unwritable)?;
    let lock = own_file(&folder.join(LOCK_FILE)).map_err(unwritable)?;
    own_file(&folder.join(FILE)).map_err(unwritable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::FolderInUse {
            path: PathBuf::from(folder),
        }),
        Err(TryLockError::Error(source)) => Err(unwritable(source)),
    }
}

fn own_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// `synchronous` is FULL: with less, a power failure may take back a commit whose revision a gateway has seen, and
/// the next change would take the same number.
fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .row_buffer_size(ROWS_AHEAD)
        .busy_timeout(Duration::from_secs(10))
}

fn migrator() -> Migrator {
    Migrator::with_migrations(
        MIGRATIONS
            .into_iter()
            .map(|(version, description, sql)| {
                Migration::new(
                    version,
                    description.into(),
                    MigrationType::Simple,
                    sql.into_sql_str(),
                    false,
                )
            })
            .collect(),
    )
}

/// Gives a new database its state, and makes sure that the secrets of any other can be opened.
async fn prepare(
    writer: &Pool<Database>,
    path: &Path,
    secret_key: &SecretKey,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO state (id, revision) VALUES (1, 0) ON CONFLICT (id) DO NOTHING")
        .execute(writer)
        .await?;
    sqlx::query("UPDATE state SET secret_check = $1 WHERE secret_check IS NULL")
        .bind(secret_key.check_value()?)
        .execute(writer)
        .await?;
    let state = sqlx::query("SELECT secret_check FROM state")
        .fetch_one(writer)
        .await?;
    if !secret_key.fits(state.try_get("secret_check")?) {
        return Err(StoreError::OtherSecretKey {
            path: path.to_owned(),
        });
    }
    Ok(())
}
