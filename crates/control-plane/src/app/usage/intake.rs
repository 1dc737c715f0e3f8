//! Taking batches in: those that come within a short time are kept in one transaction, and each is answered when that is
//! done. Nothing is told to be counted that is only in memory.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_feed::UsageBatch;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::batch::{self, InvalidBatch};
use crate::app::App;

/// How much may wait to be kept: rows, refusals and batches together.
const MOST_WAITING: usize = 100_000;

/// How much is kept at once, so that others who write need not wait for long.
const MOST_AT_ONCE: usize = 10_000;

/// How far apart two transactions are at least, and by how many times as long as the last one took: the more there is to
/// do, the more is done together.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const PAUSE_BY_EFFORT: u32 = 1;

/// A batch is not counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCounted {
    /// It is none.
    #[error(transparent)]
    Invalid(#[from] InvalidBatch),
    /// Too much waits to be kept.
    #[error("too much usage waits to be kept: send the batch again")]
    Busy,
    /// The records are out of reach.
    #[error("the records are out of reach: send the batch again")]
    Unreachable,
}

/// What waits to be kept.
#[derive(Default)]
pub(in crate::app) struct Intake(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    batches: Vec<Comer>,
    weight: usize,
    /// Whether somebody is at work on it.
    is_tended: bool,
    /// Before when nothing is kept.
    earliest: Option<Instant>,
}

struct Comer {
    batch: UsageBatch,
    answer: oneshot::Sender<bool>,
}

impl Comer {
    fn weight(&self) -> usize {
        let batch = &self.batch;
        batch
            .rows
            .len()
            .saturating_add(batch.refusals.len())
            .saturating_add(1)
    }
}

impl App {
    /// Counts a batch, unless it was counted before: when this is done, it is kept whatever happens.
    ///
    /// # Errors
    /// When it is none, or cannot be kept now.
    pub async fn count_usage(self: &Arc<Self>, json: &[u8]) -> Result<(), NotCounted> {
        let counted = self.wait_until_counted(json).await;
        counted.inspect_err(|_| self.meters.count_refused_usage())
    }

    async fn wait_until_counted(self: &Arc<Self>, json: &[u8]) -> Result<(), NotCounted> {
        let batch = batch::read(json, self.now_ms())?;
        let (answer, answered) = oneshot::channel();
        if self.usage.take_in(Comer { batch, answer })? {
            let app = Arc::clone(self);
            tokio::spawn(async move { app.keep_usage().await });
        }
        match answered.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(NotCounted::Unreachable),
        }
    }

    /// Keeps what waits, until nothing does.
    async fn keep_usage(&self) {
        while let Some((comers, earliest)) = self.usage.next() {
            if let Some(earliest) = earliest {
                sleep_until(earliest).await;
            }
            let comers = self.usage.with_later(comers);
            let began = Instant::now();
            let (batches, answers): (Vec<_>, Vec<_>) = comers
                .into_iter()
                .map(|comer| (comer.batch, comer.answer))
                .unzip();
            let counted = self.store.count_usage(&batches, self.now_ms()).await;
            let is_kept = match counted {
                Ok(counted) => {
                    for (batch, is_new) in batches.iter().zip(counted) {
                        self.meters.count_usage(batch, is_new);
                        if is_new {
                            self.usage_collected.add(batch);
                        }
                    }
                    true
                }
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "cannot keep usage");
                    false
                }
            };
            for answer in answers {
                // Who has gone away sends it again.
                let _ = answer.send(is_kept);
            }
            let pause = (began.elapsed() * PAUSE_BY_EFFORT).max(SHORTEST_PAUSE);
            self.usage.lock().earliest = Some(Instant::now() + pause);
        }
    }
}

impl Intake {
    /// Lets a batch wait. Tells whether somebody has to be set to work.
    fn take_in(&self, comer: Comer) -> Result<bool, NotCounted> {
        let mut waiting = self.lock();
        let weight = waiting.weight.saturating_add(comer.weight());
        if weight > MOST_WAITING {
            return Err(NotCounted::Busy);
        }
        waiting.weight = weight;
        waiting.batches.push(comer);
        Ok(!mem::replace(&mut waiting.is_tended, true))
    }

    /// What waits, as much as is kept at once, and when. Whoever is told that there is nothing is not at work any more.
    fn next(&self) -> Option<(Vec<Comer>, Option<Instant>)> {
        let mut waiting = self.lock();
        let some = waiting.take(0);
        if some.is_empty() {
            waiting.is_tended = false;
            return None;
        }
        let earliest = waiting.earliest.filter(|at| *at > Instant::now());
        Some((some, earliest))
    }

    /// The same with what has come since.
    fn with_later(&self, mut comers: Vec<Comer>) -> Vec<Comer> {
        let weight = comers.iter().map(Comer::weight).sum();
        comers.extend(self.lock().take(weight));
        comers
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Takes as much as is kept at once, of which there is so much already: at least one batch if there is nothing.
    fn take(&mut self, mut weight: usize) -> Vec<Comer> {
        let mut count = 0;
        for comer in &self.batches {
            let more = weight.saturating_add(comer.weight());
            if more > MOST_AT_ONCE && weight > 0 {
                break;
            }
            weight = more;
            count += 1;
        }
        let taken: Vec<_> = self.batches.drain(..count).collect();
        let lighter = taken.iter().map(Comer::weight).sum();
        self.weight = self.weight.saturating_sub(lighter);
        taken
    }
}

#[cfg(test)]
mod tests {
    use portcullis_feed::UsageRow;

    use super::*;

    fn comer(rows: usize) -> Comer {
        let (answer, _) = oneshot::channel();
        let batch = UsageBatch {
            rows: vec![UsageRow::default(); rows],
            ..UsageBatch::default()
        };
        Comer { batch, answer }
    }

    #[test]
    fn what_waits_is_bounded_and_taken_in_order_a_part_at_a_time() {
        let intake = Intake::default();
        assert_eq!(intake.take_in(comer(1_999)), Ok(true));
        for _ in 0..49 {
            assert_eq!(intake.take_in(comer(1_999)), Ok(false));
        }
        assert_eq!(intake.take_in(comer(0)), Err(NotCounted::Busy));
        let (first, _) = intake.next().unwrap();
        assert_eq!(first.len(), 5);
        assert_eq!(intake.take_in(comer(0)), Ok(false));
        assert_eq!(intake.with_later(first).len(), 5);
        let mut left = 0;
        while let Some((some, _)) = intake.next() {
            left += some.len();
        }
        assert_eq!(left, 46);
        assert_eq!(intake.take_in(comer(20_000)), Ok(true));
        assert_eq!(intake.next().unwrap().0.len(), 1);
    }
}
