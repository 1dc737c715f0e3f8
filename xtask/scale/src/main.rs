//! What the benchmarks do in large numbers. `cargo xtask bench` builds and calls this program with one job, as JSON;
//! what is measured is printed as JSON, and judged there.

mod jobs;

use anyhow::{Context as _, Result};

use jobs::Job;

fn main() -> Result<()> {
    let job = std::env::args().nth(1).context("usage: scale JOB")?;
    let job: Job = serde_json::from_str(&job).with_context(|| format!("`{job}` is no job"))?;
    println!("{}", job.perform()?);
    Ok(())
}
