//! PostgreSQL's server: Debian's package keeps its programs off `PATH`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::{apt, on_path};

/// Where Debian's packages have the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The directory with PostgreSQL's `initdb` and `postgres`.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn postgres() -> Result<PathBuf> {
    if let Some(directory) = found() {
        return Ok(directory);
    }
    apt::install("installing PostgreSQL", &["postgresql"])?;
    found().context("`postgresql` brought no `initdb`")
}

/// That of the newest version; else where `PATH` leads.
fn found() -> Option<PathBuf> {
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|version| {
            let number: u32 = version.file_name().to_str()?.parse().ok()?;
            let directory = version.path().join("bin");
            directory
                .join("initdb")
                .is_file()
                .then_some((number, directory))
        })
        .max();
    match newest {
        Some((_, directory)) => Some(directory),
        None => on_path("initdb")?.parent().map(PathBuf::from),
    }
}
