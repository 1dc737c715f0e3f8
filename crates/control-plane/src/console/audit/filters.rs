//! Which changes are looked for. All of it stands in the address of the page.

use maud::{Markup, html};
use portcullis_store::AuditFilter;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::api::query::ListQuery;
use crate::console::design::{Choice, Field, Filled, Look, choice, submit};
use crate::console::moment::{again, rfc3339, wanted};
use crate::problem::Problem;

/// How many changes a page has.
pub(super) const ON_PAGE: u32 = 50;

/// The kinds of records, as the audit names them.
const KINDS: [&str; 14] = [
    "client",
    "access_profile",
    "key",
    "collection",
    "policy",
    "gateway_token",
    "gateway",
    "feed_key",
    "key_set",
    "operator",
    "session",
    "link",
    "token",
    "operator_token",
];

const ACTIONS: [&str; 4] = ["create", "change", "delete", "revoke"];

/// Which changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct AuditWanted {
    author: Option<String>,
    kind: Option<String>,
    object: Option<String>,
    action: Option<String>,
    since: Option<String>,
    until: Option<String>,
    request_id: Option<String>,
    cursor: Option<String>,
}

impl ListQuery for AuditWanted {
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

impl AuditWanted {
    /// As the store looks for it.
    ///
    /// # Errors
    /// When a moment is none.
    pub(super) fn filter(&self) -> Result<AuditFilter, Problem> {
        Ok(AuditFilter {
            author: self.author.clone(),
            kind: self.kind.clone(),
            object: self.object.clone(),
            action: self.action.clone(),
            since_ms: wanted("since", self.since.as_deref())?,
            until_ms: wanted("until", self.until.as_deref())?,
            request_id: self.request_id.clone(),
        })
    }

    /// Where the same changes are as a file, in a form.
    pub(super) fn export_path(&self, format: &str) -> String {
        let since = self.since.as_deref().and_then(rfc3339);
        let until = self.until.as_deref().and_then(rfc3339);
        let said = [
            ("author", &self.author),
            ("kind", &self.kind),
            ("object", &self.object),
            ("action", &self.action),
            ("since", &since),
            ("until", &until),
            ("request_id", &self.request_id),
        ];
        let said = said.into_iter();
        let said = said.filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(said)
            .append_pair("format", format)
            .finish();
        format!("/api/v1/audit/export?{query}")
    }

    /// Whether any are left out.
    pub(super) fn is_narrow(&self) -> bool {
        let said = [
            &self.author,
            &self.kind,
            &self.object,
            &self.action,
            &self.since,
            &self.until,
            &self.request_id,
        ];
        said.into_iter().any(Option::is_some)
    }

    fn filled(&self) -> Filled {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Filled::with(&[
            ("author", &text(&self.author)),
            ("kind", &text(&self.kind)),
            ("object", &text(&self.object)),
            ("action", &text(&self.action)),
            ("since", &again(self.since.as_deref())),
            ("until", &again(self.until.as_deref())),
            ("request_id", &text(&self.request_id)),
        ])
    }
}

pub(super) fn filters(wanted: &AuditWanted) -> Markup {
    let filled = wanted.filled();
    html! {
        form.filters method="get" action="/console/audit" role="search" aria-label="Audit" {
            (Field { name: "author", label: "Who (an id, or system)", longest: 100, ..Field::default() }
                .filter_text("search", &filled))
            (Field { name: "kind", label: "Kind of record", ..Field::default() }.filter(&filled, &choices(&KINDS)))
            (Field { name: "object", label: "Record (its id)", longest: 100, ..Field::default() }
                .filter_text("search", &filled))
            (Field { name: "action", label: "What was done", ..Field::default() }.filter(&filled, &choices(&ACTIONS)))
            (Field { name: "since", label: "Since (UTC)", ..Field::default() }.filter_text("datetime-local", &filled))
            (Field { name: "until", label: "Until (UTC)", ..Field::default() }.filter_text("datetime-local", &filled))
            (Field { name: "request_id", label: "Request id", longest: 100, ..Field::default() }
                .filter_text("search", &filled))
            (submit(Look::Usual, "Apply"))
            @if wanted.is_narrow() { a href="/console/audit" { "All changes" } }
        }
    }
}

fn choices(words: &[&str]) -> Vec<Choice> {
    let any = std::iter::once(choice("", "any"));
    let words = words.iter();
    any.chain(words.map(|word| choice(*word, word.replace('_', " "))))
        .collect()
}
