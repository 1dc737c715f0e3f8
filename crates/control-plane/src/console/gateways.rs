//! The pages about gateways, and the tokens by which they come.

mod forget;
mod list;
mod new;
mod tokens;
mod withdraw;

use portcullis_store::Role::{Admin, Editor, Viewer};

use super::registered::Pages;

/// Where all of them are listed.
const PATH: &str = "/console/gateways";

/// All of them, by the role that each needs.
pub(super) fn pages(pages: Pages) -> Pages {
    pages
        .shows(Viewer, PATH, list::show)
        .shows(Admin, "/console/gateway-tokens/new", new::show)
        .does(Admin, "/console/gateway-tokens/new", new::create)
        .shows(
            Admin,
            "/console/gateway-tokens/{id}/withdraw",
            withdraw::show,
        )
        .does(
            Admin,
            "/console/gateway-tokens/{id}/withdraw",
            withdraw::confirm,
        )
        .does(
            Editor,
            "/console/gateways/{instance}/forget",
            forget::forget,
        )
}
