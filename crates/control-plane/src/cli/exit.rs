//! How the command line ends: one table of exit codes for all subcommands, and failures.

use std::fmt::Write as _;
use std::process::ExitCode;

/// How a subcommand ended. Scripts rely on the numbers: none ever changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All that was asked for was done, and nothing stands out.
    Done,
    /// It failed.
    Failed,
    /// The command line is wrong.
    Usage,
    /// It did its work, and found a difference that was asked about.
    Differs,
    /// Someone else changed the same things in the meantime.
    Conflict,
    /// The change is made, but not all gateways applied it in time.
    Unapplied,
    /// The control plane cannot be reached, or does not let the caller in.
    Unreachable,
}

/// Why a subcommand did not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What went wrong. It must hold no secret: it is printed.
    pub error: anyhow::Error,
    /// One by one what is wrong, where that is more than one thing. No secrets either.
    pub details: Vec<String>,
}

impl Exit {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Differs,
        Self::Conflict,
        Self::Unapplied,
        Self::Unreachable,
    ];

    /// What the process tells the one who started it.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Differs => 3,
            Self::Conflict => 4,
            Self::Unapplied => 5,
            Self::Unreachable => 6,
        }
    }

    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Differs => "differs",
            Self::Conflict => "conflict",
            Self::Unapplied => "unapplied",
            Self::Unreachable => "unreachable",
        }
    }

    const fn means(self) -> &'static str {
        match self {
            Self::Done => "done, and nothing stands out",
            Self::Failed => "failed: the standard error says why",
            Self::Usage => "the command line is wrong: nothing was done",
            Self::Differs => {
                "done, and there is a difference: `plan` found changes to make, `check` a case that is not met, \
                 `explain` a refusal"
            }
            Self::Conflict => {
                "refused, because someone else changed the same things in the meantime: plan again"
            }
            Self::Unapplied => {
                "changed, but not all gateways applied it in the time that was given"
            }
            Self::Unreachable => {
                "the control plane cannot be reached, or does not let the caller in"
            }
        }
    }

    /// The table of all, as Markdown.
    #[must_use]
    pub fn table() -> String {
        let mut table = "| code | name | means |\n|---|---|---|\n".to_owned();
        for exit in Self::ALL {
            let _ = writeln!(
                table,
                "| {} | `{}` | {} |",
                exit.code(),
                exit.name(),
                exit.means()
            );
        }
        table
    }
}

/// The same for a terminal.
pub(super) fn help() -> String {
    let mut help = "Exit codes:\n".to_owned();
    for exit in Exit::ALL {
        let _ = writeln!(help, "  {}  {}", exit.code(), exit.means().replace('`', ""));
    }
    help
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl Failure {
    /// A failure of a certain kind.
    pub fn of(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            error: error.into(),
            details: Vec::new(),
        }
    }

    /// The same, with what is wrong one by one.
    #[must_use]
    pub fn with_details(self, details: Vec<String>) -> Self {
        Self { details, ..self }
    }

    /// The causes in one line. Some libraries repeat a cause in the words of its effect: it is said once.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut sentence = String::new();
        for cause in self.error.chain().map(ToString::to_string) {
            if sentence.is_empty() {
                sentence = cause;
            } else if !sentence.ends_with(&cause) {
                sentence = format!("{sentence}: {cause}");
            }
        }
        sentence.replace('\n', " ")
    }
}

/// Any error: it failed.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::of(Exit::Failed, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_has_a_code_and_a_name_of_its_own() {
        for (place, exit) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), place);
            let same = |other: &Exit| other.name() == exit.name();
            assert_eq!(Exit::ALL.iter().filter(|it| same(it)).count(), 1);
        }
    }

    #[test]
    fn the_documentation_has_the_table_as_it_is() {
        let documented = include_str!("../../../../docs/command-line.md");
        assert!(
            documented.contains(&Exit::table()),
            "docs/command-line.md needs this table:\n{}",
            Exit::table()
        );
    }

    #[test]
    fn causes_are_told_once_and_in_one_line() {
        let source = anyhow::anyhow!("no space\nleft");
        let failure = Failure::from(source.context("cannot write"));
        assert_eq!(failure.sentence(), "cannot write: no space left");
        assert_eq!(failure.exit, Exit::Failed);
        let repeated = anyhow::anyhow!("it broke").context("failed since it broke");
        assert_eq!(Failure::from(repeated).sentence(), "failed since it broke");
    }
}
