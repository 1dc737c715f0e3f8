//! Removes an operator.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use portcullis_feed::OperatorId;
use portcullis_store::Operator;

use super::{PATH, path_of, seen, tag};
use crate::api::asked::Named;
use crate::app::page::LONGEST;
use crate::app::{App, Refusal};
use crate::console::condition::unchanged;
use crate::console::design::{Confirmation, confirmation, plural};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::settled::done;
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<OperatorId>,
) -> Result<Response, Problem> {
    page(&app, &frame, StatusCode::OK, app.operator(id).await?).await
}

pub(in crate::console) async fn confirm(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<OperatorId>,
    sent: Sent,
) -> Result<Response, Problem> {
    let operator = app.operator(id).await?;
    let condition = unchanged(&sent, seen);
    match app.delete_operator(&author, id, condition).await {
        Ok(()) => {}
        Err(Refusal::Changed { .. }) => {
            return page(&app, &frame, StatusCode::PRECONDITION_FAILED, operator).await;
        }
        Err(refusal) => return Err(refusal.into()),
    }
    let notice = Notice::of(format!("{} is gone", operator.name));
    Ok(done(&app, &frame, PATH, &notice))
}

async fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    operator: Operator,
) -> Result<Response, Problem> {
    let sessions = app.sessions(Some(operator.id), None, LONGEST).await?;
    let sessions = u64::try_from(sessions.items.len()).unwrap_or(u64::MAX);
    let title = format!("Delete {}?", operator.name);
    let content = confirmation(
        frame,
        &Confirmation {
            title: &title,
            is_stale: status == StatusCode::PRECONDITION_FAILED,
            consequences: html! {
                p { (operator.email) " cannot log in any more; " (plural(sessions, "session")) " of theirs: over at once." }
                p { "What they changed keeps their name in the audit. To shut them out for a while, disable them instead." }
            },
            action: &format!("{}/delete", path_of(operator.id)),
            hidden: tag(&operator),
            button: "Delete them for good",
            cancel: PATH,
        },
    );
    Ok(frame.page_with(status, Section::Operators, &title, &content))
}
