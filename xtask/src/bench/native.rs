//! The parts of the benchmarks that are compiled with optimisation: `bench-native`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{process, workspace};

const PACKAGE: &str = "bench-native";

/// The program, built.
pub struct Native(PathBuf);

impl Native {
    /// Builds it.
    pub fn build() -> Result<Self> {
        process::announce(
            "building what the benchmark measures natively",
            workspace::cargo().args(["build", "--release", "--package", PACKAGE]),
        )?;
        let program = workspace::target_directory()?.join("release").join(PACKAGE);
        Ok(Self(program))
    }

    /// Measures the engine: for each measure, the nanoseconds of each round.
    pub fn engine(&self, rounds: usize) -> Result<Vec<(String, Vec<f64>)>> {
        let printed = process::output(self.command().arg("engine").arg(rounds.to_string()))?;
        let measured: BTreeMap<usize, (String, Vec<f64>)> = serde_json::from_str(&printed)?;
        Ok(measured.into_values().collect())
    }

    fn command(&self) -> Command {
        Command::new(&self.0)
    }
}
