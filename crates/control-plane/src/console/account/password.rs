//! Changes one's own password. The session goes on under another cookie, and all others end.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde_json::json;

use super::PATH;
use super::page::page;
use crate::app::session::{PasswordChange, PresentSession, csrf_token};
use crate::app::{App, Refusal, Violation};
use crate::console::entered::Sent;
use crate::console::frame::Frame;
use crate::console::notice::Notice;
use crate::console::refused::{Again, again};
use crate::console::settled::drafted;
use crate::identity::{self, Came};
use crate::problem::Problem;

/// What is never in a page.
const PASSWORDS: [&str; 3] = ["current_password", "new_password", "repeated"];

pub(in crate::console) async fn change(
    State(app): State<Arc<App>>,
    frame: Frame,
    Ok(Came(visitor)): Result<Came, Infallible>,
    present: PresentSession,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        if sent.text("new_password") != sent.text("repeated") {
            let flaw = Violation::new("/repeated", "the two are not the same");
            return Err(Refusal::Invalid(vec![flaw]));
        }
        let change: PasswordChange = drafted(&json!({
            "current_password": sent.text("current_password"),
            "new_password": sent.text("new_password"),
        }))?;
        app.change_password(present.operator.id, change, &visitor)
            .await
    };
    let opened = match attempt.await {
        Ok(opened) => opened,
        Err(refusal) => {
            let Again { status, filled } = again(&sent, refusal)?;
            let filled = PASSWORDS
                .into_iter()
                .fold(filled, |it, name| it.without(name));
            return Ok(page(&app, &frame, status, &present, &filled).await?);
        }
    };
    let mut response = Redirect::to(PATH).into_response();
    let headers = response.headers_mut();
    headers.extend(identity::opened(&opened, &app).map(|cookie| (header::SET_COOKIE, cookie)));
    let notice = Notice::of("Your password is another one now, and you are logged out elsewhere");
    notice.add_to(headers, &csrf_token(&opened.secret), &app);
    Ok(response)
}
