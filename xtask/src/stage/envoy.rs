//! A real Envoy with a bootstrap of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;
use tempfile::TempDir;

use super::{Bootstrap, Caller, Running, within};
use crate::process;

/// How long Envoy may take to be ready. V8 compiles the filter meanwhile, on a machine that may be busy.
const START: Duration = Duration::from_secs(60);
/// How long open connections may take to show in the counters of the workers.
const COUNTING: Duration = Duration::from_secs(10);
/// How long Envoy may take to write its access log.
const LOGGING: Duration = Duration::from_secs(10);

/// A running Envoy. It is stopped when this is dropped.
#[derive(Debug)]
pub struct Envoy {
    running: Running,
    agent: ureq::Agent,
    admin: SocketAddr,
    workers: usize,
    start: Start,
}

/// How it is started.
#[derive(Debug)]
struct Start {
    binary: PathBuf,
    workers: usize,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    directory: TempDir,
}

impl Envoy {
    /// Starts Envoy with as many workers as `workers`, and waits until it is ready.
    ///
    /// # Errors
    /// When it refuses the bootstrap or is not ready in time: with the end of its log.
    pub fn start(
        binary: &Path,
        bootstrap: &Bootstrap,
        workers: usize,
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut start = Start {
            binary: binary.to_owned(),
            workers,
            arguments: bootstrap.arguments.clone(),
            environment: environment.iter().map(owned).collect(),
            directory: TempDir::with_prefix("portcullis-envoy-")?,
        };
        start.environment.extend(bootstrap.environment.clone());
        std::fs::write(start.bootstrap(), bootstrap.to_json())?;
        let agent = agent();
        let (running, admin) = start.launch(&agent)?;
        Ok(Self {
            running,
            agent,
            admin,
            workers,
            start,
        })
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        self.running.kill();
    }

