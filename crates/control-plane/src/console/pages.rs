//! The pages, and what is asked of them.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use maud::Render;
use serde::Deserialize;

use super::views::{LinkPage, LogInPage, NoticePage};
use crate::app::{App, Refusal};
use crate::problem::{Kind, Problem};

/// Where who has logged in goes.
pub(super) const HOME: &str = "/console";

/// What somebody wants to see who has to log in first.
#[derive(Deserialize)]
pub(super) struct LogInQuery {
    #[serde(default)]
    next: String,
}

/// By which link somebody comes.
#[derive(Deserialize)]
pub(super) struct LinkQuery {
    #[serde(default)]
    token: String,
}

/// For paths that lead nowhere.
pub(super) async fn nothing() -> Problem {
    Problem::new(Kind::NotFound, "there is nothing at this path")
}

/// Whether a text is the path of a page of the console, and leads nowhere else whatever a browser makes of it.
pub(super) fn is_page(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    (path == HOME || path.starts_with("/console/") || path.starts_with("/console?"))
        && path.bytes().all(is_plain)
        && !path.contains("/..")
}

pub(super) async fn log_in(
    State(app): State<Arc<App>>,
    Query(LogInQuery { next }): Query<LogInQuery>,
) -> Response {
    let page = LogInPage {
        email: String::new(),
        next,
        complaint: None,
        has_single_sign_on: app.single_sign_on().is_some(),
    };
    shown(StatusCode::OK, &page)
}

/// Shows what a link is for. That does not use it up: what looks at links on their way does no harm.
pub(super) async fn link(
    State(app): State<Arc<App>>,
    Query(LinkQuery { token }): Query<LinkQuery>,
) -> Response {
    match app.link_holder(&token).await {
        Ok(holder) => shown(StatusCode::OK, &LinkPage::of(holder, token)),
        Err(refusal) => refused(refusal),
    }
}

/// A page.
pub(super) fn shown(status: StatusCode, page: &impl Render) -> Response {
    (status, Html(page.render().into_string())).into_response()
}

/// A page about what was not done, with the status that other doors answer with.
pub(super) fn refused(refusal: Refusal) -> Response {
    let text = refusal.to_string();
    notice(Problem::from(refusal), text)
}

/// The same for what is refused here.
pub(super) fn notice(problem: Problem, text: String) -> Response {
    let title = "This did not work";
    let mut response = shown(problem.status(), &NoticePage { title, text });
    problem.add_headers(response.headers_mut());
    response
}
