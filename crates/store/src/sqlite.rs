//! SQLite: one file in a folder that one process uses at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Pool, Sqlite};

use crate::StoreError;

/// The file of the database in its folder.
pub(crate) const FILE: &str = "portcullis.db";
const LOCK_FILE: &str = "portcullis.lock";

/// How many rows the thread of a connection may be ahead of who reads them. With the few that are the default, the two
/// wake each other all the time while a page of the feed is read, which costs more than the reading.
const ROWS_AHEAD: usize = 1_000;

/// How much the writer keeps in memory, in KiB (SQLite asks for a minus). Pages of a large transaction that do not fit are
/// written before their time, and read and written again.
const WRITER_CACHE: &str = "-65536";

/// The connections to a file, and the lock on its folder.
#[derive(Clone)]
pub(crate) struct SqliteBooks {
    pub(crate) readers: Pool<Sqlite>,
    /// One: SQLite has a single write lock, and waiting for a connection is fair and wakes at once, where waiting for the
    /// lock is neither.
    pub(crate) writer: Pool<Sqlite>,
    _lock: Arc<File>,
}

impl SqliteBooks {
    /// Opens the file; makes it and its folder when they are missing.
    pub(crate) async fn open(folder: &Path) -> Result<Self, StoreError> {
        let lock = Arc::new(claim(folder)?);
        let path = folder.join(FILE);
        own_file(&path).map_err(|source| unwritable(folder, source))?;
        let unopened = |source| StoreError::Unopened {
            database: path.display().to_string(),
            source,
        };
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            // After a commit that failed (a full disk), SQLite may have ended a transaction that sqlx takes for open:
            // what it believes to commit later would be undone when the connection is closed.
            .before_acquire(|writer, _| Box::pin(async { Ok(!writer.is_in_transaction()) }))
            .connect_with(options(&path).pragma("cache_size", WRITER_CACHE))
            .await
            .map_err(unopened)?;
        // The first connection has put the file into its mode: these do not write.
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(options(&path).pragma("query_only", "ON"));
        Ok(Self {
            readers,
            writer,
            _lock: lock,
        })
    }
}

/// Makes the folder, readable by its owner only, and takes it for this process.
pub(crate) fn claim(folder: &Path) -> Result<File, StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| unwritable(folder, source))?;
    let lock = own_file(&folder.join(LOCK_FILE));
    let lock = lock.map_err(|source| unwritable(folder, source))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::FolderInUse {
            path: PathBuf::from(folder),
        }),
        Err(TryLockError::Error(source)) => Err(unwritable(folder, source)),
    }
}

fn unwritable(folder: &Path, source: io::Error) -> StoreError {
    StoreError::UnwritableFolder {
        path: PathBuf::from(folder),
        source,
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
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .row_buffer_size(ROWS_AHEAD)
        .busy_timeout(Duration::from_secs(10))
        // Statements about many records are long, and say nothing in a log.
        .disable_statement_logging()
}
