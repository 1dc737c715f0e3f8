//! A wall clock of a test's own, which can jump. Debian's libfaketime would do, if Envoy's allocator did not ask for the
//! time before that library is ready: the two wait for each other for ever.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::process;

/// What the processes load. It is no part of this program, in which it would move the clock too.
const SOURCE: &str = include_str!("clock/moved.rs");

/// The wall clock of those processes that are started in its environment. The clock that never jumps is left alone.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    offset: PathBuf,
    _folder: TempDir,
}

impl Clock {
    /// A clock that is right.
    ///
    /// # Errors
    /// When its library cannot be built.
    pub fn start() -> Result<Self> {
        let folder = TempDir::with_prefix("portcullis-clock-")?;
        let source = folder.path().join("moved.rs");
        std::fs::write(&source, SOURCE)?;
        let library = folder.path().join("moved.so");
        process::run(
            Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
                .args(["--edition", "2024", "--crate-type", "cdylib"])
                .args(["-O", "-C", "panic=abort", "-o"])
                .args([&library, &source]),
        )?;
        let clock = Self {
            library,
            offset: folder.path().join("offset"),
            _folder: folder,
        };
        std::fs::write(&clock.offset, 0_i64.to_ne_bytes())?;
        Ok(clock)
    }

    /// Is ahead by so many seconds from now on.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn jump(&self, ahead_s: i64) -> Result<()> {
        // In place: the processes look at this very file.
        File::options()
            .write(true)
            .open(&self.offset)
            .and_then(|mut file| file.write_all(&ahead_s.to_ne_bytes()))
            .context("the clock cannot jump")
    }

    /// The environment of processes that go by it.
    ///
    /// # Errors
    /// When the folder for temporary files has a name that is not UTF-8.
    pub fn environment(&self) -> Result<[(&'static str, &str); 2]> {
        let library = self.library.to_str().context("the library's path")?;
        let offset = self.offset.to_str().context("the offset's path")?;
        Ok([("LD_PRELOAD", library), ("PORTCULLIS_TEST_CLOCK", offset)])
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn only_the_processes_in_its_environment_go_by_it() {
        let clock = Clock::start().unwrap();
        let seconds = || {
            let mut date = Command::new("date");
            let printed = process::output(date.arg("+%s").envs(clock.environment().unwrap()));
            printed.unwrap().trim().parse::<i64>().unwrap()
        };
        for ahead_s in [0, 3_600, -3_600] {
            clock.jump(ahead_s).unwrap();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let off = seconds() - i64::try_from(now.as_secs()).unwrap();
            assert!((ahead_s..ahead_s + 60).contains(&off), "{off}");
        }
    }
}
