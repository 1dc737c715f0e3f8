//! The audit as operators read it: by whatever they know of a change, the newest first.

use portcullis_store::{AuditFilter, AuditRecord};

use super::page::Page;
use super::{App, Refusal};

impl App {
    /// A page of the changes that fit a filter, the newest first: those with smaller numbers than one.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        below: Option<u64>,
        limit: u32,
    ) -> Result<Page<AuditRecord>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let found = snapshot
            .audit(filter, below, limit.saturating_add(1))
            .await?;
        Ok(Page::cut_by(found, limit, |record| {
            record.ordinal.to_string()
        }))
    }
}
