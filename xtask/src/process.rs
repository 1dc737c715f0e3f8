//! Running other programs to their end. Programs that keep running belong to the stage.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// Runs a program whose output the developer should see.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs a program after saying what it is for and what is run.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub fn announce(purpose: &str, command: &mut Command) -> Result<()> {
    eprintln!("==> {purpose}: {}", line(command));
    run(command)
}

/// Runs a program for what it prints; its own messages go to the terminal.
///
/// # Errors
/// When it cannot be started, does not succeed, or prints what is not UTF-8.
pub fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` ended with {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` did not print UTF-8"))
}

/// Runs a program only to learn whether it succeeds, and for what it prints then.
#[must_use]
pub fn probe(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command as a person would type it.
#[must_use]
pub fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
