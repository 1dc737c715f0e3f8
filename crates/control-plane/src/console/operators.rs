//! The pages about operators: who manages records, and what each may do.

mod delete;
mod edit;
mod enabled;
mod form;
mod link;
mod list;
mod new;

use maud::{Markup, html};
use portcullis_feed::OperatorId;
use portcullis_store::Operator;
use portcullis_store::Role::Admin;

use super::condition::TAG;
use super::design::{Choice, choice};
use super::registered::Pages;
use crate::api;
use crate::api::tag::Tag;

/// Where all of them are listed.
const PATH: &str = "/console/operators";

/// All of them, by the role that each needs.
pub(super) fn pages(pages: Pages) -> Pages {
    pages
        .shows(Admin, PATH, list::show)
        .shows(Admin, "/console/operators/new", new::show)
        .does(Admin, "/console/operators/new", new::create)
        .shows(Admin, "/console/operators/{id}/edit", edit::show)
        .does(Admin, "/console/operators/{id}/edit", edit::save)
        .does(Admin, "/console/operators/{id}/enabled", enabled::set)
        .does(Admin, "/console/operators/{id}/link", link::make)
        .shows(Admin, "/console/operators/{id}/delete", delete::show)
        .does(Admin, "/console/operators/{id}/delete", delete::confirm)
}

/// What operators and tokens may do.
pub(super) fn roles() -> [Choice; 3] {
    [
        choice("viewer", "viewer: looks at records"),
        choice(
            "editor",
            "editor: changes clients, profiles, keys, collections and policies",
        ),
        choice(
            "admin",
            "admin: decides about operators, tokens and feed keys, and reads the audit",
        ),
    ]
}

fn path_of(id: OperatorId) -> String {
    format!("{PATH}/{id}")
}

/// An operator without what becomes different by itself.
fn seen(operator: &Operator) -> api::operators::Operator {
    Operator {
        last_log_in_at_ms: None,
        ..operator.clone()
    }
    .into()
}

/// The tag of an operator, for the form that changes them.
fn tag(operator: &Operator) -> Markup {
    let tag = Tag::of(&seen(operator));
    html! { input type="hidden" name=(TAG) value=(tag.as_str()); }
}
