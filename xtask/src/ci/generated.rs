//! Files that are generated and committed are what would be generated now.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::{process, workspace};

const OPENAPI: &str = "docs/openapi.json";

/// Whether the committed files are fresh.
///
/// # Errors
/// When one is not, or the generator does not run.
pub fn check() -> Result<()> {
    let generated = process::output(Command::new(super::parts()?.control_plane).arg("openapi"))?;
    let committed = std::fs::read_to_string(workspace::root().join(OPENAPI))
        .with_context(|| format!("cannot read `{OPENAPI}`"))?;
    if generated.trim_end() != committed.trim_end() {
        bail!("`{OPENAPI}` is stale: write what `portcullis openapi` prints into it");
    }
    Ok(())
}