    /// Starts it again as it was started before, after killing it if it runs, and waits until it is ready.
    ///
    /// # Errors
    /// When it is not ready in time: with the end of its log.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        (self.running, self.admin) = self.start.launch(&self.agent)?;
        Ok(())
    }

    /// Asks Envoy whether it would accept a bootstrap.
    ///
    /// # Errors
    /// When it would not: with what it says.
    pub fn validate(
        binary: &Path,
        bootstrap: &Bootstrap,
        environment: &[(&str, &str)],
    ) -> Result<()> {
        let directory = TempDir::with_prefix("portcullis-envoy-")?;
        let file = directory.path().join("bootstrap.json");
        std::fs::write(&file, bootstrap.to_json())?;
        let mut command = Command::new(binary);
        command
            .args([
                "--mode",
                "validate",
                "--log-level",
                "error",
                "--config-path",
            ])
            .arg(&file)
            .envs(environment.iter().copied());
        let output = command
            .output()
            .with_context(|| format!("cannot start `{}`", process::line(&command)))?;
        if !output.status.success() {
            bail!(
                "Envoy refuses the bootstrap: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }

    /// Where a listener listens.
    ///
    /// # Errors
    /// When Envoy has no listener of this name.
    pub fn address_of(&self, listener: &str) -> Result<SocketAddr> {
        let listeners: Value = serde_json::from_str(&self.admin("/listeners?format=json")?)?;
        let statuses = listeners["listener_statuses"].as_array();
        let socket = statuses
            .into_iter()
            .flatten()
            .find(|status| status["name"] == listener)
            .map(|status| &status["local_address"]["socket_address"])
            .with_context(|| format!("Envoy has no listener `{listener}`"))?;
        let ip = socket["address"].as_str().unwrap_or_default();
        Ok(format!("{ip}:{}", socket["port_value"]).parse()?)
    }

    /// Where the listener of the shipped bootstraps listens.
    ///
    /// # Errors
    /// When Envoy has no listener called `gateway`.
    pub fn gateway(&self) -> Result<SocketAddr> {
        self.address_of("gateway")
    }

    /// What a page of the admin interface says.
    ///
    /// # Errors
    /// When it does not answer with 200.
    pub fn admin(&self, path: &str) -> Result<String> {
        read(&self.agent, self.admin, path)
    }

    /// Where the admin interface listens.
    #[must_use]
    pub const fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// A counter or gauge by its full name. 0 when Envoy has not counted yet.
    ///
    /// # Errors
    /// When the admin page does not answer.
    pub fn count(&self, name: &str) -> Result<u64> {
        let page = self.admin("/stats")?;
        let value = page
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        Ok(value.map_or(Ok(0), str::parse)?)
    }

    /// Callers with connections to the gateway of which every worker has at least one.
    ///
    /// # Errors
    /// When the kernel does not spread connections over all workers.
    pub fn callers_on_every_worker(&self) -> Result<Vec<Caller>> {
        self.callers_on_every_worker_of("gateway")
    }

    /// The same of another listener.
    ///
    /// # Errors
    /// When there is no such listener, or the kernel does not spread connections over all workers.
    pub fn callers_on_every_worker_of(&self, listener: &str) -> Result<Vec<Caller>> {
        const MOST: usize = 512;
        let address = self.address_of(listener)?;
        let mut callers: Vec<Caller> = Vec::new();
        let before = self.connections_of_workers(address)?;
        while callers.len() < MOST {
            for _ in 0..self.workers.saturating_mul(4) {
                callers.push(Caller::connect(address)?);
            }
            let (gained, _) = within(COUNTING, "Envoy has counted the new connections", || {
                let now = self.connections_of_workers(address).ok()?;
                let gained: Vec<u64> = now
                    .iter()
                    .zip(&before)
                    .map(|(now, before)| now.saturating_sub(*before))
                    .collect();
                (gained.iter().sum::<u64>() >= u64::try_from(callers.len()).ok()?).then_some(gained)
            })?;
            if gained.iter().all(|count| *count > 0) {
                return Ok(callers);
            }
        }
        bail!(
            "{MOST} connections did not reach all {} workers",
            self.workers
        );
    }

    /// How many connections each worker has taken so far.
    ///
    /// # Errors
    /// When the admin page does not answer.
    pub fn connections_of_workers(&self, listener: SocketAddr) -> Result<Vec<u64>> {
        let page = self.admin("/stats?filter=worker_.*downstream_cx_total")?;
        (0..self.workers)
            .map(|worker| {
                // Listeners are counted by the address of their configuration, so that the port may stand as 0.
                let part = format!(".worker_{worker}.downstream_cx_total: ");
                let ip = listener.ip().to_string();
                page.lines()
                    .filter(|line| line.starts_with(&format!("listener.{ip}")))
                    .find_map(|line| line.split_once(&part))
                    .map_or(Ok(0), |(_, count)| Ok(count.trim().parse()?))
            })
            .collect()
    }

    /// What the access log says so far, one object for each request.
    #[must_use]
    pub fn access_log(&self) -> Vec<Value> {
        let printed = self.running.printed();
        printed
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// What the access log says of the one request that was sent to a host of this name, once it is written.
    ///
    /// # Errors
    /// When it says nothing.
    pub fn access_of(&self, host: &str) -> Result<Value> {
        let line = || {
            let lines = self.access_log();
            lines.into_iter().find(|line| line["host"] == host)
        };
        within(LOGGING, "the access log tells the request", line).map(|(line, _)| line)
    }

    /// What Envoy has written to its standard output: the access log as it stands there.
    #[must_use]
    pub fn printed(&self) -> String {
        self.running.printed()
    }

    /// Has a component of Envoy, such as `wasm`, log from this level on.
    ///
    /// # Errors
    /// When there is no such component or level.
    pub fn log_from(&self, component: &str, level: &str) -> Result<()> {
        let admin = self.admin;
        let url = format!("http://{admin}/logging?{component}={level}");
        self.agent.post(url).send_empty()?;
        Ok(())
    }

    /// What Envoy has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.running.log()
    }

    /// The number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// How the process ended, if it has.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.running.ended()
    }
}

impl Start {
    fn bootstrap(&self) -> PathBuf {
        self.directory.path().join("bootstrap.json")
    }

    fn launch(&self, agent: &ureq::Agent) -> Result<(Running, SocketAddr)> {
        let admin_file = self.directory.path().join("admin-address");
        // That of an earlier start would lead nowhere.
        std::fs::remove_file(&admin_file).ok();
        let mut running = Running::start(
            "envoy",
            Command::new(&self.binary)
                .arg("--config-path")
                .arg(self.bootstrap())
                .arg("--admin-address-path")
                .arg(&admin_file)
                .args(["--concurrency", &self.workers.to_string()])
                // Several run side by side; none takes over from another.
                .arg("--disable-hot-restart")
                // What the binary contains is of no interest, and long.
                .args(["--component-log-level", "main:warning"])
                .args(["--file-flush-interval-msec", "20"])
                .args(&self.arguments)
                .envs(self.environment.iter().map(|(name, value)| (name, value))),
            self.directory.path(),
        )?;
        let (admin, _) = within(START, "Envoy is ready", || {
            if let Some(status) = running.ended() {
                return Some(Err(anyhow!(
                    "Envoy ended with {status}:\n{}",
                    running.end_of_log()
                )));
            }
            let admin: SocketAddr = std::fs::read_to_string(&admin_file)
                .ok()?
                .trim()
                .parse()
                .ok()?;
            read(agent, admin, "/ready").ok().map(|_| Ok(admin))
        })
        .with_context(|| running.end_of_log())?;
        Ok((running, admin?))
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(10)))
        .build()
        .into()
}

fn read(agent: &ureq::Agent, admin: SocketAddr, path: &str) -> Result<String> {
    Ok(agent
        .get(format!("http://{admin}{path}"))
        .call()?
        .body_mut()
        .read_to_string()?)
}
