//! Opening a database: where it is, its form, and who reads and writes. No records.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis_feed::{Position, Revision};
use sqlx::migrate::{Migrate, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Pool, SqlSafeStr as _};
use tokio::sync::watch;

use crate::audit::Journal;
use crate::following::{self, Following};
use crate::history::{History, NewLife};
use crate::postgres::{self, PostgresBooks, PostgresUrl};
use crate::sqlite::{self, SqliteBooks};
use crate::statement::{Transaction, query};
use crate::topic::{News, Topic};
use crate::{Author, Edit, SecretKey, Share, Snapshot, StoreError};

pub(crate) const MIGRATIONS: [(i64, &str, &str); 13] = [
    (1, "records", include_str!("../migrations/1_records.sql")),
    (
        2,
        "credentials",
        include_str!("../migrations/2_credentials.sql"),
    ),
    (3, "key sets", include_str!("../migrations/3_key_sets.sql")),
    (4, "feed", include_str!("../migrations/4_feed.sql")),
    (5, "gateways", include_str!("../migrations/5_gateways.sql")),
    (6, "audit", include_str!("../migrations/6_audit.sql")),
    (7, "replicas", include_str!("../migrations/7_replicas.sql")),
    (
        8,
        "operators",
        include_str!("../migrations/8_operators.sql"),
    ),
    (9, "rest", include_str!("../migrations/9_rest.sql")),
    (10, "usage", include_str!("../migrations/10_usage.sql")),
    (11, "quotas", include_str!("../migrations/11_quotas.sql")),
    (12, "pages", include_str!("../migrations/12_pages.sql")),
    (13, "weeks", include_str!("../migrations/13_weeks.sql")),
];

/// Where a database is.
#[derive(Debug, Clone)]
pub enum Location {
    /// SQLite: the file `portcullis.db` in a folder. Both are made when they are missing.
    Folder(PathBuf),
    /// PostgreSQL, which has to be there.
    Postgres(PostgresUrl),
}

/// The connections to one of the databases.
#[derive(Clone)]
pub(crate) enum Books {
    Sqlite(SqliteBooks),
    Postgres(PostgresBooks),
}

/// An open database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) books: Books,
    pub(crate) history: Arc<History>,
    pub(crate) secret_key: SecretKey,
    name: Arc<str>,
    following: Arc<Following>,
}

impl Store {
    /// Opens a database. It begins the life that `new_life` names. A new one keeps its secrets under `secret_key` from
    /// then on.
    ///
    /// # Errors
    /// When the database cannot be reached or used, is not one of this or an earlier version, or keeps its secrets under
    /// another key.
    pub async fn open(
        location: &Location,
        new_life: impl Fn() -> Option<NewLife> + Send + Sync + 'static,
        secret_key: SecretKey,
    ) -> Result<Self, StoreError> {
        let name = location.name();
        let books = match location {
            Location::Folder(folder) => Books::Sqlite(SqliteBooks::open(folder).await?),
            Location::Postgres(url) => Books::Postgres(PostgresBooks::open(url).await?),
        };
        books.migrate(&name).await?;
        books.prepare(&name, &secret_key).await?;
        let history = Arc::new(History::new(Arc::new(new_life)));
        let mut store = Self {
            books,
            history,
            secret_key,
            name: Arc::default(),
            following: Arc::default(),
        };
        // The first edit finds a copy that was not seen before, and so begins a life.
        let mut first = store.edit(&Author::system("start"), 0).await?;
        first.fold_names().await?;
        first.commit().await?;
        store.name = store.history.newest_life().into();
        store.following = Arc::new(following::begin(&store).await?);
        Ok(store)
    }

