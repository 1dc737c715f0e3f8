//! What the forms of the pages do. A form that cannot be used is shown again, with what is wrong.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::pages::{HOME, is_page, notice, refused, shown};
use super::views::{LinkPage, LogInPage};
use crate::app::email::Email;
use crate::app::link::Newcomer;
use crate::app::password::{EnteredPassword, NewPassword};
use crate::app::session::{LogIn, OpenedSession};
use crate::app::text::Name;
use crate::app::{App, Refusal};
use crate::identity::{self, Came, is_csrf_token, refuse_other_sites};
use crate::problem::Problem;

#[derive(Deserialize)]
pub(super) struct LogInForm {
    email: String,
    password: String,
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(super) struct LinkForm {
    token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    password: String,
    repeated: String,
}

#[derive(Deserialize)]
pub(super) struct LogOutForm {
    csrf_token: String,
}

pub(super) async fn log_in(
    State(app): State<Arc<App>>,
    Ok(Came(visitor)): Result<Came, Infallible>,
    headers: HeaderMap,
    Form(form): Form<LogInForm>,
) -> Response {
    if let Err(problem) = refuse_other_sites(&headers, &app) {
        return from_elsewhere(problem);
    }
    let (email, next) = (form.email.clone(), form.next);
    let log_in = Email::try_from(form.email)
        .ok()
        .zip(EnteredPassword::try_from(form.password).ok());
    let opened = match log_in {
        Some((email, password)) => app.log_in(LogIn { email, password }, &visitor).await,
        None => Err(Refusal::LogInFailed),
    };
    match opened {
        Ok(opened) => entered_at(&next, &opened, &app),
        Err(refusal) => {
            let page = LogInPage {
                email,
                next,
                complaint: Some(refusal.to_string()),
                has_single_sign_on: app.single_sign_on().is_some(),
            };
            let problem = Problem::from(refusal);
            let mut response = shown(problem.status(), &page);
            problem.add_headers(response.headers_mut());
            response
        }
    }
}

pub(super) async fn link(
    State(app): State<Arc<App>>,
    Ok(Came(visitor)): Result<Came, Infallible>,
    headers: HeaderMap,
    Form(form): Form<LinkForm>,
) -> Response {
    if let Err(problem) = refuse_other_sites(&headers, &app) {
        return from_elsewhere(problem);
    }
    let holder = match app.link_holder(&form.token).await {
        Ok(holder) => holder,
        Err(refusal) => return refused(refusal),
    };
    let mut page = LinkPage::of(holder, form.token);
    if page.is_first {
        page.name = form.name;
        page.email = form.email;
    }
    let parsed = parsed(&page, form.password, &form.repeated);
    let opened = match parsed {
        Ok((newcomer, password)) => app.use_link(&page.token, newcomer, password, visitor).await,
        Err(complaint) => {
            page.complaint = Some(complaint);
            return shown(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    match opened {
        Ok(opened) => entered(&opened, &app),
        Err(Refusal::Invalid(violations)) => {
            let details = violations.into_iter().map(|violation| violation.detail);
            page.complaint = Some(details.collect::<Vec<_>>().join("; "));
            shown(StatusCode::UNPROCESSABLE_ENTITY, &page)
        }
        Err(refusal) => refused(refusal),
    }
}

pub(super) async fn log_out(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Ok(Came(visitor)): Result<Came, Infallible>,
    Form(form): Form<LogOutForm>,
) -> Response {
    if let Err(problem) = refuse_other_sites(&headers, &app) {
        return from_elsewhere(problem);
    }
    let secret = identity::secret(&headers, &app);
    let secret = secret.filter(|secret| is_csrf_token(form.csrf_token.as_bytes(), secret));
    if let Some(secret) = secret {
        match app.present_session(&secret).await {
            Ok(Some(present)) => {
                let author = visitor.author(present.identity.who);
                if let Err(refusal) = app.end_session(&author, None, present.session.id).await {
                    return refused(refusal);
                }
            }
            Ok(None) => {}
            Err(refusal) => return refused(refusal),
        }
    }
    let cookie = identity::ended(&app).map(|cookie| (header::SET_COOKIE, cookie));
    let headers: HeaderMap = cookie.into_iter().collect();
    (headers, Redirect::to("/console/log-in")).into_response()
}

/// Where who has logged in goes, with the cookie of the session.
pub(super) fn entered(opened: &OpenedSession, app: &App) -> Response {
    entered_at(HOME, opened, app)
}

/// The same, to the page that they wanted to see, if it is one.
fn entered_at(next: &str, opened: &OpenedSession, app: &App) -> Response {
    let cookie = identity::opened(opened, app).map(|cookie| (header::SET_COOKIE, cookie));
    let headers: HeaderMap = cookie.into_iter().collect();
    let next = Some(next).filter(|next| is_page(next)).unwrap_or(HOME);
    (headers, Redirect::to(next)).into_response()
}

fn parsed(
    page: &LinkPage,
    password: String,
    repeated: &str,
) -> Result<(Option<Newcomer>, NewPassword), String> {
    let newcomer = if page.is_first {
        Some(Newcomer {
            name: Name::try_from(page.name.clone()).map_err(|invalid| invalid.to_string())?,
            email: Email::try_from(page.email.clone()).map_err(|invalid| invalid.to_string())?,
        })
    } else {
        None
    };
    if password != repeated {
        return Err("the two passwords are not the same".to_owned());
    }
    let password = NewPassword::try_from(password).map_err(|invalid| invalid.to_string())?;
    Ok((newcomer, password))
}

fn from_elsewhere(problem: Problem) -> Response {
    let text =
        "the form was not sent by a page of this control plane, or the browser does not say so";
    notice(problem, text.to_owned())
}
