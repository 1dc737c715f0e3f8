//! On which cores this task runs, and with it the programs that it starts from then on.

use anyhow::{Context as _, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The cores on which this task may run.
pub struct Cores {
    allowed: Vec<usize>,
}

impl Cores {
    /// The cores on which this task may run now.
    pub fn of_this_task() -> Result<Self> {
        let set = sched_getaffinity(THIS_THREAD)?;
        let allowed = (0..CpuSet::count())
            .filter(|&core| set.is_set(core).unwrap_or(false))
            .collect();
        Ok(Self { allowed })
    }

    /// Runs only on the first core from now on.
    pub fn only_first(&self) -> Result<()> {
        run_on(self.allowed.get(..1).unwrap_or_default())
    }

    /// Runs on all cores but the first from now on; on the first where there is no other.
    pub fn all_but_first(&self) -> Result<()> {
        match self.allowed.get(1..) {
            Some(others) if !others.is_empty() => run_on(others),
            _ => run_on(&self.allowed),
        }
    }
}

const THIS_THREAD: Pid = Pid::from_raw(0);

fn run_on(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core)?;
    }
    sched_setaffinity(THIS_THREAD, &set).context("cannot choose a core")
}
