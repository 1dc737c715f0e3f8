//! From steps to a plan that can be told, and to the batch that makes it so.

use std::collections::{BTreeMap, HashMap};

use portcullis_feed::{Digest, PolicyId};
use portcullis_store::{
    AccessMethod, ApiKey, Batch, Change, Client, Collection, JwtKeys, Policy, StoreError,
};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::callers::{Callers, Losses};
use super::difference::{self, FieldChange};
use super::document::ClientDocument;
use super::labels::Labels;
use super::plan::{Plan, PlanAction, RecordChange, RecordKind};
use super::rights::Loss;
use super::step::{Keyed, Step, Steps};
use super::{describe, rights};

/// Whether new records have the ids that they keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ids {
    Drafted,
    Lasting,
}

/// How records are named before they exist and while they do.
struct Naming {
    id: String,
    name: String,
    client: Option<String>,
}

/// A client whose logo is told by what it is known by, instead of the whole picture.
#[derive(Serialize)]
struct Pictured {
    #[serde(flatten)]
    client: ClientDocument,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo: Option<Digest>,
}

/// Tells what steps do, and what they take away from whom. New records are told with their ids where these last.
///
/// # Errors
/// When a record cannot be described.
pub(super) fn plan(
    steps: &Steps,
    labels: &Labels,
    policies_before: &BTreeMap<PolicyId, Policy>,
    ids: Ids,
    now_ms: u64,
) -> Result<(Plan, Vec<Losses>), StoreError> {
    let mut plan = Plan::default();
    let mut losses = Vec::new();
    plan.summary.unchanged = steps.unchanged;
    for step in &steps.policies {
        let described = |it: &Policy| Ok((describe::policy(it), it.updated_at_ms));
        let naming = |it: &Policy| Naming::of(it.id, it.name.clone());
        let change = change(RecordKind::Policy, step, ids, naming, described)?;
        let lost = rights::of_policy(step);
        let of = step.record().map(|it| Callers::Policy(it.id));
        losses.extend(plan.lose(change, of, lost));
    }
    for step in &steps.collections {
        let described = |it: &Collection| Ok((describe::collection(it), it.updated_at_ms));
        let naming = |it: &Collection| Naming::of(it.id, format!("{} {}", it.name, it.version));
        let change = change(RecordKind::Collection, step, ids, naming, described)?;
        let lost = rights::of_collection(step);
        let of = step.record().map(|it| Callers::Collection(it.id));
        losses.extend(plan.lose(change, of, lost));
    }
    for step in &steps.clients {
        let described = |it: &Client| Ok((Pictured::of(it), it.updated_at_ms));
        let naming = |it: &Client| Naming::of(it.id, it.name.clone());
        let change = change(RecordKind::Client, step, ids, naming, described)?;
        let lost = rights::of_client(step);
        let of = step.record().map(|it| Callers::Client(it.id));
        losses.extend(plan.lose(change, of, lost));
    }
    let changed = steps.policies.iter().filter_map(|step| step.after.as_ref());
    let changed: HashMap<_, _> = changed.map(|policy| (policy.id, policy)).collect();
    let before = |id: Option<PolicyId>| {
        let policy = id.and_then(|id| policies_before.get(&id));
        policy.map_or((None, None), rights::limits_of)
    };
    let after = |id: Option<PolicyId>| {
        let changed = id.and_then(|id| changed.get(&id).copied());
        changed.map_or_else(|| before(id), rights::limits_of)
    };
    for step in &steps.profiles {
        let described = |it: &Keyed| {
            let document = describe::profile(&it.profile, &it.keys, labels, None)?;
            Ok((document, it.profile.updated_at_ms))
        };
        let naming = |it: &Keyed| Naming {
            client: Some(it.client_name.clone()),
            ..Naming::of(it.profile.id, it.profile.name.clone())
        };
        let mut change = change(RecordKind::AccessProfile, step, ids, naming, described)?;
        change.fields.extend(other_secret(step));
        let lost = rights::of_profile(step, labels, [&before, &after], now_ms);
        let of = step.record().map(|it| Callers::Profile(it.profile.id));
        losses.extend(plan.lose(change, of, lost));
    }
    Ok((plan, losses))
}

/// What is written.
pub(super) fn batch(steps: Steps) -> Batch {
    let mut batch = Batch {
        policies: steps.policies.into_iter().map(Change::from).collect(),
        collections: steps.collections.into_iter().map(Change::from).collect(),
        clients: steps.clients.into_iter().map(Change::from).collect(),
        logos: steps.logos,
        ..Batch::default()
    };
    for step in steps.profiles {
        let (before, before_keys) = step.before.map(|it| (it.profile, it.keys)).unzip();
        let (after, after_keys) = step.after.map(|it| (it.profile, it.keys)).unzip();
        // Keys go with their profile.
        batch.keys.extend(changed(
            before_keys.unwrap_or_default(),
            after_keys.unwrap_or_default(),
        ));
        if before != after {
            batch.profiles.push(Change { before, after });
        }
    }
    batch
}

