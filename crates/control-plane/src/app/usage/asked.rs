//! What operators ask of usage: its course, its sums, and who has most of it.

use std::collections::BTreeMap;

use portcullis_store::{
    Snapshot, UsageCounts, UsageFilter, UsageGroup, UsageOrder, UsageQuestion, UsageSum, UsageUnit,
};

use super::period::{InvalidPeriod, MOST_MOMENTS, Period};
use super::{StatusClass, UsageNumbers};
use crate::app::{App, Refusal, Violation};

/// Which requests are asked for.
#[derive(Debug, Clone, Default)]
pub struct UsageAsked {
    /// Not before: milliseconds since 1970, UTC. A day before the end, when absent.
    pub since_ms: Option<u64>,
    /// Before: milliseconds since 1970, UTC. Now, when absent.
    pub until_ms: Option<u64>,
    /// From which sums.
    pub unit: Option<UsageUnit>,
    /// What they have in common.
    pub filter: UsageFilter,
    /// How they ended.
    pub status: Option<StatusClass>,
}

/// What is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageBy {
    /// What rows say.
    Group(UsageGroup),
    /// How requests ended.
    Status,
}

/// The course of usage.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageSeries {
    /// From when to when, and in which steps.
    pub period: Period,
    /// One for each member of the group, from the most requests downwards; one where nothing is told apart.
    pub items: Vec<UsageItem>,
}

/// Usage of something.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageItem {
    /// What it is about: an identifier or a name. None, where nothing is told apart or it is not known.
    pub id: Option<String>,
    /// What people call it, if they do.
    pub name: Option<String>,
    /// In the order of time, without those moments that have none.
    pub points: Vec<UsagePoint>,
}

/// Usage of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct UsagePoint {
    /// When it begins: milliseconds since 1970, UTC.
    pub at_ms: u64,
    /// What was counted.
    pub numbers: UsageNumbers,
}

/// The sums of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageTotals {
    /// From when to when.
    pub period: Period,
    /// What was counted.
    pub numbers: UsageNumbers,
    /// How many requests were refused for which reason.
    pub reasons: BTreeMap<String, u64>,
}

/// Who has most.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageTop {
    /// From when to when.
    pub period: Period,
    /// From the most downwards: what it is about, what people call it, and what was counted.
    pub items: Vec<(Option<String>, Option<String>, UsageNumbers)>,
}

impl App {
    /// The course of usage: of each of the members of a group that have the most requests, so many of them.
    ///
    /// # Errors
    /// When the period is none, or the records are out of reach.
    pub async fn usage_series(
        &self,
        asked: &UsageAsked,
        by: Option<UsageBy>,
        limit: u32,
    ) -> Result<UsageSeries, Refusal> {
        let question = self.question(asked)?;
        let period = period_of(&question);
        let mut snapshot = self.store.read().await?;
        let items = match by {
            None => {
                let sums = snapshot.usage(&question, true, None, None).await?;
                vec![item(None, None, sums.iter().map(|sum| told(sum, asked)))]
            }
            Some(UsageBy::Status) => {
                let sums = snapshot.usage(&question, true, None, None).await?;
                let classes = StatusClass::ALL.into_iter();
                let classes = classes.filter(|class| asked.status.is_none_or(|it| it == *class));
                let mut items: Vec<_> = classes.map(|class| of_status(&sums, class)).collect();
                items.retain(|item| !item.points.is_empty());
                items
            }
            Some(UsageBy::Group(group)) => {
                let requests = UsageOrder::Requests;
                let members = snapshot
                    .usage_top(&question, group, requests, limit)
                    .await?;
                let names = snapshot.usage_names(group, &members).await?;
                let sums = snapshot
                    .usage(&question, true, Some(group), Some(&members))
                    .await?;
                let items = members.into_iter().map(|member| {
                    let own = sums.iter().filter(|sum| sum.group == member);
                    let points = own.map(|sum| told_of(group, sum, asked));
                    item(known(&member), names.get(&member).cloned(), points)
                });
                items.collect()
            }
        };
        Ok(UsageSeries { period, items })
    }

    /// The sums of a period.
    ///
    /// # Errors
    /// When the period is none, or the records are out of reach.
    pub async fn usage_totals(&self, asked: &UsageAsked) -> Result<UsageTotals, Refusal> {
        let question = self.question(asked)?;
        let mut snapshot = self.store.read().await?;
        let counts = snapshot.usage(&question, false, None, None).await?;
        let counts = counts.into_iter().next().map(|sum| sum.counts);
        // How those ended that were refused for a reason is not known.
        let reasons = match asked.status {
            Some(_) => Vec::new(),
            None => {
                let by_reason = Some(UsageGroup::Reason);
                snapshot.usage(&question, false, by_reason, None).await?
            }
        };
        Ok(UsageTotals {
            period: period_of(&question),
            numbers: numbers(&counts.unwrap_or_default(), asked),
            reasons: reasons
                .into_iter()
                .map(|sum| (sum.group, sum.counts.requests))
                .collect(),
        })
    }

