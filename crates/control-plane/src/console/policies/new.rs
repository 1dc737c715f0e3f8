//! A new policy.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use portcullis_feed::PolicyId;
use portcullis_store::Policy;

use super::form::{draft, form};
use super::path_of;
use crate::app::policy::PolicyDraft;
use crate::app::{App, Committed, Refusal};
use crate::console::design::{Filled, Form, heading};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::once::{self, once};
use crate::console::refused::{Again, again};
use crate::console::settled::{done, drafted};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(State(app): State<Arc<App>>, frame: Frame) -> Response {
    let begun = Filled::with(&[("rate_per", "minute"), ("quota_per", "month")]);
    page(&app, &frame, StatusCode::OK, &begun)
}

pub(in crate::console) async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        let draft: PolicyDraft = drafted(&draft(&sent)?)?;
        let once = once(&frame, &sent, |created: Committed<Policy>| {
            created.record.id.to_string()
        });
        app.create_policy(&author, once, draft).await
    };
    match attempt.await {
        Ok(id) => {
            let id: PolicyId = id.parse().map_err(|_| Refusal::AnswerLost)?;
            let notice = Notice::of("The policy is added: give it to access profiles");
            Ok(done(&app, &frame, &path_of(id), &notice))
        }
        Err(refusal) => {
            let Again { status, filled } = again(&sent, refusal)?;
            Ok(page(&app, &frame, status, &filled))
        }
    }
}

fn page(app: &App, frame: &Frame, status: StatusCode, filled: &Filled) -> Response {
    let content = html! {
        (heading("New policy", &html! {}))
        (form(frame, &Form {
            action: "/console/policies/new",
            filled,
            hidden: once::name(app),
            before: html! {},
            button: "Add policy",
            further: html! {},
            cancel: "/console/policies",
        }))
    };
    frame.page_with(status, Section::Policies, "New policy", &content)
}
