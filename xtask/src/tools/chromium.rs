//! A browser for the tests of the console: Debian's Chromium with its driver, and what looks for barriers in pages.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::packaged;
use crate::{process, workspace};

/// The one that the tests were written with.
const AXE: &str = "axe-core@4.14.1";

/// A browser, and the program that drives it.
#[derive(Debug, Clone)]
pub struct Chromium {
    /// The browser.
    pub browser: PathBuf,
    /// What drives it (WebDriver).
    pub driver: PathBuf,
}

/// The browser.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn chromium() -> Result<Chromium> {
    Ok(Chromium {
        browser: packaged("chromium", "chromium")?,
        driver: packaged("chromedriver", "chromium-driver")?,
    })
}

/// The script that finds what keeps people from using a page, from npm: it runs in tests, and is never part of the product.
///
/// # Errors
/// When it cannot be installed.
pub fn axe() -> Result<PathBuf> {
    let directory = workspace::target_directory()?
        .join("tools")
        .join(AXE.replace('@', "-"));
    let script = directory.join("node_modules/axe-core/axe.min.js");
    if !script.is_file() {
        let npm = packaged("npm", "npm")?;
        std::fs::create_dir_all(&directory)?;
        process::announce(
            "installing axe-core",
            Command::new(npm)
                .args([
                    "install",
                    "--no-save",
                    "--ignore-scripts",
                    "--no-audit",
                    "--no-fund",
                    "--prefix",
                ])
                .arg(&directory)
                .arg(AXE),
        )?;
    }
    script
        .is_file()
        .then_some(script)
        .with_context(|| format!("`{AXE}` left no script in `{}`", directory.display()))
}
