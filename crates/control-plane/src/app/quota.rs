//! Quotas over all gateways: what they tell of usage is added up, and who has used a quota up is refused everywhere until
//! its window ends. Each gateway counts for itself beside that, so that one that is cut off stops too.

use std::collections::HashMap;

use portcullis_engine::quota::Window;
use portcullis_feed::{PolicyId, ProfileId, QuotaCounts};
use portcullis_store::{
    Author, Calls, Policy, QuotaEvent, QuotaEventFilter, QuotaStanding, QuotaUse, Snapshot,
    StoreError, utc_offsets,
};

use super::page::Page;
use super::policy::Quota;
use super::{App, Refusal};

/// What is told of a quota, in hundredths of it: the greatest first.
const TOLD_AT: [u64; 2] = [100, 80];

const ALL: u32 = u32::MAX;

/// How things stand with the quota of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaState {
    /// The quota.
    pub quota: Quota,
    /// The window that is open.
    pub window: Window,
    /// How many requests that count there were in it, as far as gateways have told.
    pub used: u64,
    /// Whether gateways refuse what comes until the window ends.
    pub is_used_up: bool,
}

impl App {
    /// Judges all quotas by what is added up, and tells how many were found to be nearly or wholly used up.
    ///
    /// # Errors
    /// When the records are out of reach. What was not judged is next time.
    pub async fn judge_quotas(&self) -> Result<usize, Refusal> {
        let now_ms = self.now_ms();
        let mut snapshot = self.store.read().await?;
        let quotas = quotas(&mut snapshot).await?;
        let mut reached = Vec::new();
        let mut together: HashMap<Window, Vec<PolicyId>> = HashMap::new();
        for (policy, quota) in &quotas {
            let window = window(quota, now_ms);
            together.entry(window).or_default().push(*policy);
        }
        for (window, policies) in together {
            let from = window.from_ms / 60_000;
            for used in snapshot.quota_uses(&policies, from).await? {
                let quota = quotas.get(&used.policy);
                reached.extend(quota.and_then(|quota| event(quota, used, window, now_ms)));
            }
        }
        let profiles: Vec<_> = reached.iter().map(|event| event.profile).collect();
        let known = snapshot.quota_standings(&profiles).await?;
        drop(snapshot);
        reached.retain(|event| known.get(&event.profile).is_none_or(|it| is_new(event, it)));
        if reached.is_empty() {
            return Ok(0);
        }
        let mut edit = self.edit(&Author::system("judge quotas")).await?;
        for event in &reached {
            // Who was removed meanwhile has no quota any more.
            if edit.read().profile(event.profile).await?.is_some() {
                edit.put_quota_event(event).await?;
            }
        }
        edit.commit().await?;
        for event in &reached {
            let (profile, percent) = (event.profile, event.standing.percent);
            tracing::info!(%profile, percent, used = event.used, "a quota is used up to");
        }
        Ok(reached.len())
    }

    /// How things stand with the quota of a profile, if its policy has one.
    ///
    /// # Errors
    /// When there is no such profile.
    pub async fn quota_state(&self, id: ProfileId) -> Result<Option<QuotaState>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let profile = snapshot.profile(id).await?;
        let profile = profile.ok_or_else(|| super::access_profile::unknown(id))?;
        let Some(policy_id) = profile.policy_id else {
            return Ok(None);
        };
        let policy = snapshot.policy(policy_id).await?;
        let Some(quota) = policy.and_then(|policy| policy.quota) else {
            return Ok(None);
        };
        let states = quota_states(&mut snapshot, &quota, &[id], self.now_ms()).await?;
        Ok(states.into_values().next())
    }

    /// How things stand with the quota of a policy for some of the profiles that have it. None, where it has no quota.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn quota_states(
        &self,
        policy: &Policy,
        profiles: &[ProfileId],
    ) -> Result<HashMap<ProfileId, QuotaState>, Refusal> {
        let Some(quota) = &policy.quota else {
            return Ok(HashMap::new());
        };
        let mut snapshot = self.store.read().await?;
        Ok(quota_states(&mut snapshot, quota, profiles, self.now_ms()).await?)
    }

    /// A page of what was told of quotas, the newest first: what fits a filter, and comes before one by its `id`.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn quota_events(
        &self,
        filter: &QuotaEventFilter,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<QuotaEvent>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let limit_and_one = limit.saturating_add(1);
        let found = snapshot.quota_events(filter, before, limit_and_one).await?;
        Ok(Page::cut_by(found, limit, |event| event.id.to_string()))
    }
}

pub(super) async fn quota_states(
    snapshot: &mut Snapshot,
    quota: &portcullis_feed::Quota,
    profiles: &[ProfileId],
    now_ms: u64,
) -> Result<HashMap<ProfileId, QuotaState>, StoreError> {
    let window = window(quota, now_ms);
    let period = window.from_ms / 60_000..now_ms / 60_000 + 1;
    let calls = snapshot.calls_of(profiles, period).await?;
    let standings = snapshot.quota_standings(profiles).await?;
    let states = profiles.iter().map(|id| {
        let standing = standings.get(id);
        let is_used_up = standing.is_some_and(|standing| {
            standing.is_used_up() && standing.quota == *quota && standing.until_ms > now_ms
        });
        let state = QuotaState {
            quota: quota.clone().into(),
            window,
            used: calls.get(id).map_or(0, |it| counting(quota, *it)),
            is_used_up,
        };
        (*id, state)
    });
    Ok(states.collect())
}

async fn quotas(
    snapshot: &mut Snapshot,
) -> Result<HashMap<PolicyId, portcullis_feed::Quota>, Refusal> {
    let policies = snapshot.policies(None, ALL).await?;
    let quotas = policies.into_iter();
    Ok(quotas
        .filter_map(|policy| Some((policy.id, policy.quota?)))
        .collect())
}

/// The window that is open, by the calendar of the quota.
fn window(quota: &portcullis_feed::Quota, now_ms: u64) -> Window {
    let zone = quota.time_zone.as_deref();
    let offsets = zone.and_then(|zone| utc_offsets(zone, now_ms));
    Window::of(quota.per, now_ms, &offsets.unwrap_or_default())
}

/// How many of the requests count.
const fn counting(quota: &portcullis_feed::Quota, calls: Calls) -> u64 {
    match quota.counts {
        QuotaCounts::Permitted => calls.permitted,
        QuotaCounts::All => calls.requests,
    }
}

/// What is to be told of a use, if it is much.
fn event(
    quota: &portcullis_feed::Quota,
    used: QuotaUse,
    window: Window,
    now_ms: u64,
) -> Option<QuotaEvent> {
    let count = counting(quota, used.calls);
    let is_reached = |percent: &u64| {
        let used = u128::from(count).saturating_mul(100);
        used >= u128::from(quota.requests).saturating_mul(u128::from(*percent))
    };
    let percent = TOLD_AT.into_iter().find(is_reached)?;
    Some(QuotaEvent {
        id: 0,
        at_ms: now_ms,
        client: used.client,
        profile: used.profile,
        from_ms: window.from_ms,
        used: count,
        standing: QuotaStanding {
            quota: quota.clone(),
            until_ms: window.until_ms,
            percent,
        },
    })
}

fn is_new(event: &QuotaEvent, known: &QuotaStanding) -> bool {
    let standing = &event.standing;
    known.quota != standing.quota
        || known.until_ms != standing.until_ms
        || known.percent < standing.percent
}
