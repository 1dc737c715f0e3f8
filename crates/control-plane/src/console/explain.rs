//! The page that explains what a gateway decides about a request.

mod asked;
mod filter;
mod form;
mod outcome;
mod page;

use portcullis_store::Role::Viewer;

use super::registered::Pages;

/// All of them, by the role that each needs.
pub(super) fn pages(pages: Pages) -> Pages {
    pages.shows(Viewer, "/console/explain", page::show).does(
        Viewer,
        "/console/explain",
        page::explain,
    )
}
