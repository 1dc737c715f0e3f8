//! What was decided, and what became of each check, with the record that would have to be another one.

use maud::{Markup, html};
use portcullis_engine::gate::trace::Check;
use portcullis_feed::ProfileId;

use crate::app::explanation::{ExplainedCheck, Explanation, Outcome, Verdict};
use crate::app::{App, Refusal};
use crate::console::design::{Tone, badge, with_code};
use crate::console::frame::Frame;
use crate::console::reason::{in_words, of_code};

/// Where the records are that a decision came to.
struct Records<'a> {
    explanation: &'a Explanation,
    policy: Option<String>,
    may_edit: bool,
}

pub(super) async fn outcome(
    app: &App,
    frame: &Frame,
    explanation: &Explanation,
) -> Result<Markup, Refusal> {
    let profile = explanation.access_profile.as_ref();
    let profile: Option<ProfileId> = profile.and_then(|it| it.id.parse().ok());
    let policy = match profile {
        Some(id) => app.profile(id).await?.profile.policy_id,
        None => None,
    };
    let records = Records {
        explanation,
        policy: policy.map(|id| format!("/console/policies/{id}")),
        may_edit: frame.may_edit(),
    };
    Ok(html! {
        section.section #outcome aria-labelledby="decision" {
            (decision(explanation))
            div.scroll tabindex="0" role="region" aria-label="Checks" {
                table {
                    caption { "Each check, in its order" }
                    thead {
                        tr {
                            th scope="col" { "Check" } th scope="col" { "Outcome" } th scope="col" { "Why" }
                            th scope="col" { span.hidden { "What would have to change" } }
                        }
                    }
                    tbody { @for check in &explanation.checks { (line(check, &records)) } }
                }
            }
            (service(explanation))
        }
    })
}

fn decision(explanation: &Explanation) -> Markup {
    let (tone, verdict) = match explanation.decision {
        Verdict::Permitted => (Tone::Permit, "permitted"),
        Verdict::Refused => (Tone::Refusal, "refused"),
    };
    html! {
        div.heading { h2 #decision { (badge(tone, verdict)) } }
        @if let (Some(reason), Some(status)) = (&explanation.reason, explanation.status) {
            p { code { (reason) } " (" (status) ")" @if let Some(words) = words(reason) { ": " (words) } "." }
        }
        @if let Some(observed) = &explanation.observed {
            p {
                "It passes only because refusals are noted and nothing else: it would be refused with " code { (observed) }
                @if let Some(words) = words(observed) { ", since " (words) } "."
            }
        }
        p.small.quiet { "On the records up to revision " (explanation.revision) ", at " (explanation.at) "." }
    }
}

fn words(code: &str) -> Option<&'static str> {
    of_code(code).map(in_words)
}

fn line(check: &ExplainedCheck, records: &Records<'_>) -> Markup {
    let (tone, outcome) = match check.outcome {
        Outcome::Passed => (Tone::Permit, "passed"),
        Outcome::Failed => (Tone::Refusal, "failed"),
        Outcome::Skipped => (Tone::Neutral, "skipped"),
    };
    html! {
        tr {
            th scope="row" { (check.name.replace('_', " ")) }
            td { (badge(tone, outcome)) }
            td { (with_code(&check.detail)) }
            td {
                @if check.outcome == Outcome::Failed {
                    @if let Some((path, text)) = records.to_change(&check.name) { a href=(path) { (text) } }
                } @else if check.name == Check::Limits.name() {
                    @if let Some(path) = &records.policy { a href=(path) { "its policy" } }
                }
            }
        }
    }
}

impl Records<'_> {
    /// Where the record is that would have to be another one for a check to pass, and what is done there.
    fn to_change(&self, check: &str) -> Option<(String, &'static str)> {
        let check = Check::ALL.into_iter().find(|known| known.name() == check)?;
        match check {
            Check::Client => Some((self.client()?, "Open the client")),
            Check::Address => self.profile("#allow", "Change its addresses"),
            Check::Grant => self.profile("#collections", "Grant the collection"),
            Check::Profile | Check::Expiry | Check::Key => self.profile("", "Open the profile"),
            Check::Endpoint => {
                let collection = self.explanation.collection.as_ref()?;
                let path = format!("/console/collections/{}", collection.id);
                Some((path, "Open the collection"))
            }
            Check::Route => Some(("/console/collections".to_owned(), "Open the collections")),
            Check::Limits => Some((self.policy.clone()?, "Open its policy")),
            Check::IdentityHeaders
            | Check::Records
            | Check::Path
            | Check::Host
            | Check::Credential
            | Check::Authentication => None,
        }
    }

    fn client(&self) -> Option<String> {
        let client = self.explanation.client.as_ref()?;
        Some(format!("/console/clients/{}", client.id))
    }

    /// The form of the profile, or for those who may not change it where it is shown.
    fn profile(&self, field: &str, text: &'static str) -> Option<(String, &'static str)> {
        let id = &self.explanation.access_profile.as_ref()?.id;
        if self.may_edit {
            return Some((format!("/console/profiles/{id}/edit{field}"), text));
        }
        Some((format!("{}#{id}", self.client()?), "Open the profile"))
    }
}

fn service(explanation: &Explanation) -> Markup {
    let Some(service) = &explanation.service else {
        return html! {};
    };
    html! {
        h3 { "What the service learns" }
        dl.pairs {
            @for header in &service.added { dt { code { (header.name) } } dd { code { (header.value) } } }
            @if !service.removed.is_empty() {
                dt { "Removed" } dd { @for name in &service.removed { code { (name) } " " } }
            }
        }
    }
}
