//! On which cores this task runs, and with it the programs that it starts from then on.

use anyhow::{Context as _, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// How the names of the threads begin in which Envoy answers requests.
const WORKER: &str = "wrk:worker_";

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
        run_on(self.others())
    }

    /// Runs on all cores from now on.
    pub fn all(&self) -> Result<()> {
        run_on(&self.allowed)
    }

    /// Leaves the first core to the workers of an Envoy, and has its other threads run on the others.
    pub fn part_workers(&self, envoy: u32) -> Result<()> {
        for thread in std::fs::read_dir(format!("/proc/{envoy}/task"))? {
            let thread = thread?;
            let name = std::fs::read_to_string(thread.path().join("comm"))?;
            let number = thread.file_name().to_string_lossy().parse()?;
            if name.starts_with(WORKER) {
                pin(
                    Pid::from_raw(number),
                    self.allowed.get(..1).unwrap_or_default(),
                )?;
            } else {
                pin(Pid::from_raw(number), self.others())?;
            }
        }
        Ok(())
    }

    fn others(&self) -> &[usize] {
        match self.allowed.get(1..) {
            Some(others) if !others.is_empty() => others,
            _ => &self.allowed,
        }
    }
}

const THIS_THREAD: Pid = Pid::from_raw(0);

fn run_on(cores: &[usize]) -> Result<()> {
    pin(THIS_THREAD, cores)
}

fn pin(thread: Pid, cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core)?;
    }
    sched_setaffinity(thread, &set).context("cannot choose a core")
}
