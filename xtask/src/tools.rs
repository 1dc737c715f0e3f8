//! Finding the tools that the tasks need, and installing what is missing through package managers.
//! Each installation is announced with the command that does it.

mod apt;
mod envoy;
mod wasm_target;

use std::path::PathBuf;

use anyhow::Result;

pub use envoy::envoy;
pub use wasm_target::{WasmToolchain, wasm_toolchain};

/// The program that sends load: `h2load`, from nghttp2.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn h2load() -> Result<PathBuf> {
    if let Some(path) = on_path("h2load") {
        return Ok(path);
    }
    apt::install("h2load, which sends the load", &["nghttp2-client"])?;
    on_path("h2load").ok_or_else(|| anyhow::anyhow!("nghttp2-client brought no `h2load`"))
}

fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|directory| directory.join(program))
        .find(|candidate| candidate.is_file())
}
