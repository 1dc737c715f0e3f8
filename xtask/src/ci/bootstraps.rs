//! Envoy accepts the bootstraps as they ship, but for the places of files.

use anyhow::{Context as _, Result};

use crate::stage::{Bootstrap, Certificate, Envoy, Tokens};

/// Whether Envoy accepts them.
///
/// # Errors
/// When it does not, or a bootstrap lacks a file's place that is known here.
pub fn check() -> Result<()> {
    let parts = super::parts()?;
    let tokens = Tokens::for_tests();
    let environment = tokens.gateway_environment();
    let module = parts.filter();
    let demo = Bootstrap::shipped("demo.yaml")?.module("portcullis.wasm", &module)?;
    Envoy::validate(&parts.envoy, &demo, &environment).context("envoy/demo.yaml")?;

    let certificate = Certificate::of(&["gateway.test"])?;
    for name in ["production.yaml", "fleet-limits.yaml"] {
        let bootstrap = Bootstrap::shipped(name)?.module("portcullis.wasm", &module)?;
        let bootstrap = certificate.install(bootstrap)?;
        Envoy::validate(&parts.envoy, &bootstrap, &environment)
            .with_context(|| format!("envoy/{name}"))?;
    }
    Ok(())
}
