//! On what a benchmark ran.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::cpu;
use crate::process;

/// The processor, the cores and the kernel of this machine, and the Envoy where one is measured.
pub fn describe(envoy: Option<&Path>) -> Value {
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
    let envoy = envoy.and_then(|envoy| process::probe(Command::new(envoy).arg("--version")));
    json!({
        "processor": model,
        "cores": cpu::cores().unwrap_or(0),
        "kernel": kernel.trim(),
        "envoy": envoy.as_deref().map(str::trim),
    })
}
