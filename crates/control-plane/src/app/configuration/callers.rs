//! Who has called lately by what a plan takes away: those whom it would refuse, or may.

use std::collections::BTreeMap;

use portcullis_feed::{ClientId, CollectionId, PolicyId, ProfileId};
use portcullis_store::{
    GrantFilter, LastUse, ProfileFilter, Snapshot, StoreError, UsageFilter, UsageGroup,
    UsageQuestion, UsageUnit, Window,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::plan::Plan;
use super::rights::{Hits, Loss};
use crate::app::time::Moment;

/// How far back it is looked.
const LATELY_MINUTES: u64 = 7 * 24 * 60;

/// For how many changes it is looked up.
const MOST_CHANGES: usize = 1_000;

/// How many callers are told of each, and how many profiles with one policy are looked at.
const MOST_CALLERS: usize = 100;
const MOST_PROFILES: u32 = 1_000;

/// Somebody whose requests were permitted within the last seven days by what is taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecentCaller {
    /// By which access profile. Null for callers of a public collection, who did not say who they are.
    #[schema(example = "ap_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub access_profile: Option<String>,
    /// What people call the profile.
    #[schema(example = "production")]
    pub name: Option<String>,
    /// What people call its client.
    #[schema(example = "Acme")]
    pub client: Option<String>,
    /// How many of their requests were permitted that needed it.
    pub requests: u64,
    /// When they called last, to the minute, whatever they called.
    pub last_used_at: Option<Moment>,
}

/// What one change takes away, and from whom.
pub(super) struct Losses {
    /// Which change of the plan it is.
    pub(super) change: usize,
    /// Whose requests may be hit.
    pub(super) of: Callers,
    /// Which of these.
    pub(super) hits: Vec<Hits>,
}

/// Those who may be hit: all who are in the record's reach.
#[derive(Debug, Clone, Copy)]
pub(super) enum Callers {
    Profile(ProfileId),
    Client(ClientId),
    Collection(CollectionId),
    Policy(PolicyId),
}

impl Losses {
    pub(super) fn of(change: usize, of: Callers, lost: &[Loss]) -> Option<Self> {
        let hits = lost.iter().map(|loss| loss.hits.clone()).collect();
        (!lost.is_empty()).then_some(Self { change, of, hits })
    }
}

/// Notes in a plan who is hit by its changes: of the first thousand that take something away.
///
/// # Errors
/// When the database fails.
pub(super) async fn note(
    plan: &mut Plan,
    losses: &[Losses],
    snapshot: &mut Snapshot,
    now_ms: u64,
) -> Result<(), StoreError> {
    let minute = now_ms / 60_000;
    let mut lately = UsageQuestion {
        unit: UsageUnit::Day,
        from: UsageUnit::Day.start(minute.saturating_sub(LATELY_MINUTES)),
        until: minute.saturating_add(UsageUnit::Day.minutes()),
        filter: UsageFilter::default(),
    };
    for lost in losses.iter().take(MOST_CHANGES) {
        let mut requests = BTreeMap::new();
        for (filter, only) in asked(lost, snapshot).await? {
            lately.filter = filter;
            let only = only.as_deref();
            let group = Some(UsageGroup::Profile);
            for sum in snapshot.usage(&lately, false, group, only).await? {
                if sum.counts.permitted > 0 {
                    *requests.entry(sum.group).or_insert(0) += sum.counts.permitted;
                }
            }
        }
        let told = told(requests, snapshot).await?;
        if let Some(change) = plan.changes.get_mut(lost.change) {
            change.recent_callers = Some(told);
        }
    }
    Ok(())
}

/// Which requests are meant: those that fit a filter, of certain profiles if any are named.
async fn asked(
    lost: &Losses,
    snapshot: &mut Snapshot,
) -> Result<Vec<(UsageFilter, Option<Vec<String>>)>, StoreError> {
    let mut all = UsageFilter::default();
    match lost.of {
        Callers::Profile(id) => all.profile = Some(id),
        Callers::Client(id) => all.client = Some(id),
        Callers::Collection(id) => all.collection = Some(id),
        Callers::Policy(id) => {
            let filter = ProfileFilter {
                grant: GrantFilter {
                    policy_id: Some(id),
                    ..GrantFilter::default()
                },
                ..ProfileFilter::default()
            };
            let window = Window {
                order: Vec::new(),
                after: None,
                limit: MOST_PROFILES,
            };
            let profiles = snapshot.find_profiles(&filter, &window).await?;
            let profiles = profiles.iter().map(|profile| profile.id.to_string());
            return Ok(vec![(all, Some(profiles.collect()))]);
        }
    }
    let narrowed = |hits: &Hits| match hits {
        Hits::All => None,
        Hits::Collection(id) => Some(UsageFilter {
            collection: Some(*id),
            ..all.clone()
        }),
        Hits::Key(id) => Some(UsageFilter {
            key_id: Some(id.clone()),
            ..all.clone()
        }),
        Hits::Endpoint(name) => Some(UsageFilter {
            endpoint: Some(name.clone()),
            ..all.clone()
        }),
    };
    // A request may be hit twice, by its key and its collection: then nobody knows how many are hit, and all are meant.
    let is_alike =
        |[one, other]: &[Hits; 2]| std::mem::discriminant(one) == std::mem::discriminant(other);
    let parts: Option<Vec<_>> = lost.hits.iter().map(narrowed).collect();
    match parts {
        Some(parts) if lost.hits.array_windows().all(is_alike) => {
            Ok(parts.into_iter().map(|filter| (filter, None)).collect())
        }
        _ => Ok(vec![(all, None)]),
    }
}

/// Callers with their names, from the most requests downwards.
async fn told(
    requests: BTreeMap<String, u64>,
    snapshot: &mut Snapshot,
) -> Result<Vec<RecentCaller>, StoreError> {
    let mut callers: Vec<_> = requests.into_iter().collect();
    callers.sort_by_key(|(profile, requests)| (u64::MAX - requests, profile.clone()));
    callers.truncate(MOST_CALLERS);
    let ids: Vec<_> = callers.iter().map(|(profile, _)| profile.clone()).collect();
    let profiles: Vec<ProfileId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let names = snapshot.usage_names(UsageGroup::Profile, &ids).await?;
    let owners = snapshot.owners_of(&profiles).await?;
    let clients: Vec<_> = owners.values().map(ToString::to_string).collect();
    let client_names = snapshot.usage_names(UsageGroup::Client, &clients).await?;
    let used = snapshot.last_uses(&LastUse::Profiles(profiles)).await?;
    let caller = |(profile, requests): (String, u64)| {
        let owner = profile.parse().ok().and_then(|id| owners.get(&id));
        RecentCaller {
            name: names.get(&profile).cloned(),
            client: owner.and_then(|id| client_names.get(&id.to_string()).cloned()),
            requests,
            last_used_at: used.get(&profile).copied().map(Moment::from_ms),
            access_profile: (!profile.is_empty()).then_some(profile),
        }
    };
    Ok(callers.into_iter().map(caller).collect())
}
