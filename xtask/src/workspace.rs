//! Where things are in the checkout and in its build directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;

/// The root of the checkout.
#[must_use]
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The build directory, wherever cargo is told to have it.
///
/// # Errors
/// When cargo cannot say.
pub fn target_directory() -> Result<PathBuf> {
    if let Some(directory) = std::env::var_os("CARGO_TARGET_DIR") {
        return Ok(root().join(directory));
    }
    metadata(&["--no-deps"])?["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .context("cargo metadata names no target directory")
}

/// Builds the program of a package with optimisation, and says where it is.
///
/// # Errors
/// When it cannot be built.
pub fn optimised(package: &str, what: &str) -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--release", "--package", package]);
    process::announce(what, &mut build)?;
    Ok(target_directory()?.join("release").join(package))
}

/// What `cargo metadata` says of the workspace.
///
/// # Errors
/// When cargo fails or prints what is not JSON.
pub fn metadata(arguments: &[&str]) -> Result<serde_json::Value> {
    let printed = process::output(
        cargo()
            .args(["metadata", "--format-version", "1"])
            .args(arguments),
    )?;
    serde_json::from_str(&printed).context("cargo metadata printed no JSON")
}

/// The cargo that runs this task, in the root of the checkout.
///
/// What cargo told this task of its own package is not passed on: `ring` is built anew whenever it differs, and with it
/// all that depends on it, so that what cargo builds by itself and what a task has it build would displace each other.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for (name, _) in std::env::vars_os() {
        let is_of_package = |begin| name.to_string_lossy().starts_with(begin);
        if is_of_package("CARGO_PKG_") || is_of_package("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}
