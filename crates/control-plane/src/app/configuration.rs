//! Configuration as documents: exported as a whole, planned against what there is, and applied in one transaction.

pub mod difference;
pub mod document;
pub mod export;
pub mod plan;
pub mod prune;
pub mod schema;

mod callers;
mod describe;
mod labels;
mod matching;
mod preparing;
mod present;
mod resolving;
mod rights;
mod step;

use portcullis_store::{Author, Edit, SecretKey, Snapshot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::draft::object_or_default;
use super::laborious::at_length;
use super::{App, Committed, Notice, Refusal};
use crate::secret_key::ChosenSecretKey;
pub use callers::RecentCaller;

use callers::Losses;
use document::Configuration;
use export::Export;
use plan::{Basis, Plan};
use preparing::Ids;
use present::Present;
use prune::{Pruned, Scope};
use resolving::Terms;
use step::Steps;

/// A configuration that is to be planned or applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationDraft {
    /// What there is to be.
    #[serde(deserialize_with = "object_or_default")]
    pub configuration: Configuration,
    /// Of which kinds everything is removed that no document speaks of. Nothing, when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prune: Vec<Pruned>,
    /// What the plan found: of each of its changes, `object` with `fingerprint`. Applying is refused when anything of
    /// it is different by now. When absent, nobody is noticed who was faster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"client cl_01jcz3v9k4m0x2p7q8r9s0t1v2": "9f86d081884c7d65"}))]
    pub basis: Option<Basis>,
}

/// A plan, and what its author may not expect.
#[derive(Debug)]
pub struct Planned {
    /// What would become different.
    pub plan: Plan,
    /// What was understood in another way than it was written.
    pub notices: Vec<Notice>,
}

/// What was found out about a configuration.
struct Examined {
    steps: Steps,
    labels: labels::Labels,
    present: Present,
}

impl App {
    /// Begins to read all records as one document. Secrets are in it only sealed under a key that is given.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn export_configuration(
        &self,
        secrets_key: Option<SecretKey>,
    ) -> Result<Export, Refusal> {
        Ok(Export::of(self.store.read().await?, secrets_key))
    }

    /// Tells what applying a configuration would change. Nothing is changed.
    ///
    /// # Errors
    /// When the configuration is invalid, or what it removes is in use.
    pub async fn plan_configuration(
        &self,
        draft: ConfigurationDraft,
        secrets_key: Option<SecretKey>,
    ) -> Result<Planned, Refusal> {
        let terms = self.terms(&draft, secrets_key)?;
        let mut snapshot = self.store.read().await?;
        let mut examined = examine(&mut snapshot, draft.configuration, &terms).await?;
        let (mut plan, losses) = examined.plan(Ids::Drafted, terms.now_ms)?;
        callers::note(&mut plan, &losses, &mut snapshot, terms.now_ms).await?;
        drop(snapshot);
        let notices = std::mem::take(&mut examined.steps.notices);
        if let Some(basis) = &draft.basis {
            plan.refuse_overtaken(basis)?;
        }
        Ok(Planned { plan, notices })
    }

    /// Applies a configuration, all of it or nothing, and tells what became different.
    ///
    /// # Errors
    /// When the configuration is invalid, what it removes is in use, or somebody else was faster than its plan.
    pub async fn apply_configuration(
        &self,
        author: &Author,
        draft: ConfigurationDraft,
        secrets_key: Option<SecretKey>,
    ) -> Result<Committed<Plan>, Refusal> {
        let (edit, planned) = self.attempt(author, draft, secrets_key).await?;
        let applied = Committed::by(edit, planned.plan).await?;
        Ok(applied.with_notices(planned.notices))
    }

    /// Applies a configuration in an edit that is still to be kept, or only to be read from.
    ///
    /// # Errors
    /// When the configuration is invalid, what it removes is in use, or somebody else was faster than its plan.
    pub(super) async fn attempt(
        &self,
        author: &Author,
        draft: ConfigurationDraft,
        secrets_key: Option<SecretKey>,
    ) -> Result<(Edit, Planned), Refusal> {
        let terms = self.terms(&draft, secrets_key)?;
        let mut edit = self.edit(author).await?;
        let mut examined = examine(edit.read(), draft.configuration, &terms).await?;
        let (plan, _) = examined.plan(Ids::Lasting, terms.now_ms)?;
        if let Some(basis) = &draft.basis {
            plan.refuse_overtaken(basis)?;
        }
        let notices = std::mem::take(&mut examined.steps.notices);
        edit.put_batch(&preparing::batch(examined.steps), terms.now_ms)
            .await?;
        Ok((edit, Planned { plan, notices }))
    }

    /// A key for secrets in documents.
    #[must_use]
    pub fn key_for_secrets(&self, chosen: &ChosenSecretKey) -> SecretKey {
        chosen.key(&self.world.entropy)
    }

    fn terms(
        &self,
        draft: &ConfigurationDraft,
        secrets_key: Option<SecretKey>,
    ) -> Result<Terms, Refusal> {
        Ok(Terms {
            world: self.world.clone(),
            now_ms: self.world.clock.now_ms(),
            networks: self.key_set_networks.clone(),
            secrets_key,
            scope: Scope::of(&draft.prune, &draft.configuration)?,
        })
    }
}

impl Examined {
    fn plan(&self, ids: Ids, now_ms: u64) -> Result<(Plan, Vec<Losses>), Refusal> {
        let policies = &self.present.policies;
        let plan = || preparing::plan(&self.steps, &self.labels, policies, ids, now_ms);
        Ok(at_length(plan)?)
    }
}

async fn examine(
    snapshot: &mut Snapshot,
    configuration: Configuration,
    terms: &Terms,
) -> Result<Examined, Refusal> {
    let present = Present::of(snapshot, &configuration).await?;
    let resolved = at_length(|| resolving::resolve(configuration, &present, terms))?;
    let mut steps = resolved.steps;
    if terms.scope.clients {
        prune::clients(snapshot, &resolved.clients, &mut steps).await?;
    }
    prune::refuse_in_use(snapshot, &steps).await?;
    Ok(Examined {
        steps,
        labels: resolved.labels,
        present,
    })
}
