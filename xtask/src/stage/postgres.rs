//! A real PostgreSQL server with a data directory of its own, on loopback.

use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use nix::unistd::{Uid, User};
use tempfile::TempDir;

use super::{Running, address_to_return_to, within};
use crate::process;

const START: Duration = Duration::from_secs(60);
/// What the server logs when it takes connections.
const READY: &str = "ready to accept connections";
/// Under which accounts it may run where the tasks run as root, which it refuses.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];

/// A server, running or stopped. It is stopped when this is dropped.
pub struct Postgres {
    programs: PathBuf,
    account: Option<User>,
    directory: TempDir,
    address: SocketAddr,
    running: Option<Running>,
}

impl Postgres {
    /// Names the directory of its programs, for tests that start a server of their own.
    pub const PROGRAMS: &'static str = "PORTCULLIS_TEST_POSTGRES_PROGRAMS";
    /// Names the URL of a server that is running, for tests that need only a database.
    pub const SERVER: &'static str = "PORTCULLIS_TEST_POSTGRES";

    /// Starts the server that `cargo xtask test` has found.
    ///
    /// # Errors
    /// When the environment does not name it, or it does not start.
    pub fn start_from_environment() -> Result<Self> {
        let programs = std::env::var_os(Self::PROGRAMS).with_context(|| {
            format!(
                "`{}` is not set: run the tests with `cargo xtask test`",
                Self::PROGRAMS
            )
        })?;
        Self::start(Path::new(&programs))
    }

    /// Starts a server with no database but its own, and waits until it takes connections. Nobody needs a password.
    ///
    /// # Errors
    /// When it does not start: with the end of its log.
    pub fn start(programs: &Path) -> Result<Self> {
        let account = other_account()?;
        let directory = TempDir::with_prefix("portcullis-postgres-")?;
        if let Some(account) = &account {
            let (uid, gid) = (account.uid.as_raw(), account.gid.as_raw());
            chown(directory.path(), Some(uid), Some(gid))?;
        }
        let mut this = Self {
            programs: programs.to_owned(),
            account,
            directory,
            address: address_to_return_to()?,
            running: None,
        };
        // A locale that does not compare bytes: what relies on bytes has to say so.
        let locale = ["--locale-provider=icu", "--icu-locale=en-US"];
        process::output(
            this.command("initdb")
                .args(["--auth=trust", "--username=postgres", "--encoding=UTF8"])
                .args(["--no-sync", "--locale=C.UTF-8"])
                .args(locale)
                .arg("--pgdata")
                .arg(this.data()),
        )?;
        this.restart()?;
        Ok(this)
    }

    /// Starts it again with the same data at the same address, after stopping it if it runs.
    ///
    /// # Errors
    /// When it does not start: with the end of its log.
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        // What is lost when the machine loses power is no matter of tests: killed processes lose nothing.
        let mut running = Running::start(
            "postgres",
            self.command("postgres")
                .arg("-D")
                .arg(self.data())
                .args(["-h", "127.0.0.1", "-p", &self.address.port().to_string()])
                .args(["-c", "unix_socket_directories="])
                .args(["-c", "fsync=off", "-c", "max_connections=300"]),
            self.directory.path(),
        )?;
        let begun = running.log().len();
        let (ready, _) = within(START, "PostgreSQL takes connections", || {
            if let Some(status) = running.ended() {
                let log = running.end_of_log();
                return Some(Err(anyhow!("PostgreSQL ended with {status}:\n{log}")));
            }
            let log = running.log();
            log.get(begun.min(log.len())..)?
                .contains(READY)
                .then_some(Ok(()))
        })
        .with_context(|| running.end_of_log())?;
        ready?;
        self.running = Some(running);
        Ok(())
    }

    /// Ends it at once, with all its connections; its data stays.
    pub fn stop(&mut self) {
        if let Some(running) = &mut self.running {
            // Politely asked, it would wait for who is connected.
            running.interrupt();
        }
        self.running = None;
    }

    /// The URL of the server, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}", self.address)
    }

    /// Makes a database, and tells its URL.
    ///
    /// # Errors
    /// When there is one of this name.
    pub fn create(&self, database: &str) -> Result<String> {
        let url = self.url();
        process::output(
            self.command("psql")
                .args(["--no-psqlrc", "--quiet", "--dbname"])
                .arg(format!("{url}/postgres"))
                .arg("--command")
                .arg(format!("CREATE DATABASE {database}")),
        )?;
        Ok(format!("{url}/{database}"))
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = match &self.account {
            None => Command::new(program),
            Some(account) => {
                let mut command = Command::new("setpriv");
                command
                    .arg(format!("--reuid={}", account.uid))
                    .arg(format!("--regid={}", account.gid))
                    .args(["--clear-groups", "--"])
                    .arg(program);
                command
            }
        };
        command.current_dir(self.directory.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Under which account it runs, if not under that of this process.
fn other_account() -> Result<Option<User>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    for name in ACCOUNTS {
        if let Some(account) = User::from_name(name)? {
            return Ok(Some(account));
        }
    }
    Err(anyhow!(
        "PostgreSQL refuses to run as root, and there is no other account"
    ))
}
