//! From documents to records: each is matched with the one that it is about, judged by the rules for its kind, and
//! compared. Everything that is wrong is found at once.

mod keys;
mod profiles;

use std::collections::HashMap;

use portcullis_engine::api_key::digest;
use portcullis_feed::{ClientId, CollectionId, Digest, PolicyId};
use portcullis_store::{Client, Collection, Policy, SecretKey};

use super::document::{ClientDocument, CollectionDocument, Configuration, Picture, PolicyDocument};
use super::labels::Labels;
use super::matching::Matching;
use super::present::Present;
use super::prune::Scope;
use super::step::{Step, Steps};
use crate::app::client::ClientDraft;
use crate::app::collection::{CollectionDraft, EndpointDraft, refuse_overlap};
use crate::app::key_set::Networks;
use crate::app::logo;
use crate::app::policy::PolicyDraft;
use crate::app::refusal::refuse_any;
use crate::app::time::Moment;
use crate::app::world::Identifier as _;
use crate::app::{Notice, Refusal, Violation, World};

/// How many mistakes are told at most.
const MOST_VIOLATIONS: usize = 100;

/// What records are judged by, besides each other.
pub(super) struct Terms {
    pub(super) world: World,
    pub(super) now_ms: u64,
    pub(super) networks: Networks,
    /// The key that secrets in documents are sealed under.
    pub(super) secrets_key: Option<SecretKey>,
    pub(super) scope: Scope,
}

/// What came of resolving.
pub(super) struct Resolved {
    pub(super) steps: Steps,
    pub(super) labels: Labels,
    /// Which clients documents are about.
    pub(super) clients: Matching<ClientId>,
}

struct Resolving<'a> {
    present: &'a Present,
    terms: &'a Terms,
    labels: Labels,
    steps: Steps,
    violations: Vec<Violation>,
    /// Who has what only one may have, of what the documents give away.
    given: profiles::Given,
}

/// Judges documents against what there is.
///
/// # Errors
/// When something is wrong with them: all of it.
pub(super) fn resolve(
    configuration: Configuration,
    present: &Present,
    terms: &Terms,
) -> Result<Resolved, Refusal> {
    let mut resolving = Resolving {
        present,
        terms,
        labels: Labels::default(),
        steps: Steps::default(),
        violations: Vec::new(),
        given: profiles::Given::default(),
    };
    let policies = resolving.policies(configuration.policies)?;
    let collections = resolving.collections(configuration.collections)?;
    resolving.labels = Labels::of(policies.values(), collections.values());
    let clients = resolving.clients(configuration.clients)?;
    resolving.settle_identities();
    let found = resolving.violations.len();
    resolving.violations.truncate(MOST_VIOLATIONS);
    if found > MOST_VIOLATIONS {
        let detail = format!("{} further fields are invalid", found - MOST_VIOLATIONS);
        resolving.violations.push(Violation::new("", detail));
    }
    refuse_any(resolving.violations)?;
    if !resolving.steps.collections.is_empty() {
        refuse_overlap(collections.values())?;
    }
    Ok(Resolved {
        steps: resolving.steps,
        labels: resolving.labels,
        clients,
    })
}

