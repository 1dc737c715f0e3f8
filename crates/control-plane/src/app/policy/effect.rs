//! What limits would have done to what was called lately, as far as sums tell it. A sum says how many requests came in its
//! time, and not when: at least those were too many that no limit lets pass in such a time, and shorter bursts are not seen.

use std::collections::BTreeMap;
use std::ops::Range;

use portcullis_engine::quota::Window;
use portcullis_feed::{
    ClientId, PolicyId, ProfileId, QuotaCounts, QuotaWindow, RateLimit, RateScope, RateWindow,
};
use portcullis_store::{
    QuotaUse, Snapshot, UsageCounts, UsageFilter, UsageGroup, UsageQuestion, UsageUnit, utc_offsets,
};

use super::{PolicyDraft, unknown};
use crate::app::{App, Refusal};

const HOUR: u64 = 60;
const DAY: u64 = 24 * HOUR;

/// How far it is looked back.
const LOOKED_BACK_DAYS: u64 = 30;

/// How many profiles are looked at: those that have called most.
const EXAMINED: usize = 50;

/// What limits would have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The rate limit, if there is one.
    pub rate_limit: Option<LimitEffect>,
    /// The quota, if there is one.
    pub quota: Option<LimitEffect>,
    /// How many profiles with the policy had permitted requests in the last thirty days.
    pub callers: usize,
    /// How many of them were looked at: those with the most.
    pub examined: usize,
}

/// What one limit would have done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitEffect {
    /// Since when it was looked at: milliseconds since 1970, UTC.
    pub since_ms: u64,
    /// Of how long a time each sum is, in a word.
    pub window: &'static str,
    /// By whose calendar such a time begins.
    pub calendar: Calendar,
    /// How many requests of such a time pass at most.
    pub most: u64,
    /// How many came in the busiest one.
    pub busiest: u64,
    /// Who had more, those first that had the most beyond it.
    pub exceeding: Vec<Exceeding>,
}

/// By whose calendar windows begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Calendar {
    /// By that of UTC, as the limit has it.
    #[default]
    Utc,
    /// By that of a time zone, in whole hours of UTC.
    Zone {
        /// What it is called.
        name: String,
        /// Since when hours are known: milliseconds since 1970, UTC. Before that, days of UTC count where they begin.
        hours_since_ms: u64,
    },
}

/// Somebody who had more requests than would have passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeding {
    /// Whose they were.
    pub client_id: ClientId,
    /// What people call it.
    pub client: String,
    /// The profile by which they came. None, where all profiles of the client are counted together.
    pub profile: Option<(ProfileId, String)>,
    /// What was too much.
    pub excess: Excess,
}

/// How much was too much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Excess {
    /// How many minutes, hours or days had more than pass.
    pub windows: u64,
    /// How many requests would not have passed, at least.
    pub requests: u64,
    /// How many came in the busiest of them.
    pub busiest: u64,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Holder {
    Profile(ProfileId),
    Client(ClientId),
}

/// How many requests each had in each window.
type Counted = BTreeMap<(Holder, u64), u64>;

impl App {
    /// What the limits of a draft would have done to the profiles that have a policy.
    ///
    /// # Errors
    /// When there is no such policy, or the records are out of reach.
    pub async fn effect_of_limits(
        &self,
        id: PolicyId,
        draft: PolicyDraft,
    ) -> Result<Effect, Refusal> {
        let now = self.now_ms() / 60_000;
        let policy = draft.into_policy(id, 0, 0);
        let mut snapshot = self.store.read().await?;
        if snapshot.policy(id).await?.is_none() {
            return Err(unknown(id));
        }
        let since = UsageUnit::Day.start(now.saturating_sub(LOOKED_BACK_DAYS * DAY));
        let mut callers = snapshot.quota_uses(&[id], since).await?;
        callers.sort_by_key(|caller| (std::cmp::Reverse(caller.calls.permitted), caller.profile));
        let all = callers.len();
        callers.truncate(EXAMINED);
        let rate_limit = match policy.rate_limit {
            Some(limit) => Some(of_rate_limit(&mut snapshot, limit, &callers, now).await?),
            None => None,
        };
        let quota = match policy.quota {
            Some(quota) => {
                let hours_since = self.usage_kept_since().hours;
                Some(of_quota(&mut snapshot, quota, &callers, [now, hours_since]).await?)
            }
            None => None,
        };
        Ok(Effect {
            rate_limit,
            quota,
            callers: all,
            examined: callers.len(),
        })
    }
}

