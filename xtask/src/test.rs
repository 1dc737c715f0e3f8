//! `cargo xtask test`: all tests of the workspace, with everything that the end-to-end ones need.

use anyhow::Result;

use crate::assemble::assemble;
use crate::stage::Postgres;
use crate::{process, tools, wasm, workspace};

/// Names the program that makes requests up from the description of the REST interface, for the tests.
pub const SCHEMATHESIS: &str = "PORTCULLIS_TEST_SCHEMATHESIS";

/// Names the browser in which the console is tried.
pub const CHROMIUM: &str = "PORTCULLIS_TEST_CHROMIUM";

/// Names the program that drives it.
pub const CHROMEDRIVER: &str = "PORTCULLIS_TEST_CHROMEDRIVER";

/// Names the script that finds what keeps people from using a page.
pub const AXE: &str = "PORTCULLIS_TEST_AXE";

/// Says on which kind of database the tests of the control plane's interface run.
const DATABASE: &str = "PORTCULLIS_TEST_DATABASE";

/// Builds the parts and runs the tests: of the whole workspace, unless `further`, which goes to `cargo test`, names
/// packages.
///
/// # Errors
/// When something cannot be built, or a test fails.
pub fn test(further: &[String]) -> Result<()> {
    // The sentences about TLS call with curl, and so does the operator's walk, which reads answers with jq.
    tools::curl()?;
    tools::jq()?;
    let parts = assemble(&[&wasm::FILTER, &wasm::FILTER_WITH_DOORS, &wasm::EMPTY])?;
    let schemathesis = tools::schemathesis()?;
    let chromium = tools::chromium()?;
    let axe = tools::axe()?;
    let programs = tools::postgres()?;
    let postgres = Postgres::start(&programs)?;
    let tests = |selected: &[&str], database: &str| {
        let mut command = workspace::cargo();
        command
            .arg("test")
            .args(selected)
            .args(further)
            .envs(parts.environment())
            .env(SCHEMATHESIS, &schemathesis)
            .env(CHROMIUM, &chromium.browser)
            .env(CHROMEDRIVER, &chromium.driver)
            .env(AXE, &axe)
            .env(DATABASE, database)
            .env(Postgres::PROGRAMS, &programs)
            .env(Postgres::SERVER, postgres.url());
        command
    };
    let selects = |argument: &String| argument == "-p" || argument.starts_with("--package");
    if further.iter().any(selects) {
        return process::announce("running the tests", &mut tests(&[], "sqlite"));
    }
    process::announce("running the tests", &mut tests(&["--workspace"], "sqlite"))?;
    let interface = ["--package", "portcullis-control-plane", "--test", "router"];
    process::announce(
        "running the tests of the interface on PostgreSQL",
        &mut tests(&interface, "postgres"),
    )
}
