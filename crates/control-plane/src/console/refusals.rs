//! The page about refused requests.

mod filters;
mod list;
mod who;

use portcullis_store::Role::Viewer;

use super::registered::Pages;

pub(super) use list::explain_path;

/// All of them, by the role that each needs.
pub(super) fn pages(pages: Pages) -> Pages {
    pages.shows(Viewer, "/console/refusals", list::show)
}
