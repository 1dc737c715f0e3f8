//! Programs that come as Python packages: each in a virtual environment of its own, in the build directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::apt;
use crate::{process, workspace};

/// The program of a package, such as `name==1.2.3`, where `find` finds it in the environment. The package is installed
/// when the program is not there yet.
///
/// # Errors
/// When it cannot be installed, or does not bring the program.
pub fn program(
    name: &str,
    package: &str,
    find: impl Fn(&Path) -> Option<PathBuf>,
) -> Result<PathBuf> {
    let environment = workspace::target_directory()?
        .join("tools")
        .join(package.replace("==", "-"));
    if let Some(path) = find(&environment) {
        return Ok(path);
    }
    if !make_environment(&environment) {
        apt::install(
            &format!("Python with virtual environments, for {name}"),
            &["python3", "python3-venv"],
        )?;
        if !make_environment(&environment) {
            bail!(
                "python3 cannot make a virtual environment in `{}`",
                environment.display()
            );
        }
    }
    process::announce(
        &format!("installing {name}"),
        Command::new(environment.join("bin/python")).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            package,
        ]),
    )?;
    find(&environment)
        .with_context(|| format!("`{package}` left no {name} in `{}`", environment.display()))
}

/// Makes the virtual environment, and says whether it can install packages.
fn make_environment(environment: &Path) -> bool {
    process::probe(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(environment),
    )
    .is_some()
}
