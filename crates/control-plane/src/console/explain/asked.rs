//! What is to be explained, as forms and addresses of pages say it.

use portcullis_feed::ProfileId;
use portcullis_store::AccessMethod;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::filter;
use crate::app::explanation::ExplanationDraft;
use crate::app::{App, Refusal, Violation};
use crate::console::design::Filled;
use crate::console::entered::Sent;
use crate::console::moment::{EXPECTED, again, rfc3339};
use crate::console::settled::drafted;

/// A request as the address of the page describes it. Nothing in it is secret.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct RequestWanted {
    pub(super) method: Option<String>,
    pub(super) url: Option<String>,
    pub(super) address: Option<String>,
    pub(super) at: Option<String>,
    pub(super) credential: Option<String>,
    pub(super) id: Option<String>,
    /// Why it was refused, where that was seen.
    pub(super) reason: Option<String>,
}

/// A request to be explained.
pub(super) struct Described<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    pub(super) headers: &'a str,
    pub(super) address: &'a str,
    pub(super) at: &'a str,
    /// What it presents: one of the choices of the form.
    pub(super) credential: &'a str,
    /// The public id of a key, or of a profile.
    pub(super) id: &'a str,
    /// A whole key, or a token.
    pub(super) secret: &'a str,
    /// The form that says how the filter is set up, if there is one: as usual, where not.
    pub(super) sent: Option<&'a Sent>,
}

impl RequestWanted {
    /// As the form shows it.
    pub(super) fn filled(&self) -> Filled {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Filled::with(&[
            ("method", self.method.as_deref().unwrap_or("GET")),
            ("url", &text(&self.url)),
            ("address", &text(&self.address)),
            ("at", &again(self.at.as_deref())),
            ("credential", &text(&self.credential)),
            ("id", &text(&self.id)),
        ])
    }

    /// The request, if it says one.
    pub(super) fn described(&self) -> Option<Described<'_>> {
        Some(Described {
            method: self.method.as_deref().unwrap_or("GET"),
            url: self.url.as_deref()?,
            headers: "",
            address: self.address.as_deref().unwrap_or_default(),
            at: self.at.as_deref().unwrap_or_default(),
            credential: self.credential.as_deref().unwrap_or_default(),
            id: self.id.as_deref().unwrap_or_default(),
            secret: "",
            sent: None,
        })
    }
}

impl<'a> Described<'a> {
    pub(super) fn of(sent: &'a Sent) -> Self {
        let said = |name: &str| sent.text(name).trim();
        Self {
            method: said("method"),
            url: said("url"),
            headers: said("headers"),
            address: said("address"),
            at: said("at"),
            credential: said("credential"),
            id: said("id"),
            secret: said("secret"),
            sent: Some(sent),
        }
    }

    /// As the REST interface would be told it.
    ///
    /// # Errors
    /// When it describes no request.
    pub(super) async fn draft(&self, app: &App) -> Result<ExplanationDraft, Refusal> {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let invalid = |pointer, detail| Refusal::Invalid(vec![Violation::new(pointer, detail)]);
        let at = match self.at {
            "" => None,
            at => Some(rfc3339(at).ok_or_else(|| invalid("/at", EXPECTED))?),
        };
        let mut headers = Vec::new();
        for line in self.headers.lines().filter(|line| !line.trim().is_empty()) {
            let (name, value) = line.split_once(':').ok_or_else(|| {
                invalid(
                    "/headers",
                    "each line is the name of a header, a colon, and its value",
                )
            })?;
            headers.push(json!({ "name": name.trim(), "value": value.trim() }));
        }
        let at_fault = |flaw| Refusal::Invalid(vec![flaw]);
        let trusted_hops = filter::trusted_hops(self.sent).map_err(at_fault)?;
        let filter = self.sent.map(filter::draft).transpose().map_err(at_fault)?;
        let credential = match self.credential {
            "key_id" => json!({ "key_id": self.id }),
            "profile" => json!({ "key_id": key_of(app, self.id).await? }),
            "key" => json!({ "key": self.secret }),
            "token" => json!({ "token": self.secret }),
            _ => Value::Null,
        };
        drafted(&json!({
            "method": self.method,
            "url": self.url,
            "headers": headers,
            "address": given(self.address),
            "trusted_hops": trusted_hops,
            "at": at,
            "credential": credential,
            "filter": filter,
        }))
    }
}

/// A key of a profile: the newest that works.
async fn key_of(app: &App, id: &str) -> Result<String, Refusal> {
    let at_id = |detail: &str| Refusal::Invalid(vec![Violation::new("/credential/key_id", detail)]);
    let id: ProfileId = id
        .parse()
        .map_err(|_| at_id("the identifier of an access profile is expected, such as `ap_…`"))?;
    let found = app.profile(id).await?;
    if matches!(found.profile.access, AccessMethod::Jwt(_)) {
        return Err(at_id(
            "the callers of this profile present tokens: choose a token, and paste one",
        ));
    }
    let newest = found.keys.iter().max_by_key(|key| key.created_at_ms);
    let newest =
        newest.ok_or_else(|| at_id("no key of this profile works: nobody can call by it"))?;
    Ok(newest.id.clone())
}