impl Resolving<'_> {
    /// Notes the policies that become different, and tells all that there are then.
    fn policies(
        &mut self,
        documents: Option<Vec<PolicyDocument>>,
    ) -> Result<HashMap<PolicyId, Policy>, Refusal> {
        let present = &self.present.policies;
        let documents = documents.unwrap_or_default();
        let mut matching = Matching::among(
            "policies",
            present
                .values()
                .map(|policy| (policy.name.clone(), policy.id)),
            documents.iter().map(|document| document.name.as_str()),
        );
        let mut all = HashMap::new();
        for (index, document) in documents.into_iter().enumerate() {
            let place = format!("/configuration/policies/{index}");
            let Some(id) = self.settle(&mut matching, document.id, document.name.as_str(), &place)
            else {
                continue;
            };
            let before = id.and_then(|id| present.get(&id));
            let is_made_up = id.is_none();
            let id = id.map_or_else(|| PolicyId::new(&self.terms.world), Ok)?;
            let created_at_ms =
                self.created_at(before.map(|it| it.created_at_ms), document.created_at);
            let draft = PolicyDraft {
                name: document.name,
                description: document.description,
                rate_limit: document.rate_limit,
                quota: document.quota,
            };
            let updated_at_ms = before.map_or(self.terms.now_ms, |before| before.updated_at_ms);
            let mut after = draft.into_policy(id, created_at_ms, updated_at_ms);
            if before == Some(&after) {
                self.steps.unchanged += 1;
            } else {
                after.updated_at_ms = self.terms.now_ms;
                let step = Step::new(before.cloned(), after.clone(), is_made_up);
                self.steps.policies.push(step);
            }
            all.insert(id, after);
        }
        for (id, policy) in present {
            if all.contains_key(id) {
                continue;
            }
            if self.terms.scope.policies {
                self.steps.policies.push(Step::removal(policy.clone()));
            } else {
                all.insert(*id, policy.clone());
            }
        }
        Ok(all)
    }

    /// The same of collections.
    fn collections(
        &mut self,
        documents: Option<Vec<CollectionDocument>>,
    ) -> Result<HashMap<CollectionId, Collection>, Refusal> {
        let present = &self.present.collections;
        let whole = |name: &str, version: &str| format!("{name} {version}");
        let documents = documents.unwrap_or_default();
        let names: Vec<_> = documents
            .iter()
            .map(|it| whole(it.name.as_str(), it.version.as_str()))
            .collect();
        let mut matching = Matching::among(
            "collections",
            present
                .values()
                .map(|it| (whole(&it.name, &it.version), it.id)),
            names.iter().map(String::as_str),
        );
        let mut all = HashMap::new();
        for (index, (document, name)) in documents.into_iter().zip(&names).enumerate() {
            let place = format!("/configuration/collections/{index}");
            let Some(id) = self.settle(&mut matching, document.id, name, &place) else {
                continue;
            };
            let before = id.and_then(|id| present.get(&id));
            let is_made_up = id.is_none();
            let id = id.map_or_else(|| CollectionId::new(&self.terms.world), Ok)?;
            let created_at_ms =
                self.created_at(before.map(|it| it.created_at_ms), document.created_at);
            let updated_at_ms = before.map_or(self.terms.now_ms, |before| before.updated_at_ms);
            let draft = drafted(document);
            let Some(mut after) = self.taken(
                &place,
                draft.into_collection(id, created_at_ms, updated_at_ms),
            )?
            else {
                continue;
            };
            if before == Some(&after) {
                self.steps.unchanged += 1;
            } else {
                after.updated_at_ms = self.terms.now_ms;
                let step = Step::new(before.cloned(), after.clone(), is_made_up);
                self.steps.collections.push(step);
            }
            all.insert(id, after);
        }
        for (id, collection) in present {
            if all.contains_key(id) {
                continue;
            }
            if self.terms.scope.collections {
                self.steps
                    .collections
                    .push(Step::removal(collection.clone()));
            } else {
                all.insert(*id, collection.clone());
            }
        }
        Ok(all)
    }

    /// Notes the clients and the profiles that become different.
    fn clients(
        &mut self,
        documents: Option<Vec<ClientDocument>>,
    ) -> Result<Matching<ClientId>, Refusal> {
        let present = &self.present.clients;
        let documents = documents.unwrap_or_default();
        let mut matching = Matching::among(
            "clients",
            present
                .values()
                .map(|client| (client.name.clone(), client.id)),
            documents.iter().map(|document| document.name.as_str()),
        );
        for (index, document) in documents.into_iter().enumerate() {
            let place = format!("/configuration/clients/{index}");
            let Some(id) = self.settle(&mut matching, document.id, document.name.as_str(), &place)
            else {
                continue;
            };
            let before = id.and_then(|id| present.get(&id));
            let is_made_up = id.is_none();
            let id = id.map_or_else(|| ClientId::new(&self.terms.world), Ok)?;
            let created_at_ms =
                self.created_at(before.map(|it| it.created_at_ms), document.created_at);
            let updated_at_ms = before.map_or(self.terms.now_ms, |before| before.updated_at_ms);
            let draft = ClientDraft {
                name: document.name,
                description: document.description,
                enabled: document.enabled,
            };
            let kept_logo = before.and_then(|before| before.logo);
            let mut after = Client {
                logo: self.logo(id, kept_logo, document.logo, &place),
                ..draft.into_client(id, created_at_ms, updated_at_ms)
            };
            if let Some(profiles) = document.access_profiles {
                self.profiles(&after, profiles, &place)?;
            }
            if before == Some(&after) {
                self.steps.unchanged += 1;
            } else {
                after.updated_at_ms = self.terms.now_ms;
                let step = Step::new(before.cloned(), after, is_made_up);
                self.steps.clients.push(step);
            }
        }
        Ok(matching)
    }

    /// The logo that a client has then. One that is not the one that is kept is noted, to be written.
    fn logo(
        &mut self,
        client: ClientId,
        kept: Option<Digest>,
        picture: Option<Picture>,
        place: &str,
    ) -> Option<Digest> {
        let Some(Picture(content)) = picture else {
            return kept;
        };
        // Writing pixels anew does not leave every picture as it was: what an export told is known as it is.
        if kept == Some(digest(&content)) {
            return kept;
        }
        match logo::cleaned(&content) {
            Ok(logo) => {
                let digest = digest(&logo.content);
                if kept != Some(digest) {
                    self.steps.logos.push((client, logo));
                }
                Some(digest)
            }
            Err(invalid) => {
                self.violate(format!("{place}/logo"), invalid);
                kept
            }
        }
    }

    /// Which record a document is about. `None`, when that cannot be said: it is noted why.
    #[expect(clippy::option_option, reason = "a new record has no id yet")]
    fn settle<I>(
        &mut self,
        matching: &mut Matching<I>,
        id: Option<I>,
        name: &str,
        place: &str,
    ) -> Option<Option<I>>
    where
        I: Copy + Eq + std::hash::Hash + std::fmt::Display,
    {
        let settled = matching.settle(id, name);
        settled.map_err(|detail| self.violate(place, detail)).ok()
    }

    /// What a rule made of a draft. `None`, when the draft breaks the rule: it is noted how.
    fn taken<T>(&mut self, place: &str, judged: Result<T, Refusal>) -> Result<Option<T>, Refusal> {
        match judged {
            Ok(taken) => Ok(Some(taken)),
            Err(Refusal::Invalid(violations)) => {
                self.violations
                    .extend(violations.into_iter().map(|violation| {
                        Violation::new(format!("{place}{}", violation.pointer), violation.detail)
                    }));
                Ok(None)
            }
            Err(refusal) => Err(refusal),
        }
    }

    fn violate(&mut self, pointer: impl Into<String>, detail: impl ToString) {
        self.violations.push(Violation::new(pointer, detail));
    }

    fn notice(&mut self, pointer: String, detail: impl Into<String>) {
        let detail = detail.into();
        self.steps.notices.push(Notice { pointer, detail });
    }

    fn created_at(&self, before_ms: Option<u64>, document: Option<Moment>) -> u64 {
        let said = document.map(Moment::as_ms);
        before_ms.or(said).unwrap_or(self.terms.now_ms)
    }
}

fn drafted(document: CollectionDocument) -> CollectionDraft {
    CollectionDraft {
        name: document.name,
        version: document.version,
        description: document.description,
        endpoints: document
            .endpoints
            .into_iter()
            .map(|endpoint| EndpointDraft {
                host: endpoint.host,
                method: endpoint.method,
                path: endpoint.path,
                enabled: endpoint.enabled,
            })
            .collect(),
        public: document.public,
        allows_dubious_paths: document.allows_dubious_paths,
    }
}
