//! Test programs one after the other, in lanes beside each other: one lane computes while another waits.

use std::io::Write as _;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

/// What runs in a lane.
pub struct Run {
    /// What it is called in what is printed.
    pub name: String,
    /// It.
    pub command: Command,
}

/// Runs all of all lanes, whatever fails, and prints what each has printed when it ends.
///
/// # Errors
/// When some fail: which.
pub fn run(lanes: Vec<Vec<Run>>) -> Result<()> {
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for lane in lanes {
            let failed = &failed;
            scope.spawn(move || {
                for run in lane {
                    let name = run.name.clone();
                    if let Err(error) = perform(run) {
                        eprintln!("error: {name}: {error:#}");
                        if let Ok(mut failed) = failed.lock() {
                            failed.push(name);
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn perform(mut run: Run) -> Result<()> {
    let began = Instant::now();
    let output = run.command.output().context("cannot be started")?;
    // In one piece each, so that lanes do not mix.
    let mut printed = format!("     Running {}\n", run.name).into_bytes();
    printed.extend(&output.stdout);
    printed.extend(&output.stderr);
    let took = began.elapsed().as_secs_f64();
    writeln!(printed, "     {} took {took:.1} s\n", run.name)?;
    std::io::stdout().lock().write_all(&printed)?;
    if !output.status.success() {
        bail!("ended with {}", output.status);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str) -> Run {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Run {
            name: name.into(),
            command,
        }
    }

    #[test]
    fn what_fails_is_named_and_keeps_nothing_from_running() {
        let folder = tempfile::tempdir().unwrap();
        let after = folder.path().join("after");
        let lanes = vec![
            vec![
                shell("one", "exit 1"),
                shell("two", &format!("touch {}", after.display())),
            ],
            vec![shell("three", "exit 0"), shell("four", "exit 2")],
        ];
        let mut said = run(lanes).unwrap_err().to_string();
        if said == "failed: four, one" {
            said = "failed: one, four".into();
        }
        assert_eq!(said, "failed: one, four");
        assert!(after.exists());
        run(vec![vec![shell("five", "true")]]).unwrap();
    }
}
