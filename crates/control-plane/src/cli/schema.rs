//! `portcullis schema`.

use super::{Exit, Failure, output};
use crate::app::configuration::schema;

/// Print the JSON Schema of files of configuration, for editors and checks.
#[derive(clap::Args)]
pub struct Schema;

impl Schema {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        output::print(&schema::document())?;
        Ok(Exit::Done)
    }
}
