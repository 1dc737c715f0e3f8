//! What can go wrong with a database. Not found is no error.

use std::io;
use std::path::PathBuf;

use sqlx::migrate::MigrateError;

/// The database cannot be opened, or failed while it was used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made or written.
    #[error("cannot write to the data folder `{}`", path.display())]
    UnwritableFolder {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Two processes over one SQLite file would not wake each other's readers.
    #[error("the data folder `{}` is in use by another process", path.display())]
    FolderInUse {
        /// Which one.
        path: PathBuf,
    },
    /// The file is no database, or a broken one.
    #[error("cannot open the database `{database}`")]
    Unopened {
        /// Which one.
        database: String,
        /// Why.
        source: sqlx::Error,
    },
    /// The tables cannot be brought to the form of this version.
    #[error("cannot bring the database `{database}` to the form that this version needs")]
    Unmigrated {
        /// Which one.
        database: String,
        /// Why.
        source: MigrateError,
    },
    /// A statement failed.
    #[error("the database failed")]
    Failed(#[from] sqlx::Error),
    /// A stored value is not what this version writes.
    #[error("the database holds a `{column}` that cannot be read")]
    Unreadable {
        /// Where it stands.
        column: &'static str,
    },
    /// The key for secrets is another one than that under which this database keeps them.
    #[error(
        "the secret key is not the one under which the database `{database}` keeps its secrets"
    )]
    OtherSecretKey {
        /// Which one.
        database: String,
    },
    /// The secrets were sealed under another key while this process ran.
    #[error("the database keeps its secrets under a key that this process was not given")]
    KeyRotated,
    /// The database was out of reach a moment ago, and was not asked again.
    #[error("the database does not answer")]
    Away,
    /// There is nothing to back up.
    #[error("there is no database in `{}`", path.display())]
    NoDatabase {
        /// Where it should be.
        path: PathBuf,
    },
    /// A copy cannot be made.
    #[error("cannot copy the database `{}` to `{}`", database.display(), file.display())]
    Uncopied {
        /// Of what.
        database: PathBuf,
        /// Where.
        file: PathBuf,
        /// Why.
        source: sqlx::Error,
    },
    /// Files are not overwritten.
    #[error("`{}` is there already, and is not overwritten", path.display())]
    FileExists {
        /// Which one.
        path: PathBuf,
    },
    /// A copy cannot be written, or not be put in its place.
    #[error("cannot write `{}`", path.display())]
    UnwritableFile {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what a backup writes.
    #[error("`{}` is no backup of a Portcullis database, or a broken one", path.display())]
    NoBackup {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        source: sqlx::Error,
    },
    /// A backup was made by a later version.
    #[error("`{}` was made by a later version of Portcullis", path.display())]
    LaterBackup {
        /// Which one.
        path: PathBuf,
    },
    /// A database would have to make room.
    #[error(
        "there is a database in `{}` already: with `--force` it is set aside",
        path.display()
    )]
    DatabaseExists {
        /// Where.
        path: PathBuf,
    },
    /// A stored secret was sealed under another key or for another owner, or was altered.
    #[error("a stored secret cannot be opened")]
    Unsealed,
    /// A secret cannot be stored without random bytes.
    #[error("the system gives no random bytes")]
    NoNonce,
}
