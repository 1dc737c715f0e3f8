//! Statements as both databases take them, and rows as both give them: what is written once runs on SQLite and on
//! PostgreSQL. No tables.

use std::fmt::{self, Write as _};

use portcullis_feed::Revision;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{
    AssertSqlSafe, ColumnIndex, Decode, Postgres, Row as _, SqlSafeStr, SqlStr, Sqlite, Type,
};

use crate::postgres::CHANNEL;
use crate::topic::Topics;
use crate::{StoreError, row};

/// A transaction on one of the databases.
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// Where a database is in its history.
pub(crate) struct PlaceInHistory {
    /// The newest revision.
    pub(crate) revision: Revision,
    /// The epoch of the newest life. Empty in a new database.
    pub(crate) life: String,
    /// Which copy of the database this is: on PostgreSQL another after a restart or a change of the server, and after the
    /// tables were loaded again.
    pub(crate) copy: String,
    /// What it remembers of the key under which its secrets are sealed.
    pub(crate) secret_check: String,
}

/// A row of one of the databases.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// Rows as one text: lists of JSON in a list.
pub(crate) struct Lists(Option<String>);

/// A truth value as databases write it as JSON: SQLite as 0 or 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Truth(pub(crate) bool);

/// A statement with its values.
pub(crate) struct Statement {
    text: SqlStr,
    values: Vec<Value>,
    kept_prepared: bool,
    /// Whether each value stands there once, in the order of the values.
    is_in_order: bool,
}

/// A value of a statement. `None` is NULL, and keeps its type: PostgreSQL wants to know it.
#[derive(Clone)]
pub(crate) enum Value {
    Text(Option<String>),
    Number(Option<i64>),
    Truth(Option<bool>),
    Bytes(Option<Vec<u8>>),
}

/// Begins a statement. Its values are called `$1`, `$2` and so on.
pub(crate) fn query(text: impl SqlSafeStr) -> Statement {
    Statement {
        text: text.into_sql_str(),
        values: Vec::new(),
        kept_prepared: true,
        is_in_order: false,
    }
}

/// A statement that is put together from parts. Only what a value says may come from outside, and values are bound.
pub(crate) struct Draft {
    text: String,
    values: Vec<Value>,
}

impl Draft {
    /// Begins with a part.
    pub(crate) fn new(part: &'static str) -> Self {
        Self {
            text: part.to_owned(),
            values: Vec::new(),
        }
    }

    /// Goes on with another.
    pub(crate) fn push(&mut self, part: &'static str) -> &mut Self {
        self.text.push_str(part);
        self
    }

    /// Goes on with a value.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        // Writing to a text cannot fail.
        let _ = write!(self.text, "${}", self.values.len());
        self
    }

    /// Goes on with values in parentheses, separated by commas.
    pub(crate) fn push_list(&mut self, values: impl IntoIterator<Item = Value>) -> &mut Self {
        let mut separator = "(";
        for value in values {
            self.push(separator).push_bind(value);
            separator = ", ";
        }
        self.push(")")
    }

    /// Goes on with rows, as `INSERT` takes them.
    pub(crate) fn push_rows<R: IntoIterator<Item = Value>>(
        &mut self,
        rows: impl IntoIterator<Item = R>,
    ) -> &mut Self {
        let mut separator = "VALUES ";
        for row in rows {
            self.push(separator).push_list(row);
            separator = ", ";
        }
        self
    }

    /// The statement, whose text comes again and again.
    pub(crate) fn kept(self) -> Statement {
        Statement {
            values: self.values,
            is_in_order: true,
            ..query(AssertSqlSafe(self.text))
        }
    }

    /// The statement. It is hardly ever the same again: databases need not remember how they do it.
    pub(crate) fn finished(self) -> Statement {
        Statement {
            kept_prepared: false,
            ..self.kept()
        }
    }
}

impl Statement {
    /// Gives it its next value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Runs it, and tells how many rows it concerned.
    pub(crate) async fn execute(self, on: &mut Transaction) -> Result<u64, StoreError> {
        Ok(match on {
            Transaction::Sqlite(on) => self.on_sqlite().execute(&mut **on).await?.rows_affected(),
            Transaction::Postgres(on) => {
                self.on_postgres().execute(&mut **on).await?.rows_affected()
            }
        })
    }

