//! What is removed because no document speaks of it: only what is named, and only where documents list the kind.

use std::collections::HashSet;

use portcullis_feed::{ClientId, ProfileId};
use portcullis_store::{Client, ProfileName, Snapshot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::document::Configuration;
use super::matching::Matching;
use super::step::{Step, Steps};
use crate::app::policy::NAMED_PROFILES;
use crate::app::refusal::refuse_any;
use crate::app::{Refusal, Violation};

/// How many clients are read at once.
const AT_ONCE: u32 = 5_000;

/// A kind of records that are removed when no document speaks of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pruned {
    /// Policies that no profile has then.
    Policies,
    /// Collections that no profile grants then.
    Collections,
    /// Clients with all that is theirs.
    Clients,
    /// Profiles of those clients whose documents list profiles.
    AccessProfiles,
}

/// Which kinds are removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) policies: bool,
    pub(super) collections: bool,
    pub(super) clients: bool,
    pub(super) access_profiles: bool,
}

impl Scope {
    /// # Errors
    /// When documents do not list a kind: nothing of it would be left.
    pub(super) fn of(pruned: &[Pruned], configuration: &Configuration) -> Result<Self, Refusal> {
        let is = |kind| pruned.contains(&kind);
        let scope = Self {
            policies: is(Pruned::Policies),
            collections: is(Pruned::Collections),
            clients: is(Pruned::Clients),
            access_profiles: is(Pruned::AccessProfiles),
        };
        let lists_profiles = configuration.clients.iter().flatten();
        let lists_profiles = lists_profiles
            .into_iter()
            .any(|it| it.access_profiles.is_some());
        let mut violations = Vec::new();
        for (is_pruned, is_listed, kind) in [
            (scope.policies, configuration.policies.is_some(), "policies"),
            (
                scope.collections,
                configuration.collections.is_some(),
                "collections",
            ),
            (scope.clients, configuration.clients.is_some(), "clients"),
            (scope.access_profiles, lists_profiles, "access_profiles"),
        ] {
            if is_pruned && !is_listed {
                let detail = format!("no document lists `{kind}`, so none of them would be left");
                violations.push(Violation::new("/prune", detail));
            }
        }
        refuse_any(violations)?;
        Ok(scope)
    }
}

/// Adds the clients that no document is about.
pub(super) async fn clients(
    snapshot: &mut Snapshot,
    matching: &Matching<ClientId>,
    steps: &mut Steps,
) -> Result<(), Refusal> {
    let mut after = None;
    loop {
        let page = snapshot.clients(after, AT_ONCE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.id);
        let gone = page
            .into_iter()
            .filter(|client| !matching.has_claimed(client.id));
        steps.clients.extend(gone.map(Step::removal));
    }
}

/// Makes sure that nothing is removed which a profile still needs afterwards.
///
/// # Errors
/// When something is: by whom.
pub(super) async fn refuse_in_use(snapshot: &mut Snapshot, steps: &Steps) -> Result<(), Refusal> {
    let removed = |step: &Step<Client>| match (&step.before, &step.after) {
        (Some(before), None) => Some(before.id),
        _ => None,
    };
    let clients: Vec<_> = steps.clients.iter().filter_map(removed).collect();
    // What becomes of profiles in this change is known already: documents cannot refer to what is removed.
    let mut settled: HashSet<ProfileId> = HashSet::new();
    let touched = steps.profiles.iter().filter_map(Step::record);
    settled.extend(touched.map(|keyed| keyed.profile.id));
    let collections = steps.collections.iter().filter(|step| step.after.is_none());
    let policies = steps.policies.iter().filter(|step| step.after.is_none());
    if collections.clone().next().is_none() && policies.clone().next().is_none() {
        return Ok(());
    }
    settled.extend(snapshot.profile_ids_of(&clients).await?);
    for collection in collections.filter_map(Step::record) {
        let holders = snapshot.profiles_granting(collection.id, u32::MAX).await?;
        refuse_held("collection", holders, &settled)?;
    }
    for policy in policies.filter_map(Step::record) {
        let holders = snapshot.profiles_under(policy.id, u32::MAX).await?;
        refuse_held("policy", holders, &settled)?;
    }
    Ok(())
}

fn refuse_held(
    kind: &'static str,
    holders: Vec<ProfileName>,
    settled: &HashSet<ProfileId>,
) -> Result<(), Refusal> {
    let most = usize::try_from(NAMED_PROFILES).unwrap_or(usize::MAX);
    let remaining = holders
        .into_iter()
        .filter(|holder| !settled.contains(&holder.id));
    let profiles: Vec<_> = remaining.take(most).collect();
    if profiles.is_empty() {
        return Ok(());
    }
    Err(Refusal::InUse { kind, profiles })
}
