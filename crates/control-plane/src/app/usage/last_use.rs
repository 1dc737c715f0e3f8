//! When something was used last, as gateways have said.

use std::collections::HashMap;

use portcullis_store::LastUse;

use crate::app::{App, Refusal};

impl App {
    /// When each was used last, to the minute, by its identifier: milliseconds since 1970, UTC. What was never used is left
    /// out.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn last_uses(&self, of: &LastUse) -> Result<HashMap<String, u64>, Refusal> {
        let mut snapshot = self.store.read().await?;
        Ok(snapshot.last_uses(of).await?)
    }
}
