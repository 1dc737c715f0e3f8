//! What the processes over one database tell each other of the gateways: which has seen which, and that they live. Each
//! reads only what is newer than what it knows.
//!
//! Times are those of the caller's clock on both sides. Between processes they go by the clock of the database server, so
//! that clocks which differ do no harm.

use crate::gateway::{self, Gateway};
use crate::statement::{Draft, Row, Value, query};
use crate::{Edit, Snapshot, StoreError, Topic, row};

/// For how long others are told that a gateway is gone. A process that was out of reach for longer hears of it when the
/// gateway is lost to itself.
const GONE_TOLD_MS: i64 = 60 * 60 * 1_000;

/// How long after its last beat a process is forgotten.
const REPLICA_KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// What an earlier row of the same gateway takes over.
const TAKE_OVER: &str = " ON CONFLICT (instance) DO UPDATE SET name = excluded.name, \
     version = excluded.version, format = excluded.format, workers = excluded.workers, \
     feed_keys = excluded.feed_keys, at_us = excluded.at_us, \
     applied_epoch = excluded.applied_epoch, applied_revision = excluded.applied_revision, \
     asked_after = excluded.asked_after, token_id = excluded.token_id, \
     token_name = excluded.token_name, first_contact_ms = excluded.first_contact_ms, \
     last_contact_ms = excluded.last_contact_ms, asking = excluded.asking, \
     saved_by = excluded.saved_by, stamp = excluded.stamp, gone_at_ms = NULL";

/// A gateway as one of the processes has seen it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The gateway.
    pub gateway: Gateway,
    /// Whether it had a question open there.
    pub is_asking: bool,
    /// The name of the process.
    pub by: String,
}

/// A process over the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Its name: see [`Store::name`](crate::Store::name).
    pub name: String,
    /// When it said last that it lives: milliseconds since 1970, UTC.
    pub beat_at_ms: u64,
    /// How many questions are open there whose askers do not say who they are.
    pub unidentified: u64,
}

/// What is known of the gateways, as far as it is newer than a stamp.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FleetNews {
    /// The newest stamp.
    pub stamp: u64,
    /// Those that were seen, in the order of their instances.
    pub seen: Vec<Sighting>,
    /// The instances of those that are gone.
    pub gone: Vec<String>,
    /// The processes that have lived lately.
    pub replicas: Vec<Replica>,
}

impl Snapshot {
    /// What is newer than a stamp, or all that is known with a stamp of 0.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fleet_since(&mut self, stamp: u64, now_ms: u64) -> Result<FleetNews, StoreError> {
        let ahead_ms = self.transaction.clock_ahead_ms(now_ms).await?;
        let state = query("SELECT fleet_stamp FROM state")
            .fetch_one(&mut self.transaction)
            .await?;
        // Those of earlier versions have none.
        let after = if stamp == 0 { -1 } else { row::stored(stamp) };
        let rows = query("SELECT * FROM gateways WHERE stamp > $1 ORDER BY instance")
            .bind(after)
            .fetch_all(&mut self.transaction)
            .await?;
        let mut news = FleetNews {
            stamp: row::number(&state, "fleet_stamp")?,
            ..FleetNews::default()
        };
        for row in &rows {
            let gone_at_ms: Option<i64> = row.try_get("gone_at_ms")?;
            match gone_at_ms {
                Some(_) => news.gone.push(row.try_get("instance")?),
                None => news.seen.push(sighting(row, ahead_ms)?),
            }
        }
        let rows = query("SELECT * FROM replicas ORDER BY name")
            .fetch_all(&mut self.transaction)
            .await?;
        for row in &rows {
            news.replicas.push(Replica {
                name: row.try_get("name")?,
                beat_at_ms: moved(row::number(row, "beat_at_ms")?, ahead_ms.saturating_neg()),
                unidentified: row::number(row, "unidentified")?,
            });
        }
        Ok(news)
    }
}

impl Edit {
    /// How many gateways one statement takes: databases bound the number of its values.
    pub const MOST_GATEWAYS: usize = 200;

