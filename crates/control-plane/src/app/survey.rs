//! What is told of all callers together: who calls most, who is refused much, which keys nobody uses. To know it, every sum
//! of a time has to be read, which takes the longer the more callers there are; so what was found is kept for a moment.

mod finding;

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_feed::{ClientId, CollectionId, ProfileId};
use portcullis_store::{UsageFilter, UsageGroup, UsageOrder, UsageUnit};

use super::usage::{UsageAsked, UsageTop};
use super::{App, Refusal};
use finding::Findings;

/// How many clients, endpoints and profiles are told.
const MOST: u32 = 10;

/// A profile refuses much when it has at least so many requests in a day, and a tenth of them are refused.
const MANY: u64 = 100;
const A_TENTH: u64 = 10;

/// How long a key may be of no use: 90 days.
pub(super) const UNUSED_MS: u64 = 90 * 24 * 60 * 60 * 1_000;

/// How many unused keys are kept in mind: more than are told, since some may be used or revoked by then.
const UNUSED_KEPT: u32 = 50;

/// From how many grants on it takes a while to count them.
const MANY_GRANTS: u64 = 20_000;

/// What was found.
pub(super) struct Surveys {
    clients: Findings<Busy, UsageTop>,
    endpoints: Findings<Busy, UsageTop>,
    refusing: Findings<(), Vec<Refusing>>,
    unused: Findings<(), Vec<String>>,
    granting: Findings<Vec<CollectionId>, HashMap<CollectionId, u64>>,
}

impl Default for Surveys {
    fn default() -> Self {
        Self {
            clients: Findings::default(),
            endpoints: Findings::default(),
            refusing: Findings::default(),
            unused: Findings::default(),
            granting: Findings::when(|counts| counts.values().sum::<u64>() >= MANY_GRANTS),
        }
    }
}

/// Of which requests it is told who has most: in how long a time until now, by which sums, and what they have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Busy {
    minutes: u64,
    unit: Option<UsageUnit>,
    filter: UsageFilter,
}

/// A profile of which much was refused in the last day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusing {
    /// Which profile.
    pub profile_id: ProfileId,
    /// What people call it.
    pub profile: String,
    /// Whose it is.
    pub client_id: ClientId,
    /// How many requests it had.
    pub requests: u64,
    /// How many of them were refused.
    pub refused: u64,
}

impl App {
    /// The clients with the most requests, up to now: of many callers as it was a moment ago.
    ///
    /// # Errors
    /// When the period is none, or the records are out of reach.
    pub async fn busiest_clients(
        self: &Arc<Self>,
        asked: &UsageAsked,
    ) -> Result<Arc<UsageTop>, Refusal> {
        let findings = &self.surveys.clients;
        self.busiest(UsageGroup::Client, findings, asked).await
    }

    /// The endpoints with the most requests, up to now: of many callers as it was a moment ago.
    ///
    /// # Errors
    /// When the period is none, or the records are out of reach.
    pub async fn busiest_endpoints(
        self: &Arc<Self>,
        asked: &UsageAsked,
    ) -> Result<Arc<UsageTop>, Refusal> {
        let findings = &self.surveys.endpoints;
        self.busiest(UsageGroup::Endpoint, findings, asked).await
    }

    async fn busiest(
        self: &Arc<Self>,
        group: UsageGroup,
        findings: &Findings<Busy, UsageTop>,
        asked: &UsageAsked,
    ) -> Result<Arc<UsageTop>, Refusal> {
        let now_ms = self.now_ms();
        let (app, asked) = (Arc::clone(self), asked.clone());
        let (filter, unit) = (asked.filter.clone(), asked.unit);
        let times = (asked.since_ms, asked.until_ms, asked.status);
        let find = async move {
            let order = UsageOrder::Requests;
            app.usage_top(&asked, group, order, MOST).await
        };
        // Of one caller there is little to read.
        let is_of_many =
            filter.client.is_none() && filter.profile.is_none() && filter.key_id.is_none();
        match times {
            (Some(since_ms), None, None) if is_of_many => {
                let minutes = now_ms.saturating_sub(since_ms) / 60_000;
                let question = Busy {
                    minutes,
                    unit,
                    filter,
                };
                findings.of(question, now_ms, find).await
            }
            _ => find.await.map(Arc::new),
        }
    }

    /// The profiles of which at least a tenth was refused in the last day, those first that had most refused, as it was a
    /// moment ago.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn refusing(self: &Arc<Self>) -> Result<Arc<Vec<Refusing>>, Refusal> {
        let app = Arc::clone(self);
        let find = async move { app.find_refusing().await };
        self.surveys.refusing.of((), self.now_ms(), find).await
    }

    async fn find_refusing(&self) -> Result<Vec<Refusing>, Refusal> {
        let (group, order) = (UsageGroup::Profile, UsageOrder::Refused);
        let day = UsageAsked::default();
        let top = self.usage_top(&day, group, order, MOST).await?;
        let mut snapshot = self.store.read().await?;
        let mut refusing = Vec::new();
        for (id, name, numbers) in top.items {
            let refused = numbers.refused.unwrap_or_default();
            let is_much =
                numbers.requests >= MANY && refused.saturating_mul(A_TENTH) >= numbers.requests;
            let id: Option<ProfileId> = id.and_then(|id| id.parse().ok());
            let Some((id, profile)) = id.zip(name).filter(|_| is_much) else {
                continue;
            };
            if let Some(found) = snapshot.profile(id).await? {
                refusing.push(Refusing {
                    profile_id: id,
                    profile,
                    client_id: found.client_id,
                    requests: numbers.requests,
                    refused,
                });
            }
        }
        Ok(refusing)
    }

    /// How many access profiles grant each collection: where they are many, as it was a moment ago. Those that none grants
    /// are left out.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn granting_counts_lately(
        self: &Arc<Self>,
        collections: Vec<CollectionId>,
    ) -> Result<Arc<HashMap<CollectionId, u64>>, Refusal> {
        let (app, asked) = (Arc::clone(self), collections.clone());
        let find = async move { app.granting_counts(&asked).await };
        let now_ms = self.now_ms();
        self.surveys.granting.of(collections, now_ms, find).await
    }

    /// Public ids of keys that were made more than ninety days ago and not used since then, the oldest first, as it was a
    /// moment ago: some of them may be used or revoked by now.
    pub(super) async fn unused_keys(self: &Arc<Self>) -> Result<Arc<Vec<String>>, Refusal> {
        let app = Arc::clone(self);
        let find = async move { app.find_unused_keys().await };
        self.surveys.unused.of((), self.now_ms(), find).await
    }

    async fn find_unused_keys(&self) -> Result<Vec<String>, Refusal> {
        let now_ms = self.now_ms();
        let since_ms = now_ms.saturating_sub(UNUSED_MS);
        let mut snapshot = self.store.read().await?;
        let unused = snapshot
            .keys_unused(since_ms, now_ms, None, UNUSED_KEPT)
            .await?;
        Ok(unused.into_iter().map(|key| key.id).collect())
    }
}
