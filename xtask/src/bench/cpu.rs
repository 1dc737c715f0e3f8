//! How much processor time a process has used.

use anyhow::{Context as _, Result};

/// The nanoseconds that all threads of a process have run, as the scheduler counts them (`sched-stats.rst` of the
/// Linux documentation): finer than the ticks of `/proc/PID/stat`.
pub fn nanoseconds(pid: u32) -> Result<u64> {
    let mut total: u64 = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = thread?.path().join("schedstat");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let ran: u64 = text
            .split_whitespace()
            .next()
            .context("an empty schedstat")?
            .parse()?;
        total = total.saturating_add(ran);
    }
    Ok(total)
}
