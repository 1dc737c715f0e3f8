//! The pages about access profiles and their keys.

mod another_key;
mod callers;
mod check;
pub(super) mod choices;
mod delete;
mod draft;
mod edit;
mod enabled;
mod filled;
mod form;
mod method;
mod new;
mod refresh;
mod revoke;
mod shown_once;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use maud::{Markup, html};
use portcullis_feed::ProfileId;
use portcullis_store::Role::Editor;

use super::condition::TAG;
use super::registered::Pages;
use crate::api::access_profiles::AccessProfile;
use crate::api::asked::Named;
use crate::api::tag::Tag;
use crate::app::access_profile::ProfileWithKeys;
use crate::problem::Problem;

/// All of them, by the role that each needs.
pub(super) fn pages(pages: Pages) -> Pages {
    pages
        .shows(Editor, "/console/clients/{id}/profiles/new", new::show)
        .does(Editor, "/console/clients/{id}/profiles/new", new::create)
        .does(Editor, "/console/check/addresses", check::addresses)
        .does(Editor, "/console/check/key", check::key)
        .shows(Editor, "/console/profiles/{id}/edit", edit::show)
        .does(Editor, "/console/profiles/{id}/edit", edit::save)
        .does(Editor, "/console/profiles/{id}/enabled", enabled::set)
        .shows(Editor, "/console/profiles/{id}/delete", delete::show)
        .does(Editor, "/console/profiles/{id}/delete", delete::confirm)
        .shows(Editor, "/console/profiles/{id}/refresh", refresh::show)
        .does(Editor, "/console/profiles/{id}/refresh", refresh::issue)
        .shows(Editor, "/console/profiles/{id}/keys/new", another_key::show)
        .does(
            Editor,
            "/console/profiles/{id}/keys/new",
            another_key::issue,
        )
        .shows(
            Editor,
            "/console/profiles/{id}/keys/{key}/revoke",
            revoke::show,
        )
        .does(
            Editor,
            "/console/profiles/{id}/keys/{key}/revoke",
            revoke::confirm,
        )
}

/// The profile that a path names.
struct OfProfile(ProfileId);

impl<S: Send + Sync> FromRequestParts<S> for OfProfile {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Named(id) = Named::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}

/// Where a profile stands on the page of its client.
fn place_of(profile: &portcullis_store::AccessProfile) -> String {
    format!("/console/clients/{}#{}", profile.client_id, profile.id)
}

/// The tag of a profile, for the form that changes it.
fn tag(found: &ProfileWithKeys) -> Markup {
    let tag = Tag::of(&AccessProfile::from(found.clone()));
    html! { input type="hidden" name=(TAG) value=(tag.as_str()); }
}
