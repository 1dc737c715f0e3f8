//! What other programs took of the machine during a benchmark. They share its caches, and perhaps its cores.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::cpu;
use super::report::Row;

/// The most that they may take before the figures say little.
const MOST_TAKEN_PERCENT: f64 = 5.0;

/// A stretch of time in which somebody else may have been at work.
pub struct Others {
    since: Instant,
    busy: Duration,
    ours: Duration,
}

impl Others {
    /// Begins to watch. What this task does is not others' work, nor is that of what it has started.
    pub fn begin() -> Result<Self> {
        Ok(Self {
            since: Instant::now(),
            busy: cpu::of_machine()?,
            ours: cpu::of_this_task()?,
        })
    }

    /// How much it was.
    pub fn end(self) -> Result<Row> {
        let busy = cpu::of_machine()?.saturating_sub(self.busy);
        let others = busy.saturating_sub(cpu::of_this_task()?.saturating_sub(self.ours));
        let whole = self.since.elapsed().as_secs_f64() * f64::from(cpu::cores()?);
        let share = others.as_secs_f64() / whole * 100.0;
        Ok(Row::at_most(
            "taken by other programs meanwhile",
            share,
            "% CPU",
            MOST_TAKEN_PERCENT,
        ))
    }
}
