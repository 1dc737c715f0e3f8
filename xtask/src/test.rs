//! `cargo xtask test`: all tests of the workspace, with everything that the end-to-end ones need.

use anyhow::Result;

use crate::assemble::assemble;
use crate::stage::Postgres;
use crate::{process, tools, wasm, workspace};

/// Names the program that makes requests up from the description of the REST interface, for the tests.
pub const SCHEMATHESIS: &str = "PORTCULLIS_TEST_SCHEMATHESIS";

/// Builds the parts and runs the tests: of the whole workspace, unless `further`, which goes to `cargo test`, names
/// packages.
///
/// # Errors
/// When something cannot be built, or a test fails.
pub fn test(further: &[String]) -> Result<()> {
    // The sentences about TLS call with curl.
    tools::curl()?;
    let parts = assemble(&[&wasm::FILTER, &wasm::FILTER_WITH_DOORS, &wasm::EMPTY])?;
    let schemathesis = tools::schemathesis()?;
    let programs = tools::postgres()?;
    let postgres = Postgres::start(&programs)?;
    let mut command = workspace::cargo();
    command.arg("test");
    if !further
        .iter()
        .any(|argument| argument == "-p" || argument.starts_with("--package"))
    {
        command.arg("--workspace");
    }
    process::announce(
        "running the tests",
        command
            .args(further)
            .envs(parts.environment())
            .env(SCHEMATHESIS, schemathesis)
            .env(Postgres::PROGRAMS, &programs)
            .env(Postgres::SERVER, postgres.url()),
    )
}
