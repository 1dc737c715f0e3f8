//! Gateways in the database: what each said of itself last. Written rarely and many at a time, for the next start.

use portcullis_feed::{GatewayReport, GatewayTokenId, Position, Revision};

use crate::statement::{Draft, Row, query};
use crate::{Edit, Snapshot, StoreError, Topic, row};

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

impl Snapshot {
    /// All gateways, in the order of their instances.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gateways(&mut self) -> Result<Vec<Gateway>, StoreError> {
        let found = query("SELECT * FROM gateways ORDER BY instance")
            .fetch_all(&mut self.transaction)
            .await?;
        found.iter().map(from_row).collect()
    }
}

impl Edit {
    /// How many gateways one statement takes: databases bound the number of its values.
    pub const MOST_GATEWAYS: usize = 200;

    /// Adds gateways, or gives them their new state: at most [`MOST_GATEWAYS`](Self::MOST_GATEWAYS).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_gateways(&mut self, gateways: &[Gateway]) -> Result<(), StoreError> {
        self.touch(Topic::Gateways);
        if gateways.is_empty() {
            return Ok(());
        }
        let mut rows = Vec::with_capacity(gateways.len());
        for gateway in gateways {
            let feed_keys = row::to_json(&gateway.report.feed_keys, "feed_keys")?;
            rows.push((gateway, feed_keys));
        }
        let mut draft = Draft::new(
            "INSERT INTO gateways (instance, name, version, format, workers, feed_keys, \
             applied_epoch, applied_revision, asked_after, token_id, token_name, \
             first_contact_ms, last_contact_ms) ",
        );
        draft.push_rows(rows.into_iter().map(|(gateway, feed_keys)| {
            let report = &gateway.report;
            let applied = report.applied.as_ref();
            [
                (&report.instance).into(),
                (&report.name).into(),
                (&report.version).into(),
                i64::from(report.format).into(),
                i64::from(report.workers).into(),
                feed_keys.into(),
                applied.map(|position| &position.epoch).into(),
                applied
                    .map(|position| row::stored(position.revision))
                    .into(),
                gateway.asked_after.map(row::stored).into(),
                gateway.token.id.to_string().into(),
                (&gateway.token.name).into(),
                row::stored(gateway.first_contact_ms).into(),
                row::stored(gateway.last_contact_ms).into(),
            ]
        }));
        draft.push(
            " ON CONFLICT (instance) DO UPDATE SET name = excluded.name, \
             version = excluded.version, format = excluded.format, workers = excluded.workers, \
             feed_keys = excluded.feed_keys, applied_epoch = excluded.applied_epoch, \
             applied_revision = excluded.applied_revision, asked_after = excluded.asked_after, \
             token_id = excluded.token_id, token_name = excluded.token_name, \
             first_contact_ms = excluded.first_contact_ms, \
             last_contact_ms = excluded.last_contact_ms",
        );
        draft
            .finished()
            .execute(&mut self.read().transaction)
            .await?;
        Ok(())
    }

    /// Forgets a gateway, because somebody wants that.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_gateway(&mut self, gateway: &Gateway) -> Result<(), StoreError> {
        self.delete_gateways(std::slice::from_ref(&gateway.report.instance))
            .await?;
        self.enter(Some(gateway), None).await
    }

    /// Forgets gateways by their instances, because nothing was heard of them for long.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_gateways(&mut self, instances: &[String]) -> Result<(), StoreError> {
        self.touch(Topic::Gateways);
        for instance in instances {
            self.run("DELETE FROM gateways WHERE instance = $1", instance)
                .await?;
        }
        Ok(())
    }
}

fn from_row(row: &Row) -> Result<Gateway, StoreError> {
    let epoch: Option<String> = row.try_get("applied_epoch")?;
    let revision = row::number_if_any(row, "applied_revision")?;
    let applied = epoch.zip(revision);
    Ok(Gateway {
        report: GatewayReport {
            instance: row.try_get("instance")?,
            // Not kept: whatever it says next is later.
            at_us: 0,
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
