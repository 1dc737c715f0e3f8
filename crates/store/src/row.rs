//! Values as they stand in rows: identifiers and digests as text, times as milliseconds, lists as JSON.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::statement::Row;

/// A value with a written form, such as an identifier.
pub(crate) fn parsed<T: FromStr>(row: &Row, column: &'static str) -> Result<T, StoreError> {
    read(row.try_get(column)?, column)
}

/// The same, of a text that stood in a column.
pub(crate) fn read<T: FromStr>(text: &str, column: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Unreadable { column })
}

/// The same, where it may be absent.
pub(crate) fn parsed_if_any<T: FromStr>(
    row: &Row,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(str::parse)
        .transpose()
        .map_err(|_| StoreError::Unreadable { column })
}

/// A list or another value that is stored as JSON.
pub(crate) fn from_json<T: DeserializeOwned>(
    row: &Row,
    column: &'static str,
) -> Result<T, StoreError> {
    read_json(row.try_get(column)?, column)
}

/// The same, of a text that stood in a column.
pub(crate) fn read_json<T: DeserializeOwned>(
    text: &str,
    column: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Unreadable { column })
}

/// The same, where it may be absent.
pub(crate) fn from_json_if_any<T: DeserializeOwned>(
    row: &Row,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|_| StoreError::Unreadable { column })
}

/// A time or a revision.
pub(crate) fn number(row: &Row, column: &'static str) -> Result<u64, StoreError> {
    unsigned(row.try_get(column)?, column)
}

/// The same, of a value that stood in a column.
pub(crate) fn unsigned(value: i64, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Unreadable { column })
}

/// The same, where it may be absent.
pub(crate) fn number_if_any(row: &Row, column: &'static str) -> Result<Option<u64>, StoreError> {
    let value: Option<i64> = row.try_get(column)?;
    value
        .map(u64::try_from)
        .transpose()
        .map_err(|_| StoreError::Unreadable { column })
}

/// A time or a revision as databases take it. What is beyond their range is as far away as they can say.
pub(crate) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A value as JSON text.
pub(crate) fn to_json<T: Serialize>(value: &T, column: &'static str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Unreadable { column })
}
