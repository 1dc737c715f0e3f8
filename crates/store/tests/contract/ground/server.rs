//! PostgreSQL: a database for each store, on the server that `cargo xtask test` starts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use portcullis_store::Location;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

/// How many lives the model lives through, and how many steps each has: databases are copied more slowly than files.
pub const LIVES: u64 = 2;
pub const STEPS: u64 = 60;

/// Names the server: a URL without a database, for who may make some.
const SERVER: &str = "PORTCULLIS_TEST_POSTGRES";

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Where a store is.
pub struct Ground(String);

impl Ground {
    pub async fn new() -> Self {
        let ground = Self::unmade();
        server(&format!("CREATE DATABASE {}", ground.0))
            .await
            .unwrap();
        ground
    }

    /// No place: what stands on that of another.
    pub const fn none() -> Self {
        Self(String::new())
    }

    pub fn location(&self) -> Location {
        Location::Postgres(format!("{}/{}", url(), self.0).parse().unwrap())
    }

    /// Does something to the database behind the back of the store.
    pub async fn execute(&self, statement: &str) {
        let url = format!("{}/{}", url(), self.0);
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let done = connection.execute(AssertSqlSafe(statement.to_owned()));
        done.await.unwrap();
        connection.close().await.unwrap();
    }

    /// A copy as it is now, though the store may be open: nobody writes meanwhile.
    pub async fn copied(&self) -> Self {
        let copy = Self::unmade();
        copy.made_as(self).await;
        copy
    }

    /// Puts a copy in its place, whoever uses it.
    pub async fn put_back(&self, copy: &Self) {
        server(&format!("DROP DATABASE {} WITH (FORCE)", self.0))
            .await
            .unwrap();
        self.made_as(copy).await;
    }

    fn unmade() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(format!("contract_{}_{number}", std::process::id()))
    }

    /// Who is connected to the other loses that, and nobody is let in until the copy is made: stores connect again at once.
    async fn made_as(&self, other: &Self) {
        let admit =
            |whether: bool| format!("ALTER DATABASE {} ALLOW_CONNECTIONS {whether}", other.0);
        server(&admit(false)).await.unwrap();
        let end_others = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            other.0
        );
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            server(&end_others).await.unwrap();
            let made = server(&format!("CREATE DATABASE {} TEMPLATE {}", self.0, other.0)).await;
            match made {
                Ok(()) => break,
                // Who was let in before ends in a moment.
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
        }
        server(&admit(true)).await.unwrap();
    }
}

fn url() -> String {
    std::env::var(SERVER).unwrap_or_else(|_| {
        panic!("`{SERVER}` is not set: run these tests with `cargo xtask test`")
    })
}

async fn server(statement: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(&format!("{}/postgres", url())).await?;
    let done = connection
        .execute(AssertSqlSafe(statement.to_owned()))
        .await;
    connection.close().await?;
    done.map(drop)
}