fn changed(before: Vec<ApiKey>, after: Vec<ApiKey>) -> impl Iterator<Item = Change<ApiKey>> {
    let mut before: HashMap<String, ApiKey> = before
        .into_iter()
        .map(|key| (key.id.clone(), key))
        .collect();
    after.into_iter().filter_map(move |key| {
        let before = before.remove(&key.id);
        let after = Some(key);
        (before != after).then_some(Change { before, after })
    })
}

impl<R> From<Step<R>> for Change<R> {
    fn from(step: Step<R>) -> Self {
        Self {
            before: step.before,
            after: step.after,
        }
    }
}

impl Naming {
    fn of(id: impl ToString, name: String) -> Self {
        Self {
            id: id.to_string(),
            name,
            client: None,
        }
    }

    /// The name in a basis: of what has no id of its own yet, that by which it is found.
    fn object(&self, kind: RecordKind, has_id: bool) -> String {
        let Self { id, name, client } = self;
        match (has_id, client) {
            (true, _) => format!("{} {id}", kind.word()),
            (false, None) => format!("{} `{name}`", kind.word()),
            (false, Some(client)) => format!("{} `{name}` of `{client}`", kind.word()),
        }
    }
}

impl Pictured {
    fn of(client: &Client) -> Self {
        Self {
            client: describe::client(client),
            logo: client.logo,
        }
    }
}

impl Plan {
    /// Adds a change that takes something away, or nothing.
    fn lose(
        &mut self,
        mut change: RecordChange,
        of: Option<Callers>,
        lost: Vec<Loss>,
    ) -> Option<Losses> {
        let losses = of.and_then(|of| Losses::of(self.changes.len(), of, &lost));
        change.takes_away = lost.into_iter().map(|loss| loss.sentence).collect();
        self.add(change);
        losses
    }
}

fn change<R, D: Serialize>(
    kind: RecordKind,
    step: &Step<R>,
    ids: Ids,
    naming: impl Fn(&R) -> Naming,
    described: impl Fn(&R) -> Result<(D, u64), StoreError>,
) -> Result<RecordChange, StoreError> {
    let before = step.before.as_ref().map(&described).transpose()?;
    let (action, fields) = match (&before, &step.after) {
        (Some((before, _)), Some(after)) => {
            let (after, _) = described(after)?;
            (PlanAction::Change, difference::between(before, &after))
        }
        (Some(_), None) => (PlanAction::Remove, Vec::new()),
        (None, _) => (PlanAction::Create, Vec::new()),
    };
    let Some(naming) = step.record().map(naming) else {
        return Err(StoreError::Unreadable { column: "id" });
    };
    let has_id = !step.has_made_up_id || ids == Ids::Lasting;
    Ok(RecordChange {
        action,
        kind,
        object: naming.object(kind, !step.has_made_up_id),
        id: has_id.then_some(naming.id),
        name: naming.name,
        client: naming.client,
        fields,
        takes_away: Vec::new(),
        recent_callers: None,
        fingerprint: before.map(|(document, updated_at_ms)| fingerprint(&document, updated_at_ms)),
    })
}

/// Another one for each state. Secrets are none of it: whoever changes one leaves another time behind.
fn fingerprint(document: &impl Serialize, updated_at_ms: u64) -> String {
    let text = serde_json::to_vec(document).unwrap_or_default();
    let digest = Sha256::new()
        .chain_update(updated_at_ms.to_be_bytes())
        .chain_update(text)
        .finalize();
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// That a secret becomes another one, which documents do not show.
fn other_secret(step: &Step<Keyed>) -> Option<FieldChange> {
    let secret = |keyed: &Option<Keyed>| match &keyed.as_ref()?.profile.access {
        AccessMethod::Jwt(jwt) => match &jwt.keys {
            JwtKeys::Secret(secret) => Some(secret.clone()),
            JwtKeys::Pasted(_) | JwtKeys::Followed(_) => None,
        },
        AccessMethod::ApiKey => None,
    };
    let (before, after) = (secret(&step.before)?, secret(&step.after)?);
    (before != after).then(|| FieldChange {
        field: "/jwt/secret".into(),
        before: json!("a secret"),
        after: json!("another secret"),
    })
}
