//! The endpoints of a collection in a table: a part of them, when they are many.

use maud::{Markup, html};
use portcullis_feed::Endpoint;
use portcullis_store::Collection;

use super::enabled::action;
use super::path_of;
use crate::app::collection::written;
use crate::console::design::{Slider, plural, slider};
use crate::console::frame::Frame;

/// How many endpoints a page shows.
const ON_PAGE: usize = 100;

pub(super) fn table(frame: &Frame, collection: &Collection, from: usize) -> Markup {
    let all = collection.endpoints.len();
    let shown: Vec<_> = collection.endpoints.iter().enumerate().collect();
    let shown = shown.get(from..).unwrap_or_default();
    let shown = shown.get(..ON_PAGE).unwrap_or(shown);
    let count = u64::try_from(all).unwrap_or(u64::MAX);
    html! {
        section.section aria-labelledby="endpoints" {
            header { h2 #endpoints { "Endpoints" } span.quiet { (plural(count, "endpoint")) } }
            @if all == 0 {
                p.warning { "It has no endpoint: who has access to it can call nothing." }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Endpoints" {
                    table data-rows {
                        thead {
                            tr {
                                th scope="col" { "Method" } th scope="col" { "Path" } th scope="col" { "Host" }
                                th scope="col" { "Enabled" }
                            }
                        }
                        tbody { @for (index, endpoint) in shown { (line(frame, collection, *index, endpoint)) } }
                    }
                }
                (pages(collection, from))
            }
        }
    }
}

fn line(frame: &Frame, collection: &Collection, index: usize, endpoint: &Endpoint) -> Markup {
    html! {
        tr {
            td { code { (endpoint.method) } }
            th scope="row" { code { (endpoint.path) } }
            td {
                @match &endpoint.host {
                    Some(host) => code { (host) },
                    None => span.nothing { "any" },
                }
            }
            td {
                (slider(frame, &Slider {
                    id: &format!("endpoint-{index}"),
                    label: &format!("{} is enabled", written(endpoint)),
                    action: &action(collection.id, endpoint),
                    is_on: endpoint.enabled,
                }))
            }
        }
    }
}

fn pages(collection: &Collection, from: usize) -> Markup {
    let path = path_of(collection.id);
    let next = from.saturating_add(ON_PAGE);
    html! {
        @if from > 0 || next < collection.endpoints.len() {
            nav.pagination aria-label="Endpoints" {
                @if from > 0 {
                    a.button rel="prev" href={ (path) "?from=" (from.saturating_sub(ON_PAGE)) "#endpoints" } { "Previous" }
                }
                @if next < collection.endpoints.len() {
                    a.button rel="next" href={ (path) "?from=" (next) "#endpoints" } { "Next endpoints" }
                }
            }
        }
    }
}
