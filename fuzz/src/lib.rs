//! What must hold for whatever anybody sends: one module for each target of `cargo xtask fuzz`.
//! Inputs are text wherever they can be, so that seeds can be read and written by hand.

pub mod address;
mod hearing;
mod issuer;
mod memory;
pub mod page;
pub mod path;
pub mod request;
pub mod token;
mod world;

// Tests are built as for fuzzing, and so ask for what counts edges and compares.
#[cfg(test)]
use libfuzzer_sys as _;

/// When everything happens, in milliseconds since 1970.
const NOW_MS: u64 = 1_800_000_000_000;
