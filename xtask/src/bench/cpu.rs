//! How much processor time has been used, and by whom.

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
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = thread?.path().join("schedstat");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let ran = text
            .split_whitespace()
            .next()
            .context("an empty schedstat")?;
        total = total.saturating_add(Duration::from_nanos(ran.parse()?));
    }
    Ok(total)
}

/// The time that this process and those that it has waited for have run.
pub fn of_this_task() -> Result<Duration> {
    let ran = |usage: Usage| seconds(usage.user_time()) + seconds(usage.system_time());
    let own = ran(getrusage(UsageWho::RUSAGE_SELF)?);
    let children = ran(getrusage(UsageWho::RUSAGE_CHILDREN)?);
    Ok(Duration::from_secs_f64(own + children))
}

/// The time that all processors together have been busy with anything.
pub fn of_machine() -> Result<Duration> {
    const IDLE: [usize; 2] = [3, 4];
    // What guests used counts as user time already.
    const COUNTED: usize = 8;
    let text = std::fs::read_to_string("/proc/stat")?;
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
    Ok(Duration::from_millis(
        ticks.saturating_mul(1000 / TICKS_PER_SECOND),
    ))
}

/// How many processors the machine has, whatever this task may use of them.
pub fn cores() -> Result<u32> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let is_core = |line: &&str| line.starts_with("cpu") && !line.starts_with("cpu ");
    Ok(u32::try_from(text.lines().filter(is_core).count())?)
}

fn seconds(time: TimeVal) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds and microseconds of a process are small numbers"
    )]
    let seconds = time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds
}
