//! Work in the background: what was counted is added up, and what is old is forgotten. In small steps, with pauses as long
//! as they take, so that whoever changes records hardly waits.

use std::time::Duration;

use portcullis_store::Work;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Keeping;
use crate::app::{App, Refusal};

/// How often it is added up: that is how late operators see what was counted.
const ADDED_UP_EVERY: Duration = Duration::from_secs(5);

/// How often it is looked for what is old.
const FORGOTTEN_EVERY: Duration = Duration::from_secs(60);

/// How many refusals are kept.
const MOST_REFUSALS: u64 = 100_000;

/// For how long it is remembered up to which batch a gateway is counted that was not heard of since.
const INSTANCES_KEPT_MS: u64 = 90 * 24 * 60 * 60 * 1_000;

/// For how long it is kept what was told of quotas.
const NOTICES_KEPT_MS: u64 = 90 * 24 * 60 * 60 * 1_000;

/// Repeats a step until there is no more to do.
macro_rules! in_steps {
    ($step:expr) => {
        loop {
            let began = Instant::now();
            if !$step.await? {
                break;
            }
            sleep(began.elapsed()).await;
        }
    };
}

impl App {
    /// Adds up what was counted so far.
    ///
    /// # Errors
    /// When the records are out of reach. What was not added up is next time.
    pub async fn add_up_usage(&self, keeping: &Keeping) -> Result<(), Refusal> {
        let since = keeping.since(self.now_ms());
        in_steps!(self.store.roll_up_usage(&since));
        Ok(())
    }

    /// Forgets what is old of usage, and of what was told of quotas.
    ///
    /// # Errors
    /// When the records are out of reach. What was not forgotten is next time.
    pub async fn forget_usage(&self, keeping: &Keeping) -> Result<(), Refusal> {
        let now_ms = self.now_ms();
        let since = keeping.since(now_ms);
        let refusals_ms = keeping.refusals_since_ms(now_ms);
        let instances_ms = now_ms.saturating_sub(INSTANCES_KEPT_MS);
        in_steps!(self.store.expire_usage(&since));
        in_steps!(self.store.expire_refusals(refusals_ms, MOST_REFUSALS));
        in_steps!(self.store.expire_instances(instances_ms));
        let notices_ms = now_ms.saturating_sub(NOTICES_KEPT_MS);
        in_steps!(self.store.expire_quota_events(notices_ms));
        Ok(())
    }

    /// Does both now and then, in one process of all over the same records, until `stopping` becomes true.
    pub async fn tend_usage(&self, keeping: Keeping, mut stopping: watch::Receiver<bool>) {
        while let Some(mut claim) = self.claim(Work::Usage, &mut stopping).await {
            tokio::select! {
                () = self.tend_usage_for_ever(&keeping) => {}
                () = claim.lost() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }

    async fn tend_usage_for_ever(&self, keeping: &Keeping) {
        let mut forgotten_at: Option<Instant> = None;
        loop {
            if let Err(refusal) = self.add_up_usage(keeping).await {
                let error: &dyn std::error::Error = &refusal;
                tracing::error!(error, "cannot add up usage");
            }
            if let Err(refusal) = self.judge_quotas().await {
                let error: &dyn std::error::Error = &refusal;
                tracing::error!(error, "cannot judge quotas");
            }
            if forgotten_at.is_none_or(|at| at.elapsed() >= FORGOTTEN_EVERY) {
                if let Err(refusal) = self.forget_usage(keeping).await {
                    let error: &dyn std::error::Error = &refusal;
                    tracing::error!(error, "cannot forget old usage");
                }
                forgotten_at = Some(Instant::now());
            }
            sleep(ADDED_UP_EVERY).await;
        }
    }
}
