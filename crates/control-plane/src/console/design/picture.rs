//! The picture of a client, or the first letter of its name.

use maud::{Markup, html};
use portcullis_store::Client;

pub(in crate::console) fn picture(client: &Client) -> Markup {
    html! {
        @if let Some(digest) = &client.logo {
            img.picture src={ "/console/clients/" (client.id) "/logo/" (digest) } alt="" width="32" height="32"
                loading="lazy";
        } @else {
            span.picture aria-hidden="true" {
                (client.name.chars().next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default())
            }
        }
    }
}
