//! A new token for a robot, shown once.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

use super::PATH;
use super::form::{draft, form};
use crate::app::robot_token::{NewRobotToken, RobotTokenDraft};
use crate::app::{App, Committed};
use crate::console::design::{Filled, Form, heading};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::once::{self, once};
use crate::console::refused::{Again, again};
use crate::console::settled::drafted;
use crate::console::token::{ShownToken, shown};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(State(app): State<Arc<App>>, frame: Frame) -> Response {
    page(
        &app,
        &frame,
        StatusCode::OK,
        &Filled::with(&[("role", "viewer")]),
    )
}

pub(in crate::console) async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        let draft: RobotTokenDraft = drafted(&draft(&sent)?)?;
        let once = once(&frame, &sent, |made: Committed<NewRobotToken>| {
            let NewRobotToken { token, record } = made.record;
            ShownToken {
                name: record.name,
                token,
            }
        });
        app.create_robot_token(&author, once, draft).await
    };
    let made = match attempt.await {
        Ok(made) => made,
        Err(refusal) => {
            let Again { status, filled } = again(&sent, refusal)?;
            return Ok(page(&app, &frame, status, &filled));
        }
    };
    let how = html! { p { "Robots send it as " code { "Authorization: Bearer" } "." } };
    Ok(shown(&frame, Section::Operators, &made, &how, PATH))
}

fn page(app: &App, frame: &Frame, status: StatusCode, filled: &Filled) -> Response {
    let title = "New token for a robot";
    let content = html! {
        (heading(title, &html! {}))
        (form(frame, &Form {
            action: "/console/tokens/new",
            filled,
            hidden: once::name(app),
            before: html! {},
            button: "Make token",
            further: html! {},
            cancel: PATH,
        }))
    };
    frame.page_with(status, Section::Operators, title, &content)
}