    /// Adds gateways, or gives them their new state: at most [`MOST_GATEWAYS`](Self::MOST_GATEWAYS). Tells the stamp
    /// under which others find them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_sightings(
        &mut self,
        sightings: &[Sighting],
        now_ms: u64,
    ) -> Result<u64, StoreError> {
        let stamp = self.next_fleet_stamp().await?;
        let transaction = &mut self.read().transaction;
        let ahead_ms = transaction.clock_ahead_ms(now_ms).await?;
        let mut rows = Vec::with_capacity(sightings.len());
        for sighting in sightings {
            let mut gateway = sighting.gateway.clone();
            gateway.first_contact_ms = moved(gateway.first_contact_ms, ahead_ms);
            gateway.last_contact_ms = moved(gateway.last_contact_ms, ahead_ms);
            let saved: [Value; 3] = [
                sighting.is_asking.into(),
                (&sighting.by).into(),
                row::stored(stamp).into(),
            ];
            rows.push(gateway::values(&gateway)?.into_iter().chain(saved));
        }
        if !rows.is_empty() {
            let mut draft = Draft::new("INSERT INTO gateways (");
            draft.push(gateway::COLUMNS);
            draft.push(", asking, saved_by, stamp) ").push_rows(rows);
            draft.push(TAKE_OVER);
            draft.finished().execute(transaction).await?;
        }
        Ok(stamp)
    }

    /// Forgets gateways by their instances, and tells the stamp under which others hear of it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_gateways(
        &mut self,
        instances: &[String],
        now_ms: u64,
    ) -> Result<u64, StoreError> {
        let stamp = self.next_fleet_stamp().await?;
        let transaction = &mut self.read().transaction;
        let gone_at_ms = moved(now_ms, transaction.clock_ahead_ms(now_ms).await?);
        for instance in instances {
            query("UPDATE gateways SET gone_at_ms = $1, stamp = $2 WHERE instance = $3")
                .bind(row::stored(gone_at_ms))
                .bind(row::stored(stamp))
                .bind(instance)
                .execute(transaction)
                .await?;
        }
        query("DELETE FROM gateways WHERE gone_at_ms < $1")
            .bind(row::stored(gone_at_ms).saturating_sub(GONE_TOLD_MS))
            .execute(transaction)
            .await?;
        Ok(stamp)
    }

    /// Forgets a gateway, because somebody wants that.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_gateway(
        &mut self,
        gateway: &Gateway,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let instance = std::slice::from_ref(&gateway.report.instance);
        self.forget_gateways(instance, now_ms).await?;
        self.enter(Some(gateway), None).await
    }

    /// Says that a process lives, and how many questions it has open whose askers do not say who they are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn beat(
        &mut self,
        name: &str,
        unidentified: u64,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        self.touch(Topic::Gateways);
        let transaction = &mut self.read().transaction;
        let at_ms = row::stored(moved(now_ms, transaction.clock_ahead_ms(now_ms).await?));
        query(
            "INSERT INTO replicas (name, beat_at_ms, unidentified) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET beat_at_ms = excluded.beat_at_ms, \
             unidentified = excluded.unidentified",
        )
        .bind(name)
        .bind(at_ms)
        .bind(row::stored(unidentified))
        .execute(transaction)
        .await?;
        query("DELETE FROM replicas WHERE beat_at_ms < $1")
            .bind(at_ms.saturating_sub(REPLICA_KEPT_MS))
            .execute(transaction)
            .await?;
        Ok(())
    }

    async fn next_fleet_stamp(&mut self) -> Result<u64, StoreError> {
        self.touch(Topic::Gateways);
        let state = query("UPDATE state SET fleet_stamp = fleet_stamp + 1 RETURNING fleet_stamp")
            .fetch_one(&mut self.read().transaction)
            .await?;
        row::number(&state, "fleet_stamp")
    }
}

fn sighting(row: &Row, ahead_ms: i64) -> Result<Sighting, StoreError> {
    let mut gateway = gateway::from_row(row)?;
    gateway.first_contact_ms = moved(gateway.first_contact_ms, ahead_ms.saturating_neg());
    gateway.last_contact_ms = moved(gateway.last_contact_ms, ahead_ms.saturating_neg());
    Ok(Sighting {
        gateway,
        is_asking: row.try_get("asking")?,
        by: row.try_get("saved_by")?,
    })
}

/// A time by another clock.
fn moved(at_ms: u64, by_ms: i64) -> u64 {
    at_ms.saturating_add_signed(by_ms)
}
