//! Making a database of the control plane.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use scale::database;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Records;

/// How often it is said how far it is.
const SAID_EACH: usize = 100_000;

/// Make a database.
#[derive(Debug, Deserialize)]
pub struct Fill {
    folder: PathBuf,
    records: Records,
}

impl Fill {
    /// Tells the newest revision.
    pub fn perform(self) -> Result<Value> {
        let begin = Instant::now();
        let progress = |count: usize| {
            if count.is_multiple_of(SAID_EACH) {
                eprintln!("    {count} profiles after {:.0?}", begin.elapsed());
            }
        };
        let population = self.records.population();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let head = runtime.block_on(database::fill(&self.folder, &population, progress))?;
        Ok(json!({"head": head}))
    }
}
