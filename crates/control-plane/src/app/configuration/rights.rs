//! What takes rights away: which changes refuse callers that pass now. In doubt it is said.

mod tokens;

use std::collections::BTreeSet;

use portcullis_engine::address::AddressRules;
use portcullis_feed::{
    AddressLists, CollectionId, Endpoint, PolicyId, Quota, QuotaCounts, QuotaWindow, RateLimit,
    RateScope, RateWindow,
};
use portcullis_store::{AccessMethod, ApiKey, Client, Collection, Policy};

use super::labels::Labels;
use super::step::{Keyed, Step};
use crate::app::api_key::works;

/// Something that a change takes away from callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loss {
    /// In words.
    pub(super) sentence: String,
    /// Which of their requests it may hit.
    pub(super) hits: Hits,
}

/// Which requests are hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hits {
    /// Any.
    All,
    /// Those for a collection.
    Collection(CollectionId),
    /// Those by a key.
    Key(String),
    /// Those for an endpoint, as usage names it.
    Endpoint(String),
}

impl Loss {
    const fn hitting(hits: Hits, sentence: String) -> Self {
        Self { sentence, hits }
    }
}

impl From<&str> for Loss {
    fn from(sentence: &str) -> Self {
        Self::hitting(Hits::All, sentence.to_owned())
    }
}

/// What a change takes away from callers.
pub(super) fn of_client(step: &Step<Client>) -> Vec<Loss> {
    match (&step.before, &step.after) {
        (Some(_), None) => vec!["it is removed with its access profiles and their keys".into()],
        (Some(before), Some(after)) if before.enabled && !after.enabled => {
            vec!["it is disabled with all of its access profiles".into()]
        }
        _ => Vec::new(),
    }
}

pub(super) fn of_policy(step: &Step<Policy>) -> Vec<Loss> {
    let mut lost = Vec::new();
    if let (Some(before), Some(after)) = (&step.before, &step.after) {
        limits(limits_of(before), limits_of(after), &mut lost);
    }
    lost
}

pub(super) fn limits_of(policy: &Policy) -> Limits {
    (policy.rate_limit, policy.quota.clone())
}

pub(super) fn of_collection(step: &Step<Collection>) -> Vec<Loss> {
    let (before, after) = match (&step.before, &step.after) {
        (Some(_), None) => return vec!["it is removed".into()],
        (Some(before), Some(after)) => (before, after),
        (None, _) => return Vec::new(),
    };
    let mut lost = Vec::new();
    if before.public && !after.public {
        lost.push("it is not public any more".into());
    }
    if before.allows_dubious_paths && !after.allows_dubious_paths {
        lost.push("dubious paths are refused".into());
    }
    let served = |endpoint: &&Endpoint| endpoint.enabled;
    let target = |endpoint: &Endpoint| {
        let host = endpoint.host.as_deref().unwrap_or_default();
        format!("{} {host}{}", endpoint.method, endpoint.path)
    };
    let remaining: BTreeSet<String> = after.endpoints.iter().filter(served).map(target).collect();
    let served = before.endpoints.iter().filter(served).map(target);
    let gone = served.filter(|target| !remaining.contains(target));
    lost.extend(gone.map(|target| {
        let sentence = format!("`{target}` is not served any more");
        // Usage does not tell hosts apart.
        let (method, target) = target.split_once(' ').unwrap_or_default();
        let path = target.find('/').and_then(|at| target.get(at..));
        let endpoint = format!("{method} {}", path.unwrap_or_default());
        Loss::hitting(Hits::Endpoint(endpoint), sentence)
    }));
    lost
}

/// How much policies allow.
type Limits = (Option<RateLimit>, Option<Quota>);

