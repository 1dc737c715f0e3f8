//! A real control plane on a data directory of its own.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use portcullis_feed::{Digest, FeedSigningKey};
use tempfile::TempDir;

use super::{Operator, Running, within};

/// How long the control plane may take until it listens, on a machine that may be busy.
const START: Duration = Duration::from_secs(60);
/// What it prints when it listens, before its address.
const LISTENING: &str = "listening on http://";

/// What operators and gateways prove themselves with, 32 characters or more, and what the control plane does.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// Of the operator.
    pub operator: String,
    /// Of all gateways.
    pub gateway: String,
    feed_seed: String,
    feed_key: String,
}

impl Tokens {
    /// These tokens, and the feed key that this seed makes.
    #[must_use]
    pub fn new(operator: &str, gateway: &str, feed_seed: [u8; 32]) -> Self {
        Self {
            operator: operator.to_owned(),
            gateway: gateway.to_owned(),
            feed_seed: Digest(feed_seed).to_string(),
            feed_key: FeedSigningKey::from_seed(&feed_seed).public().to_string(),
        }
    }

    /// What a gateway finds in its environment.
    #[must_use]
    pub fn gateway_environment(&self) -> [(&'static str, &str); 2] {
        self.gateway_environment_with(&self.gateway)
    }

    /// The same with a token of the caller's choice.
    #[must_use]
    pub fn gateway_environment_with<'t>(&'t self, token: &'t str) -> [(&'static str, &'t str); 2] {
        [
            ("PORTCULLIS_GATEWAY_TOKEN", token),
            ("PORTCULLIS_FEED_KEYS", &self.feed_key),
        ]
    }

    /// By which key gateways know the control plane's answers, in its written form.
    #[must_use]
    pub fn feed_key(&self) -> &str {
        &self.feed_key
    }

    /// Tokens that only tests may use.
    #[must_use]
    pub fn for_tests() -> Self {
        Self::new(
            "operator-of-the-end-to-end-tests-0123456789",
            "gateway-of-the-end-to-end-tests-0123456789",
            [7; 32],
        )
    }
}

/// A control plane, running or stopped. It is stopped when this is dropped.
#[derive(Debug)]
pub struct ControlPlane {
    binary: PathBuf,
    tokens: Tokens,
    data: PathBuf,
    logs: TempDir,
    address: SocketAddr,
    environment: Vec<(String, String)>,
    running: Option<Running>,
}

impl ControlPlane {
    /// Starts a control plane with an empty database on a free port, and waits until it listens.
    ///
    /// # Errors
    /// When it does not start: with the end of its log.
    pub fn start(binary: &Path, tokens: Tokens) -> Result<Self> {
        Self::start_with(binary, tokens, &[])
    }

    /// The same with further environment variables.
    ///
    /// # Errors
    /// When it does not start: with the end of its log.
    pub fn start_with(binary: &Path, tokens: Tokens, environment: &[(&str, &str)]) -> Result<Self> {
        let mut this = Self::not_yet(binary, tokens)?;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        this.environment = environment.iter().map(owned).collect();
        this.restart()?;
        Ok(this)
    }

    /// Starts a control plane on a data directory that stays, and waits until it listens.
    ///
    /// # Errors
    /// When it does not start: with the end of its log.
    pub fn start_on(
        binary: &Path,
        tokens: Tokens,
        data: &Path,
        listen: SocketAddr,
    ) -> Result<Self> {
        let logs = TempDir::with_prefix("portcullis-control-plane-")?;
        Self::launch(binary, tokens, data.to_owned(), logs, listen)
    }

    /// Reserves an address for a control plane that is started later with [`restart`](Self::restart).
    ///
    /// # Errors
    /// When no port is free.
    pub fn not_yet(binary: &Path, tokens: Tokens) -> Result<Self> {
        let logs = TempDir::with_prefix("portcullis-control-plane-")?;
        let data = logs.path().join("data");
        Ok(Self {
            binary: binary.to_owned(),
            tokens,
            data,
            logs,
            address: address_to_return_to()?,
            environment: vec![],
            running: None,
        })
    }

    fn launch(
        binary: &Path,
        tokens: Tokens,
        data: PathBuf,
        logs: TempDir,
        listen: SocketAddr,
    ) -> Result<Self> {
        let mut this = Self {
            binary: binary.to_owned(),
            tokens,
            data,
            logs,
            address: listen,
            environment: vec![],
            running: None,
        };
        this.restart()?;
        Ok(this)
    }

    /// Starts it again on the same data and the same address, after stopping it if it runs.
    ///
    /// # Errors
    /// When it does not start: with the end of its log.
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        let mut running = Running::start(
            "control-plane",
            Command::new(&self.binary)
                .args(["serve", "--listen", &self.address.to_string(), "--data"])
                .arg(&self.data)
                .envs(self.environment.iter().map(|(name, value)| (name, value)))
                .env("PORTCULLIS_OPERATOR_TOKEN", &self.tokens.operator)
                .env("PORTCULLIS_GATEWAY_TOKEN", &self.tokens.gateway)
                .env("PORTCULLIS_FEED_SIGNING_KEY", &self.tokens.feed_seed),
            self.logs.path(),
        )?;
        let begun = running.printed().len();
        let (address, _) = within(START, "the control plane listens", || {
            if let Some(status) = running.ended() {
                let log = running.end_of_log();
                return Some(Err(anyhow!(
                    "the control plane ended with {status}:\n{log}"
                )));
            }
            let printed = running.printed();
            // A line without its end may lack digits of the port.
            let whole = printed.get(..=printed.rfind('\n')?)?;
            whole
                .get(begun.min(whole.len())..)?
                .lines()
                .find_map(|line| {
                    Some(
                        line.strip_prefix(LISTENING)?
                            .parse()
                            .context("it printed no address"),
                    )
                })
        })
        .with_context(|| running.end_of_log())?;
        self.address = address?;
        self.running = Some(running);
        Ok(())
    }

    /// Stops it in an orderly way; its data stays.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Kills it, as a crash would; its data stays.
    pub fn kill(&mut self) {
        if let Some(running) = &mut self.running {
            running.kill();
        }
        self.running = None;
    }

    /// Where it listens, or will.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What operators and gateways prove themselves with.
    #[must_use]
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// An operator of it.
    #[must_use]
    pub fn operator(&self) -> Operator {
        Operator::new(self.address, &self.tokens.operator)
    }

    /// Where its database is.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The number of its process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pid(&self) -> Result<u32> {
        let running = self.running.as_ref();
        Ok(running.context("the control plane does not run")?.pid())
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.running.as_ref().map(Running::log).unwrap_or_default()
    }

    /// What it has written to its standard output.
    #[must_use]
    pub fn printed(&self) -> String {
        self.running
            .as_ref()
            .map(Running::printed)
            .unwrap_or_default()
    }

    /// How the process ended, if it has.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.running.as_mut()?.ended()
    }
}

/// A free address that stays free while whoever listens there is away: nobody else who asks here gets it while this process
/// lives, and its port is below those that the kernel hands out to connections.
///
/// # Errors
/// When no port is free.
pub fn address_to_return_to() -> Result<SocketAddr> {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 10_000;
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Programs that run at the same time see by the same number for UDP that it is taken.
    static HELD: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());
    for _ in 0..COUNT {
        // They begin elsewhere, too.
        let place = std::process::id().wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + place % COUNT)?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let Ok(held) = UdpSocket::bind(address) else {
            continue;
        };
        if TcpListener::bind(address).is_ok() {
            let mut all = HELD.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(held);
            return Ok(address);
        }
    }
    bail!("no port from {FIRST} on is free")
}
