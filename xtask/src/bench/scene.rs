//! An Envoy with Portcullis and nothing else, before a control plane with made-up records.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::gateway;
use super::memory::{self, Memory};
use super::populated::{Populated, Serving};
use super::scale::{Records, Scale};
use crate::stage::{Caller, ControlPlane, Envoy, Parts, within};

/// How long a sync may take until nobody waits for it any more.
const SYNC: Duration = Duration::from_secs(600);
/// How long memory may take to settle.
const SETTLING: Duration = Duration::from_secs(60);
/// How far apart are two looks at the memory, and how far they may differ when it has settled.
const LOOK: Duration = Duration::from_secs(1);
const SETTLED: f64 = 0.001;

/// How long after a refusal a key is tried again. More often would be a load of its own: when it was every 2 ms, trying
/// took a fifth of the processor time that Envoy needed for a first sync.
const TRIED_AGAIN: Duration = Duration::from_millis(20);

/// Both of them.
pub struct Scene {
    /// What Envoy asks.
    pub serving: Serving,
    /// Envoy.
    pub envoy: Envoy,
    /// Where callers are taken.
    pub gateway: SocketAddr,
    /// When Envoy was started.
    pub begun: Instant,
    /// How long Envoy took until it said that it is ready.
    pub ready: Duration,
}

/// A key that opens something, and what it opens.
#[derive(Debug)]
pub struct Known {
    key: String,
    path: String,
}

impl Scene {
    /// Starts a control plane on a copy of the records, and then Envoy.
    pub fn start(parts: &Parts, populated: &Populated, workers: usize) -> Result<Self> {
        let serving = populated.serve(&parts.control_plane)?;
        Self::before(parts, serving, workers)
    }

    /// Starts Envoy before a control plane.
    pub fn before(parts: &Parts, serving: Serving, workers: usize) -> Result<Self> {
        let begun = Instant::now();
        let envoy = start(
            parts,
            &serving.control_plane,
            serving.control_plane.address(),
            workers,
        )?;
        let ready = begun.elapsed();
        Ok(Self {
            gateway: envoy.gateway()?,
            serving,
            envoy,
            begun,
            ready,
        })
    }

    /// Waits until a key is permitted, and tells how long after its start Envoy permitted it.
    pub fn wait_for(&self, known: &Known) -> Result<Duration> {
        known.wait(self.gateway)?;
        Ok(self.begun.elapsed())
    }

    /// The memory of Envoy, once it changes no more.
    pub fn settled_memory(&self) -> Result<Memory> {
        let mut last = memory::of(&self.envoy)?;
        let settled = || {
            std::thread::sleep(LOOK);
            let now = memory::of(&self.envoy).ok()?;
            let is_settled = (now.resident - last.resident).abs() <= last.resident * SETTLED;
            last = now;
            is_settled.then_some(now)
        };
        let (memory, _) = within(SETTLING, "the memory of Envoy settles", settled)?;
        Ok(memory)
    }
}

/// Starts an Envoy that asks a control plane, perhaps through somebody else.
pub fn start(
    parts: &Parts,
    control_plane: &ControlPlane,
    asks: SocketAddr,
    workers: usize,
) -> Result<Envoy> {
    let bootstrap = gateway::alone(parts, asks)?;
    let environment = control_plane.tokens().gateway_environment();
    Envoy::start(&parts.envoy, &bootstrap, workers, &environment)
}

impl Known {
    /// The last of some made-up records.
    pub fn last_of(scale: &Scale, records: Records) -> Result<Self> {
        let told = scale.perform(&json!({"caller": records.json()}))?;
        let member = |name: &str| told[name].as_str().map(str::to_owned);
        Ok(Self {
            key: member("key").context("a caller without a key")?,
            path: member("path").context("a caller without a path")?,
        })
    }

    /// One that an operator makes now, like a profile that there is.
    pub fn made_now(control_plane: &ControlPlane) -> Result<Self> {
        let operator = control_plane.operator();
        let path = "/made/by/a/benchmark";
        let endpoints = json!([{"method": "GET", "path": path}]);
        let collection = operator.create_collection("made by a benchmark", &endpoints)?;
        let client = operator.create_client("made by a benchmark")?;
        let profile = operator.create_profile(&client, "made by a benchmark", &[&collection])?;
        Ok(Self {
            key: profile.api_key,
            path: path.to_owned(),
        })
    }

    /// Waits until it is permitted.
    pub fn wait(&self, gateway: SocketAddr) -> Result<()> {
        let mut caller = Caller::connect(gateway)?;
        within(SYNC, "the key is permitted", || {
            let answer = caller.get(&self.path).key(&self.key).send();
            let is_permitted = answer.is_ok_and(|answer| answer.status == 200);
            if !is_permitted {
                std::thread::sleep(TRIED_AGAIN);
            }
            is_permitted.then_some(())
        })?;
        Ok(())
    }
}

/// A job that sends at a fixed rate, with keys as popular as those of real callers.
pub fn pace(scene: &Scene, records: Records, turn: usize, per_second: u32, seconds: u32) -> Value {
    json!({"pace": {
        "to": scene.gateway, "records": records.json(), "exponent": EXPONENT, "turn": turn,
        "connections": PACED_CONNECTIONS, "per_second": per_second, "seconds": seconds
    }})
}

/// By which power of its rank a profile calls less often than the first: Zipf's law.
pub const EXPONENT: f64 = 1.0;
/// How many connections share a fixed rate.
const PACED_CONNECTIONS: usize = 32;
