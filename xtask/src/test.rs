//! `cargo xtask test`: all tests of the workspace, with everything that the end-to-end ones need.

mod lanes;
mod programs;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::assemble::{assemble, assemble_with_tests};
use crate::stage::{Parts, Postgres};
use crate::{process, tools, wasm, workspace};
use lanes::{Lane, Run};
pub use programs::Program;

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
const SQLITE: &str = "sqlite";

/// What the tests of the control plane's interface are called.
const INTERFACE: &str = "router";

/// Builds the parts and runs the tests: of the whole workspace, unless `further`, which goes to `cargo test`, says which.
///
/// # Errors
/// When something cannot be built, or a test fails.
pub fn test(further: &[String]) -> Result<()> {
    // The sentences about TLS call with curl, and so does the operator's walk, which reads answers with jq.
    tools::curl()?;
    tools::jq()?;
    let modules = [&wasm::FILTER, &wasm::FILTER_WITH_DOORS, &wasm::EMPTY];
    let (parts, programs) = if further.is_empty() {
        let (parts, programs) = assemble_with_tests(&modules)?;
        (parts, Some(programs))
    } else {
        (assemble(&modules)?, None)
    };
    let surroundings = Surroundings::prepare(parts)?;
    match programs {
        Some(programs) => everything(programs, &surroundings),
        None => {
            let mut command = workspace::cargo();
            command.arg("test").args(further);
            process::announce(
                "running the tests",
                surroundings.around(&mut command, SQLITE),
            )
        }
    }
}

/// What tests need besides themselves.
struct Surroundings {
    parts: Parts,
    schemathesis: PathBuf,
    chromium: tools::Chromium,
    axe: PathBuf,
    programs: PathBuf,
    postgres: Postgres,
}

impl Surroundings {
    fn prepare(parts: Parts) -> Result<Self> {
        let schemathesis = tools::schemathesis()?;
        let chromium = tools::chromium()?;
        let axe = tools::axe()?;
        let programs = tools::postgres()?;
        let postgres = Postgres::start(&programs)?;
        Ok(Self {
            parts,
            schemathesis,
            chromium,
            axe,
            programs,
            postgres,
        })
    }

    /// Tells a test where all is.
    fn around<'c>(&self, command: &'c mut Command, database: &str) -> &'c mut Command {
        command
            .envs(self.parts.environment())
            .env(SCHEMATHESIS, &self.schemathesis)
            .env(CHROMIUM, &self.chromium.browser)
            .env(CHROMEDRIVER, &self.chromium.driver)
            .env(AXE, &self.axe)
            .env(DATABASE, database)
            .env(Postgres::PROGRAMS, &self.programs)
            .env(Postgres::SERVER, self.postgres.url())
    }
}

/// How many of those that mostly wait run at once.
const WAITING: usize = 2;

/// Those that take minutes come first: in the end they would run alone.
const LONGEST: [&str; 2] = ["e2e_schemathesis", "e2e_console_everybody"];

/// Those that wait for an Envoy beside those that compute, and the interface once more on PostgreSQL.
fn everything(programs: Vec<Program>, surroundings: &Surroundings) -> Result<()> {
    let run = |program: &Program, database: &str| {
        let mut command = program.command();
        surroundings.around(&mut command, database);
        let source = program.source.strip_prefix(workspace::root());
        let source = source.unwrap_or(&program.source).display();
        Run {
            name: format!("{source} on {database}"),
            command,
        }
    };
    let interface = programs
        .iter()
        .find(|program| program.name == INTERFACE)
        .context("there are no tests of the interface")?;
    let interface = run(interface, "postgres");
    let (mut waiting, computing): (Vec<_>, Vec<_>) =
        programs.iter().partition(|program| program.is_end_to_end());
    waiting.sort_by_key(|program| !LONGEST.contains(&program.name.as_str()));
    let lane = |programs: Vec<&Program>| {
        let runs = programs.into_iter().map(|program| run(program, SQLITE));
        runs.collect::<Vec<_>>()
    };
    let mut computing = lane(computing);
    computing.push(interface);
    let mut documented = workspace::cargo();
    documented.args(["test", "--workspace", "--doc"]);
    computing.push(Run {
        name: "examples in the documentation".into(),
        command: documented,
    });
    lanes::run(vec![
        Lane {
            runs: lane(waiting),
            at_once: WAITING,
        },
        Lane {
            runs: computing,
            at_once: 1,
        },
    ])
}