async fn of_rate_limit(
    snapshot: &mut Snapshot,
    limit: RateLimit,
    callers: &[QuotaUse],
    now: u64,
) -> Result<LimitEffect, Refusal> {
    // Sums of minutes are many: a few hours of them.
    let (unit, back, window, times) = match limit.per {
        RateWindow::Second => (UsageUnit::Minute, 3 * HOUR, "minute", 60),
        RateWindow::Minute => (UsageUnit::Minute, 3 * HOUR, "minute", 1),
        RateWindow::Hour => (UsageUnit::Hour, 7 * DAY, "hour", 1),
        RateWindow::Day => (UsageUnit::Day, LOOKED_BACK_DAYS * DAY, "day", 1),
    };
    let burst = u64::from(limit.burst.unwrap_or(limit.requests));
    let most = u64::from(limit.requests)
        .saturating_mul(times)
        .saturating_add(burst);
    let period = unit.start(now.saturating_sub(back))..now.saturating_add(1);
    let holder = |caller: &QuotaUse| match limit.scope {
        RateScope::AccessProfile => Holder::Profile(caller.profile),
        RateScope::Client => Holder::Client(caller.client),
    };
    let came = |counts: &UsageCounts| counts.requests;
    let sums = sums(snapshot, unit, period.clone(), callers).await?;
    let counted = counted(&sums, holder, came, |at| at);
    let found = LimitEffect {
        since_ms: period.start.saturating_mul(60_000),
        window,
        calendar: Calendar::Utc,
        most,
        ..LimitEffect::default()
    };
    told(snapshot, &counted, callers, found).await
}

async fn of_quota(
    snapshot: &mut Snapshot,
    quota: portcullis_feed::Quota,
    callers: &[QuotaUse],
    [now, hours_since]: [u64; 2],
) -> Result<LimitEffect, Refusal> {
    let first = now.saturating_sub(LOOKED_BACK_DAYS * DAY);
    let zone = quota.time_zone.as_deref();
    let offsets = zone.and_then(|zone| utc_offsets(zone, first.saturating_mul(60_000)));
    let offsets = offsets.unwrap_or_default();
    let begin = |minute: u64| {
        let window = Window::of(quota.per, minute.saturating_mul(60_000), &offsets);
        window.from_ms / 60_000
    };
    let window = match quota.per {
        QuotaWindow::Day => "day",
        QuotaWindow::Week => "week",
        QuotaWindow::Month => "month",
    };
    let from = begin(first);
    let period = from..now.saturating_add(1);
    let sums = sums_within(snapshot, period, callers, hours_since, begin).await?;
    let holder = |caller: &QuotaUse| Holder::Profile(caller.profile);
    let count = |counts: &UsageCounts| match quota.counts {
        QuotaCounts::Permitted => counts.permitted,
        QuotaCounts::All => counts.requests,
    };
    let counted = counted(&sums, holder, count, begin);
    let calendar = quota
        .time_zone
        .map_or(Calendar::Utc, |name| Calendar::Zone {
            name,
            hours_since_ms: hours_since.saturating_mul(60_000),
        });
    let found = LimitEffect {
        since_ms: from.saturating_mul(60_000),
        window,
        calendar,
        most: quota.requests,
        ..LimitEffect::default()
    };
    told(snapshot, &counted, callers, found).await
}

/// What the callers had in a period, in sums none of which is of two windows: those of days, and of days in which a window
/// begins those of hours, as far as these are known.
async fn sums_within<'c>(
    snapshot: &mut Snapshot,
    period: Range<u64>,
    callers: &'c [QuotaUse],
    hours_since: u64,
    begin: impl Fn(u64) -> u64,
) -> Result<Vec<(&'c QuotaUse, u64, UsageCounts)>, Refusal> {
    let is_split = |day: u64| {
        let last_hour = day.saturating_add(DAY - HOUR);
        day >= hours_since && begin(day) != begin(last_hour)
    };
    let from = UsageUnit::Day.start(period.start);
    let mut all = sums(snapshot, UsageUnit::Day, from..period.end, callers).await?;
    all.retain(|(_, day, _)| !is_split(*day));
    let mut split: Vec<Range<u64>> = Vec::new();
    let mut day = from;
    while day < period.end {
        let next = day.saturating_add(DAY);
        match split.last_mut() {
            _ if !is_split(day) => {}
            Some(before) if before.end == day => before.end = next,
            _ => split.push(day..next),
        }
        day = next;
    }
    for days in split {
        all.extend(sums(snapshot, UsageUnit::Hour, days, callers).await?);
    }
    // What a day or an hour had before the period began was in a window before those that are looked at.
    all.retain(|(_, at, _)| begin(*at) >= period.start);
    Ok(all)
}

/// What the callers had in each unit of a period.
async fn sums<'c>(
    snapshot: &mut Snapshot,
    unit: UsageUnit,
    period: Range<u64>,
    callers: &'c [QuotaUse],
) -> Result<Vec<(&'c QuotaUse, u64, UsageCounts)>, Refusal> {
    let profiles: Vec<String> = callers.iter().map(|it| it.profile.to_string()).collect();
    let question = UsageQuestion {
        unit,
        from: period.start,
        until: period.end,
        filter: UsageFilter::default(),
    };
    let by_profile = Some(UsageGroup::Profile);
    let sums = snapshot
        .usage(&question, true, by_profile, Some(&profiles))
        .await?;
    let named = profiles.iter().map(String::as_str).zip(callers);
    let named: BTreeMap<&str, &QuotaUse> = named.collect();
    let known = sums
        .into_iter()
        .filter_map(|sum| Some((*named.get(sum.group.as_str())?, sum.at, sum.counts)));
    Ok(known.collect())
}

