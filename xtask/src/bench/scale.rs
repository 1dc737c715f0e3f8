//! The program for large numbers, built with optimisation: see `xtask/scale`.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};

use crate::{process, workspace};

const PACKAGE: &str = "scale";

/// The program.
pub struct Scale(PathBuf);

/// Made-up records: so many profiles.
#[derive(Debug, Clone, Copy)]
pub struct Records(pub usize);

/// A job that waits to be told to begin, or has been told.
pub struct Job {
    child: Guarded,
    input: ChildStdin,
    /// Reads what it prints as it comes: a job that nobody listens to cannot end.
    printed: JoinHandle<io::Result<String>>,
}

impl Records {
    /// From which all chance comes.
    pub const SEED: u64 = 2_026;

    /// As jobs take them.
    pub fn json(self) -> Value {
        json!({"seed": Self::SEED, "profiles": self.0})
    }
}

impl Scale {
    /// Builds it.
    pub fn build() -> Result<Self> {
        workspace::optimised(PACKAGE, "building what the benchmark does in large numbers").map(Self)
    }

    /// Does a job that does not wait.
    pub fn perform(&self, job: &Value) -> Result<Value> {
        let printed = process::output(Command::new(&self.0).arg(job.to_string()))?;
        Ok(serde_json::from_str(&printed)?)
    }

    /// Has a job prepared, which then waits.
    pub fn prepare(&self, job: &Value) -> Result<Job> {
        self.start(Command::new(&self.0).arg(job.to_string()))
    }

    /// The same, for one that must not wait for a processor that others use: its measurements would show that.
    pub fn prepare_preferred(&self, job: &Value) -> Result<Job> {
        let mut command = preferring();
        self.start(command.arg(&self.0).arg(job.to_string()))
    }

    fn start(&self, command: &mut Command) -> Result<Job> {
        let line = process::line(command);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = Guarded(child.with_context(|| format!("cannot start `{line}`"))?);
        let input = child.0.stdin.take().context("a program without input")?;
        let output = child.0.stdout.take();
        let output = output.context("a program without output")?;
        let (mut output, mut said) = (BufReader::new(output), String::new());
        output.read_line(&mut said)?;
        if said.trim() != "ready" {
            let status = child.0.wait()?;
            bail!("`{line}` ended with {status}: {said}");
        }
        let printed = thread::spawn(move || {
            let mut printed = String::new();
            output.read_to_string(&mut printed).map(|_| printed)
        });
        Ok(Job {
            child,
            input,
            printed,
        })
    }
}

/// Runs what follows before all others: as real-time, where that is allowed.
fn preferring() -> Command {
    let real_time = ["--fifo", "1"];
    let may = Command::new("chrt").args(real_time).arg("true").output();
    let mut command;
    if may.is_ok_and(|it| it.status.success()) {
        command = Command::new("chrt");
        command.args(real_time);
    } else {
        command = Command::new("nice");
        command.args(["-n", "-15"]);
    }
    command
}

impl Job {
    /// Lets it begin.
    pub fn begin(&mut self) -> Result<()> {
        self.say("go")
    }

    /// Has one that sends at a fixed rate send no more, and tells what came of it.
    pub fn stop(mut self) -> Result<Value> {
        self.say("stop")?;
        self.end()
    }

    fn say(&mut self, word: &str) -> Result<()> {
        Ok(writeln!(self.input, "{word}")?)
    }

    /// Waits for its end, and tells what came of it.
    pub fn end(mut self) -> Result<Value> {
        let printed = self.printed.join();
        let printed = printed.map_err(|_| anyhow!("the reader of a job fell"))??;
        let status = self.child.0.wait()?;
        if !status.success() {
            bail!("a job of the benchmark ended with {status}");
        }
        Ok(serde_json::from_str(&printed)?)
    }

    /// Both.
    pub fn perform(mut self) -> Result<Value> {
        self.begin()?;
        self.end()
    }

    /// Whether it is still at work.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.0.try_wait()?.is_none())
    }
}

/// A program that ends with whoever started it.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // After its end there is nothing to kill.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The numbers of a list, or of a list of lists, below a member of what a job told.
pub fn numbers(told: &Value, member: &str) -> Result<Vec<f64>> {
    let list = told[member]
        .as_array()
        .with_context(|| format!("a job told no `{member}`"))?;
    list.iter()
        .map(|number| {
            number
                .as_f64()
                .with_context(|| format!("`{member}` holds what is no number"))
        })
        .collect()
}

/// Fails when any answer had another status.
pub fn expect_status(told: &Value, status: u16) -> Result<()> {
    let statuses = told["statuses"]
        .as_object()
        .context("a job told no `statuses`")?;
    if statuses.keys().any(|found| *found != status.to_string()) {
        bail!(
            "not all requests were answered with {status}, but by status: {}",
            told["statuses"]
        );
    }
    Ok(())
}
