//! Invites an operator, who chooses a password by a link.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

use super::PATH;
use super::form::{draft, form};
use super::link::{LinkShown, shown};
use crate::app::operator::{InvitedOperator, OperatorDraft};
use crate::app::{App, Committed};
use crate::console::design::{Filled, Form, heading};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::once::{self, once};
use crate::console::refused::{Again, again};
use crate::console::settled::drafted;
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(State(app): State<Arc<App>>, frame: Frame) -> Response {
    let begun = Filled::with(&[("role", "viewer")]);
    page(&app, &frame, StatusCode::OK, &begun)
}

pub(in crate::console) async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        let draft: OperatorDraft = drafted(&draft(&sent))?;
        let inviting = Arc::clone(&app);
        let once = once(&frame, &sent, move |made: Committed<InvitedOperator>| {
            let InvitedOperator { operator, link } = made.record;
            LinkShown {
                name: operator.name,
                url: inviting.link_url(&link),
                expires_at_ms: link.expires_at_ms,
            }
        });
        app.create_operator(&author, once, draft).await
    };
    match attempt.await {
        Ok(link) => Ok(shown(&app, &frame, &link)),
        Err(refusal) => {
            let Again { status, filled } = again(&sent, refusal)?;
            Ok(page(&app, &frame, status, &filled))
        }
    }
}

fn page(app: &App, frame: &Frame, status: StatusCode, filled: &Filled) -> Response {
    let title = "Invite an operator";
    let content = html! {
        (heading(title, &html! {}))
        (form(frame, &Form {
            action: "/console/operators/new",
            filled,
            hidden: once::name(app),
            before: html! {},
            button: "Make the link",
            further: html! {},
            cancel: PATH,
        }))
    };
    frame.page_with(status, Section::Operators, title, &content)
}
