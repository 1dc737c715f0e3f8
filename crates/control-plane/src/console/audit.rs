//! The page about who changed what and when.

mod entry;
mod filters;
mod list;

use portcullis_store::Role::Admin;

use super::registered::Pages;

/// All of them, by the role that each needs.
pub(super) fn pages(pages: Pages) -> Pages {
    pages.shows(Admin, "/console/audit", list::show)
}
