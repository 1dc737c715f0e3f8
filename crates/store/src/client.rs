//! Clients in the database.

use portcullis_feed::ClientId;

use crate::batch::writing::Around;
use crate::edit::PROFILES_OF_CLIENT;
use crate::statement::{Row, Value, query};
use crate::{Client, Edit, Snapshot, StoreError, row};

/// How many of the profiles that go with a client are looked at together.
const AT_ONCE: u32 = 500;

/// What stands around the [`values`] of clients.
pub(crate) const PUT: Around = [
    "INSERT INTO clients (id, name, description, enabled, created_at_ms, updated_at_ms) ",
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description, \
     enabled = excluded.enabled, updated_at_ms = excluded.updated_at_ms",
];

impl Snapshot {
    /// A client, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn client(&mut self, id: ClientId) -> Result<Option<Client>, StoreError> {
        let found = query("SELECT * FROM clients WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut self.transaction)
            .await?;
        found.as_ref().map(from_row).transpose()
    }

    /// The clients after one, in the order of their identifiers, which is that of their creation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clients(
        &mut self,
        after: Option<ClientId>,
        limit: u32,
    ) -> Result<Vec<Client>, StoreError> {
        let found = query("SELECT * FROM clients WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(after.map_or_else(String::new, |id| id.to_string()))
            .bind(i64::from(limit))
            .fetch_all(&mut self.transaction)
            .await?;
        found.iter().map(from_row).collect()
    }
}

impl Edit {
    /// Adds a client, or gives it its new state. All of its profiles change when their gateways can tell.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_client(&mut self, client: &Client) -> Result<(), StoreError> {
        let before = self.read().client(client.id).await?;
        self.put_row(PUT, values(client)?).await?;
        let is_told = |before: &Client| before.as_carried() != client.as_carried();
        if before.as_ref().is_some_and(is_told) {
            self.mark_changed(PROFILES_OF_CLIENT, &client.id).await?;
        }
        self.enter(before.as_ref(), Some(client)).await
    }

    /// Removes a client with its profiles and their keys.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_client(&mut self, id: ClientId, now_ms: u64) -> Result<(), StoreError> {
        let client = self.read().client(id).await?;
        self.mark_removed(PROFILES_OF_CLIENT, &id, now_ms).await?;
        let mut last = None;
        loop {
            let profiles = self.read().profiles(Some(id), last, AT_ONCE).await?;
            last = profiles.last().map(|profile| profile.id);
            for profile in &profiles {
                self.enter(Some(profile), None).await?;
            }
            if last.is_none() {
                break;
            }
        }
        self.run("DELETE FROM clients WHERE id = $1", &id).await?;
        self.enter(client.as_ref(), None).await
    }
}

pub(crate) fn values(client: &Client) -> Result<[Value; 6], StoreError> {
    Ok([
        client.id.to_string().into(),
        (&client.name).into(),
        (&client.description).into(),
        client.enabled.into(),
        row::stored(client.created_at_ms).into(),
        row::stored(client.updated_at_ms).into(),
    ])
}

pub(crate) fn from_row(row: &Row) -> Result<Client, StoreError> {
    Ok(Client {
        id: row::parsed(row, "id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        enabled: row.try_get("enabled")?,
        created_at_ms: row::number(row, "created_at_ms")?,
        updated_at_ms: row::number(row, "updated_at_ms")?,
    })
}
