//! The sample of refusals, and the gateways that tell usage.

use portcullis_store::{Refused, RefusedFilter, UsageGroup, UsageInstance};

use crate::app::page::Page;
use crate::app::{App, Refusal};

impl App {
    /// A page of the refusals that fit a filter, the newest first: those before one, by its time and its number.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn refused(
        &self,
        filter: &RefusedFilter,
        before: Option<(u64, u64)>,
        limit: u32,
    ) -> Result<Page<Refused>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let found = snapshot
            .refused(filter, before, limit.saturating_add(1))
            .await?;
        Ok(Page::cut_by(found, limit, |refused| {
            format!("{}-{}", refused.sample.at_ms, refused.id)
        }))
    }

    /// What people call the clients and the profiles of refusals, by their identifiers.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn names_of_refused(
        &self,
        refused: &[Refused],
    ) -> Result<std::collections::HashMap<String, String>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let clients = refused.iter().filter_map(|refused| refused.client);
        let clients: Vec<_> = clients.map(|id| id.to_string()).collect();
        let profiles = refused.iter().filter_map(|refused| refused.sample.profile);
        let profiles: Vec<_> = profiles.map(|id| id.to_string()).collect();
        let mut names = snapshot.usage_names(UsageGroup::Client, &clients).await?;
        names.extend(snapshot.usage_names(UsageGroup::Profile, &profiles).await?);
        Ok(names)
    }

    /// A page of the gateways whose usage was counted, by their instances: those after one.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn usage_instances(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<UsageInstance>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let found = snapshot
            .usage_instances(after.unwrap_or_default(), limit.saturating_add(1))
            .await?;
        Ok(Page::cut_by(found, limit, |known| known.instance.clone()))
    }
}
