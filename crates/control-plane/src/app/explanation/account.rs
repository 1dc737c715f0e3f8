//! What a gate tells while it decides, taken down check by check, and put together with the decision.

use std::collections::BTreeMap;

use portcullis_engine::decision::{Denial, DenialReason};
use portcullis_engine::gate::trace::{Check, Finding, Name, Trace};
use portcullis_engine::route::{RoutedCollection, RoutedEndpoint};
use portcullis_engine::{Holder, Permit};
use portcullis_feed::{Collection, CollectionId, ProfileId};

use super::answer::{
    ExplainedCheck, ExplainedEndpoint, Explanation, Outcome, Reference, ServiceView, ShownHeader,
    Verdict,
};
use super::asked::Asked;
use super::records::{KnownProfile, Records, Sought};
use super::sentences;
use crate::app::time::Moment;

/// What was heard so far.
pub(super) struct Account<'r> {
    pub(super) asked: &'r Asked,
    pub(super) records: &'r Records,
    /// Whom a token names.
    pub(super) named: Option<ProfileId>,
    rows: BTreeMap<Check, (Outcome, String)>,
    /// Whether anybody may call the endpoint.
    is_open: bool,
    endpoint: Option<(CollectionId, u16)>,
    sought: Vec<Sought>,
}

impl Trace for Account<'_> {
    fn judged(&mut self, finding: Finding<'_>, refused: Option<DenialReason>) {
        self.is_open |= matches!(finding, Finding::Open(_));
        if let Finding::Route(Some(at))
        | Finding::Open(at)
        | Finding::Preflight(at)
        | Finding::Grant(at) = finding
        {
            self.endpoint = Some((at.collection.id, at.place));
        }
        let check = finding.check();
        let names_only = self.is_open && !matches!(check, Check::Route | Check::Endpoint);
        let detail = sentences::of(&finding, refused, self);
        let row = match refused {
            None => (Outcome::Passed, detail),
            Some(reason) if names_only && reason != DenialReason::RequestAmbiguous => {
                let detail = format!("{detail}; that is no matter where anybody may call");
                (Outcome::Skipped, detail)
            }
            Some(_) => (Outcome::Failed, detail),
        };
        self.rows.insert(check, row);
    }

    fn sought(&mut self, name: Name<'_>) {
        let sought = Sought::from(name);
        if !self.records.has_searched(&sought) {
            self.sought.push(sought);
        }
    }

    fn named(&mut self, holder: &Holder) {
        self.named = Some(holder.profile());
    }
}

impl<'r> Account<'r> {
    pub(super) fn new(asked: &'r Asked, records: &'r Records) -> Self {
        Self {
            asked,
            records,
            named: None,
            rows: BTreeMap::new(),
            is_open: false,
            endpoint: None,
            sought: Vec::new(),
        }
    }

    /// Whom the records were not searched for yet.
    pub(super) fn take_sought(&mut self) -> Vec<Sought> {
        std::mem::take(&mut self.sought)
    }

    /// A profile that the decision came to.
    pub(super) fn known(&self, holder: &Holder) -> Option<&'r KnownProfile> {
        self.records.profile(holder.profile())
    }

    /// An endpoint that the decision came to, in its collection.
    pub(super) fn found(
        &self,
        at: &RoutedEndpoint,
    ) -> Option<(&'r Collection, &'r portcullis_feed::Endpoint)> {
        self.located(at.collection.id, at.place)
    }

    fn located(
        &self,
        id: CollectionId,
        place: u16,
    ) -> Option<(&'r Collection, &'r portcullis_feed::Endpoint)> {
        let collection = self.records.collection(id)?;
        Some((collection, collection.endpoints.get(usize::from(place))?))
    }

    /// The explanation of a request that passes.
    pub(super) fn of_permit(self, permit: &Permit<'_>) -> Explanation {
        let observed = permit.observed();
        let service = Some(self.service_view(permit));
        Explanation {
            decision: Verdict::Permitted,
            observed: observed.map(|denial| denial.reason.code().to_owned()),
            service,
            ..self.explained(
                permit.holder().or_else(|| observed?.holder.as_deref()),
                permit.collection(),
            )
        }
    }

    /// The explanation of a request that does not.
    pub(super) fn of_denial(self, denial: &Denial<'_>) -> Explanation {
        Explanation {
            reason: Some(denial.reason.code().to_owned()),
            status: Some(denial.reason.status()),
            ..self.explained(denial.holder.as_deref(), denial.collection.as_deref())
        }
    }

    fn explained(
        mut self,
        holder: Option<&Holder>,
        collection: Option<&RoutedCollection>,
    ) -> Explanation {
        let profile = holder.and_then(|holder| self.known(holder));
        let collection = collection.and_then(|it| self.records.collection(it.id));
        let endpoint = self
            .endpoint
            .and_then(|(id, place)| self.located(id, place));
        // What was called before is not known here, so limits are told and not judged, whatever was decided before: but
        // for a quota of which gateways are told that it is used up.
        let judged = self.rows.get(&Check::Limits);
        if judged.is_none_or(|(outcome, _)| *outcome != Outcome::Failed) {
            let limits = sentences::of_limits(profile, self.asked.now_ms);
            self.rows.insert(Check::Limits, (Outcome::Skipped, limits));
        }
        let checks = Check::ALL.into_iter().map(|check| {
            let unheard = || (Outcome::Skipped, sentences::UNHEARD.to_owned());
            let (outcome, detail) = self.rows.remove(&check).unwrap_or_else(unheard);
            ExplainedCheck {
                name: check.name().to_owned(),
                outcome,
                detail,
            }
        });
        let checks = checks.collect();
        Explanation {
            decision: Verdict::Refused,
            reason: None,
            status: None,
            observed: None,
            checks,
            client: profile.map(|known| Reference {
                id: known.told.client.id.to_string(),
                name: known.told.client.name.clone(),
            }),
            access_profile: profile.map(|known| Reference {
                id: known.told.id.to_string(),
                name: known.name.clone(),
            }),
            key_id: holder.and_then(Holder::key_id).map(str::to_owned),
            collection: collection.map(|it| Reference {
                id: it.id.to_string(),
                name: sentences::label(it),
            }),
            endpoint: endpoint.map(|(_, endpoint)| ExplainedEndpoint {
                host: endpoint.host.clone(),
                method: endpoint.method.clone(),
                path: endpoint.path.clone(),
            }),
            service: None,
            revision: self.records.revision,
            at: Moment::from_ms(self.asked.now_ms),
        }
    }

    /// What the filter does to a request that it lets pass.
    fn service_view(&self, permit: &Permit<'_>) -> ServiceView {
        let names = self.asked.gate.identity_headers();
        let mut added = Vec::new();
        let mut add = |name: &str, value: &str| {
            added.push(ShownHeader {
                name: name.to_owned(),
                value: value.to_owned(),
            });
        };
        if let Some(holder) = permit.holder() {
            add(&names.client_id, holder.client_id());
            add(&names.client_name, holder.client_name());
            add(&names.access_profile_id, holder.profile_id());
        }
        if let Some(collection) = permit.collection() {
            add(&names.api_collection, &collection.label);
        }
        for claim in permit.claims() {
            add(&claim.name, &claim.value);
        }
        let removed = permit.stripped().iter();
        ServiceView {
            added,
            removed: removed.map(|name| sentences::text(name)).collect(),
        }
    }
}
