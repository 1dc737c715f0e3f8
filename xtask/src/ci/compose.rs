//! `docker-compose.yml` is sound as far as can be told without Docker: what it names is there.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::workspace;

const FILE: &str = "docker-compose.yml";

/// Whether each service is built from a stage that exists, and depends on services that exist and, where it waits for
/// their health, are asked about it.
///
/// # Errors
/// When not, or the file is not YAML.
pub fn check() -> Result<()> {
    let text = std::fs::read_to_string(workspace::root().join(FILE))
        .with_context(|| format!("cannot read `{FILE}`"))?;
    let compose: Value =
        serde_saphyr::from_str(&text).with_context(|| format!("`{FILE}` is not YAML"))?;
    let services = compose["services"].as_object().context("no services")?;
    for (name, service) in services {
        let build = &service["build"];
        let file = build["dockerfile"]
            .as_str()
            .with_context(|| format!("`{name}` has no Dockerfile"))?;
        let stage = build["target"]
            .as_str()
            .with_context(|| format!("`{name}` names no stage"))?;
        let dockerfile = std::fs::read_to_string(workspace::root().join(file))
            .with_context(|| format!("cannot read `{file}` of `{name}`"))?;
        let has_stage = dockerfile
            .lines()
            .any(|line| line.starts_with("FROM ") && line.ends_with(&format!(" AS {stage}")));
        if !has_stage {
            bail!("`{file}` has no stage `{stage}` for `{name}`");
        }
        for (needed, how) in service["depends_on"].as_object().into_iter().flatten() {
            let Some(needed_service) = services.get(needed) else {
                bail!("`{name}` depends on `{needed}`, which is not there");
            };
            // Otherwise it would wait for ever.
            if how["condition"] == "service_healthy" && needed_service["healthcheck"].is_null() {
                bail!("`{name}` waits until `{needed}` is healthy, which nobody asks it");
            }
        }
    }
    Ok(())
}
