//! Where the built programs and modules are: told by `cargo xtask test` in the environment, or by a task directly.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

/// The programs and modules that play.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The Envoy binary.
    pub envoy: PathBuf,
    /// The `portcullis` binary.
    pub control_plane: PathBuf,
    /// The directory of the modules: `portcullis.wasm` and its companions.
    pub modules: PathBuf,
}

impl Parts {
    /// Names Envoy.
    pub const ENVOY: &'static str = "PORTCULLIS_ENVOY";
    /// Names the `portcullis` binary.
    pub const CONTROL_PLANE: &'static str = "PORTCULLIS_TEST_CONTROL_PLANE";
    /// Names the directory of the modules.
    pub const MODULES: &'static str = "PORTCULLIS_TEST_MODULES";

    /// The parts that `cargo xtask test` built for the tests.
    ///
    /// # Errors
    /// When the environment does not name one of them, or it is not there.
    pub fn from_environment() -> Result<Self> {
        Ok(Self {
            envoy: named(Self::ENVOY)?,
            control_plane: named(Self::CONTROL_PLANE)?,
            modules: named(Self::MODULES)?,
        })
    }

    /// The environment in which [`from_environment`](Self::from_environment) finds these parts.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, &std::path::Path); 3] {
        [
            (Self::ENVOY, &self.envoy),
            (Self::CONTROL_PLANE, &self.control_plane),
            (Self::MODULES, &self.modules),
        ]
    }

    /// The filter as it ships.
    #[must_use]
    pub fn filter(&self) -> PathBuf {
        self.modules.join("portcullis.wasm")
    }

    /// The filter with a trap for tests of recovery.
    #[must_use]
    pub fn filter_with_doors(&self) -> PathBuf {
        self.modules.join("portcullis-test-doors.wasm")
    }
}

fn named(variable: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable)
        .map(PathBuf::from)
        .with_context(|| {
            format!("`{variable}` is not set: run the end-to-end tests with `cargo xtask test`")
        })?;
    if !path.exists() {
        bail!(
            "`{variable}` names `{}`, which is not there: run `cargo xtask test`",
            path.display()
        );
    }
    Ok(path)
}
