//! A policy: what it limits, and who has it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::PolicyId;
use portcullis_store::Policy;
use serde::{Deserialize, Serialize};

use super::{limits, path_of};
use crate::api::asked::Named;
use crate::api::query::ListQuery;
use crate::app::{App, Refusal};
use crate::console::asked::Wanted;
use crate::console::design::{Look, heading, link_button, time};
use crate::console::frame::{Frame, Section};
use crate::console::grants;
use crate::problem::Problem;

/// Which part of those who have a policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct HoldersWanted {
    cursor: Option<String>,
}

impl ListQuery for HoldersWanted {
    fn limit(&self) -> Option<u32> {
        Some(grants::ON_PAGE)
    }

    fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    fn sort(&self) -> Option<&str> {
        Some("name")
    }
}

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<PolicyId>,
    Wanted(wanted): Wanted<HoldersWanted>,
) -> Result<Response, Problem> {
    let policy = app.policy(id).await?;
    let who = grants::under(&app, &frame, &policy, &wanted).await?;
    let content = html! {
        (head(&frame, &policy))
        div.section {
            @if let Some(description) = &policy.description { p { (description) } }
            p.small.quiet {
                code { (policy.id) } " · made " (time(policy.created_at_ms, app.now_ms()))
                " · changed " (time(policy.updated_at_ms, app.now_ms()))
            }
        }
        section.section aria-labelledby="limits" { h2 #limits { "What it limits" } (limits(&policy)) }
        section.section aria-labelledby="holders" {
            header { h2 #holders { "Who has it" } }
            @match who {
                Some(table) => (table),
                None => p { "No access profile has it." },
            }
        }
    };
    Ok(frame.page(Section::Policies, &policy.name, &content))
}

/// How many profiles have a policy.
pub(super) async fn profiles_with(app: &App, id: PolicyId) -> Result<u64, Refusal> {
    let counts = app.limited_counts(&[id]).await?;
    Ok(counts.get(&id).copied().unwrap_or_default())
}

fn head(frame: &Frame, policy: &Policy) -> Markup {
    let path = path_of(policy.id);
    heading(
        &policy.name,
        &html! {
            @if frame.may_edit() {
                (link_button(Look::Usual, &format!("{path}/edit"), "Edit"))
                (link_button(Look::Grave, &format!("{path}/delete"), "Delete…"))
            }
        },
    )
}
