//! The pages about one's own account: where one is logged in, and by which password.

mod end;
mod page;
mod password;

use portcullis_store::Role::Viewer;

use super::registered::Pages;

/// Where all of it is.
const PATH: &str = "/console/account";

/// All of them, by the role that each needs.
pub(super) fn pages(pages: Pages) -> Pages {
    pages
        .shows(Viewer, PATH, page::show)
        .does(Viewer, "/console/account/password", password::change)
        .does(Viewer, "/console/account/sessions/{id}/end", end::end)
}
