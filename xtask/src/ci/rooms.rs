//! What each room may depend on. The compiler forbids what a manifest does not name; this holds the manifests.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};

use crate::{process, workspace};

/// The rooms that stay pure, and all that they may name.
const PURE: [(&str, &[&str]); 3] = [
    (
        "portcullis-feed",
        &[
            "base64",
            "ed25519-dalek",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "ulid",
        ],
    ),
    (
        "portcullis-engine",
        &[
            "base64",
            "ed25519-dalek",
            "hmac",
            "ipnet",
            "jsonwebtoken",
            "memchr",
            "p256",
            "p384",
            "p521",
            "portcullis-feed",
            "quick_cache",
            "rsa",
            "serde",
            "serde_json",
            "sha2",
            "siphasher",
            "thiserror",
        ],
    ),
    (
        "portcullis-registry",
        &[
            "portcullis-engine",
            "portcullis-feed",
            "postcard",
            "serde",
            "serde_bytes",
            "thiserror",
        ],
    ),
];

/// What no pure room may reach even through others: clocks, randomness, I/O, and the worlds of the other rooms.
const WORLDLY: [&str; 15] = [
    "async-std",
    "axum",
    "chrono",
    "getrandom",
    "hyper",
    "jiff",
    "mio",
    "proxy-wasm",
    "rand",
    "reqwest",
    "rusqlite",
    "sqlx",
    "time",
    "tokio",
    "ureq",
];

/// Libraries that open a world, and the manifests that may name them.
/// The empty filter is a fixture of the benchmark: it shows what the SDK alone costs.
const DOORS: [(&str, &[&str]); 3] = [
    ("axum", &["portcullis-control-plane"]),
    ("proxy-wasm", &["portcullis-filter", "empty-filter"]),
    ("sqlx", &["portcullis-store"]),
];

/// Whether every room depends only on what it may know.
///
/// # Errors
/// When one does not: which, and on what.
pub fn check() -> Result<()> {
    for (room, allowed) in PURE {
        // The room itself is always the first of its tree.
        let is_allowed = |name: &str| name == room || allowed.contains(&name);
        if let Some(name) = tree(room, &["--depth", "1"])?
            .iter()
            .find(|name| !is_allowed(name))
        {
            bail!("`{room}` depends on `{name}`, which is not among {allowed:?}");
        }
        // `jsonwebtoken` names sources of chance for signing and for browsers; without its features it uses none.
        let mut reached = tree(room, &[])?;
        if reached.contains("jsonwebtoken") {
            reached = tree(room, &["--prune", "jsonwebtoken"])?;
        }
        if let Some(name) = reached.iter().find(|name| WORLDLY.contains(&name.as_str())) {
            bail!("`{room}` reaches `{name}`, and is no longer pure");
        }
    }
    let metadata = workspace::metadata(&["--no-deps"])?;
    let packages = metadata["packages"]
        .as_array()
        .context("the workspace has no packages")?;
    for (library, doors) in DOORS {
        for package in packages {
            let name = package["name"].as_str().unwrap_or_default();
            let mut dependencies = package["dependencies"].as_array().into_iter().flatten();
            if dependencies.any(|dependency| dependency["name"] == library)
                && !doors.contains(&name)
            {
                bail!("`{name}` depends on `{library}`, which only {doors:?} may");
            }
        }
    }
    Ok(())
}

/// The names of what a package depends on at run time, and its own.
fn tree(package: &str, further: &[&str]) -> Result<BTreeSet<String>> {
    let printed = process::output(
        workspace::cargo()
            .args([
                "tree",
                "--package",
                package,
                "--edges",
                "normal",
                "--prefix",
                "none",
            ])
            .args(["--format", "{p}", "--target", "all"])
            .args(further),
    )?;
    Ok(printed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect())
}