pub(super) fn of_profile(
    step: &Step<Keyed>,
    labels: &Labels,
    limits_of: [&dyn Fn(Option<PolicyId>) -> Limits; 2],
    now_ms: u64,
) -> Vec<Loss> {
    let (before, after) = match (&step.before, &step.after) {
        (Some(_), None) => return vec!["it is removed with its keys".into()],
        (Some(before), Some(after)) => (before, after),
        (None, _) => return Vec::new(),
    };
    let mut lost = Vec::new();
    let (old, new) = (&before.profile, &after.profile);
    if old.enabled && !new.enabled {
        lost.push("it is disabled".into());
    }
    if is_sooner(old.expires_at_ms, new.expires_at_ms) {
        lost.push("it expires sooner".into());
    }
    if old.observe && !new.observe {
        lost.push("what was only noted is refused".into());
    }
    for id in old
        .collections
        .iter()
        .filter(|id| !new.collections.contains(id))
    {
        let collection = labels.to_collection(*id);
        let sentence = format!(
            "the collection `{}` is not granted any more",
            collection.as_str()
        );
        lost.push(Loss::hitting(Hits::Collection(*id), sentence));
    }
    if old.addresses != new.addresses && is_narrower(&old.addresses, &new.addresses) {
        lost.push("it may be used from fewer addresses".into());
    }
    if old.policy_id != new.policy_id {
        let [before, after] = limits_of;
        limits(before(old.policy_id), after(new.policy_id), &mut lost);
    }
    match (&old.access, &new.access) {
        (AccessMethod::Jwt(old), AccessMethod::Jwt(new)) => tokens::compare(old, new, &mut lost),
        (old, new) if old != new => lost.push("its callers prove themselves in another way".into()),
        _ => {}
    }
    keys(&before.keys, &after.keys, now_ms, &mut lost);
    lost
}

fn keys(before: &[ApiKey], after: &[ApiKey], now_ms: u64, lost: &mut Vec<Loss>) {
    for key in before {
        let Some(after) = after.iter().find(|after| after.id == key.id) else {
            continue;
        };
        if !works(key, now_ms) {
            continue;
        }
        if after.revoked_at_ms.is_some() {
            let sentence = format!("the key `{}` is revoked", key.id);
            lost.push(Loss::hitting(Hits::Key(key.id.clone()), sentence));
        } else if is_sooner(key.expires_at_ms, after.expires_at_ms) {
            let sentence = format!("the key `{}` expires sooner", key.id);
            lost.push(Loss::hitting(Hits::Key(key.id.clone()), sentence));
        }
    }
}

/// Whether something ends sooner than it would have.
fn is_sooner(before_ms: Option<u64>, after_ms: Option<u64>) -> bool {
    let end = |ms: Option<u64>| ms.unwrap_or(u64::MAX);
    end(after_ms) < end(before_ms)
}

fn is_narrower(before: &AddressLists, after: &AddressLists) -> bool {
    match (AddressRules::parse(before), AddressRules::parse(after)) {
        (Ok(before), Ok(after)) => !after.cover(&before),
        _ => true,
    }
}

fn limits(before: Limits, after: Limits, lost: &mut Vec<Loss>) {
    if is_lower(before.0.map(speed), after.0.map(speed))
        || is_lower(before.0.map(burst), after.0.map(burst))
    {
        lost.push("the rate limit is lower".into());
    }
    let is_shared = |limit: RateLimit| limit.scope == RateScope::Client;
    if after.0.is_some_and(is_shared) && !before.0.is_some_and(is_shared) {
        lost.push("the access profiles of a client share the rate limit".into());
    }
    let (before, after) = (before.1.as_ref(), after.1.as_ref());
    if is_lower(before.map(per_day), after.map(per_day)) {
        lost.push("the quota is lower".into());
    }
    let counts_all = |quota: &Quota| quota.counts == QuotaCounts::All;
    if after.is_some_and(counts_all) && !before.is_some_and(counts_all) {
        lost.push("refused requests count in the quota too".into());
    }
}

fn is_lower(before: Option<f64>, after: Option<f64>) -> bool {
    let most = |limit: Option<f64>| limit.unwrap_or(f64::INFINITY);
    most(after) < most(before)
}

/// Requests a second.
fn speed(limit: RateLimit) -> f64 {
    let seconds = match limit.per {
        RateWindow::Second => 1.0,
        RateWindow::Minute => 60.0,
        RateWindow::Hour => 3_600.0,
        RateWindow::Day => 86_400.0,
    };
    f64::from(limit.requests) / seconds
}

fn burst(limit: RateLimit) -> f64 {
    f64::from(limit.burst.unwrap_or(limit.requests))
}

/// Requests a day. The shortest month counts, so that a change between windows is told in doubt.
fn per_day(quota: &Quota) -> f64 {
    let days = match quota.per {
        QuotaWindow::Day => 1.0,
        QuotaWindow::Week => 7.0,
        QuotaWindow::Month => 28.0,
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "quotas of that size are all alike"
    )]
    let requests = quota.requests as f64;
    requests / days
}
