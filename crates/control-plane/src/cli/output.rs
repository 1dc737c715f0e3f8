//! What subcommands write, for people or for programs. With JSON the standard output holds one document and nothing else,
//! and a failure is one object on the standard error.

use std::fmt::Display;
use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;

use super::Failure;

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

impl Output {
    /// Writes a result: its `Display` form, or its JSON. Both end with a line break.
    ///
    /// # Errors
    /// When the standard output takes nothing.
    pub fn write(self, result: &(impl Display + Serialize)) -> Result<(), Failure> {
        let text = match self {
            Self::Text => result.to_string(),
            Self::Json => serde_json::to_string_pretty(result)?,
        };
        print(&text)
    }

    /// How a failure is told.
    pub(super) fn failure(self, failure: &Failure) -> String {
        let sentence = failure.sentence();
        match self {
            Self::Text => {
                let details = failure.details.iter().map(|detail| format!("\n  {detail}"));
                format!("portcullis: {sentence}{}", details.collect::<String>())
            }
            Self::Json => {
                let mut error = json!({
                    "code": failure.exit.name(), "exit": failure.exit.code(), "message": sentence,
                });
                if !failure.details.is_empty() {
                    error["details"] = json!(failure.details);
                }
                json!({ "error": error }).to_string()
            }
        }
    }
}

/// Writes a text to the standard output, with a line break at its end.
///
/// # Errors
/// When the standard output takes nothing.
pub fn print(text: &str) -> Result<(), Failure> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let mut out = io::stdout().lock();
    write!(out, "{text}{end}")
        .and_then(|()| out.flush())
        .context("cannot write to the standard output")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Exit;

    #[test]
    fn a_failure_is_one_line_for_people_and_one_object_for_programs() {
        let failure = Failure::of(Exit::Conflict, anyhow::anyhow!("someone was faster"));
        assert_eq!(
            Output::Text.failure(&failure),
            "portcullis: someone was faster"
        );
        let told: serde_json::Value =
            serde_json::from_str(&Output::Json.failure(&failure)).unwrap();
        assert_eq!(
            told,
            json!({"error": {"code": "conflict", "exit": 4, "message": "someone was faster"}})
        );
    }
}
