//! Gateways as they stand in rows: what each said of itself last.

use portcullis_feed::{GatewayReport, GatewayTokenId, Position, Revision};

use crate::statement::{Row, Value};
use crate::{StoreError, row};

/// A running Envoy with the filter in it, as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// What it said of itself.
    pub report: GatewayReport,
    /// After which revision it asked last.
    pub asked_after: Option<Revision>,
    /// By which token it came. That may be gone.
    pub token: TokenName,
    /// When it was heard of first: milliseconds since 1970, UTC.
    pub first_contact_ms: u64,
    /// When it was heard of last: milliseconds since 1970, UTC.
    pub last_contact_ms: u64,
}

/// Enough of a gateway's token to point at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenName {
    /// Its public name.
    pub id: GatewayTokenId,
    /// What people call it.
    pub name: String,
}

/// The columns of a gateway.
pub(crate) const COLUMNS: &str = "instance, name, version, format, workers, feed_keys, at_us, \
     applied_epoch, applied_revision, asked_after, token_id, token_name, first_contact_ms, \
     last_contact_ms";

/// What stands in them.
pub(crate) fn values(gateway: &Gateway) -> Result<[Value; 14], StoreError> {
    let report = &gateway.report;
    let applied = report.applied.as_ref();
    Ok([
        (&report.instance).into(),
        (&report.name).into(),
        (&report.version).into(),
        i64::from(report.format).into(),
        i64::from(report.workers).into(),
        row::to_json(&report.feed_keys, "feed_keys")?.into(),
        row::stored(report.at_us).into(),
        applied.map(|position| &position.epoch).into(),
        applied
            .map(|position| row::stored(position.revision))
            .into(),
        gateway.asked_after.map(row::stored).into(),
        gateway.token.id.to_string().into(),
        (&gateway.token.name).into(),
        row::stored(gateway.first_contact_ms).into(),
        row::stored(gateway.last_contact_ms).into(),
    ])
}

pub(crate) fn from_row(row: &Row) -> Result<Gateway, StoreError> {
    let epoch: Option<String> = row.try_get("applied_epoch")?;
    let revision = row::number_if_any(row, "applied_revision")?;
    let applied = epoch.zip(revision);
    Ok(Gateway {
        report: GatewayReport {
            instance: row.try_get("instance")?,
            at_us: row::number(row, "at_us")?,
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            format: small(row, "format")?,
            applied: applied.map(|(epoch, revision)| Position { epoch, revision }),
            workers: small(row, "workers")?,
            feed_keys: row::from_json(row, "feed_keys")?,
        },
        asked_after: row::number_if_any(row, "asked_after")?,
        token: TokenName {
            id: row::parsed(row, "token_id")?,
            name: row.try_get("token_name")?,
        },
        first_contact_ms: row::number(row, "first_contact_ms")?,
        last_contact_ms: row::number(row, "last_contact_ms")?,
    })
}

fn small(row: &Row, column: &'static str) -> Result<u32, StoreError> {
    u32::try_from(row::number(row, column)?).map_err(|_| StoreError::Unreadable { column })
}
