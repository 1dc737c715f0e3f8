//! The test programs of the workspace: built by one call of cargo, so that all share what they depend on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{process, workspace};

/// A test program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What its target is called, such as `e2e_keys` or the name of a library.
    pub name: String,
    /// It.
    pub executable: PathBuf,
    /// Where it runs: the folder of its package.
    pub folder: PathBuf,
    /// What it is made from.
    pub source: PathBuf,
}

impl Program {
    /// Builds all of them.
    ///
    /// # Errors
    /// When one cannot be built.
    pub fn all() -> Result<Vec<Self>> {
        let arguments = ["test", "--workspace", "--no-run"];
        let mut build = workspace::cargo();
        build
            .args(arguments)
            .arg("--message-format=json-render-diagnostics")
            .stderr(Stdio::inherit());
        eprintln!("==> building the tests: {}", process::line(&build));
        let output = build.output().context("cannot start cargo")?;
        if !output.status.success() {
            bail!("the tests cannot be built: {}", output.status);
        }
        let told = String::from_utf8(output.stdout)?;
        let messages = told.lines().map(serde_json::from_str::<Value>);
        let mut programs = Vec::new();
        for message in messages {
            programs.extend(Self::of(&message?)?);
        }
        programs.sort_by(|one, other| one.source.cmp(&other.source));
        Ok(programs)
    }

    /// The test program that a message of cargo is about, if it is about one ("External tools" in the Cargo book).
    fn of(message: &Value) -> Result<Option<Self>> {
        let is_test =
            message["reason"] == "compiler-artifact" && message["profile"]["test"] == true;
        let Some(executable) = message["executable"].as_str().filter(|_| is_test) else {
            return Ok(None);
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let manifest = text(&message["manifest_path"]).context("a test without a manifest")?;
        let folder = Path::new(&manifest).parent();
        Ok(Some(Self {
            name: text(&message["target"]["name"]).context("a test without a name")?,
            executable: executable.into(),
            folder: folder.context("a manifest in no folder")?.to_owned(),
            source: text(&message["target"]["src_path"])
                .context("a test without a source")?
                .into(),
        }))
    }

    /// Whether it needs a running Envoy: then it mostly waits.
    #[must_use]
    pub fn is_end_to_end(&self) -> bool {
        self.name.starts_with("e2e_")
    }

    /// Runs it, as cargo would.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command
            .current_dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder);
        command
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn programs_are_found_among_what_cargo_tells() {
        let test = json!({
            "reason": "compiler-artifact",
            "manifest_path": "/p/tests/Cargo.toml",
            "target": {"name": "e2e_keys", "src_path": "/p/tests/e2e_keys.rs"},
            "profile": {"test": true},
            "executable": "/p/target/debug/deps/e2e_keys-1",
        });
        let program = Program::of(&test).unwrap().unwrap();
        assert!(program.is_end_to_end());
        assert_eq!(program.folder, Path::new("/p/tests"));
        for (member, other) in [
            ("reason", json!("build-finished")),
            ("profile", json!({"test": false})),
            ("executable", json!(null)),
        ] {
            let mut message = test.clone();
            message[member] = other;
            assert_eq!(Program::of(&message).unwrap(), None, "{member}");
        }
    }
}
