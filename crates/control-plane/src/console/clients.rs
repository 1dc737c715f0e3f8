//! The pages about clients.

mod activity;
mod delete;
mod edit;
mod enabled;
mod form;
mod list;
mod new;
mod page;
mod profiles;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use portcullis_feed::ClientId;
use portcullis_store::Role::{Editor, Viewer};

use super::logo;
use super::registered::Pages;
use crate::api::asked::Named;
use crate::problem::Problem;

/// All of them, by the role that each needs.
pub(super) fn pages(pages: Pages) -> Pages {
    pages
        .shows(Viewer, "/console/clients", list::show)
        .shows(Editor, "/console/clients/new", new::show)
        .does(Editor, "/console/clients/new", new::create)
        .shows(Viewer, "/console/clients/{id}", page::show)
        .shows(Editor, "/console/clients/{id}/edit", edit::show)
        .does(Editor, "/console/clients/{id}/edit", edit::save)
        .does(Editor, "/console/clients/{id}/enabled", enabled::set)
        .shows(Editor, "/console/clients/{id}/delete", delete::show)
        .does(Editor, "/console/clients/{id}/delete", delete::confirm)
        .shows(Viewer, "/console/clients/{id}/logo/{digest}", logo::show)
}

pub(super) use page::profiles_of;

/// The client that a path names.
pub(super) struct OfClient(pub(super) ClientId);

impl<S: Send + Sync> FromRequestParts<S> for OfClient {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Named(id) = Named::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}

/// Where the page of a client is.
pub(super) fn path_of(id: ClientId) -> String {
    format!("/console/clients/{id}")
}
