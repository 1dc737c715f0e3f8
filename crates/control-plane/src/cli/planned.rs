//! Configuration that is only thought of: decided upon as if it was applied.

use std::path::PathBuf;

use serde_json::Value;

use super::documents::Documents;
use super::plan::{self, Secrets};
use super::remote::Remote;
use super::{Exit, Failure};
use crate::app::explanation::Explanations;

/// Files of configuration that are taken for applied.
#[derive(clap::Args)]
pub struct Planned {
    /// A file or folder of configuration: it is decided as if it was applied. May be given several times.
    #[arg(long, value_name = "FILE")]
    configuration: Vec<PathBuf>,
    #[command(flatten)]
    secrets: Secrets,
}

impl Planned {
    /// Has requests explained, with the configuration if there is one.
    ///
    /// # Errors
    /// When the files cannot be used, or the control plane does not answer.
    pub(super) fn explain(
        &self,
        remote: &Remote,
        requests: Vec<Value>,
    ) -> Result<Explanations, Failure> {
        let mut body = serde_json::json!({ "requests": requests });
        let mut documents = Documents::default();
        if !self.configuration.is_empty() {
            documents = Documents::read(&self.configuration)
                .map_err(|error| Failure::of(Exit::Failed, error))?;
            let configuration = std::mem::take(&mut documents.configuration);
            body["configuration"] = serde_json::to_value(configuration)?;
        }
        let client = remote.connect()?;
        let question = self.secrets.within(client.ask("/explain/batch"))?;
        question
            .send(&body)
            .map_err(|error| plan::in_files(&documents, error))
    }
}
