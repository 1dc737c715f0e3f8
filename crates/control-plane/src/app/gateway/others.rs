//! The other processes over the same records: which of them live, and what they have seen of the gateways.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portcullis_store::{FleetNews, Replica};

use super::fleet::{Fleet, Heard};
use super::{App, Gateways, lock};
use crate::app::Refusal;

/// For how long a process counts as alive after it has said so: some of its beats may be late.
const ALIVE_MS: u64 = 10_000;

/// Another process.
pub(super) struct Other {
    beat_at_ms: AtomicU64,
    unidentified: AtomicU64,
}

/// All of them, by their names.
#[derive(Default)]
pub(super) struct Others(BTreeMap<String, Arc<Other>>);

/// What this process knows of what others have saved.
#[derive(Default)]
pub(super) struct Learned {
    /// Up to which stamp.
    pub(super) stamp: u64,
}

impl Other {
    /// One that says that it lives.
    pub(super) fn living(at_ms: u64) -> Self {
        Self {
            beat_at_ms: AtomicU64::new(at_ms),
            unidentified: AtomicU64::new(0),
        }
    }

    /// Notes that it has said so again.
    pub(super) fn beats(&self, at_ms: u64) {
        self.beat_at_ms.store(at_ms, Ordering::Relaxed);
    }

    /// When it said last that it lives.
    pub(super) fn beat_at_ms(&self) -> u64 {
        self.beat_at_ms.load(Ordering::Relaxed)
    }

    pub(super) fn is_alive(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.beat_at_ms()) <= ALIVE_MS
    }
}

impl Others {
    /// Takes in which there are, but for this process itself.
    fn take_in(&mut self, replicas: Vec<Replica>, own_name: &str) {
        self.0
            .retain(|name, _| replicas.iter().any(|replica| replica.name == *name));
        for replica in replicas {
            if replica.name == own_name {
                continue;
            }
            let known = self.0.entry(replica.name);
            let other = known.or_insert_with(|| Arc::new(Other::living(replica.beat_at_ms)));
            other.beats(replica.beat_at_ms);
            other
                .unidentified
                .store(replica.unidentified, Ordering::Relaxed);
        }
    }

    fn get(&self, name: &str) -> Option<Arc<Other>> {
        self.0.get(name).map(Arc::clone)
    }

    /// How many questions are open at those that live whose askers do not say who they are.
    pub(super) fn unidentified(&self, now_ms: u64) -> u64 {
        let alive = self.0.values().filter(|other| other.is_alive(now_ms));
        alive
            .map(|other| other.unidentified.load(Ordering::Relaxed))
            .sum()
    }
}

impl App {
    /// Takes in what was known of the gateways when the last process that knew them ended.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn remember_gateways(&self) -> Result<(), Refusal> {
        let gateways = &self.gateways;
        let mut learned = gateways.learned.lock().await;
        let now_ms = gateways.clock.now_ms();
        let news = self.store.read().await?.fleet_since(0, now_ms).await?;
        gateways.note_head(now_ms);
        learned.stamp = news.stamp;
        // Nobody's silence counts while no process could hear it.
        let contacts = news.seen.iter().map(|seen| seen.gateway.last_contact_ms);
        let beats = news.replicas.iter().map(|replica| replica.beat_at_ms);
        let ended_ms = contacts.chain(beats).max().unwrap_or(now_ms);
        gateways.take_in(news, now_ms.saturating_sub(ended_ms), now_ms);
        Ok(())
    }

    /// Takes in what other processes have seen of the gateways since.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub(in crate::app) async fn learn_of_gateways(&self) -> Result<(), Refusal> {
        let gateways = &self.gateways;
        let mut learned = gateways.learned.lock().await;
        let now_ms = gateways.clock.now_ms();
        let mut snapshot = self.store.read().await?;
        let news = snapshot.fleet_since(learned.stamp, now_ms).await?;
        learned.stamp = news.stamp;
        gateways.take_in(news, 0, now_ms);
        Ok(())
    }
}

impl Gateways {
    /// Takes in what others have seen. For so long nobody's silence counts.
    pub(super) fn take_in(&self, news: FleetNews, unheard_ms: u64, now_ms: u64) {
        let own_name = self.store.name();
        let mut others = lock(&self.others);
        others.take_in(news.replicas, own_name);
        let mut has_applied = false;
        let mut fleet = lock(&self.fleet);
        for seen in news.seen.into_iter().take(Fleet::MOST) {
            if seen.by == own_name {
                continue;
            }
            let heard = Heard {
                applied: self.applied(&seen.gateway.report),
                asking_at: seen.is_asking.then(|| others.get(&seen.by)).flatten(),
                silent_from_ms: seen.gateway.last_contact_ms.saturating_add(unheard_ms),
                gateway: seen.gateway,
            };
            has_applied |= fleet.hear(heard, now_ms);
        }
        for gone in news.gone.iter().filter_map(|gone| gone.parse().ok()) {
            fleet.hear_gone(gone, now_ms);
        }
        drop((fleet, others));
        if has_applied {
            self.reported.send_modify(|version| *version += 1);
        }
    }
}
