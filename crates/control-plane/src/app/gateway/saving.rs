//! Saving what is known of the gateways: for the next start, and for the other processes over the same records, which
//! have to know soon what has been applied.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use portcullis_store::{Author, Edit, Sighting, StoreError};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::fleet::Unsaved;
use super::{App, lock};
use crate::app::Refusal;

/// How often everything is saved that changed.
const SAVED_EVERY: Duration = Duration::from_secs(5);

/// The same where others read it, who hear by that too that this process lives.
const TOLD_EVERY: Duration = Duration::from_secs(2);

/// How long others are not told what gateways have applied, so that they hear of many at once.
const GATHERED_FOR: Duration = Duration::from_millis(20);

/// How far apart two savings are at least for that; and by how many times as long as the last one took: those who write
/// records wait for each.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const PAUSE_BY_EFFORT: u32 = 9;

impl App {
    /// Saves what is known of the gateways every few seconds, and where others read it soon after gateways have applied
    /// something; forgets those that have been lost for a day. Until `stopping` becomes true.
    pub async fn tend_gateways(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let is_shared = self.store.is_shared();
        let mut newest = self.newest();
        let mut urgent = self.gateways.urgent.subscribe();
        let mut ticks = interval(if is_shared { TOLD_EVERY } else { SAVED_EVERY });
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due = None;
        let mut earliest = Instant::now();
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                changed = newest.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.gateways.note_head(self.now_ms());
                    self.gateways.place();
                    continue;
                }
                _ = urgent.changed(), if is_shared && due.is_none() => {
                    due = Some(earliest.max(Instant::now() + GATHERED_FOR));
                    continue;
                }
                () = sleep_until(due.unwrap_or(earliest)), if due.is_some() => {}
                _ = ticks.tick() => {
                    let now_ms = self.now_ms();
                    self.gateways.note_head(now_ms);
                    self.gateways.place();
                    lock(&self.gateways.fleet).tend(now_ms);
                }
            }
            due = None;
            urgent.mark_unchanged();
            let began = Instant::now();
            self.save_gateways_or_say_why().await;
            let pause = began.elapsed() * PAUSE_BY_EFFORT;
            earliest = Instant::now() + pause.clamp(SHORTEST_PAUSE, TOLD_EVERY);
        }
    }

    /// Saves what is known of the gateways, or writes down why not: once, until it succeeds again.
    pub(in crate::app) async fn save_gateways_or_say_why(&self) {
        let saved = self.save_gateways().await;
        let failed_before = &self.gateways.is_saving_failing;
        match (saved, failed_before.load(Ordering::Relaxed)) {
            (Err(refusal), false) => {
                let error: &dyn std::error::Error = &refusal;
                tracing::error!(error, "cannot save what is known of the gateways");
                failed_before.store(true, Ordering::Relaxed);
            }
            (Ok(()), true) => {
                tracing::info!("what is known of the gateways is saved again");
                failed_before.store(false, Ordering::Relaxed);
            }
            (Ok(()), false) | (Err(_), true) => {}
        }
    }

    /// Saves what is known of the gateways, and when their tokens were used.
    ///
    /// # Errors
    /// When the records are out of reach. What could not be saved is saved next time.
    pub async fn save_gateways(&self) -> Result<(), Refusal> {
        let unsaved = lock(&self.gateways.fleet).count_unsaved();
        let beats = self.store.is_shared();
        // In several edits, so that those of operators need not wait for all of it.
        let edits = unsaved
            .div_ceil(Edit::MOST_GATEWAYS)
            .max(usize::from(beats));
        for edit in 0..edits {
            self.save_some(beats && edit == 0).await?;
        }
        self.save_token_uses().await?;
        self.save_uses().await
    }

    async fn save_some(&self, beats: bool) -> Result<(), Refusal> {
        let gateways = &self.gateways;
        let mut edit = self.edit(&Author::system("save gateways")).await?;
        let mut learned = gateways.learned.lock().await;
        let now_ms = gateways.clock.now_ms();
        // Nobody else writes now: what is saved is as new as all that was saved before.
        if self.store.is_shared() {
            let news = edit.read().fleet_since(learned.stamp, now_ms).await?;
            learned.stamp = news.stamp;
            gateways.take_in(news, 0, now_ms);
        }
        let unsaved = lock(&gateways.fleet).take_unsaved(Edit::MOST_GATEWAYS);
        let stamp = match self.put(edit, &unsaved, beats, now_ms).await {
            Ok(stamp) => stamp,
            Err(failure) => {
                lock(&gateways.fleet).keep_unsaved(unsaved);
                return Err(failure.into());
            }
        };
        learned.stamp = learned.stamp.max(stamp);
        Ok(())
    }

    async fn put(
        &self,
        mut edit: Edit,
        unsaved: &Unsaved,
        beats: bool,
        now_ms: u64,
    ) -> Result<u64, StoreError> {
        let mut stamp = 0;
        if !unsaved.changed.is_empty() {
            let sighting = |(gateway, is_asking): &(_, bool)| Sighting {
                gateway: Clone::clone(gateway),
                is_asking: *is_asking,
                by: self.store.name().to_owned(),
            };
            let sightings: Vec<_> = unsaved.changed.iter().map(sighting).collect();
            stamp = edit.put_sightings(&sightings, now_ms).await?;
        }
        if !unsaved.gone.is_empty() {
            let gone: Vec<_> = unsaved.gone.iter().map(ToString::to_string).collect();
            stamp = edit.forget_gateways(&gone, now_ms).await?;
        }
        if beats {
            let unidentified = self.gateways.unidentified.load(Ordering::Relaxed);
            let unidentified = u64::try_from(unidentified).unwrap_or(u64::MAX);
            edit.beat(self.store.name(), unidentified, now_ms).await?;
        }
        edit.commit().await?;
        Ok(stamp)
    }
}
