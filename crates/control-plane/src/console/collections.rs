//! The pages about API collections.

mod delete;
mod document;
mod edit;
mod enabled;
mod endpoints;
mod form;
mod import;
mod lines;
mod list;
mod new;
mod page;
mod preview;

use axum::extract::DefaultBodyLimit;
use axum::handler::Handler as _;
use maud::{Markup, html};
use portcullis_feed::CollectionId;
use portcullis_store::Collection;
use portcullis_store::Role::{Editor, Viewer};

use super::condition::TAG;
use super::registered::Pages;
use crate::api;
use crate::api::tag::Tag;
use crate::app::import::LARGEST_BYTES;

/// How many bytes a form with a document may have: the document, and what stands beside it.
const LARGEST_IMPORT_BYTES: usize = LARGEST_BYTES + 64 * 1024;

/// All of them, by the role that each needs.
pub(super) fn pages(pages: Pages) -> Pages {
    let large = || DefaultBodyLimit::max(LARGEST_IMPORT_BYTES);
    pages
        .shows(Viewer, "/console/collections", list::show)
        .shows(Editor, "/console/collections/new", new::show)
        .does(Editor, "/console/collections/new", new::create)
        .shows(Editor, "/console/collections/import", import::show_new)
        .does(
            Editor,
            "/console/collections/import",
            import::send_new.layer(large()),
        )
        .does(Editor, "/console/check/endpoints", lines::check)
        .shows(Viewer, "/console/collections/{id}", page::show)
        .shows(Editor, "/console/collections/{id}/edit", edit::show)
        .does(Editor, "/console/collections/{id}/edit", edit::save)
        .shows(Editor, "/console/collections/{id}/import", import::show)
        .does(
            Editor,
            "/console/collections/{id}/import",
            import::send.layer(large()),
        )
        .does(Editor, "/console/collections/{id}/enabled", enabled::set)
        .shows(Editor, "/console/collections/{id}/delete", delete::show)
        .does(Editor, "/console/collections/{id}/delete", delete::confirm)
}

/// Where the page of a collection is.
pub(super) fn path_of(id: CollectionId) -> String {
    format!("/console/collections/{id}")
}

/// A collection as people call it.
fn title(collection: &Collection) -> String {
    format!("{} {}", collection.name, collection.version)
}

fn seen(collection: &Collection) -> api::collections::Collection {
    collection.clone().into()
}

/// The tag of a collection, for the form that changes it.
fn tag(collection: &Collection) -> Markup {
    let tag = Tag::of(&seen(collection));
    html! { input type="hidden" name=(TAG) value=(tag.as_str()); }
}
