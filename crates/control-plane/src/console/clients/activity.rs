//! What a client does: its usage, whom of its callers the gateways refused, and what was changed of it.

use maud::{Markup, html};
use portcullis_feed::ClientId;
use portcullis_store::{AuditFilter, RefusedFilter, Role, UsageFilter};

use super::path_of;
use crate::app::usage::UsageAsked;
use crate::app::{App, Refusal};
use crate::console::design::time;
use crate::console::frame::Frame;
use crate::console::period::Period;
use crate::console::refusals::explain_path;
use crate::console::usage::panel;

/// How many refusals and changes are shown.
const MOST: u32 = 20;

/// Its usage of a time.
pub(super) async fn usage(app: &App, id: ClientId, period: Period) -> Result<Markup, Refusal> {
    let asked = UsageAsked {
        since_ms: Some(period.since_ms(app.now_ms())),
        unit: Some(period.unit()),
        filter: UsageFilter {
            client: Some(id),
            ..UsageFilter::default()
        },
        ..UsageAsked::default()
    };
    let panel = panel(app, &asked, period.words()).await?;
    Ok(html! {
        section.section #usage aria-labelledby="usage-title" {
            header { h2 #usage-title { "Usage" } (period.links(&path_of(id))) }
            (panel)
        }
    })
}

/// The newest refusals of the sample that gateways keep.
pub(super) async fn refusals(app: &App, id: ClientId) -> Result<Markup, Refusal> {
    let filter = RefusedFilter {
        client: Some(id),
        ..RefusedFilter::default()
    };
    let refused = app.refused(&filter, None, MOST).await?.items;
    let names = app.names_of_refused(&refused).await?;
    let now_ms = app.now_ms();
    Ok(html! {
        section.section aria-labelledby="refusals-title" {
            header {
                h2 #refusals-title { "Refusals" }
                a href={ "/console/refusals?who=" (id) } { "All of its refusals" }
            }
            @if refused.is_empty() {
                p.nothing { "None of its requests was refused lately." }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Refusals" {
                    table {
                        thead {
                            tr {
                                th scope="col" { "When" } th scope="col" { "Reason" } th scope="col" { "Request" }
                                th scope="col" { "From" } th scope="col" { "Profile" }
                                th scope="col" { span.hidden { "Explanation" } }
                            }
                        }
                        tbody {
                            @for one in &refused {
                                @let sample = &one.sample;
                                tr {
                                    td { (time(sample.at_ms, now_ms)) }
                                    td { code { (sample.reason) } }
                                    td { code { (sample.method) " " (sample.path) } }
                                    td {
                                        @match &sample.address {
                                            Some(address) => code { (address) },
                                            None => span.nothing { "–" },
                                        }
                                    }
                                    td {
                                        @match sample.profile.and_then(|id| names.get(&id.to_string())) {
                                            Some(name) => (name),
                                            None => span.nothing { "–" },
                                        }
                                    }
                                    td { a href=(explain_path(one)) { "why?" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}

/// What was changed of it, for those who may read the audit.
pub(super) async fn changes(app: &App, frame: &Frame, id: ClientId) -> Result<Markup, Refusal> {
    if !frame.may(Role::Admin) {
        return Ok(html! {});
    }
    let filter = AuditFilter {
        object: Some(id.to_string()),
        ..AuditFilter::default()
    };
    let changes = app.audit(&filter, None, MOST).await?.items;
    let now_ms = app.now_ms();
    Ok(html! {
        section.section aria-labelledby="changes-title" {
            header { h2 #changes-title { "Changes of this client" } }
            div.scroll tabindex="0" role="region" aria-label="Changes" {
                table {
                    thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } } }
                    tbody {
                        @for change in &changes {
                            @let members = change.after.iter().flat_map(|after| after.keys().cloned());
                            tr {
                                td { (time(change.at_ms, now_ms)) }
                                td { (change.author.name) }
                                td {
                                    (change.action)
                                    @if change.action == "change" { ": " (members.collect::<Vec<_>>().join(", ")) }
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}
