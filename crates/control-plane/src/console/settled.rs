//! What follows a form that did something: the page that it leads to, with what was done, and on which gateways it holds.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use portcullis_feed::Revision;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::asked::Wanted;
use super::design::arrival;
use super::entered::Sent;
use super::frame::Frame;
use super::notice::{Arrival, Notice};
use crate::app::draft::{self, Patch};
use crate::app::{App, Refusal};
use crate::problem::{Kind, Problem};

/// For how long a form waits for the gateways: long enough for those that listen, and no longer than people wait.
const LONGEST_WAIT: Duration = Duration::from_millis(1_500);

/// What a change means to callers, as pages ask about it.
const MEANINGS: [&str; 3] = ["refused", "permitted", "applied"];

/// What is asked about a change.
#[derive(Deserialize)]
pub(super) struct Meaning {
    #[serde(default)]
    what: String,
}

/// A patch that a form makes.
///
/// # Errors
/// When it is none.
pub(super) fn patch(changes: Value) -> Result<Patch, Problem> {
    serde_json::from_value(changes)
        .map_err(|error| Problem::new(Kind::InvalidContent, error.to_string()))
}

/// A draft that a form makes, read as the REST interface reads it.
///
/// # Errors
/// When it is none.
pub(super) fn drafted<T: DeserializeOwned>(draft: &Value) -> Result<T, Refusal> {
    draft::read(draft.to_string().as_bytes())
}

/// On which gateways a change holds, after a moment.
pub(super) async fn arrived(app: &App, revision: Revision, what: &str) -> Arrival {
    let applied = app.wait_applied(revision, LONGEST_WAIT, pending()).await;
    Arrival::of(what, &applied)
}

/// What a slider asks for.
///
/// # Errors
/// When it is neither on nor off.
pub(super) fn wanted(sent: &Sent) -> Result<bool, Problem> {
    sent.text("enabled").parse().map_err(|_| {
        let detail = "`enabled` is `true` or `false`";
        Problem::new(Kind::InvalidContent, detail)
    })
}

/// Says what a slider did, with what takes it back. Such forms are sent to the place where they are taken back.
pub(super) async fn switched(
    app: &App,
    frame: &Frame,
    sent: &Sent,
    name: &str,
    action: &str,
    revision: Revision,
) -> Response {
    let (text, what, before) = if sent.text("enabled") == "true" {
        (format!("{name} is enabled"), "permitted", "false")
    } else {
        let text = format!("{name} is disabled: its callers are refused");
        (text, "refused", "true")
    };
    let notice = Notice::of(text)
        .with_undo(action, &[("enabled", before)])
        .with_arrival(arrived(app, revision, what).await);
    done(app, frame, sent.back(), &notice)
}

/// Leads to a page of the console, which says what was done.
pub(super) fn done(app: &App, frame: &Frame, path: &str, notice: &Notice) -> Response {
    let mut response = Redirect::to(path).into_response();
    notice.add_to(response.headers_mut(), &frame.csrf_token, app);
    response
}

/// On which gateways a change holds by now: a piece of a page, which looks again until it is all of them.
pub(super) async fn applied(
    State(app): State<Arc<App>>,
    Path(revision): Path<String>,
    Wanted(Meaning { what }): Wanted<Meaning>,
) -> Result<Response, Problem> {
    let what = MEANINGS.into_iter().find(|known| *known == what);
    let (Some(what), Ok(revision)) = (what, revision.parse::<Revision>()) else {
        return Err(Problem::new(Kind::NotFound, "there is no such change"));
    };
    let applied = app.wait_applied(revision, Duration::ZERO, pending()).await;
    let piece = arrival(&Arrival::of(what, &applied));
    Ok((StatusCode::OK, Html(piece.into_string())).into_response())
}
