//! Work in the background: what was counted is added up, and what is old is forgotten. In small steps, with pauses as long
//! as they take, so that whoever changes records hardly waits.

use std::time::Duration;

use portcullis_store::Work;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Keeping;
use crate::app::{App, Refusal};

/// How often it is added up: that is how late operators see what was counted, and gateways hear of quotas that are used
/// up. Where it takes long it is done less often, since more is then done together.
const ADDED_UP_EVERY: Duration = Duration::from_secs(1);
const PAUSE_BY_EFFORT: u32 = 3;

/// How often quotas are judged when nothing was added up: records may have changed.
const JUDGED_EVERY: Duration = Duration::from_secs(5);

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
    ($step:expr) => {{
        let mut steps = 0_u64;
        loop {
            let began = Instant::now();
            if !$step.await? {
                break steps;
            }
            steps = steps.saturating_add(1);
            sleep(began.elapsed()).await;
        }
    }};
}

impl App {
    /// Adds up what was counted so far. Tells whether there was anything.
    ///
    /// # Errors
    /// When the records are out of reach. What was not added up is next time.
    pub async fn add_up_usage(&self, keeping: &Keeping) -> Result<bool, Refusal> {
        let since = keeping.since(self.now_ms());
        let steps = in_steps!(self.store.roll_up_usage(&since));
        Ok(steps > 0)
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
        let (mut judged_at, mut forgotten_at): (Option<Instant>, Option<Instant>) = (None, None);
        let is_due = |last: Option<Instant>, every| last.is_none_or(|at| at.elapsed() >= every);
        loop {
            let began = Instant::now();
            let added_up = self.add_up_usage(keeping).await;
            let has_news = said(added_up, "cannot add up usage").unwrap_or(false);
            if has_news || is_due(judged_at, JUDGED_EVERY) {
                said(self.judge_quotas().await, "cannot judge quotas");
                judged_at = Some(Instant::now());
            }
            let effort = began.elapsed();
            if is_due(forgotten_at, FORGOTTEN_EVERY) {
                said(self.forget_usage(keeping).await, "cannot forget old usage");
                forgotten_at = Some(Instant::now());
            }
            sleep((effort * PAUSE_BY_EFFORT).max(ADDED_UP_EVERY)).await;
        }
    }
}

/// What came of it, or says why nothing did.
fn said<T>(outcome: Result<T, Refusal>, failure: &'static str) -> Option<T> {
    outcome
        .inspect_err(|refusal| {
            let error: &dyn std::error::Error = refusal;
            tracing::error!(error, "{failure}");
        })
        .ok()
}