    /// The members of a group with the most of something, so many of them.
    ///
    /// # Errors
    /// When the period is none, or the records are out of reach.
    pub async fn usage_top(
        &self,
        asked: &UsageAsked,
        group: UsageGroup,
        order: UsageOrder,
        limit: u32,
    ) -> Result<UsageTop, Refusal> {
        let question = self.question(asked)?;
        let mut snapshot = self.store.read().await?;
        let members = snapshot.usage_top(&question, group, order, limit).await?;
        let names = snapshot.usage_names(group, &members).await?;
        let mut sums = sums_of(&mut snapshot, &question, group, &members).await?;
        let items = members.into_iter().map(|member| {
            let counts = sums.remove(&member).unwrap_or_default();
            let numbers = match group {
                UsageGroup::Reason => UsageNumbers::only(counts.requests),
                _ => numbers(&counts, asked),
            };
            (known(&member), names.get(&member).cloned(), numbers)
        });
        Ok(UsageTop {
            period: period_of(&question),
            items: items.collect(),
        })
    }

    fn question(&self, asked: &UsageAsked) -> Result<UsageQuestion, Refusal> {
        let now_ms = self.now_ms();
        let times = (asked.since_ms, asked.until_ms);
        let kept = self.usage_kept_since();
        let period = Period::of(times, asked.unit, &kept, now_ms);
        let period = period.map_err(|invalid| {
            let violation = match invalid {
                InvalidPeriod::Empty => Violation::new("?until", "later than `since`"),
                InvalidPeriod::TooManyMoments => {
                    let detail = format!(
                        "at most {MOST_MOMENTS} moments: a shorter period, or a coarser resolution"
                    );
                    Violation::new("?since", detail)
                }
            };
            Refusal::Invalid(vec![violation])
        })?;
        Ok(UsageQuestion {
            unit: period.unit,
            from: period.from,
            until: period.until,
            filter: asked.filter.clone(),
        })
    }
}

async fn sums_of(
    snapshot: &mut Snapshot,
    question: &UsageQuestion,
    group: UsageGroup,
    members: &[String],
) -> Result<BTreeMap<String, UsageCounts>, Refusal> {
    let sums = snapshot
        .usage(question, false, Some(group), Some(members))
        .await?;
    Ok(sums
        .into_iter()
        .map(|sum| (sum.group, sum.counts))
        .collect())
}

const fn period_of(question: &UsageQuestion) -> Period {
    Period {
        unit: question.unit,
        from: question.from,
        until: question.until,
    }
}

fn known(member: &str) -> Option<String> {
    (!member.is_empty()).then(|| member.to_owned())
}

fn item(
    id: Option<String>,
    name: Option<String>,
    points: impl Iterator<Item = UsagePoint>,
) -> UsageItem {
    UsageItem {
        id,
        name,
        points: points.filter(|point| point.numbers.requests > 0).collect(),
    }
}

fn of_status(sums: &[UsageSum], class: StatusClass) -> UsageItem {
    let points = sums.iter().map(|sum| UsagePoint {
        at_ms: sum.at.saturating_mul(60_000),
        numbers: UsageNumbers::only(class.of(&sum.counts)),
    });
    item(Some(class.name().to_owned()), None, points)
}

fn told(sum: &UsageSum, asked: &UsageAsked) -> UsagePoint {
    UsagePoint {
        at_ms: sum.at.saturating_mul(60_000),
        numbers: numbers(&sum.counts, asked),
    }
}

fn told_of(group: UsageGroup, sum: &UsageSum, asked: &UsageAsked) -> UsagePoint {
    let mut point = told(sum, asked);
    if group == UsageGroup::Reason {
        point.numbers = UsageNumbers::only(sum.counts.requests);
    }
    point
}

/// As much as is known of what was asked for.
fn numbers(counts: &UsageCounts, asked: &UsageAsked) -> UsageNumbers {
    match (asked.status, &asked.filter.reason) {
        (_, Some(_)) => UsageNumbers::only(counts.requests),
        (Some(class), None) => UsageNumbers::only(class.of(counts)),
        (None, None) => UsageNumbers::from(counts),
    }
}
