//! `cargo xtask ci`: everything about the repository that can be checked without running the product.

mod bootstraps;
mod compose;
pub mod generated;
mod licences;
mod paths;
pub mod rooms;

use anyhow::{Result, bail};

use crate::assemble::assemble_with_tests;
use crate::tools::{self, WasmToolchain};
use crate::{fuzz, process, wasm, workspace};

type Check = fn() -> Result<()>;

/// Runs every check, whatever the others say.
///
/// # Errors
/// When something cannot be built, or a check fails: which ones.
pub fn ci() -> Result<()> {
    let checks: [(&str, Check); 10] = [
        ("formatting", formatting),
        ("lints", lints),
        ("documentation", documentation),
        ("rooms and their dependencies", rooms::check),
        ("licences", licences::check),
        ("paths in README and ARCHITECTURE", paths::check),
        ("docker-compose.yml", compose::check),
        ("generated files", generated::check),
        ("bootstraps of Envoy", bootstraps::check),
        ("fuzz targets", fuzz_targets),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        eprintln!("==> {name}");
        if let Err(error) = check() {
            eprintln!("failed: {error:#}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    eprintln!("==> all {} checks hold", checks.len());
    Ok(())
}

fn formatting() -> Result<()> {
    process::run(workspace::cargo().args(["fmt", "--all", "--check"]))
}

fn lints() -> Result<()> {
    let deny = ["--", "--deny", "warnings"];
    process::run(
        workspace::cargo()
            .args(["clippy", "--workspace", "--all-targets"])
            .args(deny),
    )?;
    if tools::wasm_toolchain()? != WasmToolchain::Rustup {
        eprintln!("skipped for the Wasm target: only rustup's toolchain brings lints for it");
        return Ok(());
    }
    let modules = [
        "--package",
        "portcullis-filter",
        "--package",
        "empty-filter",
    ];
    process::run(
        workspace::cargo()
            .args(["clippy", "--target", tools::WASM_TARGET])
            .args(modules)
            .args(deny),
    )
}

/// The documentation is for those who work on it: it shows private items, so that links to them lead somewhere.
fn documentation() -> Result<()> {
    process::run(
        workspace::cargo()
            .args([
                "doc",
                "--workspace",
                "--no-deps",
                "--document-private-items",
            ])
            .env(
                "RUSTDOCFLAGS",
                "--deny warnings --allow rustdoc::private_intra_doc_links",
            ),
    )
}

/// They stand in a workspace of their own, which the other checks do not see.
fn fuzz_targets() -> Result<()> {
    const SECONDS_EACH: u32 = 10;
    process::run(fuzz::cargo()?.args(["fmt", "--check"]))?;
    fuzz::lints()?;
    fuzz::fuzz(None, SECONDS_EACH)?;
    fuzz::test()
}

/// The parts that more than one check needs, built as `cargo xtask test` builds them.
fn parts() -> Result<crate::stage::Parts> {
    Ok(assemble_with_tests(&[&wasm::FILTER])?.0)
}
