//! What profiles grant: what people call it, how many do, and what would become of them without it.

use std::collections::HashMap;

use portcullis_feed::{ClientId, CollectionId, PolicyId};
use portcullis_store::{Cascade, UsageGroup};

use super::page::LONGEST;
use super::{App, Refusal};

/// The names of collections and policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamesGranted {
    /// Of collections, each with its version.
    pub collections: HashMap<CollectionId, String>,
    /// Of policies.
    pub policies: HashMap<PolicyId, String>,
}

impl App {
    /// What people call collections and policies, as far as they are there.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn names_granted(
        &self,
        collections: &[CollectionId],
        policies: &[PolicyId],
    ) -> Result<NamesGranted, Refusal> {
        let mut snapshot = self.store.read().await?;
        let mut names = NamesGranted::default();
        let ids: Vec<String> = collections.iter().map(ToString::to_string).collect();
        for (id, name) in snapshot.usage_names(UsageGroup::Collection, &ids).await? {
            if let Ok(id) = id.parse() {
                names.collections.insert(id, name);
            }
        }
        for id in policies {
            if let Some(policy) = snapshot.policy(*id).await? {
                names.policies.insert(*id, policy.name);
            }
        }
        Ok(names)
    }

    /// What people call the collections that there are to choose from, each with its version, by their names.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn collection_names(&self) -> Result<Vec<(CollectionId, String)>, Refusal> {
        let mut snapshot = self.store.read().await?;
        Ok(snapshot.collection_names(LONGEST).await?)
    }

    /// What people call clients, as far as they are there.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn names_of_clients(
        &self,
        clients: &[ClientId],
    ) -> Result<HashMap<ClientId, String>, Refusal> {
        let ids: Vec<String> = clients.iter().map(ToString::to_string).collect();
        let mut snapshot = self.store.read().await?;
        let names = snapshot.usage_names(UsageGroup::Client, &ids).await?;
        let names = names
            .into_iter()
            .filter_map(|(id, name)| Some((id.parse().ok()?, name)));
        Ok(names.collect())
    }

    /// How many access profiles grant each collection. Those that none grants are left out.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn granting_counts(
        &self,
        collections: &[CollectionId],
    ) -> Result<HashMap<CollectionId, u64>, Refusal> {
        let mut snapshot = self.store.read().await?;
        Ok(snapshot.granting_counts(collections).await?)
    }

    /// How many access profiles have each policy. Those that none has are left out.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn limited_counts(
        &self,
        policies: &[PolicyId],
    ) -> Result<HashMap<PolicyId, u64>, Refusal> {
        Ok(self.store.read().await?.limited_counts(policies).await?)
    }

    /// What would become of access profiles if a collection was removed with what refers to it.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn foresee_taking_out(&self, collection: CollectionId) -> Result<Cascade, Refusal> {
        let mut snapshot = self.store.read().await?;
        Ok(snapshot.foresee_taking_out(collection).await?)
    }
}
