//! Finding the tools that the tasks need, and installing what is missing through package managers.
//! Each installation is announced with the command that does it.

mod apt;
mod chromium;
mod envoy;
mod postgres;
mod python;
mod schemathesis;
mod wasm_target;

use std::path::PathBuf;

use anyhow::{Context as _, Result};

pub use chromium::{Chromium, axe, chromium};
pub use envoy::envoy;
pub use postgres::postgres;
pub use schemathesis::schemathesis;
pub use wasm_target::{TARGET as WASM_TARGET, WasmToolchain, wasm_toolchain};

/// The program that sends load: `h2load`, from nghttp2.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn h2load() -> Result<PathBuf> {
    packaged("h2load", "nghttp2-client")
}

/// The program that the demo's lines begin with: `curl`.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn curl() -> Result<PathBuf> {
    packaged("curl", "curl")
}

/// The program by which the operator's walk reads answers: `jq`.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn jq() -> Result<PathBuf> {
    packaged("jq", "jq")
}

/// The compiler for C++ that builds the engine of the fuzzer.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn cpp_compiler() -> Result<PathBuf> {
    packaged("c++", "g++")
}

/// A program on `PATH`, which a Debian package brings when it is missing.
fn packaged(program: &str, package: &str) -> Result<PathBuf> {
    if let Some(path) = on_path(program) {
        return Ok(path);
    }
    apt::install(&format!("installing `{program}`"), &[package])?;
    on_path(program).with_context(|| format!("`{package}` brought no `{program}`"))
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}
