//! Changes what a token may do. The token itself stays.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::RobotTokenId;
use portcullis_store::RobotToken;

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
    Named(id): Named<RobotTokenId>,
) -> Result<Response, Problem> {
    let token = app.robot_token(id).await?;
    let filled = filled(&token);
    Ok(page(&frame, StatusCode::OK, &token, &filled, html! {}))
}

pub(in crate::console) async fn save(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<RobotTokenId>,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        let patch: Patch = drafted(&draft(&sent)?)?;
        let condition = unchanged(&sent, seen);
        app.change_robot_token(&author, id, condition, patch).await
    };
    match attempt.await {
        Ok(token) => {
            let notice = Notice::of(format!("{} is saved", token.name));
            Ok(done(&app, &frame, PATH, &notice))
        }
        Err(refusal) => {
            let again = again(&sent, refusal)?;
            let token = app.robot_token(id).await?;
            let different = again.when_overtaken(|typed| differences(&filled(&token), typed));
            Ok(page(&frame, again.status, &token, &again.filled, different))
        }
    }
}

fn page(
    frame: &Frame,
    status: StatusCode,
    token: &RobotToken,
    filled: &Filled,
    differences: Markup,
) -> Response {
    let title = format!("Edit {}", token.name);
    let content = html! {
        (heading(&title, &html! {}))
        (form(frame, &Form {
            action: &format!("{}/edit", path_of(token.id)),
            filled,
            hidden: tag(token),
            before: differences,
            button: "Save",
            further: html! {},
            cancel: PATH,
        }))
    };
    frame.page_with(status, Section::Operators, &title, &content)
}
