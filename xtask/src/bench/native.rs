//! The parts of the benchmarks that are compiled with optimisation: `bench-native`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{process, workspace};

const PACKAGE: &str = "bench-native";

/// The program, built.
pub struct Native(PathBuf);

/// What an issuer gives out.
pub struct Issued {
    /// The key that verifies, as a JSON Web Key.
    pub key: Value,
    /// Tokens, no two alike.
    pub tokens: Vec<String>,
}

impl Native {
    /// Who issues the tokens.
    pub const ISSUER: &str = "https://issuer.example";
    /// Whom they are for.
    pub const AUDIENCE: &str = "orders";

    /// Builds it.
    pub fn build() -> Result<Self> {
        workspace::optimised(PACKAGE, "building what the benchmark measures natively").map(Self)
    }

    /// Measures the engine: for each measure, the nanoseconds of each round.
    pub fn engine(&self, rounds: usize) -> Result<Vec<(String, Vec<f64>)>> {
        let printed = process::output(self.command().arg("engine").arg(rounds.to_string()))?;
        let measured: BTreeMap<usize, (String, Vec<f64>)> = serde_json::from_str(&printed)?;
        Ok(measured.into_values().collect())
    }

    /// Tokens of an issuer for a client.
    pub fn tokens(&self, algorithm: &str, client: &str, count: usize) -> Result<Issued> {
        let count = count.to_string();
        let printed = process::output(self.command().args(["tokens", algorithm, client, &count]))?;
        let mut lines = printed.lines();
        let key = lines.next().context("an issuer without a key")?;
        Ok(Issued {
            key: serde_json::from_str(key)?,
            tokens: lines.map(str::to_owned).collect(),
        })
    }

    /// Sends each request once.
    ///
    /// # Errors
    /// When not all of them are answered with 200.
    pub fn send(&self, to: SocketAddr, connections: u32, requests: &[String]) -> Result<()> {
        let mut child = self
            .command()
            .args(["send", &to.to_string(), &connections.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // Dropped when all is written: that is the end of its input.
        let mut input = child.stdin.take().context("no way to tell what to send")?;
        input.write_all(requests.join("\0").as_bytes())?;
        drop(input);
        let output = child.wait_with_output()?;
        let answered = String::from_utf8(output.stdout)?;
        if !output.status.success() || answered.trim() != format!(r#"{{"200":{}}}"#, requests.len())
        {
            bail!(
                "of {} requests to {to} these were answered, by status: {}",
                requests.len(),
                answered.trim()
            );
        }
        Ok(())
    }

    fn command(&self) -> Command {
        Command::new(&self.0)
    }
}
