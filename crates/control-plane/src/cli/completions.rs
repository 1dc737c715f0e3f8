//! `portcullis completions`.

use clap_complete::Shell;

use super::{Exit, Failure, output};

/// Print what a shell needs to complete command lines, such as for `source <(portcullis completions bash)`.
#[derive(clap::Args)]
pub struct Completions {
    /// Which shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "portcullis", &mut script);
        output::print(&String::from_utf8(script)?)?;
        Ok(Exit::Done)
    }
}
