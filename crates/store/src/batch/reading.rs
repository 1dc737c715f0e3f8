//! Many records at once, read by what is known of them.

use std::collections::HashMap;
use std::hash::Hash;
use std::str::FromStr;

use portcullis_feed::{ClientId, Digest, ProfileId, TokenIdentity};

use super::MOST_VALUES;
use crate::statement::{Draft, Row, Value};
use crate::{AccessProfile, ApiKey, Client, ProfileName, Snapshot, StoreError, client, key, row};

impl Snapshot {
    /// Those of the clients which exist.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clients_known_as(
        &mut self,
        ids: &[ClientId],
    ) -> Result<HashMap<ClientId, Client>, StoreError> {
        let found = self.each("SELECT * FROM clients WHERE id IN ", ids).await?;
        found
            .iter()
            .map(|row| client::from_row(row).map(|client| (client.id, client)))
            .collect()
    }

    /// All clients that have one of these names.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clients_called(&mut self, names: &[&str]) -> Result<Vec<Client>, StoreError> {
        let found = self
            .each("SELECT * FROM clients WHERE name IN ", names)
            .await?;
        found.iter().map(client::from_row).collect()
    }

    /// All profiles of some clients, in the order of their creation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profiles_of(
        &mut self,
        clients: &[ClientId],
    ) -> Result<Vec<AccessProfile>, StoreError> {
        let rows = self
            .each("SELECT * FROM access_profiles WHERE client_id IN ", clients)
            .await?;
        let mut found = Vec::with_capacity(rows.len());
        for rows in rows.chunks(MOST_VALUES) {
            found.extend(self.profiles_from_rows(rows).await?);
        }
        found.sort_unstable_by_key(|profile| profile.id);
        Ok(found)
    }

    /// The identifiers of all profiles of some clients.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_ids_of(
        &mut self,
        clients: &[ClientId],
    ) -> Result<Vec<ProfileId>, StoreError> {
        let found = self
            .each(
                "SELECT id FROM access_profiles WHERE client_id IN ",
                clients,
            )
            .await?;
        found.iter().map(|row| row::parsed(row, "id")).collect()
    }

    /// Whose each of the profiles is which exist.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn owners_of(
        &mut self,
        profiles: &[ProfileId],
    ) -> Result<HashMap<ProfileId, ClientId>, StoreError> {
        let statement = "SELECT id, client_id FROM access_profiles WHERE id IN ";
        let found = self.each(statement, profiles).await?;
        pairs(&found, "id", "client_id")
    }

    /// All keys of some profiles, those that were revoked long ago too, in the order of their creation.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn all_keys_of(
        &mut self,
        profiles: &[ProfileId],
    ) -> Result<HashMap<ProfileId, Vec<ApiKey>>, StoreError> {
        let found = self
            .each("SELECT * FROM api_keys WHERE profile_id IN ", profiles)
            .await?;
        let mut keys: HashMap<_, Vec<_>> = HashMap::new();
        for row in &found {
            let key = key::from_row(row)?;
            keys.entry(key.profile_id).or_default().push(key);
        }
        for keys in keys.values_mut() {
            keys.sort_by(|a, b| (a.created_at_ms, &a.id).cmp(&(b.created_at_ms, &b.id)));
        }
        Ok(keys)
    }

    /// Whose the keys are that have one of these public ids.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn holders_of_keys(
        &mut self,
        ids: &[&str],
    ) -> Result<HashMap<String, ProfileId>, StoreError> {
        let statement = "SELECT id, profile_id FROM api_keys WHERE id IN ";
        let found = self.each(statement, ids).await?;
        found
            .iter()
            .map(|row| Ok((row.try_get("id")?, row::parsed(row, "profile_id")?)))
            .collect()
    }

    /// The public ids of the keys that have one of these digests.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn keys_with_digests(
        &mut self,
        digests: &[Digest],
    ) -> Result<HashMap<Digest, String>, StoreError> {
        let statement = "SELECT digest, id FROM api_keys WHERE digest IN ";
        let found = self.each(statement, digests).await?;
        found
            .iter()
            .map(|row| Ok((row::parsed(row, "digest")?, row.try_get("id")?)))
            .collect()
    }

    /// The profiles that an identity provider has these names for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profiles_identified(
        &mut self,
        identities: &[TokenIdentity],
    ) -> Result<HashMap<TokenIdentity, ProfileName>, StoreError> {
        let clients: Vec<&str> = identities.iter().map(|it| it.client.as_str()).collect();
        let found = self
            .each(
                "SELECT id, name, token_issuer, token_client FROM access_profiles \
                 WHERE token_issuer IS NOT NULL AND token_client IN ",
                &clients,
            )
            .await?;
        let read = |row: &Row| {
            let identity = TokenIdentity {
                issuer: row.try_get("token_issuer")?,
                client: row.try_get("token_client")?,
            };
            let id = row::parsed(row, "id")?;
            let name = row.try_get("name")?;
            Ok((identity, ProfileName { id, name }))
        };
        found.iter().map(read).collect()
    }

    /// All rows that a statement picks, which ends where the list of values begins.
    async fn each<T: ToString>(
        &mut self,
        statement: &'static str,
        values: &[T],
    ) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        for values in values.chunks(MOST_VALUES) {
            let mut draft = Draft::new(statement);
            draft.push_list(values.iter().map(|value| Value::from(value.to_string())));
            found.extend(draft.finished().fetch_all(&mut self.transaction).await?);
        }
        Ok(found)
    }
}

fn pairs<K: FromStr + Eq + Hash, V: FromStr>(
    rows: &[Row],
    key: &'static str,
    value: &'static str,
) -> Result<HashMap<K, V>, StoreError> {
    rows.iter()
        .map(|row| Ok((row::parsed(row, key)?, row::parsed(row, value)?)))
        .collect()
}
