//! How long a change takes to each of many gateways: from the answer to the operator until it has taken the page.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use portcullis_feed::{ChangePage, ChangedObject, ProfileId};
use scale::gateway::Settings;
use scale::{Fleet, Gateway};
use serde::Deserialize;
use serde_json::{Value, json};

use super::operator::Operator;
use super::{Records, micros, ready};

/// How long the first sync of all, or a change to all, may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long everything is left alone between two changes.
const PAUSE: Duration = Duration::from_millis(200);

/// Refresh keys, before so many gateways.
#[derive(Debug, Deserialize)]
pub struct Spread {
    control_plane: SocketAddr,
    operator_token: String,
    gateway_token: String,
    /// In their written form.
    feed_keys: Vec<String>,
    records: Records,
    gateways: u64,
    changes: usize,
}

type Heard = Receiver<(ProfileId, Instant)>;

impl Spread {
    /// Tells, for each change, the microseconds of each gateway. Waits to be told when all gateways have everything.
    pub fn perform(self) -> Result<Value> {
        let population = self.records.population();
        let (fleet, heard) = self.start()?;
        fleet.wait(PATIENCE, "the first sync", |status| {
            status.position.is_some()
        })?;
        ready()?;
        while heard.try_recv().is_ok() {}
        let mut operator = Operator::connect(self.control_plane, &self.operator_token)?;
        let mut latencies = Vec::new();
        let candidates = (0..population.profiles).filter(|&number| population.is_callable(number));
        for number in candidates.take(self.changes) {
            thread::sleep(PAUSE);
            let profile = population.profile(number).id;
            operator.refresh_key(profile)?;
            let answered = Instant::now();
            let gateways = usize::try_from(self.gateways)?;
            latencies.push(arrivals(&heard, profile, answered, gateways)?);
        }
        let failures: u64 = fleet.statuses().map(|status| status.failures).sum();
        Ok(json!({"latencies_us": latencies, "failures": failures}))
    }

    fn start(&self) -> Result<(Fleet, Heard)> {
        let (tell, heard) = mpsc::channel();
        let feed_keys: Vec<_> = self
            .feed_keys
            .iter()
            .map(|key| key.parse())
            .collect::<Result<_, _>>()?;
        let gateways = (0..self.gateways).map(|number| {
            let tell = tell.clone();
            let witness = move |page: &ChangePage, at: Instant| {
                for change in &page.changes {
                    if let ChangedObject::Profile(profile) = &change.object {
                        // Nobody listens any more when all is over.
                        tell.send((profile.id, at)).ok();
                    }
                }
            };
            let mut settings = Settings::of(number + 1, self.control_plane, &self.gateway_token);
            settings.feed_keys.clone_from(&feed_keys);
            Gateway::new(settings).witnessed_by(Arc::new(witness))
        });
        Ok((Fleet::start(gateways.collect())?, heard))
    }
}

/// When each gateway heard of a profile. Each hears of it once.
fn arrivals(
    heard: &Heard,
    profile: ProfileId,
    answered: Instant,
    gateways: usize,
) -> Result<Vec<u64>> {
    let mut arrivals = Vec::with_capacity(gateways);
    while arrivals.len() < gateways {
        let left = PATIENCE.saturating_sub(answered.elapsed());
        let (id, at) = heard.recv_timeout(left).with_context(|| {
            format!(
                "only {} of {gateways} gateways heard of a change",
                arrivals.len()
            )
        })?;
        if id == profile {
            arrivals.push(micros(at.saturating_duration_since(answered)));
        }
    }
    Ok(arrivals)
}
