//! `cargo xtask test`: all tests of the workspace, with everything that the end-to-end ones need.

use anyhow::Result;

use crate::assemble::assemble;
use crate::{process, wasm, workspace};

/// Builds the parts and runs the tests; `further` goes to `cargo test`.
///
/// # Errors
/// When something cannot be built, or a test fails.
pub fn test(further: &[String]) -> Result<()> {
    let parts = assemble(&[&wasm::FILTER, &wasm::FILTER_WITH_TRAP, &wasm::EMPTY])?;
    process::announce(
        "running the tests",
        workspace::cargo()
            .args(["test", "--workspace"])
            .args(further)
            .envs(parts.environment()),
    )
}
