//! How much memory a process has.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::stage::Envoy;

/// The memory of an Envoy at one moment, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Pages that are in memory, each divided by the number of processes that share it: `Pss` of `smaps_rollup`.
    pub resident: f64,
    /// What Envoy's allocator has given out: `allocated` of the admin page `/memory`. The memory of VMs is not in it.
    pub allocated: f64,
}

/// That of an Envoy now.
pub fn of(envoy: &Envoy) -> Result<Memory> {
    let path = format!("/proc/{}/smaps_rollup", envoy.pid());
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{path}`"))?;
    let kilobytes: f64 = text
        .lines()
        .find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB"))
        .with_context(|| format!("`{path}` has no line `Pss`"))?
        .trim()
        .parse()?;
    let page: Value = serde_json::from_str(&envoy.admin("/memory")?)?;
    let allocated = page["allocated"]
        .as_str()
        .context("the admin page tells no `allocated`")?;
    Ok(Memory {
        resident: kilobytes * 1024.0,
        allocated: allocated.parse()?,
    })
}
