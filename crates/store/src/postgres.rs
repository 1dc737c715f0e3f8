//! PostgreSQL: any number of processes over one database, which tell each other by `NOTIFY` what they have written.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Pool, Postgres};

use crate::StoreError;

/// On which channel processes tell each other.
pub(crate) const CHANNEL: &str = "portcullis";

/// For how long a statement waits for a connection: then the database counts as out of reach.
const CONNECTION_WAIT: Duration = Duration::from_secs(5);

/// For how long nobody tries to read after the server was out of reach for somebody: those who wait in a row would wait
/// for it one after the other.
const AWAY_FOR: Duration = Duration::from_millis(500);

/// Settings of each connection. A process that hangs, or whose machine is gone, must not hold the lock of all edits
/// for ever: an idle transaction ends, and a silent connection is noticed.
const SETTINGS: [(&str, &str); 6] = [
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "15s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("synchronous_commit", "on"),
];

/// Where a PostgreSQL database is, with the password to it. Its `Debug` form shows neither user nor password.
#[derive(Clone)]
pub struct PostgresUrl(Box<PgConnectOptions>);

/// A text is no such URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a database URL is `postgres://USER:PASSWORD@HOST:PORT/DATABASE`")]
pub struct InvalidPostgresUrl;

impl FromStr for PostgresUrl {
    type Err = InvalidPostgresUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPostgresUrl> {
        let is_postgres = ["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        match text.parse() {
            Ok(options) if is_postgres => Ok(Self(Box::new(options))),
            // What cannot be read may hold a password: nothing of it is repeated.
            _ => Err(InvalidPostgresUrl),
        }
    }
}

impl fmt::Display for PostgresUrl {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.0.get_database().unwrap_or_default();
        let (host, port) = (self.0.get_host(), self.0.get_port());
        match self.0.get_socket() {
            Some(socket) => write!(f, "postgres://{}/{database}", socket.display()),
            None => write!(f, "postgres://{host}:{port}/{database}"),
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// The connections to a database.
#[derive(Clone)]
pub(crate) struct PostgresBooks {
    pub(crate) readers: Pool<Postgres>,
    /// One: only one edit is under way in the whole database anyway, and waiting for a connection is fair.
    pub(crate) writer: Pool<Postgres>,
    url: PostgresUrl,
    /// When a reader found the server out of reach last, unless another has reached it since.
    away_at: Arc<Mutex<Option<Instant>>>,
}

impl PostgresBooks {
    pub(crate) async fn open(url: &PostgresUrl) -> Result<Self, StoreError> {
        let options = (*url.0).clone().application_name("portcullis");
        // Statements about many records are long, and say nothing in a log.
        let options = options.options(SETTINGS).disable_statement_logging();
        let pool = |most| {
            PgPoolOptions::new()
                .max_connections(most)
                .acquire_timeout(CONNECTION_WAIT)
        };
        let writer = pool(1).connect_with(options.clone()).await;
        let writer = writer.map_err(|source| StoreError::Unopened {
            database: url.to_string(),
            source,
        })?;
        Ok(Self {
            readers: pool(8).connect_lazy_with(options),
            writer,
            url: url.clone(),
            away_at: Arc::default(),
        })
    }

    /// Begins to read: everything as it is at one moment.
    pub(crate) async fn read(&self) -> Result<sqlx::Transaction<'static, Postgres>, StoreError> {
        const OF_ONE_MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let away_at = *lock(&self.away_at);
        if away_at.is_some_and(|at| at.elapsed() < AWAY_FOR) {
            return Err(StoreError::Away);
        }
        let begun = begun(&self.readers, OF_ONE_MOMENT).await;
        let is_away = matches!(begun, Err(sqlx::Error::PoolTimedOut));
        *lock(&self.away_at) = is_away.then(Instant::now);
        Ok(begun?)
    }

    /// Begins to write, on a connection of those who edit.
    pub(crate) async fn write(&self) -> sqlx::Result<sqlx::Transaction<'static, Postgres>> {
        begun(&self.writer, "BEGIN").await
    }

    /// Begins to write beside those who edit.
    pub(crate) async fn write_beside(&self) -> sqlx::Result<sqlx::Transaction<'static, Postgres>> {
        begun(&self.readers, "BEGIN").await
    }

    /// A connection of its own.
    pub(crate) async fn connection(&self, name: &str) -> sqlx::Result<PgConnection> {
        let options = (*self.url.0).clone().application_name(name);
        PgConnection::connect_with(&options.options(SETTINGS)).await
    }

    /// Begins to hear what is told from now on, on a connection of its own.
    pub(crate) async fn listen(&self) -> Result<PgListener, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECTION_WAIT)
            .connect_lazy_with(
                (*self.url.0)
                    .clone()
                    .application_name("portcullis listening"),
            );
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The migrations as PostgreSQL takes them. Texts are compared byte by byte, as SQLite does, whatever the locale of the
/// database; bytes have another name, and so have numbers that the database gives; and rows always stand where they do.
pub(crate) fn as_postgres_takes_it(migration: &str) -> String {
    migration
        .replace(" TEXT", " TEXT COLLATE \"C\"")
        .replace(" BLOB", " BYTEA")
        .replace(
            " INTEGER PRIMARY KEY AUTOINCREMENT",
            " BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        )
        .replace(" WITHOUT ROWID", "")
}

/// Begins a transaction, even where nobody waits for it any more. Who stops waiting between the question and its answer
/// would give a connection back with a transaction on it, of which sqlx 0.9 knows nothing: the next one would be in it.
async fn begun(
    pool: &Pool<Postgres>,
    how: &'static str,
) -> sqlx::Result<sqlx::Transaction<'static, Postgres>> {
    let pool = pool.clone();
    let beginning = tokio::spawn(async move { pool.begin_with(how).await });
    beginning.await.map_err(|_| sqlx::Error::WorkerCrashed)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_never_shows_who_comes_and_by_which_password() {
        let url: PostgresUrl = "postgres://ann:canary@db.example:5433/gate"
            .parse()
            .unwrap();
        assert_eq!(url.to_string(), "postgres://db.example:5433/gate");
        assert_eq!(format!("{url:?}"), "`postgres://db.example:5433/gate`");
    }

    #[test]
    fn what_is_no_url_is_refused_without_being_repeated() {
        for text in [
            "",
            "canary",
            "mysql://canary@host/db",
            "postgres://canary:x@host:port/db",
        ] {
            let refusal = text.parse::<PostgresUrl>().unwrap_err();
            assert!(!refusal.to_string().contains("canary"), "{text}");
        }
    }
}
