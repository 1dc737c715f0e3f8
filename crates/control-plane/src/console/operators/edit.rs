//! Changes who an operator is, and what they may do.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::OperatorId;
use portcullis_store::Operator;

use super::form::{differences, draft, filled, form};
use super::{PATH, path_of, seen, tag};
use crate::api::asked::Named;
use crate::app::App;
use crate::app::draft::Patch;
use crate::console::condition::unchanged;
use crate::console::design::{Filled, Form, heading};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::refused::again;
use crate::console::settled::{done, drafted};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<OperatorId>,
) -> Result<Response, Problem> {
    let operator = app.operator(id).await?;
    let filled = filled(&operator);
    Ok(page(&frame, StatusCode::OK, &operator, &filled, html! {}))
}

pub(in crate::console) async fn save(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<OperatorId>,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        let patch: Patch = drafted(&draft(&sent))?;
        let condition = unchanged(&sent, seen);
        app.change_operator(&author, id, condition, patch).await
    };
    match attempt.await {
        Ok(operator) => {
            let notice = Notice::of(format!("{} is saved", operator.name));
            Ok(done(&app, &frame, PATH, &notice))
        }
        Err(refusal) => {
            let again = again(&sent, refusal)?;
            let operator = app.operator(id).await?;
            let different = again.when_overtaken(|typed| differences(&filled(&operator), typed));
            Ok(page(
                &frame,
                again.status,
                &operator,
                &again.filled,
                different,
            ))
        }
    }
}

fn page(
    frame: &Frame,
    status: StatusCode,
    operator: &Operator,
    filled: &Filled,
    differences: Markup,
) -> Response {
    let title = format!("Edit {}", operator.name);
    let content = html! {
        (heading(&title, &html! {}))
        (form(frame, &Form {
            action: &format!("{}/edit", path_of(operator.id)),
            filled,
            hidden: tag(operator),
            before: differences,
            button: "Save",
            further: html! {},
            cancel: PATH,
        }))
    };
    frame.page_with(status, Section::Operators, &title, &content)
}
