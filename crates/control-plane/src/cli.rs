//! The command line: one file for each subcommand, and what they have in common. A subcommand returns an [`Exit`], or the
//! [`Failure`] that is told in one sentence here; nothing else ends the process.

pub mod apply;
pub mod backup;
pub mod check;
pub mod completions;
pub mod documents;
pub mod exit;
pub mod explain;
pub mod export;
pub mod feed_key;
pub mod health;
pub mod openapi;
pub mod outcome;
pub mod output;
pub mod plan;
pub mod planned;
pub mod records;
pub mod remote;
pub mod restore;
pub mod rotate_secret_key;
pub mod schema;
pub mod serve;

use std::ffi::OsString;
use std::io::Write as _;

use clap::{CommandFactory as _, Parser, Subcommand};

pub use exit::{Exit, Failure};
pub use output::Output;

use crate::version;

/// Portcullis: API clients and access policies for services behind Envoy.
#[derive(Parser)]
#[command(name = "portcullis", version = version::LONG, after_help = exit::help())]
struct Arguments {
    /// How results and failures are written: as text for people, or as JSON for programs.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        env = "PORTCULLIS_OUTPUT"
    )]
    output: Output,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Serve(serve::Serve),
    Backup(backup::Backup),
    Restore(restore::Restore),
    RotateSecretKey(rotate_secret_key::RotateSecretKey),
    FeedKey(feed_key::FeedKey),
    Openapi(openapi::Openapi),
    Health(health::Health),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Export(export::Export),
    Explain(explain::Explain),
    Check(check::Check),
    Schema(schema::Schema),
    Completions(completions::Completions),
}

impl Task {
    fn run(self, output: Output) -> Result<Exit, Failure> {
        match self {
            Self::Serve(it) => it.run(),
            Self::Backup(it) => it.run(output),
            Self::Restore(it) => it.run(output),
            Self::RotateSecretKey(it) => it.run(output),
            Self::FeedKey(it) => it.run(output),
            Self::Openapi(it) => it.run(),
            Self::Health(it) => it.run(),
            Self::Plan(it) => it.run(output),
            Self::Apply(it) => it.run(output),
            Self::Export(it) => it.run(output),
            Self::Explain(it) => it.run(output),
            Self::Check(it) => it.run(output),
            Self::Schema(it) => it.run(),
            Self::Completions(it) => it.run(),
        }
    }
}

/// Does what the arguments say, the name of the program first, and tells how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        // Also where help or the version was asked for: then it goes to the standard output.
        Err(asked) => {
            let _ = asked.print();
            return if asked.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
        }
    };
    arguments
        .task
        .run(arguments.output)
        .unwrap_or_else(|failure| {
            let told = arguments.output.failure(&failure);
            let _ = writeln!(std::io::stderr(), "{told}");
            failure.exit
        })
}

/// All that the command line takes.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_free_of_contradictions() {
        command().debug_assert();
    }

    #[test]
    fn help_and_version_are_no_mistakes_and_what_is_unknown_is_one() {
        let exit = |arguments: &[&str]| {
            let words = ["portcullis"].iter().chain(arguments);
            run(words.map(OsString::from))
        };
        assert_eq!(exit(&["--help"]), Exit::Done);
        assert_eq!(exit(&["--version"]), Exit::Done);
        assert_eq!(exit(&["openapi", "--help"]), Exit::Done);
        assert_eq!(exit(&[]), Exit::Usage);
        assert_eq!(exit(&["sreve"]), Exit::Usage);
        assert_eq!(exit(&["serve", "--lisetn", "x"]), Exit::Usage);
        assert_eq!(exit(&["openapi", "--output", "xml"]), Exit::Usage);
    }
}
