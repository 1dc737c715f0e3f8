//! The sample of refused requests.

use std::collections::HashMap;

use portcullis_feed::{ClientId, CollectionId, ProfileId, RefusalSample, UsageBatch};

use crate::statement::{Draft, Row, Transaction, Value};
use crate::{Snapshot, StoreError, row};

/// How many are kept of the batches that are counted at once: an attack on many gateways must not fill the database.
const MOST_AT_ONCE: usize = 200;

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Tells it from others, in the order in which they came.
    pub id: u64,
    /// Which gateway told it: another for each start of Envoy.
    pub instance: String,
    /// What that Envoy calls itself.
    pub gateway: String,
    /// Whose client the profile was, if that is known.
    pub client: Option<ClientId>,
    /// What the gateway told.
    pub sample: RefusalSample,
}

/// Which refusals are wanted: those that fit all that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefusedFilter {
    /// Why.
    pub reason: Option<String>,
    /// Whose client the profile was.
    pub client: Option<ClientId>,
    /// Whose they were.
    pub profile: Option<ProfileId>,
    /// By which key they came.
    pub key_id: Option<String>,
    /// What they asked for.
    pub collection: Option<CollectionId>,
    /// Not before: milliseconds since 1970, UTC.
    pub since_ms: Option<u64>,
    /// Before: milliseconds since 1970, UTC.
    pub until_ms: Option<u64>,
}

impl Snapshot {
    /// The refusals that fit a filter, the newest first: those before one, by its time and its `id`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refused(
        &mut self,
        filter: &RefusedFilter,
        before: Option<(u64, u64)>,
        limit: u32,
    ) -> Result<Vec<Refused>, StoreError> {
        let (at_ms, id) = before.unwrap_or((u64::MAX, u64::MAX));
        let mut draft = Draft::new("SELECT * FROM usage_refusals WHERE at_ms <= ");
        draft.push_bind(row::stored(at_ms));
        draft.push(" AND (at_ms < ").push_bind(row::stored(at_ms));
        draft.push(" OR id < ").push_bind(row::stored(id)).push(")");
        let texts = [
            (" AND reason = ", filter.reason.clone()),
            (" AND client_id = ", filter.client.map(|id| id.to_string())),
            (
                " AND profile_id = ",
                filter.profile.map(|id| id.to_string()),
            ),
            (" AND key_id = ", filter.key_id.clone()),
            (
                " AND collection_id = ",
                filter.collection.map(|id| id.to_string()),
            ),
        ];
        for (part, text) in texts {
            if let Some(text) = text {
                draft.push(part).push_bind(text);
            }
        }
        if let Some(since_ms) = filter.since_ms {
            draft
                .push(" AND at_ms >= ")
                .push_bind(row::stored(since_ms));
        }
        if let Some(until_ms) = filter.until_ms {
            draft.push(" AND at_ms < ").push_bind(row::stored(until_ms));
        }
        draft.push(" ORDER BY at_ms DESC, id DESC LIMIT ");
        draft.push_bind(i64::from(limit));
        let found = draft.finished().fetch_all(&mut self.transaction).await?;
        found.iter().map(from_row).collect()
    }
}

/// Keeps the refusals of batches: of each as many as of the others, if there are too many.
pub(super) async fn keep<'a>(
    batches: impl Iterator<Item = &'a UsageBatch>,
    on: &mut Transaction,
) -> Result<(), StoreError> {
    let chosen = chosen(batches);
    if chosen.is_empty() {
        return Ok(());
    }
    let profiles = chosen.iter().filter_map(|(_, sample)| sample.profile);
    let clients = clients(profiles, on).await?;
    let mut draft = Draft::new(
        "INSERT INTO usage_refusals (at_ms, instance, gateway, reason, status, method, path, \
         address, key_id, client_id, profile_id, collection_id, decision_id) ",
    );
    draft.push_rows(chosen.into_iter().map(|(batch, sample)| {
        let client = sample.profile.and_then(|profile| clients.get(&profile));
        values(batch, sample, client)
    }));
    draft.finished().execute(on).await?;
    Ok(())
}

fn chosen<'a>(
    batches: impl Iterator<Item = &'a UsageBatch>,
) -> Vec<(&'a UsageBatch, &'a RefusalSample)> {
    let mut chosen = Vec::new();
    let mut rest: Vec<_> = batches
        .map(|batch| (batch, batch.refusals.iter()))
        .collect();
    while !rest.is_empty() && chosen.len() < MOST_AT_ONCE {
        rest.retain_mut(|(batch, samples)| match samples.next() {
            Some(sample) => {
                chosen.push((*batch, sample));
                true
            }
            None => false,
        });
    }
    chosen.truncate(MOST_AT_ONCE);
    chosen
}

/// The clients of profiles, as far as they are there.
impl Snapshot {
    /// Whose access profiles are, by the identifiers of both. Those that are not there any more are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clients_of_profiles(
        &mut self,
        profiles: &[ProfileId],
    ) -> Result<HashMap<ProfileId, String>, StoreError> {
        clients(profiles.iter().copied(), &mut self.transaction).await
    }
}

pub(super) async fn clients(
    profiles: impl Iterator<Item = ProfileId>,
    on: &mut Transaction,
) -> Result<HashMap<ProfileId, String>, StoreError> {
    let mut profiles: Vec<_> = profiles.collect();
    profiles.sort_unstable();
    profiles.dedup();
    let mut clients = HashMap::new();
    for profiles in profiles.chunks(1_000) {
        let mut draft = Draft::new("SELECT id, client_id FROM access_profiles WHERE id IN ");
        draft.push_list(profiles.iter().map(|id| Value::from(id.to_string())));
        for row in draft.finished().fetch_all(on).await? {
            clients.insert(row::parsed(&row, "id")?, row.try_get("client_id")?);
        }
    }
    Ok(clients)
}

fn values(batch: &UsageBatch, sample: &RefusalSample, client: Option<&String>) -> [Value; 13] {
    [
        row::stored(sample.at_ms).into(),
        (&batch.instance).into(),
        (&batch.name).into(),
        (&sample.reason).into(),
        i64::from(sample.status).into(),
        (&sample.method).into(),
        (&sample.path).into(),
        (&sample.address).into(),
        (&sample.key_id).into(),
        (&client.cloned()).into(),
        sample.profile.map(|id| id.to_string()).into(),
        sample.collection.map(|id| id.to_string()).into(),
        (&sample.decision_id).into(),
    ]
}

fn from_row(row: &Row) -> Result<Refused, StoreError> {
    let status = row::number(row, "status")?;
    Ok(Refused {
        id: row::number(row, "id")?,
        instance: row.try_get("instance")?,
        gateway: row.try_get("gateway")?,
        client: row::parsed_if_any(row, "client_id")?,
        sample: RefusalSample {
            at_ms: row::number(row, "at_ms")?,
            reason: row.try_get("reason")?,
            status: u16::try_from(status)
                .map_err(|_| StoreError::Unreadable { column: "status" })?,
            method: row.try_get("method")?,
            path: row.try_get("path")?,
            address: row.try_get("address")?,
            key_id: row.try_get("key_id")?,
            profile: row::parsed_if_any(row, "profile_id")?,
            collection: row::parsed_if_any(row, "collection_id")?,
            decision_id: row.try_get("decision_id")?,
        },
    })
}
