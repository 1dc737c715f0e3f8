//! Withdraws a token of a robot, at once.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use portcullis_feed::RobotTokenId;
use portcullis_store::RobotToken;

use super::{PATH, path_of, seen, tag};
use crate::api::asked::Named;
use crate::app::{App, Refusal};
use crate::console::condition::unchanged;
use crate::console::design::{Confirmation, confirmation, time};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::settled::done;
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<RobotTokenId>,
) -> Result<Response, Problem> {
    let token = app.robot_token(id).await?;
    Ok(page(&app, &frame, StatusCode::OK, &token))
}

pub(in crate::console) async fn confirm(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<RobotTokenId>,
    sent: Sent,
) -> Result<Response, Problem> {
    let token = app.robot_token(id).await?;
    let condition = unchanged(&sent, seen);
    match app.delete_robot_token(&author, id, condition).await {
        Ok(()) => {}
        Err(Refusal::Changed { .. }) => {
            return Ok(page(&app, &frame, StatusCode::PRECONDITION_FAILED, &token));
        }
        Err(refusal) => return Err(refusal.into()),
    }
    let notice = Notice::of(format!("{} is withdrawn", token.name));
    Ok(done(&app, &frame, PATH, &notice))
}

fn page(app: &App, frame: &Frame, status: StatusCode, token: &RobotToken) -> Response {
    let title = format!("Withdraw {}?", token.name);
    let content = confirmation(
        frame,
        &Confirmation {
            title: &title,
            is_stale: status == StatusCode::PRECONDITION_FAILED,
            consequences: html! {
                p { "Whoever comes by it is refused at once. It cannot be brought back." }
                @match token.last_used_at_ms {
                    Some(at_ms) => p { "It was used last " (time(at_ms, app.now_ms())) "." },
                    None => p { "Nobody has used it so far." },
                }
            },
            action: &format!("{}/withdraw", path_of(token.id)),
            hidden: tag(token),
            button: "Withdraw it for good",
            cancel: PATH,
        },
    );
    frame.page_with(status, Section::Operators, &title, &content)
}