    /// Tells the newest revision, and wakes whoever waits for a newer one as soon as it is committed: by this process
    /// or, a moment later, by any other.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Revision> {
        self.history.head()
    }

    /// How often each [`Topic`] was written, by its [place](Topic::place): by this process or any other. A count that
    /// stands still says that what is kept in memory of it is still true.
    #[must_use]
    pub fn topics(&self) -> watch::Receiver<[u64; Topic::COUNT]> {
        self.history.topics()
    }

    /// The same for who takes in what was written: all topics at first, then those that were written since.
    #[must_use]
    pub fn news(&self) -> News {
        News::of(self.topics())
    }

    /// Names this process among all that have used the database: as the life that it has begun.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Has somebody told how long each commit takes. There is only one who is.
    pub fn watch_commits(&self, watcher: impl Fn(Duration) + Send + Sync + 'static) {
        self.history.watch_commits(Box::new(watcher));
    }

    /// Whether other processes may write to the same database.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        matches!(self.books, Books::Postgres(_))
    }

    /// Whether a reader who says that it is at a point in the history of this database has all that is known to be: known
    /// without a look at the database.
    #[must_use]
    pub fn is_at_head(&self, position: &Position) -> bool {
        self.history.is_at_head(position)
    }

    /// What a reader has who says that it is at a point in the history of this database. Its removals may be forgotten
    /// by now.
    #[must_use]
    pub fn share(&self, position: &Position) -> Share {
        self.history.share(position)
    }

    /// Begins to read: everything as it is at one moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(&self) -> Result<Snapshot, StoreError> {
        Ok(Snapshot::of(
            self.books.read().await?,
            self.secret_key.clone(),
        ))
    }

    /// Begins to write, as soon as nobody else does. The audit names the author of what is changed, and the time:
    /// milliseconds since 1970, UTC.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn edit(&self, author: &Author, now_ms: u64) -> Result<Edit, StoreError> {
        let transaction = self.books.write().await?;
        Edit::begin(
            transaction,
            Arc::clone(&self.history),
            self.secret_key.clone(),
            Journal::new(author.clone(), now_ms),
        )
        .await
    }

    /// Waits until all transactions have ended, then closes the connections.
    pub async fn close(&self) {
        self.following.end();
        match &self.books {
            Books::Sqlite(books) => {
                books.readers.close().await;
                books.writer.close().await;
            }
            Books::Postgres(books) => {
                books.readers.close().await;
                books.writer.close().await;
            }
        }
    }
}

impl Location {
    /// As messages call it.
    fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.join(sqlite::FILE).display().to_string(),
            Self::Postgres(url) => url.to_string(),
        }
    }
}

impl Books {
    pub(crate) async fn read(&self) -> Result<Transaction, StoreError> {
        Ok(match self {
            Self::Sqlite(books) => Transaction::Sqlite(books.readers.begin().await?),
            Self::Postgres(books) => Transaction::Postgres(books.read().await?),
        })
    }

    async fn write(&self) -> Result<Transaction, StoreError> {
        Ok(match self {
            Self::Sqlite(books) => Transaction::Sqlite(books.writer.begin().await?),
            Self::Postgres(books) => Transaction::Postgres(books.write().await?),
        })
    }

    /// Begins to write what is no edit of records: on PostgreSQL beside those who edit.
    pub(crate) async fn write_beside(&self) -> Result<Transaction, StoreError> {
        Ok(match self {
            Self::Sqlite(books) => Transaction::Sqlite(books.writer.begin().await?),
            Self::Postgres(books) => Transaction::Postgres(books.write_beside().await?),
        })
    }

    /// Brings the tables to their form. Of several processes that start at once, one does it and the others wait.
    async fn migrate(&self, name: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(books) => run(&books.writer, name, str::to_owned).await,
            Self::Postgres(books) => run(&books.writer, name, postgres::as_postgres_takes_it).await,
        }
    }

    /// Gives a new database its state, and makes sure that the secrets of any other can be opened.
    async fn prepare(&self, name: &str, secret_key: &SecretKey) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        query("INSERT INTO state (id, revision) VALUES (1, 0) ON CONFLICT (id) DO NOTHING")
            .execute(&mut transaction)
            .await?;
        query("UPDATE state SET secret_check = $1 WHERE secret_check IS NULL")
            .bind(secret_key.check_value()?)
            .execute(&mut transaction)
            .await?;
        let state = query("SELECT secret_check FROM state")
            .fetch_one(&mut transaction)
            .await?;
        if !secret_key.fits(state.try_get("secret_check")?) {
            return Err(StoreError::OtherSecretKey {
                database: name.to_owned(),
            });
        }
        transaction.commit().await
    }
}

async fn run<D: sqlx::Database>(
    pool: &Pool<D>,
    name: &str,
    as_it_takes_it: impl Fn(&str) -> String,
) -> Result<(), StoreError>
where
    D::Connection: Migrate,
{
    let migrations = MIGRATIONS.map(|(version, description, sql)| {
        Migration::new(
            version,
            description.into(),
            MigrationType::Simple,
            AssertSqlSafe(as_it_takes_it(sql)).into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.into())
        .run(pool)
        .await
        .map_err(|source| StoreError::Unmigrated {
            database: name.to_owned(),
            source,
        })
}
