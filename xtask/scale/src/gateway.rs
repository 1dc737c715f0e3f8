//! A gateway without an Envoy: it speaks the feed as the filter does, and keeps of it what it is told to keep.

mod poller;
mod position;

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use hyper::Method;
use portcullis_feed::{ChangePage, FORMAT, FeedKey, GatewayReport, Position, REPORT_PATH};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::http::Connection;
use crate::memory::Memory;
use poller::Poller;

/// How much longer than it may be held an answer is waited for.
const GRACE: Duration = Duration::from_secs(10);

/// What a gateway is like.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whom it asks.
    pub control_plane: SocketAddr,
    /// By which it proves itself.
    pub token: String,
    /// Tells it from all others.
    pub instance: u64,
    /// What its Envoy would be called.
    pub name: String,
    /// Which signatures it believes. Without any it takes unsigned answers.
    pub feed_keys: Vec<FeedKey>,
    /// For how long an answer may be held back.
    pub wait_s: u32,
    /// How many changes it takes at once.
    pub limit: u32,
    /// When its workers have applied what it takes.
    pub applying: Applying,
    /// Where the records are kept, as in Envoy; nowhere, when absent: then it only notes where it is.
    pub memory: Option<Memory>,
}

/// When the workers of a gateway have applied what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applying {
    /// In the same moment.
    AtOnce,
    /// After so long. It reports that while its next question is open.
    After(Duration),
    /// Never: a worker hangs.
    Never,
}

/// How a gateway is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Where it is. None before it has everything for the first time.
    pub position: Option<Position>,
    /// What its workers have applied, which it reports.
    pub applied: Option<Position>,
    /// How many pages it has taken.
    pub pages: u64,
    /// How many changes stood on them.
    pub changes: u64,
    /// How often it had to begin again from nothing.
    pub restarts: u64,
    /// How often it asked and was not served, or was served what it must not take.
    pub failures: u64,
    /// How many of these failures were for the signature.
    pub signature_failures: u64,
    /// Why it failed last.
    pub last_failure: Option<String>,
}

/// Hears of each page in the moment in which it was taken, and checked and kept.
pub type Witness = dyn Fn(&ChangePage, Instant) + Send + Sync;

/// A gateway that has not begun.
pub struct Gateway {
    settings: Settings,
    status: watch::Sender<Status>,
    witness: Option<Arc<Witness>>,
}

impl Settings {
    /// The gateway of a number among many: takes unsigned pages, applies at once and keeps nothing.
    #[must_use]
    pub fn of(number: u64, control_plane: SocketAddr, token: &str) -> Self {
        Self {
            control_plane,
            token: token.to_owned(),
            instance: number,
            name: format!("gateway-{number}"),
            feed_keys: Vec::new(),
            wait_s: 25,
            limit: 500,
            applying: Applying::AtOnce,
            memory: None,
        }
    }

    fn report(&self, applied: Option<Position>) -> GatewayReport {
        GatewayReport {
            instance: format!("{:016x}", self.instance),
            at_us: micros_of_this_process(),
            name: GatewayReport::name(self.name.as_bytes()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            format: FORMAT,
            applied,
            workers: 1,
            feed_keys: self
                .feed_keys
                .iter()
                .map(|key| key.id().to_string())
                .collect(),
        }
    }
}

/// Microseconds since this process first asked for them.
fn micros_of_this_process() -> u64 {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGIN.elapsed().as_micros()).unwrap_or(u64::MAX)
}

impl Gateway {
    /// A gateway that knows nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            status: watch::Sender::default(),
            witness: None,
        }
    }

    /// With somebody who hears of each page.
    #[must_use]
    pub fn witnessed_by(self, witness: Arc<Witness>) -> Self {
        Self {
            witness: Some(witness),
            ..self
        }
    }

    /// Tells how it is, now and whenever that changes.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Asks, applies and reports for as long as it is polled.
    pub async fn run(self) {
        let Self {
            settings,
            status,
            witness,
        } = self;
        let poller = Poller::new(&settings, &status, witness);
        tokio::join!(poller.run(), report_late(&settings, &status));
    }
}

/// Lets the workers apply after a while what was taken, and says so.
async fn report_late(settings: &Settings, status: &watch::Sender<Status>) {
    let Applying::After(pause) = settings.applying else {
        return;
    };
    let mut connection = Connection::new(settings.control_plane, &settings.token);
    let mut taken = status.subscribe();
    loop {
        let position = taken.borrow_and_update().position.clone();
        if position != status.borrow().applied {
            sleep(pause).await;
            status.send_modify(|status| status.applied.clone_from(&position));
            let report = settings.report(position).header().into_bytes();
            // Whether it arrives or not: the next question says it again.
            connection
                .exchange(Method::POST, REPORT_PATH, &[], report, GRACE)
                .await
                .ok();
            continue;
        }
        if taken.changed().await.is_err() {
            return;
        }
    }
}
