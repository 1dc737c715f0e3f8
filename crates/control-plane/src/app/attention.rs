//! What somebody should look at: keys, quotas, and profiles of which much is refused.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_feed::{ProfileId, Quota};
use portcullis_store::{AttentionKey, AttentionQuota, Snapshot, StoreError};

use super::quota::{QuotaState, quota_states};
use super::survey::{Refusing, UNUSED_MS};
use super::{App, Refusal};

/// How long before its end a key is told: 14 days.
const ENDING_MS: u64 = 14 * 24 * 60 * 60 * 1_000;

/// How many of each are told.
const MOST: u32 = 10;

/// What needs attention: the first ten of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// Keys that end within two weeks, the next first.
    pub ending: Vec<AttentionKey>,
    /// Keys that were not used for ninety days, the oldest first.
    pub unused: Vec<AttentionKey>,
    /// Quotas that are nearly or wholly used up, the latter first, with how things stand.
    pub quotas: Vec<(AttentionQuota, QuotaState)>,
    /// Profiles of which much was refused in the last day, the most first.
    pub refusing: Arc<Vec<Refusing>>,
}

impl Attention {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ending.is_empty()
            && self.unused.is_empty()
            && self.quotas.is_empty()
            && self.refusing.is_empty()
    }
}

impl App {
    /// What somebody should look at.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn attention(self: &Arc<Self>) -> Result<Attention, Refusal> {
        let refusing = self.refusing().await?;
        let unused = self.unused_keys().await?;
        let now_ms = self.now_ms();
        let mut snapshot = self.store.read().await?;
        let until_ms = now_ms.saturating_add(ENDING_MS);
        let ending = snapshot.keys_ending(now_ms, until_ms, MOST).await?;
        let since_ms = now_ms.saturating_sub(UNUSED_MS);
        let unused = snapshot.keys_unused(since_ms, now_ms, Some(&unused), MOST);
        let unused = unused.await?;
        let quotas = running_out(&mut snapshot, now_ms).await?;
        Ok(Attention {
            ending,
            unused,
            quotas,
            refusing,
        })
    }
}

async fn running_out(
    snapshot: &mut Snapshot,
    now_ms: u64,
) -> Result<Vec<(AttentionQuota, QuotaState)>, StoreError> {
    let found = snapshot.quotas_running_out(now_ms, MOST).await?;
    let mut by_quota: Vec<(Quota, Vec<ProfileId>)> = Vec::new();
    for it in &found {
        let quota = &it.standing.quota;
        match by_quota.iter_mut().find(|(known, _)| known == quota) {
            Some((_, profiles)) => profiles.push(it.profile_id),
            None => by_quota.push((quota.clone(), vec![it.profile_id])),
        }
    }
    let mut states = HashMap::new();
    for (quota, profiles) in by_quota {
        states.extend(quota_states(snapshot, &quota, &profiles, now_ms).await?);
    }
    let told = found
        .into_iter()
        .filter_map(|it| Some((states.remove(&it.profile_id)?, it)));
    Ok(told.map(|(state, it)| (it, state)).collect())
}
