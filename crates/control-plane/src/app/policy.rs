//! Access policies: how much a profile may call. Shared by many profiles.

mod effect;
mod time_zone;
mod words;

use std::num::{NonZeroU32, NonZeroU64};

use portcullis_feed::{PolicyId, QuotaCounts, QuotaWindow, RateScope, RateWindow};
use portcullis_store::{Author, Cascade, Policy, PolicyFilter, PolicyKey, Window};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::{Object, ObjectBuilder, Type};

use super::condition::Condition;
use super::draft::{Patch, object_if_any};
use super::once::Once;
use super::page::{Page, one_more};
use super::text::{Description, Name, stored_description, stored_name};
use super::world::Identifier as _;
use super::{App, Committed, Refusal};

pub use effect::{Calendar, Effect, Exceeding, Excess, LimitEffect};
pub use time_zone::TimeZone;
pub use words::in_words;

/// How many profiles a refusal names.
pub(super) const NAMED_PROFILES: u32 = 100;

/// A policy as an operator writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDraft {
    /// What people call it.
    pub name: Name,
    /// More about it.
    #[serde(default)]
    pub description: Option<Description>,
    /// Over a short time. Unlimited, when absent.
    #[serde(default, deserialize_with = "object_if_any")]
    pub rate_limit: Option<RateLimit>,
    /// Over a long time. Unlimited, when absent.
    #[serde(default, deserialize_with = "object_if_any")]
    pub quota: Option<Quota>,
}

/// So many requests in each window. Each gateway counts for itself, exactly over all of its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How many.
    #[schema(value_type = u32, minimum = 1)]
    pub requests: NonZeroU32,
    /// In which time.
    #[schema(schema_with = rate_windows)]
    pub per: RateWindow,
    /// How many may come at once. As many as `requests`, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub burst: Option<NonZeroU32>,
    /// What is counted together: the requests of one access profile (as when absent), or those of all access profiles of
    /// a client that have this policy.
    #[serde(default, skip_serializing_if = "RateScope::is_usual")]
    #[schema(schema_with = rate_scopes)]
    pub scope: RateScope,
}

/// So many requests in each calendar window, counted for each profile over all gateways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// How many.
    #[schema(value_type = u64, minimum = 1)]
    pub requests: NonZeroU64,
    /// In which time.
    #[schema(schema_with = quota_windows)]
    pub per: QuotaWindow,
    /// By whose calendar windows begin: a name of the IANA time zone database, such as `Europe/Berlin`. By UTC, when
    /// absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZone>,
    /// Which requests count: those that were `permitted` (as when absent), or `all` by which a caller proved to be of the
    /// profile, refused ones too.
    #[serde(default, skip_serializing_if = "QuotaCounts::is_usual")]
    #[schema(schema_with = quota_counts)]
    pub counts: QuotaCounts,
}

