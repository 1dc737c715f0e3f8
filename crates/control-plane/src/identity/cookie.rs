//! The cookie that opens a session. Scripts cannot read it, other sites' requests do not bring it along, and where the
//! control plane is reached over TLS it never travels in clear.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::app::App;
use crate::app::session::OpenedSession;

/// Its name over TLS: browsers take it only from this very host, over TLS, for all of its paths.
const SECURE_NAME: &str = "__Host-portcullis";

/// Its name otherwise.
const PLAIN_NAME: &str = "portcullis";

/// What opens the session of a request. Where it stands twice, somebody else may have put one there: then it is none.
#[must_use]
pub fn secret(headers: &HeaderMap, app: &App) -> Option<String> {
    value(headers, name(app))
}

/// The value of a cookie that stands there once.
pub(crate) fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';'));
    let mut found = pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned());
    match (found.next(), found.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

/// Has the browser keep what opens a session, until it ends.
#[must_use]
pub fn opened(opened: &OpenedSession, app: &App) -> Option<HeaderValue> {
    let lasts_ms = opened.session.expires_at_ms - opened.session.created_at_ms;
    set(name(app), &opened.secret, lasts_ms / 1_000, app)
}

/// Has the browser forget it.
#[must_use]
pub fn ended(app: &App) -> Option<HeaderValue> {
    set(name(app), "", 0, app)
}

/// A cookie for so many seconds.
pub(crate) fn set(name: &str, value: &str, lasts_s: u64, app: &App) -> Option<HeaderValue> {
    let secure = if app.public_url().is_secure() {
        "; Secure"
    } else {
        ""
    };
    let cookie =
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lasts_s}{secure}");
    HeaderValue::from_str(&cookie).ok()
}

fn name(app: &App) -> &'static str {
    if app.public_url().is_secure() {
        SECURE_NAME
    } else {
        PLAIN_NAME
    }
}
