//! Debian's and Ubuntu's packages.

use std::process::Command;
use std::sync::Once;

use anyhow::{Result, bail};

use super::on_path;
use crate::process;

/// Installs packages.
///
/// # Errors
/// When there is no `apt-get`, or it does not succeed.
pub fn install(purpose: &str, packages: &[&str]) -> Result<()> {
    if on_path("apt-get").is_none() {
        bail!(
            "{purpose}: missing, and this machine has no apt-get; install what Debian calls `{}`",
            packages.join(" ")
        );
    }
    refresh()?;
    process::announce(
        purpose,
        as_root("apt-get")
            .args(["install", "-y", "--no-install-recommends", "-q"])
            .args(packages),
    )
}

/// The newest package whose name is `prefix` and a number, such as `lld-19`.
///
/// # Errors
/// When the package lists cannot be read.
pub fn newest_numbered(prefix: &str) -> Result<Option<String>> {
    refresh()?;
    let names =
        process::output(Command::new("apt-cache").args(["pkgnames", "--no-all-names", prefix]))?;
    Ok(names
        .lines()
        .filter_map(|name| name.strip_prefix(prefix)?.parse::<u32>().ok())
        .max()
        .map(|number| format!("{prefix}{number}")))
}

/// Fetches the package lists once for each run of a task.
fn refresh() -> Result<()> {
    static ONCE: Once = Once::new();
    let mut result = Ok(());
    ONCE.call_once(|| {
        result = process::announce(
            "fetching the package lists",
            as_root("apt-get").args(["update", "-q"]),
        );
    });
    result
}

fn as_root(program: &str) -> Command {
    let is_root = process::probe(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    let mut command = if is_root {
        Command::new(program)
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg(program);
        sudo
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
