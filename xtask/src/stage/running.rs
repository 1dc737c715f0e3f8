//! A program that runs until its guard goes, with its output in files that are shown only when a test fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::within;
use crate::process;

/// How long a program may take to stop before it is killed.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of a log is shown.
const SHOWN_LINES: usize = 60;

/// A running program. It is stopped, and waited for, when this is dropped.
#[derive(Debug)]
pub struct Running {
    name: &'static str,
    child: Child,
    printed: PathBuf,
    log: PathBuf,
}

impl Running {
    /// Starts a program whose output goes to `NAME.out` and `NAME.log` in `directory`, after what is there already.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &'static str, command: &mut Command, directory: &Path) -> Result<Self> {
        let printed = directory.join(name).with_extension("out");
        let log = directory.join(name).with_extension("log");
        let child = command
            .stdin(Stdio::null())
            .stdout(append(&printed)?)
            .stderr(append(&log)?)
            .spawn()
            .with_context(|| format!("cannot start `{}`", process::line(command)))?;
        Ok(Self {
            name,
            child,
            printed,
            log,
        })
    }

    /// The number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to its standard output.
    #[must_use]
    pub fn printed(&self) -> String {
        read(&self.printed)
    }

    /// What it has written to its standard error.
    #[must_use]
    pub fn log(&self) -> String {
        read(&self.log)
    }

    /// The end of its log, for a message.
    #[must_use]
    pub fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let shown = lines
            .get(lines.len().saturating_sub(SHOWN_LINES)..)
            .unwrap_or_default();
        shown.join("\n")
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to stop, and waits until it has; kills it when it does not.
    pub fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        if within(PATIENCE, "the end of the program", || self.ended()).is_err() {
            self.kill();
        }
    }

    /// Asks it to stop as Ctrl-C does, and does not wait.
    pub fn interrupt(&mut self) {
        self.signal(Signal::SIGINT);
    }

    /// Kills it, as a crash would, and waits until it is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        // It may have ended already, which is what is wanted.
        self.child.wait().ok();
    }

    fn signal(&mut self, signal: Signal) {
        // A process that was waited for is gone, and its number may belong to another one by now.
        if self.ended().is_some() {
            return;
        }
        if let Ok(pid) = i32::try_from(self.pid()) {
            kill(Pid::from_raw(pid), signal).ok();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!(
                "--- the end of the log of {}\n{}\n---",
                self.name,
                self.end_of_log()
            );
        }
    }
}

fn append(path: &Path) -> Result<File> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot write `{}`", path.display()))
}

fn read(path: &Path) -> String {
    std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}