    /// All rows.
    pub(crate) async fn fetch_all(self, on: &mut Transaction) -> Result<Vec<Row>, StoreError> {
        Ok(match on {
            Transaction::Sqlite(on) => {
                let rows = self.on_sqlite().fetch_all(&mut **on).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Transaction::Postgres(on) => {
                let rows = self.on_postgres().fetch_all(&mut **on).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// All rows, where the statement makes one text of them.
    pub(crate) async fn fetch_lists(self, on: &mut Transaction) -> Result<Lists, StoreError> {
        Ok(Lists(self.fetch_one(on).await?.try_get(0)?))
    }

    /// The only row, if there is one.
    pub(crate) async fn fetch_optional(
        self,
        on: &mut Transaction,
    ) -> Result<Option<Row>, StoreError> {
        Ok(match on {
            Transaction::Sqlite(on) => {
                let row = self.on_sqlite().fetch_optional(&mut **on).await?;
                row.map(Row::Sqlite)
            }
            Transaction::Postgres(on) => {
                let row = self.on_postgres().fetch_optional(&mut **on).await?;
                row.map(Row::Postgres)
            }
        })
    }

    /// The only row.
    pub(crate) async fn fetch_one(self, on: &mut Transaction) -> Result<Row, StoreError> {
        let row = self.fetch_optional(on).await?;
        row.ok_or(StoreError::Failed(sqlx::Error::RowNotFound))
    }

    fn on_sqlite(self) -> sqlx::query::Query<'static, Sqlite, sqlx::sqlite::SqliteArguments> {
        let text = if self.is_in_order {
            unnumbered(self.text.as_str())
        } else {
            self.text
        };
        let query = sqlx::query::<Sqlite>(text).persistent(self.kept_prepared);
        self.values
            .into_iter()
            .fold(query, |query, value| match value {
                Value::Text(value) => query.bind(value),
                Value::Number(value) => query.bind(value),
                Value::Truth(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
            })
    }

    fn on_postgres(self) -> sqlx::query::Query<'static, Postgres, sqlx::postgres::PgArguments> {
        let query = sqlx::query::<Postgres>(self.text).persistent(self.kept_prepared);
        self.values
            .into_iter()
            .fold(query, |query, value| match value {
                Value::Text(value) => query.bind(value),
                Value::Number(value) => query.bind(value),
                Value::Truth(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
            })
    }
}

impl Transaction {
    /// Of what is for SQLite and what is for PostgreSQL, that which is for the database that this is on.
    pub(crate) fn own<T>(&self, [for_sqlite, for_postgres]: [T; 2]) -> T {
        match self {
            Self::Sqlite(_) => for_sqlite,
            Self::Postgres(_) => for_postgres,
        }
    }

    /// Where the database is in its history.
    pub(crate) async fn place_in_history(&mut self) -> Result<PlaceInHistory, StoreError> {
        let place = query(self.own([
            "SELECT revision, secret_check, \
             (SELECT epoch FROM lives ORDER BY ordinal DESC LIMIT 1) AS life, \
             'file' AS copy FROM state",
            "SELECT revision, secret_check, \
             (SELECT epoch FROM lives ORDER BY ordinal DESC LIMIT 1) AS life, \
             CONCAT((SELECT oid FROM pg_database WHERE datname = current_database()), ' ', \
             'state'::regclass::oid, ' ', pg_postmaster_start_time()) AS copy FROM state",
        ]));
        let place = place.fetch_one(self).await?;
        let life: Option<String> = place.try_get("life")?;
        Ok(PlaceInHistory {
            revision: row::number(&place, "revision")?,
            life: life.unwrap_or_default(),
            copy: place.try_get("copy")?,
            secret_check: place.try_get("secret_check")?,
        })
    }

    /// By how many milliseconds the clock that all processes share is ahead of that of the caller. Of one process alone
    /// that is its own.
    pub(crate) async fn clock_ahead_ms(&mut self, now_ms: u64) -> Result<i64, StoreError> {
        if let Self::Sqlite(_) = self {
            return Ok(0);
        }
        let clock =
            query("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now_ms")
                .fetch_one(self)
                .await?;
        let shared_ms: i64 = clock.try_get("now_ms")?;
        Ok(shared_ms.saturating_sub(row::stored(now_ms)))
    }

    /// Tells the other processes over the same database, as soon as this is committed, that there is something new.
    pub(crate) async fn tell_others(&mut self, topics: Topics) -> Result<(), StoreError> {
        if let Self::Postgres(_) = self {
            query("SELECT pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(topics.as_text())
                .fetch_one(self)
                .await?;
        }
        Ok(())
    }

    /// Keeps what was done.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await?,
            Self::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}

/// A statement without the numbers of its values. SQLite takes `$1` for a name, and looks through all names before it for
/// each one.
fn unnumbered(text: &str) -> SqlStr {
    let mut parts = text.split('$');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push('?');
        plain.push_str(part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    }
    AssertSqlSafe(plain).into_sql_str()
}

impl Row {
    /// What stands in a column, by its name or its place.
    pub(crate) fn try_get<'r, T, I>(&'r self, column: I) -> Result<T, StoreError>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
        I: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        Ok(match self {
            Self::Sqlite(row) => row.try_get(column)?,
            Self::Postgres(row) => row.try_get(column)?,
        })
    }
}

impl Lists {
    /// The rows. PostgreSQL gives no list at all where there are none.
    pub(crate) fn read<'l, T: Deserialize<'l>>(
        &'l self,
        table: &'static str,
    ) -> Result<Vec<T>, StoreError> {
        let Self(text) = self;
        let rows = text.as_deref().map(serde_json::from_str).transpose();
        let unreadable = StoreError::Unreadable { column: table };
        Ok(rows.map_err(|_| unreadable)?.unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;

        impl Visitor<'_> for Reading {
            type Value = Truth;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, 1 or 0")
            }

            fn visit_bool<E>(self, truth: bool) -> Result<Truth, E> {
                Ok(Truth(truth))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Truth, E> {
                Ok(Truth(number != 0))
            }
        }

        deserializer.deserialize_any(Reading)
    }
}

macro_rules! value {
    ($($from:ty => $kind:ident,)*) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$kind(Some(value.into()))
            }
        }

        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                Self::$kind(value.map(Into::into))
            }
        })*
    };
}

value! {
    String => Text,
    &String => Text,
    &str => Text,
    i64 => Number,
    bool => Truth,
    Vec<u8> => Bytes,
    &[u8] => Bytes,
}

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}
