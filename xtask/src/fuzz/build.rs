//! Building the targets with what libFuzzer has to see: which edges an input reaches, and what is compared with what.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{process, tools, workspace};

/// What cargo-fuzz asks of the compiler, without the sanitizer of addresses: it needs a nightly compiler, and the code
/// under test has no `unsafe`.
const FLAGS: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "--cfg",
    "fuzzing",
];

/// Builds all targets, and answers the directory that they are in.
///
/// # Errors
/// When there is no compiler for C++ and none can be installed, or the build fails.
pub fn targets() -> Result<PathBuf> {
    process::announce(
        "building the fuzz targets",
        &mut cargo(&["build", "--bins"])?,
    )?;
    let directory = workspace::target_directory()?.join(super::BUILD);
    Ok(directory.join(host()?).join("release"))
}

/// Cargo with a subcommand, which builds as it is done for fuzzing.
///
/// # Errors
/// When there is no compiler for C++ and none can be installed.
pub fn cargo(subcommand: &[&str]) -> Result<Command> {
    tools::cpp_compiler()?;
    let mut cargo = super::cargo()?;
    cargo
        .args(subcommand)
        .args(["--release", "--locked", "--quiet"])
        // With a target named, the flags do not reach build scripts and macros, which have no fuzzer to link to.
        .args(["--target", &host()?])
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
    Ok(cargo)
}

/// The target for which the compiler builds unless told otherwise.
fn host() -> Result<String> {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = process::output(Command::new(compiler).arg("-vV"))?;
    said.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("the compiler names no host")
}
