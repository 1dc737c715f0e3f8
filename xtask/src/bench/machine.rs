//! On what a benchmark ran.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::cpu;
use crate::process;

/// The processor, the cores, the kernel and the Envoy of this machine.
pub fn describe(envoy: &Path) -> Value {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| {
            line.strip_prefix("model name")?
                .split_once(": ")
                .map(|(_, model)| model)
        })
        .unwrap_or("unknown");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let envoy = process::probe(Command::new(envoy).arg("--version")).unwrap_or_default();
    json!({
        "processor": model,
        "cores": cpu::cores().unwrap_or(0),
        "kernel": kernel.trim(),
        "envoy": envoy.trim(),
    })
}
