//! How usage is told.

use std::collections::BTreeMap;

use portcullis_store::UsageInstance;
use serde::Serialize;
use utoipa::ToSchema;

use super::query::Resolution;
use crate::app::time::Moment;
use crate::app::usage::{self, Period, UsageNumbers};

/// The course of usage.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageSeries {
    /// From then on.
    pub since: Moment,
    /// Before then.
    pub until: Moment,
    /// Of how long a time each point is.
    pub resolution: Resolution,
    /// One for each member of the group, from the most requests downwards; a single one where nothing is told apart.
    pub items: Vec<UsageItem>,
}

/// Usage of something.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageItem {
    /// What it is about: an identifier, an endpoint, a class of statuses or a reason. Null, where nothing is told apart
    /// or it is not known, as of callers who did not prove themselves.
    pub id: Option<String>,
    /// What people call it: of a collection with its version. Null, when it has no name, or is there no more.
    pub name: Option<String>,
    /// In the order of time.
    pub points: Vec<UsagePoint>,
}

/// Usage of one minute, hour or day.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsagePoint {
    /// When it begins.
    pub at: Moment,
    /// What was counted.
    #[serde(flatten)]
    pub numbers: UsageNumbers,
}

/// The sums of a period.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageTotals {
    /// From then on.
    pub since: Moment,
    /// Before then.
    pub until: Moment,
    /// From which sums they were added up.
    pub resolution: Resolution,
    /// What was counted.
    #[serde(flatten)]
    pub numbers: UsageNumbers,
    /// How many requests were refused for which reason. Empty, when it is asked for a status.
    pub reasons: BTreeMap<String, u64>,
}

/// Who has most.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageTop {
    /// From then on.
    pub since: Moment,
    /// Before then.
    pub until: Moment,
    /// From which sums they were added up.
    pub resolution: Resolution,
    /// From the most downwards.
    pub items: Vec<UsageMember>,
}

/// Somebody, or something, who has much.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageMember {
    /// Who: an identifier, an endpoint or a reason. Null for callers who did not prove themselves, and for requests that
    /// asked for no endpoint.
    pub id: Option<String>,
    /// What people call it: of a collection with its version. Null, when it has no name, or is there no more.
    pub name: Option<String>,
    /// What was counted.
    #[serde(flatten)]
    pub numbers: UsageNumbers,
}

/// A gateway that tells usage.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageGateway {
    /// Names it: another for each start of Envoy.
    pub instance: String,
    /// What Envoy calls itself.
    pub name: String,
    /// The number of the last batch that was counted.
    pub batches: u64,
    /// How many batches before it never came. What was in them is not counted.
    pub missing: u64,
    /// How many requests it knows not to have counted, as after one of its VMs fell.
    pub lost: u64,
    /// When the last batch was counted.
    pub last_batch_at: Moment,
}

impl From<usage::UsageSeries> for UsageSeries {
    fn from(series: usage::UsageSeries) -> Self {
        let (since, until, resolution) = told(series.period);
        Self {
            since,
            until,
            resolution,
            items: series.items.into_iter().map(UsageItem::from).collect(),
        }
    }
}

impl From<usage::UsageItem> for UsageItem {
    fn from(item: usage::UsageItem) -> Self {
        let points = item.points.into_iter().map(|point| UsagePoint {
            at: Moment::from_ms(point.at_ms),
            numbers: point.numbers,
        });
        Self {
            id: item.id,
            name: item.name,
            points: points.collect(),
        }
    }
}

impl From<usage::UsageTotals> for UsageTotals {
    fn from(totals: usage::UsageTotals) -> Self {
        let (since, until, resolution) = told(totals.period);
        Self {
            since,
            until,
            resolution,
            numbers: totals.numbers,
            reasons: totals.reasons,
        }
    }
}

impl From<usage::UsageTop> for UsageTop {
    fn from(top: usage::UsageTop) -> Self {
        let (since, until, resolution) = told(top.period);
        let items = top.items.into_iter();
        let items = items.map(|(id, name, numbers)| UsageMember { id, name, numbers });
        Self {
            since,
            until,
            resolution,
            items: items.collect(),
        }
    }
}

impl From<UsageInstance> for UsageGateway {
    fn from(known: UsageInstance) -> Self {
        Self {
            instance: known.instance,
            name: known.name,
            batches: known.number,
            missing: known.missing,
            lost: known.lost,
            last_batch_at: Moment::from_ms(known.heard_at_ms),
        }
    }
}

fn told(period: Period) -> (Moment, Moment, Resolution) {
    let moment = |minute: u64| Moment::from_ms(minute.saturating_mul(60_000));
    (
        moment(period.from),
        moment(period.until),
        period.unit.into(),
    )
}
