//! The pages about the tokens of robots, which are listed with the operators.

mod edit;
mod form;
mod list;
mod new;
mod withdraw;

use maud::{Markup, html};
use portcullis_feed::RobotTokenId;
use portcullis_store::RobotToken;
use portcullis_store::Role::Admin;

use super::condition::TAG;
use super::registered::Pages;
use crate::api;
use crate::api::tag::Tag;

pub(super) use list::section;

/// Where all of them are listed.
const PATH: &str = "/console/operators#tokens";

/// All of them, by the role that each needs.
pub(super) fn pages(pages: Pages) -> Pages {
    pages
        .shows(Admin, "/console/tokens/new", new::show)
        .does(Admin, "/console/tokens/new", new::create)
        .shows(Admin, "/console/tokens/{id}/edit", edit::show)
        .does(Admin, "/console/tokens/{id}/edit", edit::save)
        .shows(Admin, "/console/tokens/{id}/withdraw", withdraw::show)
        .does(Admin, "/console/tokens/{id}/withdraw", withdraw::confirm)
}

fn path_of(id: RobotTokenId) -> String {
    format!("/console/tokens/{id}")
}

/// A token without what becomes different by itself.
fn seen(token: &RobotToken) -> api::robot_tokens::Token {
    RobotToken {
        last_used_at_ms: None,
        ..token.clone()
    }
    .into()
}

/// The tag of a token, for the form that changes it.
fn tag(token: &RobotToken) -> Markup {
    let tag = Tag::of(&seen(token));
    html! { input type="hidden" name=(TAG) value=(tag.as_str()); }
}
