//! How much processor time has been used, and by whom.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// How many ticks `/proc/stat` has for each second, on every Linux that Envoy runs on (`proc_stat(5)`).
const TICKS_PER_SECOND: u64 = 100;

/// The time that all threads of a process have run, as the scheduler counts it in nanoseconds (`sched-stats.rst` of the
/// Linux documentation): finer than the ticks of `/proc/PID/stat`.
pub fn of_process(pid: u32) -> Result<Duration> {
    let mut total = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = thread?.path().join("schedstat");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let ran = text
            .split_whitespace()
            .next()
            .context("an empty schedstat")?;
        total = total.saturating_add(Duration::from_nanos(ran.parse()?));
    }
    Ok(total)
}

/// The time that this process has run, with those that it has waited for and those of its that still run.
pub fn of_this_task() -> Result<Duration> {
    let ran = |usage: Usage| seconds(usage.user_time()) + seconds(usage.system_time());
    let own = ran(getrusage(UsageWho::RUSAGE_SELF)?);
    let waited_for = ran(getrusage(UsageWho::RUSAGE_CHILDREN)?);
    let running = of_descendants(std::process::id())?;
    Ok(Duration::from_secs_f64(own + waited_for).saturating_add(running))
}

/// The time that all processes have run which a process has started, and these in turn, as far as nobody has waited for them
/// yet; each with those that it has waited for itself.
fn of_descendants(pid: u32) -> Result<Duration> {
    let mut others = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path().join("stat");
        // What is no process has no such file, and processes end meanwhile.
        if let Ok(text) = fs::read_to_string(path) {
            others.extend(Process::read(&text));
        }
    }
    let mut known = BTreeSet::from([pid]);
    let mut ticks: u64 = 0;
    loop {
        let (found, rest) = others
            .into_iter()
            .partition::<Vec<_>, _>(|it: &Process| known.contains(&it.parent));
        if found.is_empty() {
            return Ok(from_ticks(ticks));
        }
        for process in found {
            known.insert(process.pid);
            ticks = ticks.saturating_add(process.ticks);
        }
        others = rest;
    }
}

/// A process as `/proc/PID/stat` tells it (`proc_pid_stat(5)`).
struct Process {
    pid: u32,
    parent: u32,
    /// For how long it and those that it has waited for have run.
    ticks: u64,
}

impl Process {
    /// Places of columns after the name, which may have blanks and parentheses in it.
    const PARENT: usize = 1;
    const TIMES: std::ops::Range<usize> = 11..15;

    fn read(text: &str) -> Option<Self> {
        let (pid, _) = text.split_once(' ')?;
        let (_, behind) = text.rsplit_once(')')?;
        let columns: Vec<&str> = behind.split_whitespace().collect();
        let times = columns.get(Self::TIMES)?.iter();
        Some(Self {
            pid: pid.parse().ok()?,
            parent: columns.get(Self::PARENT)?.parse().ok()?,
            ticks: times.map_while(|ticks| ticks.parse::<u64>().ok()).sum(),
        })
    }
}

/// The time that all processors together have been busy with anything.
pub fn of_machine() -> Result<Duration> {
    const IDLE: [usize; 2] = [3, 4];
    // What guests used counts as user time already.
    const COUNTED: usize = 8;
    let text = fs::read_to_string("/proc/stat")?;
    let line = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("cpu "))
        .context("no line `cpu`")?;
    let mut ticks: u64 = 0;
    for (column, value) in line.split_whitespace().take(COUNTED).enumerate() {
        if !IDLE.contains(&column) {
            ticks = ticks.saturating_add(value.parse()?);
        }
    }
    Ok(from_ticks(ticks))
}

/// How many processors the machine has, whatever this task may use of them.
pub fn cores() -> Result<u32> {
    let text = fs::read_to_string("/proc/stat")?;
    let is_core = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
    Ok(u32::try_from(text.lines().filter(is_core).count())?)
}

fn from_ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks.saturating_mul(1000 / TICKS_PER_SECOND))
}

fn seconds(time: TimeVal) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds and microseconds of a process are small numbers"
    )]
    let seconds = time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use super::*;

    /// Works for a moment, and then waits until its input ends.
    const WORKS: &str = "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; read -r line";

    #[test]
    fn what_a_task_has_started_and_what_that_has_started_counts_while_it_runs() {
        let mut child = Command::new("sh")
            .args(["-c", "sh -c \"$0\"; :", WORKS])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let worked = Duration::from_millis(20);
        let deadline = Instant::now() + Duration::from_secs(60);
        while of_descendants(child.id()).unwrap() < worked {
            assert!(Instant::now() < deadline, "nothing counts");
            std::thread::yield_now();
        }
        assert!(of_this_task().unwrap() >= worked);
        assert!(child.try_wait().unwrap().is_none());
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let text = "7 (a) b (c)) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 300 4000 20 0 1 0 5 6 7";
        let process = Process::read(text).unwrap();
        assert_eq!((process.pid, process.parent, process.ticks), (7, 3, 4_330));
        assert!(Process::read("7 (sh) S 3").is_none());
        assert!(Process::read("").is_none());
    }
}
