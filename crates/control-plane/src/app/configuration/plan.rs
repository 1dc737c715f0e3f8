//! A plan: what would become different, told so that people can judge it and so that it can be noticed when somebody
//! else was faster.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::callers::RecentCaller;
use super::difference::FieldChange;
use crate::app::Refusal;

/// What applying a configuration would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// Record by record: policies, collections, clients, access profiles.
    pub changes: Vec<RecordChange>,
    /// How many.
    pub summary: PlanSummary,
}

/// How many records of the documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanSummary {
    /// Are new.
    pub created: usize,
    /// Become different.
    pub changed: usize,
    /// Go.
    pub removed: usize,
    /// Stay as they are.
    pub unchanged: usize,
    /// Take rights away by what becomes of them.
    pub taking_away: usize,
}

/// What becomes of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordChange {
    /// What is done.
    pub action: PlanAction,
    /// With what.
    pub kind: RecordKind,
    /// The public name of the record. Null for a new one whose document gives none, until it is applied.
    pub id: Option<String>,
    /// What people call it.
    #[schema(example = "production")]
    pub name: String,
    /// The name of the client whose profile it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// What becomes different of a record that stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub fields: Vec<FieldChange>,
    /// What it takes away from callers, in sentences. Empty, when it takes nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["it may be used from fewer addresses"]))]
    pub takes_away: Vec<String>,
    /// Who would be refused by that, or may be: those whose requests were permitted by it within the last seven days, the
    /// hundred with the most requests first. Absent, unless it takes something away, when it is applied already, and beyond
    /// the first thousand changes that do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub recent_callers: Option<Vec<RecentCaller>>,
    /// Names the record in `basis`.
    #[schema(example = "access profile ap_01jcz3v9k4m0x2p7q8r9s0t1v2")]
    pub object: String,
    /// The state that the plan found. Null, when there is no such record yet.
    #[schema(example = "9f86d081884c7d65")]
    pub fingerprint: Option<String>,
}

/// What is done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanAction {
    /// It is new.
    Create,
    /// It becomes different.
    Change,
    /// It goes.
    Remove,
}

/// A kind of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// An access policy.
    Policy,
    /// An API collection.
    Collection,
    /// A client.
    Client,
    /// An access profile with its keys.
    AccessProfile,
}

/// What a plan found, by the names of the records. Null, where it found none.
pub type Basis = BTreeMap<String, Option<String>>;

impl RecordKind {
    /// In words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Collection => "collection",
            Self::Client => "client",
            Self::AccessProfile => "access profile",
        }
    }
}

impl Plan {
    /// What it found.
    #[must_use]
    pub fn basis(&self) -> Basis {
        let found = |change: &RecordChange| (change.object.clone(), change.fingerprint.clone());
        self.changes.iter().map(found).collect()
    }

    /// Makes sure that what was planned is what would happen now.
    ///
    /// # Errors
    /// When it is not: which records are in another state.
    pub(super) fn refuse_overtaken(&self, planned: &Basis) -> Result<(), Refusal> {
        let now = self.basis();
        let objects = planned.keys().chain(now.keys());
        let is_other = |object: &&String| planned.get(*object) != now.get(*object);
        let mut objects: Vec<String> = objects.filter(is_other).cloned().collect();
        objects.sort_unstable();
        objects.dedup();
        if objects.is_empty() {
            return Ok(());
        }
        Err(Refusal::Overtaken { objects })
    }

    pub(super) fn add(&mut self, change: RecordChange) {
        match change.action {
            PlanAction::Create => self.summary.created += 1,
            PlanAction::Change => self.summary.changed += 1,
            PlanAction::Remove => self.summary.removed += 1,
        }
        self.summary.taking_away += usize::from(!change.takes_away.is_empty());
        self.changes.push(change);
    }
}
