//! What an import would change, before it does.

use maud::{Markup, html};
use portcullis_feed::Endpoint;

use super::document::count;
use crate::app::collection::written;
use crate::app::import::Imported;
use crate::console::design::{Tone, badge, plural};

/// How many endpoints of each kind are shown.
const MOST: usize = 200;

pub(super) fn preview(imported: &Imported) -> Markup {
    let difference = &imported.difference;
    let collection = &imported.collection;
    let (added, removed) = (count(&difference.added), count(&difference.removed));
    html! {
        section.section aria-labelledby="preview" {
            h2 #preview { "What the document changes" }
            p {
                strong { (collection.name) " " (collection.version) } ": "
                (plural(added, "endpoint")) " added, " (plural(removed, "endpoint")) " removed, "
                (plural(count(&difference.unchanged), "endpoint")) " as before."
            }
            @if removed > 0 {
                p.warning { "Whoever calls what is removed is refused with " code { "endpoint_not_found" } "." }
            }
            @if added > 0 || removed > 0 {
                div.scroll tabindex="0" role="region" aria-label="What the document changes" {
                    table {
                        thead { tr { th scope="col" { "Endpoint" } th scope="col" { "What becomes of it" } } }
                        tbody {
                            (lines(&difference.removed, Tone::Refusal, "removed"))
                            (lines(&difference.added, Tone::Permit, "added"))
                        }
                    }
                }
            }
        }
    }
}

fn lines(endpoints: &[Endpoint], tone: Tone, becomes: &str) -> Markup {
    let more = endpoints.len().saturating_sub(MOST);
    html! {
        @for endpoint in endpoints.iter().take(MOST) {
            tr { th scope="row" { code { (written(endpoint)) } } td { (badge(tone, becomes)) } }
        }
        @if more > 0 { tr { td colspan="2" { "and " (more) " more that are " (becomes) } } }
    }
}
