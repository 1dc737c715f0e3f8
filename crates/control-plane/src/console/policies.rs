//! The pages about access policies.

mod delete;
mod edit;
mod effect;
pub(super) mod form;
mod list;
mod new;
mod page;

use maud::{Markup, html};
use portcullis_feed::PolicyId;
use portcullis_store::Policy;
use portcullis_store::Role::{Editor, Viewer};

use super::condition::TAG;
use super::registered::Pages;
use crate::api;
use crate::api::tag::Tag;
use crate::app::policy::in_words;

/// All of them, by the role that each needs.
pub(super) fn pages(pages: Pages) -> Pages {
    pages
        .shows(Viewer, "/console/policies", list::show)
        .shows(Editor, "/console/policies/new", new::show)
        .does(Editor, "/console/policies/new", new::create)
        .shows(Viewer, "/console/policies/{id}", page::show)
        .shows(Editor, "/console/policies/{id}/edit", edit::show)
        .does(Editor, "/console/policies/{id}/edit", edit::save)
        .shows(Editor, "/console/policies/{id}/delete", delete::show)
        .does(Editor, "/console/policies/{id}/delete", delete::confirm)
}

/// Where the page of a policy is.
pub(super) fn path_of(id: PolicyId) -> String {
    format!("/console/policies/{id}")
}

/// What a policy limits.
fn limits(policy: &Policy) -> Markup {
    let limits = in_words(policy.rate_limit.as_ref(), policy.quota.as_ref());
    html! {
        @for limit in &limits { p { (limit) } }
        @if limits.is_empty() { p.nothing { "nothing" } }
    }
}

fn seen(policy: &Policy) -> api::policies::Policy {
    policy.clone().into()
}

/// The tag of a policy, for the form that changes it.
fn tag(policy: &Policy) -> Markup {
    let tag = Tag::of(&seen(policy));
    html! { input type="hidden" name=(TAG) value=(tag.as_str()); }
}
