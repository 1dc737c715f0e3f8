//! Work in the background that one process at a time does for all over the same database. On PostgreSQL it holds an
//! advisory lock for that, on a connection of its own: whoever dies, or is cut off, loses both, and another takes over.

use std::future;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};
use tokio::time::{sleep, timeout};

use crate::Store;
use crate::database::Books;
use crate::postgres::PostgresBooks;

/// How often a process that waits asks whether it may. That is also how long the work may lie idle.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// How often it is made sure that the claim is still held.
const CHECKED_EVERY: Duration = Duration::from_secs(2);

/// How long the server may take to say anything.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells the locks of this program from those of others over the same database.
const LOCKS: i32 = 0x7063_6c73;

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Fetching key sets.
    KeySets,
    /// Forgetting what was removed long ago.
    Removals,
    /// Adding up usage, and forgetting what is old of it.
    Usage,
}

/// That this process does a kind of work, and no other over the same database. Given back when it is dropped.
pub struct Claim(Option<PgConnection>);

impl Store {
    /// Waits until this process may do a kind of work: as long as another does, and as long as the database is out of
    /// reach. Where no other process can be, it may at once.
    pub async fn claim(&self, work: Work) -> Claim {
        let Books::Postgres(books) = &self.books else {
            return Claim(None);
        };
        loop {
            // A connection that failed is not used again.
            if let Ok(claim) = locked(books, work).await {
                return claim;
            }
            sleep(ASKED_EVERY).await;
        }
    }
}

impl Claim {
    /// Waits until the claim may be another's.
    pub async fn lost(&mut self) {
        let Some(connection) = &mut self.0 else {
            return future::pending().await;
        };
        loop {
            sleep(CHECKED_EVERY).await;
            if !matches!(timeout(PATIENCE, connection.ping()).await, Ok(Ok(()))) {
                return;
            }
        }
    }
}

impl Work {
    /// Never changes: processes of different versions agree on it.
    const fn lock(self) -> i32 {
        match self {
            Self::KeySets => 1,
            Self::Removals => 2,
            Self::Usage => 3,
        }
    }
}

async fn locked(books: &PostgresBooks, work: Work) -> sqlx::Result<Claim> {
    let mut connection = within(books.connection("portcullis working")).await?;
    loop {
        let asked = sqlx::query("SELECT pg_try_advisory_lock($1, $2)")
            .bind(LOCKS)
            .bind(work.lock())
            .fetch_one(&mut connection);
        if within(asked).await?.try_get(0)? {
            return Ok(Claim(Some(connection)));
        }
        sleep(ASKED_EVERY).await;
    }
}

async fn within<T>(asked: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    timeout(PATIENCE, asked)
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
