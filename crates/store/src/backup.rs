//! Copies of a SQLite database: made while it is in use, and put in its place while it is not.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use portcullis_feed::Revision;

use crate::database::MIGRATIONS;
use crate::sqlite::{self, FILE};
use crate::{SecretKey, StoreError, secret};

/// What stands beside the file of a database that was not closed, and belongs to it.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// What a copy holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Its newest revision.
    pub revision: Revision,
    /// The public id of the key under which its secrets are sealed. Without that key it cannot be used.
    pub secret_key: String,
    /// How many bytes it has.
    pub bytes: u64,
}

/// What became of the database that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What was put in its place.
    pub backup: Backup,
    /// Where the earlier one is now.
    pub set_aside: Option<PathBuf>,
}

impl Backup {
    /// Copies the database of a folder into a new file, readable by its owner only: as it is at one moment, whoever
    /// writes to it meanwhile.
    ///
    /// # Errors
    /// When there is no database or there is such a file, or it cannot be written: then nothing of it is left.
    pub async fn write(folder: &Path, file: &Path) -> Result<Self, StoreError> {
        let database = folder.join(FILE);
        if !has_bytes(&database) {
            return Err(StoreError::NoDatabase {
                path: folder.to_owned(),
            });
        }
        let unopened = |source| StoreError::Unopened {
            database: database.display().to_string(),
            source,
        };
        // Whole or not at all: it gets its name when all of it is there.
        let draft = Draft::beside(file)?;
        let target = draft.path.to_str();
        let target =
            target.ok_or_else(|| unwritable(file, io::ErrorKind::InvalidFilename.into()))?;
        let mut connection = SqliteConnectOptions::new()
            .filename(&database)
            .create_if_missing(false)
            .connect()
            .await
            .map_err(unopened)?;
        let copied = sqlx::query("VACUUM INTO $1")
            .bind(target)
            .execute(&mut connection)
            .await;
        connection.close().await.map_err(unopened)?;
        copied.map_err(|source| StoreError::Uncopied {
            database: database.clone(),
            file: file.to_owned(),
            source,
        })?;
        let backup = Self::read(&draft.path).await?;
        draft.becomes(file)?;
        Ok(backup)
    }

    /// What a copy holds.
    ///
    /// # Errors
    /// When the file is none, or one of a later version.
    pub async fn read(file: &Path) -> Result<Self, StoreError> {
        let (backup, _) = examine(file).await?;
        Ok(backup)
    }

    /// Puts a copy in the place of the database of a folder that no process uses. One that is there is set aside by
    /// force only, under a name that ends with what `by_force` says.
    ///
    /// # Errors
    /// When the file is no copy, the key is not its key, the folder is in use, or there is a database and no force: then
    /// nothing is changed.
    pub async fn restore(
        file: &Path,
        folder: &Path,
        secret_key: &SecretKey,
        by_force: Option<&str>,
    ) -> Result<Restored, StoreError> {
        let (backup, check_value) = examine(file).await?;
        if !secret_key.fits(&check_value) {
            return Err(StoreError::OtherSecretKey {
                database: file.display().to_string(),
            });
        }
        let _lock = sqlite::claim(folder)?;
        let database = folder.join(FILE);
        let is_there = has_bytes(&database);
        if is_there && by_force.is_none() {
            return Err(StoreError::DatabaseExists {
                path: folder.to_owned(),
            });
        }
        let draft = Draft::beside(&database)?;
        fs::copy(file, &draft.path).map_err(|source| unwritable(&draft.path, source))?;
        let aside = by_force.filter(|_| is_there);
        let set_aside = aside.map(|label| set_aside(&database, label)).transpose()?;
        // Nothing of it, but SQLite makes files before it writes to them.
        remove_if_there(&database)?;
        draft.becomes(&database)?;
        Ok(Restored { backup, set_aside })
    }
}

/// What a copy holds, and what it remembers of its key.
async fn examine(file: &Path) -> Result<(Backup, String), StoreError> {
    let refused = |source| StoreError::NoBackup {
        path: file.to_owned(),
        source,
    };
    let mut connection = SqliteConnectOptions::new()
        .filename(file)
        .read_only(true)
        .connect()
        .await
        .map_err(refused)?;
    let read = state(&mut connection).await;
    connection.close().await.map_err(refused)?;
    let (version, revision, check_value) = read.map_err(refused)?;
    if MIGRATIONS.iter().all(|(known, ..)| *known < version) {
        return Err(StoreError::LaterBackup {
            path: file.to_owned(),
        });
    }
    let bytes = fs::metadata(file)
        .map_err(|source| refused(source.into()))?
        .len();
    let backup = Backup {
        revision: u64::try_from(revision).unwrap_or_default(),
        secret_key: secret::id_of(&check_value).unwrap_or_default().to_owned(),
        bytes,
    };
    Ok((backup, check_value))
}

/// The version of its form, its newest revision, and what it remembers of its key.
async fn state(connection: &mut SqliteConnection) -> sqlx::Result<(i64, i64, String)> {
    let check = sqlx::query("PRAGMA quick_check(1)")
        .fetch_one(&mut *connection)
        .await?;
    let check: String = check.try_get(0)?;
    if check != "ok" {
        return Err(sqlx::Error::Protocol(check));
    }
    let state = sqlx::query(
        "SELECT (SELECT MAX(version) FROM _sqlx_migrations) AS version, revision, secret_check \
         FROM state",
    )
    .fetch_one(connection)
    .await?;
    Ok((
        state.try_get("version")?,
        state.try_get("revision")?,
        state.try_get("secret_check")?,
    ))
}

/// A file that is not yet called what it will be. What is left of it is removed when it is dropped.
struct Draft {
    path: PathBuf,
}

impl Draft {
    /// An empty one, readable by its owner only, where a file will be.
    fn beside(file: &Path) -> Result<Self, StoreError> {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let path = file.with_file_name(name);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| unwritable(&path, source))?;
        Ok(Self { path })
    }

    /// Gives it its name, unless there is such a file.
    fn becomes(self, file: &Path) -> Result<(), StoreError> {
        let named = || {
            File::open(&self.path)?.sync_all()?;
            fs::hard_link(&self.path, file)?;
            // The name has to last, too.
            File::open(folder_of(file))?.sync_all()
        };
        named().map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => StoreError::FileExists {
                path: file.to_owned(),
            },
            _ => unwritable(file, source),
        })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Gives a database, with all that belongs to it, another name.
fn set_aside(database: &Path, label: &str) -> Result<PathBuf, StoreError> {
    let named = |ending: &str| {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let aside = format!(".replaced-{label}");
    // The database last: what belongs to one must never stand beside another.
    for companion in COMPANIONS.iter().chain([&""]) {
        let (from, to) = (named(companion), named(&format!("{aside}{companion}")));
        match fs::rename(&from, &to) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => {}
            moved => moved.map_err(|source| unwritable(&to, source))?,
        }
    }
    Ok(named(&aside))
}

fn remove_if_there(file: &Path) -> Result<(), StoreError> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(unwritable(file, source)),
        _ => Ok(()),
    }
}

fn has_bytes(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|file| file.len() > 0)
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn unwritable(path: &Path, source: io::Error) -> StoreError {
    StoreError::UnwritableFile {
        path: path.to_owned(),
        source,
    }
}
