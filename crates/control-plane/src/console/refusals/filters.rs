//! Which refusals are looked for. All of it stands in the address of the page.

use maud::{Markup, html};
use portcullis_engine::decision::DenialReason;
use portcullis_feed::{ClientId, CollectionId, ProfileId};
use portcullis_store::RefusedFilter;
use serde::{Deserialize, Serialize};

use super::who::Who;
use crate::api::query::ListQuery;
use crate::console::design::{Choice, Field, Filled, Look, choice, submit};
use crate::console::moment::{again, wanted};
use crate::problem::Problem;

/// How many refusals a page has.
pub(super) const ON_PAGE: u32 = 50;

/// Which refusals.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct RefusalsWanted {
    pub(super) reason: Option<String>,
    pub(super) who: Option<String>,
    pub(super) client: Option<ClientId>,
    pub(super) profile: Option<ProfileId>,
    pub(super) key: Option<String>,
    pub(super) collection: Option<CollectionId>,
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
    pub(super) cursor: Option<String>,
}

impl ListQuery for RefusalsWanted {
    fn limit(&self) -> Option<u32> {
        Some(ON_PAGE)
    }

    fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    fn sort(&self) -> Option<&str> {
        None
    }
}

impl RefusalsWanted {
    /// As the store looks for it.
    ///
    /// # Errors
    /// When a moment is none.
    pub(super) fn filter(&self, who: Option<&Who>) -> Result<RefusedFilter, Problem> {
        let mut filter = RefusedFilter {
            reason: self.reason.clone(),
            client: self.client,
            profile: self.profile,
            key_id: self.key.clone(),
            collection: self.collection,
            since_ms: wanted("since", self.since.as_deref())?,
            until_ms: wanted("until", self.until.as_deref())?,
        };
        match who {
            Some(Who::Client(id)) => filter.client = Some(*id),
            Some(Who::Profile(id)) => filter.profile = Some(*id),
            Some(Who::Key(id)) => filter.key_id = Some(id.clone()),
            Some(Who::Clients(_)) | None => {}
        }
        Ok(filter)
    }

    /// Whether any are left out.
    pub(super) const fn is_narrow(&self) -> bool {
        self.reason.is_some()
            || self.who.is_some()
            || self.client.is_some()
            || self.profile.is_some()
            || self.key.is_some()
            || self.collection.is_some()
            || self.since.is_some()
            || self.until.is_some()
    }

    /// Whose they are, as the field asks for it: by identifiers, where those were given.
    fn who(&self) -> String {
        let client = self.client.map(|id| id.to_string());
        let profile = self.profile.map(|id| id.to_string());
        let given = self.who.clone().or(self.key.clone()).or(profile).or(client);
        given.unwrap_or_default()
    }

    fn filled(&self) -> Filled {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let collection = self.collection.map(|id| id.to_string());
        Filled::with(&[
            ("reason", &text(&self.reason)),
            ("who", &self.who()),
            ("collection", collection.as_deref().unwrap_or_default()),
            ("since", &again(self.since.as_deref())),
            ("until", &again(self.until.as_deref())),
        ])
    }
}

pub(super) fn filters(wanted: &RefusalsWanted, collections: Vec<Choice>) -> Markup {
    let filled = wanted.filled();
    let any = || std::iter::once(choice("", "any"));
    let reasons = DenialReason::ALL.into_iter();
    let reasons: Vec<_> = any()
        .chain(reasons.map(|it| choice(it.code(), it.code())))
        .collect();
    let collections: Vec<_> = any().chain(collections).collect();
    html! {
        form.filters method="get" action="/console/refusals" role="search" aria-label="Refusals" {
            (Field { name: "reason", label: "Reason", ..Field::default() }.filter(&filled, &reasons))
            (Field { name: "who", label: "Client, profile id or key id", longest: 100, ..Field::default() }
                .filter_text("search", &filled))
            (Field { name: "collection", label: "Collection", ..Field::default() }.filter(&filled, &collections))
            (Field { name: "since", label: "Since (UTC)", ..Field::default() }.filter_text("datetime-local", &filled))
            (Field { name: "until", label: "Until (UTC)", ..Field::default() }.filter_text("datetime-local", &filled))
            (submit(Look::Usual, "Apply"))
            @if wanted.is_narrow() { a href="/console/refusals" { "All refusals" } }
        }
    }
}
