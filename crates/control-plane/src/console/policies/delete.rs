//! Removes a policy, after saying who goes on without limits.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use portcullis_feed::PolicyId;
use portcullis_store::Policy;

use super::page::profiles_with;
use super::{path_of, seen, tag};
use crate::api::asked::Named;
use crate::app::{App, Refusal};
use crate::console::condition::unchanged;
use crate::console::design::{Confirmation, confirmation, plural};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::settled::{arrived, done};
use crate::identity::By;
use crate::problem::Problem;

/// The field with how many profiles had it when the question was asked.
const FORESEEN: &str = "foreseen";

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<PolicyId>,
) -> Result<Response, Problem> {
    page(&app, &frame, StatusCode::OK, app.policy(id).await?).await
}

pub(in crate::console) async fn confirm(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<PolicyId>,
    sent: Sent,
) -> Result<Response, Problem> {
    let policy = app.policy(id).await?;
    let stale = StatusCode::PRECONDITION_FAILED;
    if sent.text(FORESEEN) != profiles_with(&app, id).await?.to_string() {
        return page(&app, &frame, stale, policy).await;
    }
    let condition = unchanged(&sent, seen);
    let removed = match app.delete_policy(&author, id, condition, true).await {
        Ok(removed) => removed,
        Err(Refusal::Changed { .. }) => return page(&app, &frame, stale, policy).await,
        Err(refusal) => return Err(refusal.into()),
    };
    let arrival = arrived(&app, removed.revision, "applied").await;
    let profiles = plural(removed.record.changed_profiles, "access profile");
    let text = format!("{} is gone; {profiles} without limits now", policy.name);
    let notice = Notice::of(text).with_arrival(arrival);
    Ok(done(&app, &frame, "/console/policies", &notice))
}

async fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    policy: Policy,
) -> Result<Response, Problem> {
    let profiles = profiles_with(app, policy.id).await?;
    let title = format!("Delete {}?", policy.name);
    let path = path_of(policy.id);
    let content = confirmation(
        frame,
        &Confirmation {
            title: &title,
            is_stale: status == StatusCode::PRECONDITION_FAILED,
            consequences: html! {
                @if profiles == 0 {
                    p { "No access profile has it." }
                } @else {
                    p {
                        strong { (plural(profiles, "access profile")) }
                        " with it: they go on without limits, and may call as much as they like."
                    }
                }
            },
            action: &format!("{path}/delete"),
            hidden: html! {
                (tag(&policy))
                input type="hidden" name=(FORESEEN) value=(profiles);
            },
            button: "Delete it for good",
            cancel: &path,
        },
    );
    Ok(frame.page_with(status, Section::Policies, &title, &content))
}
