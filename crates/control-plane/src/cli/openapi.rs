//! `portcullis openapi`.

use super::{Exit, Failure, output};
use crate::api::openapi;

/// Print the OpenAPI document of the REST interface.
#[derive(clap::Args)]
pub struct Openapi;

impl Openapi {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        output::print(&openapi::document().text())?;
        Ok(Exit::Done)
    }
}
