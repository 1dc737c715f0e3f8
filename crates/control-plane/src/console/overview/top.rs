//! Who calls most, and what is called most.

use std::sync::Arc;

use maud::{Markup, html};
use portcullis_store::UsageGroup;

use crate::app::usage::{UsageAsked, UsageTop};
use crate::app::{App, Refusal};
use crate::console::clients::path_of;
use crate::console::design::{number, or_dash};

pub(super) async fn clients(
    app: &Arc<App>,
    asked: &UsageAsked,
    when: &str,
) -> Result<Markup, Refusal> {
    let top = app.busiest_clients(asked).await?;
    let title = "Clients with most requests";
    Ok(table(&top, UsageGroup::Client, title, when))
}

pub(super) async fn endpoints(
    app: &Arc<App>,
    asked: &UsageAsked,
    when: &str,
) -> Result<Markup, Refusal> {
    let top = app.busiest_endpoints(asked).await?;
    let title = "Endpoints with most requests";
    Ok(table(&top, UsageGroup::Endpoint, title, when))
}

fn table(top: &UsageTop, group: UsageGroup, title: &str, when: &str) -> Markup {
    html! {
        section.section {
            h2 { (title) ", " (when) }
            @if top.items.is_empty() {
                p.nothing { "Nothing was called." }
            } @else {
                div.scroll tabindex="0" role="region" aria-label=(title) {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Name" } th.figure scope="col" { "Requests" }
                                th.figure scope="col" { "Refused" }
                            }
                        }
                        tbody {
                            @for (id, name, numbers) in &top.items {
                                tr {
                                    th scope="row" { (named(group, id.as_deref(), name.as_deref())) }
                                    td.figure { (number(numbers.requests)) }
                                    td.figure { (or_dash(numbers.refused.unwrap_or_default())) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn named(group: UsageGroup, id: Option<&str>, name: Option<&str>) -> Markup {
    let client = id
        .and_then(|id| id.parse().ok())
        .filter(|_| group == UsageGroup::Client);
    html! {
        @match (client, name, id) {
            (Some(client), Some(name), _) => a href=(path_of(client)) { (name) },
            (Some(_), None, Some(id)) => { "a client that is gone, " code { (id) } }
            (_, _, Some(id)) => code { (id) },
            _ => span.nothing { "not known" },
        }
    }
}
