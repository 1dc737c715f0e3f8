//! How long removals are told: gateways that were away for longer begin again from nothing, beside what they have.

use std::time::Duration;

use portcullis_store::{Author, Work};
use tokio::sync::watch;
use tokio::time::sleep;

use super::{App, Refusal};

/// How often it is looked for removals that need not be told any more.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// How many are forgotten in one edit, so that operators need not wait.
const AT_ONCE: u32 = 1_000;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// For how many days removals are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(pub u32);

impl App {
    /// Forgets what was removed before that, and the lives of the database that ended before it. Tells how many
    /// removals.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn forget_removals(&self, Days(days): Days) -> Result<u64, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let before_ms = now_ms.saturating_sub(u64::from(days).saturating_mul(DAY_MS));
        let mut forgotten = 0_u64;
        loop {
            let mut edit = self.edit(&Author::system("forget removals")).await?;
            let portion = edit.forget_removals(before_ms, AT_ONCE).await?;
            forgotten = forgotten.saturating_add(portion);
            let is_last = portion < u64::from(AT_ONCE);
            if is_last {
                edit.forget_lives(before_ms).await?;
            }
            edit.commit().await?;
            if is_last {
                return Ok(forgotten);
            }
        }
    }

    /// Forgets them now and every hour, in one process of all over the same records, until `stopping` becomes true.
    pub async fn keep_forgetting_removals(&self, days: Days, mut stopping: watch::Receiver<bool>) {
        while let Some(mut claim) = self.claim(Work::Removals, &mut stopping).await {
            tokio::select! {
                () = self.forget_removals_every_hour(days) => {}
                () = claim.lost() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }

    async fn forget_removals_every_hour(&self, days: Days) {
        loop {
            if let Err(refusal) = self.forget_sessions().await {
                let error: &dyn std::error::Error = &refusal;
                tracing::error!(error, "cannot forget sessions that are over");
            }
            match self.forget_removals(days).await {
                Ok(0) => {}
                Ok(forgotten) => tracing::debug!(forgotten, "removals are not told any more"),
                Err(refusal) => {
                    let error: &dyn std::error::Error = &refusal;
                    tracing::error!(error, "cannot forget old removals");
                }
            }
            sleep(EVERY).await;
        }
    }
}
