//! Schemathesis: makes requests up from the description of an interface, and holds the answers against it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::python;
use crate::process;

const PACKAGE: &str = "schemathesis==4.32.5";

/// The program, from its Python package.
///
/// # Errors
/// When it cannot be installed.
pub fn schemathesis() -> Result<PathBuf> {
    python::program("Schemathesis", PACKAGE, |environment| {
        let program = environment.join("bin/schemathesis");
        let version = process::probe(Command::new(&program).arg("--version"));
        version.map(|_| program)
    })
}
