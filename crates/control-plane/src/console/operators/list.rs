//! All operators, and the tokens of robots below.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_store::Operator;
use serde::{Deserialize, Serialize};

use super::path_of;
use crate::api::answer::Listed;
use crate::api::listing::after_name;
use crate::api::query::ListQuery;
use crate::app::App;
use crate::console::asked::Wanted;
use crate::console::design::{
    Look, Slider, Tone, badge, heading, link_button, pagination, slider, submit, time,
};
use crate::console::frame::{Frame, Section};
use crate::console::robots;
use crate::problem::Problem;

/// How many operators a page has.
const ON_PAGE: u32 = 100;

/// Which part of the operators.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct OperatorsWanted {
    cursor: Option<String>,
}

impl ListQuery for OperatorsWanted {
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
    Wanted(wanted): Wanted<OperatorsWanted>,
) -> Result<Response, Problem> {
    let page = app.operators(after_name(&wanted)?, ON_PAGE).await?;
    let listed = Listed::of(page, &wanted, |operator| operator);
    let now_ms = app.now_ms();
    let content = html! {
        (heading("Operators", &html! { a.button.main href="/console/operators/new" data-new { "Invite an operator" } }))
        div.scroll tabindex="0" role="region" aria-label="Operators" {
            table data-rows {
                thead {
                    tr {
                        th scope="col" { "Operator" } th scope="col" { "Role" } th scope="col" { "Logs in by" }
                        th scope="col" { "Last log-in" } th scope="col" { "Enabled" }
                        th scope="col" { span.hidden { "Actions" } }
                    }
                }
                tbody { @for operator in &listed.items { (line(&frame, operator, now_ms)) } }
            }
        }
        (pagination(&frame.path, listed.next_cursor.as_deref()))
        (robots::section(&app, now_ms).await?)
    };
    Ok(frame.page(Section::Operators, "Operators", &content))
}

fn line(frame: &Frame, operator: &Operator, now_ms: u64) -> Markup {
    let path = path_of(operator.id);
    let is_own = operator.id == frame.operator.id;
    html! {
        tr {
            th scope="row" {
                a href={ (path) "/edit" } { span.name { (operator.name) } } span.small.quiet { (operator.email) }
                @if is_own { " " (badge(Tone::Neutral, "you")) }
            }
            td { (operator.role.as_text()) }
            td { (way_in(operator)) }
            td {
                @match operator.last_log_in_at_ms {
                    Some(at_ms) => (time(at_ms, now_ms)),
                    None => span.nothing { "never" },
                }
            }
            td {
                (slider(frame, &Slider {
                    id: &format!("enabled-{}", operator.id),
                    label: &format!("{} is enabled", operator.name),
                    action: &format!("{path}/enabled"),
                    is_on: operator.enabled,
                }))
            }
            td {
                div.actions {
                    form method="post" action={ (path) "/link" } { (frame.token()) (submit(Look::Usual, "New link")) }
                    (link_button(Look::Grave, &format!("{path}/delete"), "Delete…"))
                }
            }
        }
    }
}

fn way_in(operator: &Operator) -> &'static str {
    match (&operator.password, &operator.provider) {
        (Some(_), Some(_)) => "password, single sign-on",
        (Some(_), None) => "password",
        (None, Some(_)) => "single sign-on",
        (None, None) => "nothing yet: invited",
    }
}
