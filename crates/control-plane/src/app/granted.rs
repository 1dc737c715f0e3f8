//! What people call what profiles grant.

use std::collections::HashMap;

use portcullis_feed::{CollectionId, PolicyId};
use portcullis_store::UsageGroup;

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
}