impl App {
    /// Adds a policy.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn create_policy<A: Serialize + DeserializeOwned>(
        &self,
        author: &Author,
        once: Once<Policy, A>,
        draft: PolicyDraft,
    ) -> Result<A, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let policy = self.new_policy(draft, now_ms)?;
        let mut edit = self.edit(author).await?;
        if let Some(answer) = once.earlier(&mut edit, now_ms).await? {
            return Ok(answer);
        }
        edit.put_policy(&policy).await?;
        once.commit(edit, policy, Vec::new(), now_ms).await
    }

    /// A policy as it is made.
    pub(super) fn new_policy(&self, draft: PolicyDraft, now_ms: u64) -> Result<Policy, Refusal> {
        Ok(draft.into_policy(PolicyId::new(&self.world)?, now_ms, now_ms))
    }

    /// A policy.
    ///
    /// # Errors
    /// When there is none.
    pub async fn policy(&self, id: PolicyId) -> Result<Policy, Refusal> {
        let found = self.store.read().await?.policy(id).await?;
        found.ok_or_else(|| unknown(id))
    }

    /// A page of the policies.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn policies(
        &self,
        filter: &PolicyFilter,
        window: &Window<PolicyKey>,
    ) -> Result<Page<Policy>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let found = snapshot.find_policies(filter, &one_more(window)).await?;
        Ok(Page::cut(found, window))
    }

    /// Makes a policy different, for all profiles that have it.
    ///
    /// # Errors
    /// When there is none, it is not what the condition asks for, or the outcome is no policy.
    pub async fn change_policy(
        &self,
        author: &Author,
        id: PolicyId,
        condition: Condition<Policy>,
        patch: Patch,
    ) -> Result<Committed<Policy>, Refusal> {
        let mut edit = self.edit(author).await?;
        let before = edit.read().policy(id).await?.ok_or_else(|| unknown(id))?;
        condition.examine("policy", &before)?;
        let draft = patch.applied_to(&PolicyDraft::from(&before))?;
        let policy = draft.into_policy(id, before.created_at_ms, self.world.clock.now_ms());
        edit.put_policy(&policy).await?;
        Committed::by(edit, policy).await
    }

    /// Removes a policy. With `cascade`, profiles that have it go on without one.
    ///
    /// # Errors
    /// When there is none, it is not what the condition asks for, or a profile has it and it is not to cascade.
    pub async fn delete_policy(
        &self,
        author: &Author,
        id: PolicyId,
        condition: Condition<Policy>,
        cascade: bool,
    ) -> Result<Committed<Cascade>, Refusal> {
        let mut edit = self.edit(author).await?;
        let policy = edit.read().policy(id).await?.ok_or_else(|| unknown(id))?;
        condition.examine("policy", &policy)?;
        let mut removed = Cascade::default();
        if cascade {
            removed = edit.take_off_policy(id, self.world.clock.now_ms()).await?;
        }
        let profiles = edit.read().profiles_under(id, NAMED_PROFILES).await?;
        if !profiles.is_empty() {
            let kind = "policy";
            return Err(Refusal::InUse { kind, profiles });
        }
        edit.delete_policy(id).await?;
        Committed::by(edit, removed).await
    }
}

impl PolicyDraft {
    pub(super) fn into_policy(
        self,
        id: PolicyId,
        created_at_ms: u64,
        updated_at_ms: u64,
    ) -> Policy {
        Policy {
            id,
            name: self.name.into(),
            description: self.description.map(String::from),
            rate_limit: self.rate_limit.map(portcullis_feed::RateLimit::from),
            quota: self.quota.map(portcullis_feed::Quota::from),
            created_at_ms,
            updated_at_ms,
        }
    }
}

impl From<&Policy> for PolicyDraft {
    fn from(policy: &Policy) -> Self {
        Self {
            name: stored_name(&policy.name),
            description: stored_description(policy.description.as_deref()),
            rate_limit: policy.rate_limit.map(RateLimit::from),
            quota: policy.quota.clone().map(Quota::from),
        }
    }
}

impl From<RateLimit> for portcullis_feed::RateLimit {
    fn from(limit: RateLimit) -> Self {
        Self {
            requests: limit.requests.get(),
            per: limit.per,
            burst: limit.burst.map(NonZeroU32::get),
            scope: limit.scope,
        }
    }
}

impl From<portcullis_feed::RateLimit> for RateLimit {
    fn from(stored: portcullis_feed::RateLimit) -> Self {
        Self {
            requests: NonZeroU32::new(stored.requests).unwrap_or(NonZeroU32::MIN),
            per: stored.per,
            burst: stored.burst.and_then(NonZeroU32::new),
            scope: stored.scope,
        }
    }
}

impl From<Quota> for portcullis_feed::Quota {
    fn from(quota: Quota) -> Self {
        Self {
            requests: quota.requests.get(),
            per: quota.per,
            time_zone: quota.time_zone.map(String::from),
            counts: quota.counts,
        }
    }
}

impl From<portcullis_feed::Quota> for Quota {
    fn from(stored: portcullis_feed::Quota) -> Self {
        Self {
            requests: NonZeroU64::new(stored.requests).unwrap_or(NonZeroU64::MIN),
            per: stored.per,
            time_zone: stored.time_zone.map(TimeZone::stored),
            counts: stored.counts,
        }
    }
}

fn rate_scopes() -> Object {
    words(["access_profile", "client"])
}

fn rate_windows() -> Object {
    words(["second", "minute", "hour", "day"])
}

fn quota_counts() -> Object {
    words(["permitted", "all"])
}

fn quota_windows() -> Object {
    words(["day", "week", "month"])
}

fn words<const N: usize>(names: [&'static str; N]) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names))
        .build()
}

fn unknown(id: PolicyId) -> Refusal {
    Refusal::NotFound {
        kind: "policy",
        id: id.to_string(),
    }
}
