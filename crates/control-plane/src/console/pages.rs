//! The pages, and what is asked of them.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use maud::Render;
use serde::Deserialize;

use super::views::{HomePage, LinkPage, LogInPage, NoticePage};
use crate::app::session::csrf_token;
use crate::app::{App, Refusal};
use crate::identity;
use crate::problem::Problem;

/// Where who has logged in goes.
pub(super) const HOME: &str = "/console";

/// By which link somebody comes.
#[derive(Deserialize)]
pub(super) struct LinkQuery {
    #[serde(default)]
    token: String,
}

/// Who is logged in; everybody else logs in first.
pub(super) async fn home(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let Some(secret) = identity::secret(&headers, &app) else {
        return Redirect::to("/console/log-in").into_response();
    };
    match app.present_session(&secret).await {
        Ok(Some(present)) => shown(
            StatusCode::OK,
            &HomePage {
                name: present.operator.name,
                email: present.operator.email,
                role: present.operator.role.as_text(),
                csrf_token: csrf_token(&secret),
            },
        ),
        Ok(None) => Redirect::to("/console/log-in").into_response(),
        Err(refusal) => refused(refusal),
    }
}

pub(super) async fn log_in(State(app): State<Arc<App>>) -> Response {
    let page = LogInPage {
        email: String::new(),
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
