//! Test programs in lanes beside each other: one lane computes while another waits.

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

/// What is run in its order, so many at once.
pub struct Lane {
    /// All of it.
    pub runs: Vec<Run>,
    /// How many at once.
    pub at_once: usize,
}

/// Runs all of all lanes, whatever fails, and prints what each has printed when it ends.
///
/// # Errors
/// When some fail: which.
pub fn run(lanes: Vec<Lane>) -> Result<()> {
    let failed = Mutex::new(Vec::new());
    let lanes = lanes
        .into_iter()
        .map(|lane| (lane.at_once, Mutex::new(lane.runs.into_iter())));
    let lanes: Vec<_> = lanes.collect();
    thread::scope(|scope| {
        for (at_once, runs) in &lanes {
            for _ in 0..*at_once {
                scope.spawn(|| {
                    while let Some(run) = next(runs) {
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
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn next(runs: &Mutex<impl Iterator<Item = Run>>) -> Option<Run> {
    runs.lock().ok()?.next()
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
        let lane = |at_once, runs| Lane { runs, at_once };
        let lanes = vec![
            lane(
                1,
                vec![
                    shell("one", "exit 1"),
                    shell("two", &format!("touch {}", after.display())),
                ],
            ),
            lane(2, vec![shell("three", "exit 0"), shell("four", "exit 2")]),
        ];
        let mut said = run(lanes).unwrap_err().to_string();
        if said == "failed: four, one" {
            said = "failed: one, four".into();
        }
        assert_eq!(said, "failed: one, four");
        assert!(after.exists());
        run(vec![lane(1, vec![shell("five", "true")])]).unwrap();
    }

    #[test]
    fn a_lane_runs_so_many_at_once() {
        let folder = tempfile::tempdir().unwrap();
        // Each waits for what the other leaves: one after the other they would not end.
        let meet = |ours: &str, theirs: &str| {
            let path = |name: &str| folder.path().join(name).display().to_string();
            let (ours, theirs) = (path(ours), path(theirs));
            format!(
                "touch {ours}; for _ in $(seq 600); do [ -e {theirs} ] && exit 0; sleep 0.1; done; exit 1"
            )
        };
        let runs = vec![shell("one", &meet("a", "b")), shell("two", &meet("b", "a"))];
        run(vec![Lane { runs, at_once: 2 }]).unwrap();
    }
}
