//! The binary `portcullis`. What it does is in the library, where tests reach it.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use portcullis_control_plane::cli;

/// Applying a large configuration takes two thirds of the time that it takes with the allocator of glibc.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os()).into()
}
