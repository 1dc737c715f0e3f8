//! Every running Envoy: what it has, and how far behind it is. It stays current by itself.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::tokens;
use crate::api::answer::Listed;
use crate::api::listing::after_name;
use crate::api::query::ListQuery;
use crate::app::App;
use crate::app::gateway::{GatewayState, GatewayStatus};
use crate::console::asked::Wanted;
use crate::console::design::{
    Field, Filled, Look, Tone, badge, choice, empty, heading, number, pagination, submit, time,
};
use crate::console::frame::{Frame, Section};
use crate::problem::{Kind, Problem};

/// How many gateways a page has.
const ON_PAGE: u32 = 100;

/// Which gateways.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct GatewaysWanted {
    state: Option<String>,
    cursor: Option<String>,
}

impl ListQuery for GatewaysWanted {
    fn limit(&self) -> Option<u32> {
        Some(ON_PAGE)
    }

    fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    fn sort(&self) -> Option<&str> {
        None
    }
}

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Wanted(wanted): Wanted<GatewaysWanted>,
) -> Result<Response, Problem> {
    let state = wanted.state.as_deref().map(state).transpose()?;
    let page = app.gateways(state, after_name(&wanted)?, ON_PAGE);
    let listed = Listed::of(page, &wanted, |status| status);
    let content = html! {
        (heading("Gateways", &html! {}))
        (filters(&wanted))
        div.section #gateways data-poll data-every="5" {
            @if listed.items.is_empty() {
                (nothing(state))
            } @else {
                p.quiet {
                    "The newest revision is " strong { (frame.standing.head) } ". "
                    (frame.standing.in_sync) " of " (frame.standing.expected()) " have applied it."
                }
                (table(&frame, &listed.items, app.now_ms()))
            }
        }
        (pagination(&frame.path, listed.next_cursor.as_deref()))
        (tokens::section(&app, &frame).await?)
    };
    Ok(frame.page(Section::Gateways, "Gateways", &content))
}

fn state(text: &str) -> Result<GatewayState, Problem> {
    let mut all = GatewayState::ALL.into_iter();
    let found = all.find(|known| known.to_string() == text);
    found.ok_or_else(|| {
        let detail = "`state` is `connected`, `silent` or `lost`";
        Problem::new(Kind::MalformedRequest, detail)
    })
}

fn filters(wanted: &GatewaysWanted) -> Markup {
    let state = wanted.state.as_deref().unwrap_or_default();
    let filled = Filled::with(&[("state", state)]);
    let any = std::iter::once(choice("", "any"));
    let states = GatewayState::ALL.into_iter();
    let states: Vec<_> = any
        .chain(states.map(|state| choice(state.to_string(), state.to_string())))
        .collect();
    html! {
        form.filters method="get" action="/console/gateways" role="search" aria-label="Gateways" {
            (Field { name: "state", label: "State", ..Field::default() }.filter(&filled, &states))
            (submit(Look::Usual, "Apply"))
        }
    }
}

fn nothing(state: Option<GatewayState>) -> Markup {
    if state.is_some() {
        let all = html! { p { a href="/console/gateways" { "Show all gateways" } } };
        return empty("No gateway fits.", &all);
    }
    let text = "No gateway has asked yet. Load the filter into Envoy, give it the address of this control plane and a token, \
                and it is seen here.";
    empty(text, &html! {})
}

fn table(frame: &Frame, gateways: &[GatewayStatus], now_ms: u64) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Gateways" {
            table data-rows {
                thead {
                    tr {
                        th scope="col" { "Gateway" } th scope="col" { "State" } th.figure scope="col" { "Applied" }
                        th.figure scope="col" { "Behind by" } th scope="col" { "Behind since" }
                        th scope="col" { "Last contact" } th scope="col" { "Filter" } th.figure scope="col" { "VMs" }
                        th scope="col" { "Token" }
                        @if frame.may_edit() { th scope="col" { span.hidden { "Actions" } } }
                    }
                }
                tbody { @for status in gateways { (line(frame, status, now_ms)) } }
            }
        }
    }
}

fn line(frame: &Frame, status: &GatewayStatus, now_ms: u64) -> Markup {
    let report = &status.gateway.report;
    html! {
        tr {
            th scope="row" {
                span.name { @if report.name.is_empty() { "(no name)" } @else { (report.name) } }
                code.small { (report.instance) }
            }
            td { (state_badge(status)) }
            td.figure {
                @match &report.applied {
                    Some(applied) => (applied.revision),
                    None => span.nothing { "nothing" },
                }
            }
            td.figure { (lag(status)) }
            td {
                @match status.behind_since_ms {
                    Some(at_ms) => (time(at_ms, now_ms)),
                    None => span.nothing { "–" },
                }
            }
            td {
                @if status.is_asking { "now" } @else { (time(status.gateway.last_contact_ms, now_ms)) }
            }
            td { (report.version) }
            td.figure { (report.workers) }
            td {
                (status.gateway.token.name)
                @if !status.is_token_accepted { " " (badge(Tone::Refusal, "withdrawn")) }
            }
            @if frame.may_edit() { td { (forget(frame, status)) } }
        }
    }
}

fn state_badge(status: &GatewayStatus) -> Markup {
    let tone = match status.state {
        GatewayState::Connected => Tone::Permit,
        GatewayState::Silent => Tone::Refusal,
        GatewayState::Lost => Tone::Fault,
    };
    badge(tone, &status.state.to_string())
}

/// By how much it is behind: nothing is good, and not known is not.
fn lag(status: &GatewayStatus) -> Markup {
    html! {
        @match status.lag {
            Some(0) => span.nothing { "–" },
            Some(lag) => (number(lag)),
            None => (badge(Tone::Refusal, "not known")),
        }
    }
}

/// Only one that is lost can be forgotten.
fn forget(frame: &Frame, status: &GatewayStatus) -> Markup {
    html! {
        @if status.state == GatewayState::Lost {
            form method="post" action={ "/console/gateways/" (status.gateway.report.instance) "/forget" } {
                (frame.token())
                (submit(Look::Usual, "Forget"))
            }
        }
    }
}