fn counted(
    sums: &[(&QuotaUse, u64, UsageCounts)],
    holder: impl Fn(&QuotaUse) -> Holder,
    count: impl Fn(&UsageCounts) -> u64,
    window: impl Fn(u64) -> u64,
) -> Counted {
    let mut counted = Counted::new();
    for (caller, at, counts) in sums {
        let sum = counted.entry((holder(caller), window(*at))).or_default();
        *sum = sum.saturating_add(count(counts));
    }
    counted
}

/// Who had more than pass in a window, those first that had the most beyond it.
fn excesses(counted: &Counted, most: u64) -> Vec<(Holder, Excess)> {
    let mut excesses: BTreeMap<Holder, Excess> = BTreeMap::new();
    for ((holder, _), requests) in counted {
        let Some(beyond) = requests.checked_sub(most).filter(|beyond| *beyond > 0) else {
            continue;
        };
        let excess = excesses.entry(*holder).or_default();
        excess.windows = excess.windows.saturating_add(1);
        excess.requests = excess.requests.saturating_add(beyond);
        excess.busiest = excess.busiest.max(*requests);
    }
    let mut sorted: Vec<_> = excesses.into_iter().collect();
    sorted.sort_by_key(|(_, excess)| std::cmp::Reverse(excess.requests));
    sorted
}

async fn told(
    snapshot: &mut Snapshot,
    counted: &Counted,
    callers: &[QuotaUse],
    found: LimitEffect,
) -> Result<LimitEffect, Refusal> {
    let profiles: Vec<String> = callers.iter().map(|it| it.profile.to_string()).collect();
    let profiles = snapshot.usage_names(UsageGroup::Profile, &profiles).await?;
    let clients: Vec<String> = callers.iter().map(|it| it.client.to_string()).collect();
    let clients = snapshot.usage_names(UsageGroup::Client, &clients).await?;
    let exceeding = excesses(counted, found.most).into_iter();
    let exceeding = exceeding.filter_map(|(holder, excess)| {
        let (client_id, profile) = match holder {
            Holder::Client(client) => (client, None),
            Holder::Profile(profile) => {
                let caller = callers.iter().find(|it| it.profile == profile)?;
                let name = profiles.get(&profile.to_string()).cloned();
                (caller.client, Some((profile, name?)))
            }
        };
        let client = clients.get(&client_id.to_string()).cloned()?;
        Some(Exceeding {
            client_id,
            client,
            profile,
            excess,
        })
    });
    Ok(LimitEffect {
        busiest: counted.values().copied().max().unwrap_or_default(),
        exceeding: exceeding.collect(),
        ..found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(number: u128) -> Holder {
        Holder::Profile(ProfileId::from_parts(1, number))
    }

    #[test]
    fn what_is_beyond_a_limit_is_added_up_by_who_had_it_the_most_first() {
        let counted: Counted = [
            ((holder(1), 0), 100),
            ((holder(1), 1), 101),
            ((holder(1), 2), 103),
            ((holder(2), 0), 150),
            ((holder(3), 0), 7),
        ]
        .into();
        let excess = |windows, requests, busiest| Excess {
            windows,
            requests,
            busiest,
        };
        let expected = [
            (holder(2), excess(1, 50, 150)),
            (holder(1), excess(2, 4, 103)),
        ];
        assert_eq!(excesses(&counted, 100), expected);
        assert_eq!(excesses(&counted, 150), []);
    }

    #[test]
    fn what_is_counted_together_is_added_up_before_it_is_judged() {
        let client = ClientId::from_parts(1, 1);
        let caller = |number| QuotaUse {
            profile: ProfileId::from_parts(1, number),
            client,
            policy: PolicyId::from_parts(1, 1),
            calls: portcullis_store::Calls::default(),
        };
        let (first, second) = (caller(1), caller(2));
        let of = |requests| UsageCounts {
            requests,
            ..UsageCounts::default()
        };
        let sums = [
            (&first, 5, of(60)),
            (&second, 5, of(60)),
            (&second, 6, of(60)),
        ];
        let count = |counts: &UsageCounts| counts.requests;
        let together = counted(&sums, |it| Holder::Client(it.client), count, |at| at);
        assert_eq!(
            together.into_iter().collect::<Vec<_>>(),
            [
                ((Holder::Client(client), 5), 120),
                ((Holder::Client(client), 6), 60)
            ]
        );
        let apart = counted(&sums, |it| Holder::Profile(it.profile), count, |_| 0);
        assert_eq!(apart.values().copied().collect::<Vec<_>>(), [60, 120]);
    }
}
