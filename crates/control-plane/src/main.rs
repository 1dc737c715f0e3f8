//! The binary `portcullis`. What it does is in the library, where tests reach it.

use std::process::ExitCode;

use portcullis_control_plane::cli;

fn main() -> ExitCode {
    cli::run(std::env::args_os()).into()
}
