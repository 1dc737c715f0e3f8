//! The page about the control plane itself: what it was started with, and the keys that sign what gateways are told.

mod feed_keys;
mod remove;
mod show;

use portcullis_store::Role::Admin;

use super::registered::Pages;

/// Where all of it is.
const PATH: &str = "/console/settings";

/// All of them, by the role that each needs.
pub(super) fn pages(pages: Pages) -> Pages {
    pages
        .shows(Admin, PATH, show::show)
        .does(Admin, "/console/feed-keys/new", feed_keys::make)
        .shows(Admin, "/console/feed-keys/{id}/remove", remove::show)
        .does(Admin, "/console/feed-keys/{id}/remove", remove::confirm)
}
