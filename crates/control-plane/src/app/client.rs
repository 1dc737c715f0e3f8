//! Clients: who calls APIs.

use std::collections::HashMap;

use portcullis_feed::ClientId;
use portcullis_store::{Author, Cascade, Client, ClientFilter, ClientKey, Window};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::condition::Condition;
use super::draft::Patch;
use super::once::Once;
use super::page::{Page, one_more};
use super::text::{Description, Name, stored_description, stored_name};
use super::world::Identifier as _;
use super::{App, Committed, Refusal};

/// A client as an operator writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientDraft {
    /// What people call it.
    pub name: Name,
    /// More about it.
    #[serde(default)]
    pub description: Option<Description>,
    /// A disabled client can call nothing. True, when absent.
    #[serde(default = "enabled")]
    #[schema(default = true)]
    pub enabled: bool,
}

/// Records are enabled unless their draft says otherwise.
pub(super) const fn enabled() -> bool {
    true
}

impl App {
    /// Adds a client. It can call nothing until it has an access profile.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn create_client<A: Serialize + DeserializeOwned>(
        &self,
        author: &Author,
        once: Once<Client, A>,
        draft: ClientDraft,
    ) -> Result<A, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let client = draft.into_client(ClientId::new(&self.world)?, now_ms, now_ms);
        let mut edit = self.edit(author).await?;
        if let Some(answer) = once.earlier(&mut edit, now_ms).await? {
            return Ok(answer);
        }
        edit.put_client(&client).await?;
        once.commit(edit, client, Vec::new(), now_ms).await
    }

    /// A client.
    ///
    /// # Errors
    /// When there is none.
    pub async fn client(&self, id: ClientId) -> Result<Client, Refusal> {
        let found = self.store.read().await?.client(id).await?;
        found.ok_or_else(|| unknown(id))
    }

    /// A page of the clients.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn clients(
        &self,
        filter: &ClientFilter,
        window: &Window<ClientKey>,
    ) -> Result<Page<Client>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let found = snapshot.find_clients(filter, &one_more(window)).await?;
        Ok(Page::cut(found, window))
    }

    /// How many access profiles each client has. Those without any are left out.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn profile_counts(
        &self,
        clients: &[ClientId],
    ) -> Result<HashMap<ClientId, u64>, Refusal> {
        Ok(self.store.read().await?.profile_counts(clients).await?)
    }

    /// Makes a client different. Gateways learn of it through its access profiles.
    ///
    /// # Errors
    /// When there is none, it is not what the condition asks for, or the outcome is no client.
    pub async fn change_client(
        &self,
        author: &Author,
        id: ClientId,
        condition: Condition<Client>,
        patch: Patch,
    ) -> Result<Committed<Client>, Refusal> {
        let mut edit = self.edit(author).await?;
        let before = edit.read().client(id).await?.ok_or_else(|| unknown(id))?;
        condition.examine("client", &before)?;
        let draft = patch.applied_to(&ClientDraft::from(&before))?;
        let client = Client {
            logo: before.logo,
            ..draft.into_client(id, before.created_at_ms, self.world.clock.now_ms())
        };
        edit.put_client(&client).await?;
        Committed::by(edit, client).await
    }

    /// Removes a client with its access profiles and their keys.
    ///
    /// # Errors
    /// When there is none, or it is not what the condition asks for.
    pub async fn delete_client(
        &self,
        author: &Author,
        id: ClientId,
        condition: Condition<Client>,
    ) -> Result<Committed<Cascade>, Refusal> {
        let mut edit = self.edit(author).await?;
        let client = edit.read().client(id).await?.ok_or_else(|| unknown(id))?;
        condition.examine("client", &client)?;
        let removed = Cascade {
            removed_profiles: edit.read().count_profiles_of(id).await?,
            removed_keys: edit.read().count_keys_of(id).await?,
            ..Cascade::default()
        };
        edit.delete_client(id, self.world.clock.now_ms()).await?;
        Committed::by(edit, removed).await
    }
}

impl ClientDraft {
    pub(super) fn into_client(
        self,
        id: ClientId,
        created_at_ms: u64,
        updated_at_ms: u64,
    ) -> Client {
        Client {
            id,
            name: self.name.into(),
            description: self.description.map(String::from),
            enabled: self.enabled,
            logo: None,
            created_at_ms,
            updated_at_ms,
        }
    }
}

impl From<&Client> for ClientDraft {
    fn from(client: &Client) -> Self {
        Self {
            name: stored_name(&client.name),
            description: stored_description(client.description.as_deref()),
            enabled: client.enabled,
        }
    }
}

pub(super) fn unknown(id: ClientId) -> Refusal {
    Refusal::NotFound {
        kind: "client",
        id: id.to_string(),
    }
}
