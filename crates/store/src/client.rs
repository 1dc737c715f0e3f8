//! Clients in the database.

use std::collections::HashMap;

use portcullis_feed::ClientId;

use crate::batch::writing::Around;
use crate::edit::PROFILES_OF_CLIENT;
use crate::filter::{ClientFilter, ClientKey, GrantFilter};
use crate::list::{Selection, Window, escaped, folded};
use crate::statement::{Draft, Row, Value, query};
use crate::{Client, Edit, Snapshot, StoreError, row};

/// How many of the profiles that go with a client are looked at together.
const AT_ONCE: u32 = 500;

/// What stands around the [`values`] of clients.
pub(crate) const PUT: Around = [
    "INSERT INTO clients (id, name, description, enabled, created_at_ms, updated_at_ms, folded_name, \
     logo) ",
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, description = excluded.description, \
     enabled = excluded.enabled, updated_at_ms = excluded.updated_at_ms, \
     folded_name = excluded.folded_name, logo = excluded.logo",
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

impl Snapshot {
    /// A window of those clients that a filter leaves.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_clients(
        &mut self,
        filter: &ClientFilter,
        window: &Window<ClientKey>,
    ) -> Result<Vec<Client>, StoreError> {
        let mut selection = Selection::of("SELECT * FROM clients");
        selection.when_named(filter.name.as_deref());
        selection.when("enabled = ", filter.enabled);
        if filter.profile != GrantFilter::default() {
            let is_wide = self.is_wide(&filter.profile).await?;
            push_profile(selection.and(), &filter.profile, is_wide);
        }
        if let Some(key) = &filter.key_id {
            selection
                .and()
                .push(
                    "id IN (SELECT p.client_id FROM api_keys k \
                     JOIN access_profiles p ON p.id = k.profile_id WHERE k.id = ",
                )
                .push_bind(key)
                .push(")");
        }
        if let Some(address) = &filter.address {
            push_address(selection.and(), address);
        }
        let found = selection.rows(window, &mut self.transaction).await?;
        found.iter().map(from_row).collect()
    }

    /// How many access profiles each client has. Those without any are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_counts(
        &mut self,
        clients: &[ClientId],
    ) -> Result<HashMap<ClientId, u64>, StoreError> {
        self.counts(
            "SELECT client_id AS counted, COUNT(*) AS found FROM access_profiles WHERE client_id",
            clients,
            " GROUP BY client_id",
        )
        .await
    }

    /// How many access profiles a client has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_profiles_of(&mut self, client: ClientId) -> Result<u64, StoreError> {
        self.count(
            "SELECT COUNT(*) AS found FROM access_profiles WHERE client_id = $1",
            &client,
        )
        .await
    }

    /// How many API keys that are not revoked the access profiles of a client have.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count_keys_of(&mut self, client: ClientId) -> Result<u64, StoreError> {
        self.count(
            "SELECT COUNT(*) AS found FROM access_profiles p JOIN api_keys k \
             ON k.profile_id = p.id AND k.revoked_at_ms IS NULL WHERE p.client_id = $1",
            &client,
        )
        .await
    }
}

impl Edit {
    /// Adds a client, or gives it its new state. The logo itself is a record of its own. All of its profiles change when their gateways can tell.
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

pub(crate) fn values(client: &Client) -> Result<[Value; 8], StoreError> {
    Ok([
        client.id.to_string().into(),
        (&client.name).into(),
        (&client.description).into(),
        client.enabled.into(),
        row::stored(client.created_at_ms).into(),
        row::stored(client.updated_at_ms).into(),
        folded(&client.name).into(),
        client.logo.map(|digest| digest.to_string()).into(),
    ])
}

/// That one profile of the client is what a filter asks for: of few, all of them are looked for first; where they are many,
/// each client is asked for one, since enough of them will have it.
fn push_profile(draft: &mut Draft, filter: &GrantFilter, is_wide: bool) {
    draft.push(match is_wide {
        true => "EXISTS (SELECT 1 FROM access_profiles p",
        false => "id IN (SELECT p.client_id FROM access_profiles p",
    });
    if let Some(collection) = filter.collection_id {
        draft
            .push(" JOIN profile_collections c ON c.profile_id = p.id AND c.collection_id = ")
            .push_bind(collection.to_string());
    }
    if is_wide {
        draft.push(" WHERE p.client_id = clients.id");
    }
    let mut word = if is_wide { " AND " } else { " WHERE " };
    if let Some(policy) = filter.policy_id {
        draft.push(word).push("p.policy_id = ");
        draft.push_bind(policy.to_string());
        word = " AND ";
    }
    if let Some(by_tokens) = filter.by_tokens {
        draft.push(word).push("p.access_method = ");
        draft.push_bind(access_method(by_tokens));
    }
    draft.push(")");
}

/// Entries stand in lists of texts, as JSON writes them.
fn push_address(draft: &mut Draft, address: &str) {
    let pattern = format!("%\"{}%", escaped(address));
    draft
        // Word for word as the indexes have it: most profiles have no rules, and are not looked at.
        .push(
            "(id IN (SELECT p.client_id FROM access_profiles p WHERE p.addresses <> '{}' \
             AND LENGTH(p.addresses) <= 1000 AND p.addresses LIKE ",
        )
        .push_bind(pattern.clone())
        .push(
            " ESCAPE '\\') OR id IN (SELECT p.client_id FROM access_profiles p \
             WHERE LENGTH(p.addresses) > 1000 AND p.addresses LIKE ",
        )
        .push_bind(pattern)
        .push(" ESCAPE '\\') OR id IN (SELECT r.client_id FROM usage_refusals r WHERE r.address = ")
        .push_bind(address)
        .push("))");
}

/// As profiles with tokens, or those with API keys, are stored.
pub(crate) const fn access_method(by_tokens: bool) -> &'static str {
    if by_tokens { "jwt" } else { "api_key" }
}

pub(crate) fn from_row(row: &Row) -> Result<Client, StoreError> {
    Ok(Client {
        id: row::parsed(row, "id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        enabled: row.try_get("enabled")?,
        logo: row::parsed_if_any(row, "logo")?,
        created_at_ms: row::number(row, "created_at_ms")?,
        updated_at_ms: row::number(row, "updated_at_ms")?,
    })
}
