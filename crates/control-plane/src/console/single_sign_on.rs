//! Sends browsers to the identity provider, and lets in who comes back.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::forms::entered;
use super::pages::refused;
use crate::app::single_sign_on::Return;
use crate::app::{App, Refusal};
use crate::identity::{self, Came};

/// What a browser keeps until it comes back.
const COOKIE: &str = "portcullis-single-sign-on";

/// The same over TLS.
const SECURE_COOKIE: &str = "__Host-portcullis-single-sign-on";

/// For how many seconds.
const LASTS_S: u64 = 600;

/// What a provider sends a browser back with (RFC 6749 section 4.1.2).
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    iss: Option<String>,
}

pub(super) async fn begin(
    State(app): State<Arc<App>>,
    Ok(Came(visitor)): Result<Came, Infallible>,
) -> Response {
    match app.depart(visitor.address).await {
        Ok(departure) => {
            let kept = identity::set(name(&app), &departure.secret, LASTS_S, &app);
            (cookies([kept]), Redirect::to(departure.url.as_str())).into_response()
        }
        Err(refusal) => refused(refusal),
    }
}

pub(super) async fn end(
    State(app): State<Arc<App>>,
    Ok(Came(visitor)): Result<Came, Infallible>,
    headers: HeaderMap,
    Query(answer): Query<Answer>,
) -> Response {
    let secret = identity::value(&headers, name(&app));
    let opened = match &secret {
        Some(secret) if !answer.code.is_empty() => {
            let came = Return {
                secret,
                state: &answer.state,
                code: &answer.code,
                issuer: answer.iss.as_deref(),
            };
            app.come_back(came, &visitor).await
        }
        _ => Err(Refusal::ForeignAnswer),
    };
    let mut response = match opened {
        Ok(opened) => entered(&opened, &app),
        Err(refusal) => refused(refusal),
    };
    // It works once.
    if let Some(forgotten) = identity::set(name(&app), "", 0, &app) {
        response.headers_mut().append(header::SET_COOKIE, forgotten);
    }
    response
}

fn name(app: &App) -> &'static str {
    if app.public_url().is_secure() {
        SECURE_COOKIE
    } else {
        COOKIE
    }
}

fn cookies<const N: usize>(cookies: [Option<HeaderValue>; N]) -> HeaderMap {
    let cookies = cookies.into_iter().flatten();
    cookies.map(|cookie| (header::SET_COOKIE, cookie)).collect()
}
