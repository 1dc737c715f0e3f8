//! A request is described, and explained: at once, where the address of the page says enough.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::asked::{Described, RequestWanted};
use super::form::form;
use super::outcome::outcome;
use crate::app::{App, Refusal};
use crate::console::asked::Wanted;
use crate::console::design::{Filled, heading};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::refused::{Again, again};
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Wanted(wanted): Wanted<RequestWanted>,
) -> Result<Response, Problem> {
    let filled = wanted.filled();
    let Some(described) = wanted.described() else {
        return Ok(page(&frame, StatusCode::OK, &filled, &html! {}));
    };
    let (filled, explained) = match explained(&app, &frame, &described).await {
        Ok(explained) => (filled, explained),
        // What is known of a refusal may be too little to explain it: the form says what is missing.
        Err(Refusal::Invalid(violations)) => (filled.with_flaws(violations), html! {}),
        Err(refusal @ Refusal::NotFound { .. }) => {
            let sentence = html! { p.warning { (refusal.to_string()) ": it may have been removed meanwhile." } };
            (filled, sentence)
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let before = html! {
        @if let Some(reason) = &wanted.reason {
            p { "The gateway refused it with " code { (reason) } ". This is what it would decide on the records of now:" }
        }
        (explained)
    };
    Ok(page(&frame, StatusCode::OK, &filled, &before))
}

pub(in crate::console) async fn explain(
    State(app): State<Arc<App>>,
    frame: Frame,
    sent: Sent,
) -> Result<Response, Problem> {
    match explained(&app, &frame, &Described::of(&sent)).await {
        Ok(explained) => {
            let filled = Filled::sent(&sent, Vec::new()).without("secret");
            Ok(page(&frame, StatusCode::OK, &filled, &explained))
        }
        Err(refusal) => {
            let Again { status, filled } = again(&sent, refusal)?;
            Ok(page(&frame, status, &filled.without("secret"), &html! {}))
        }
    }
}

async fn explained(app: &App, frame: &Frame, described: &Described<'_>) -> Result<Markup, Refusal> {
    let explanation = app.explain(described.draft(app).await?).await?;
    outcome(app, frame, &explanation).await
}

fn page(frame: &Frame, status: StatusCode, filled: &Filled, explained: &Markup) -> Response {
    let content = html! {
        (heading("Explain a request", &html! { a.button href="/console/refusals" { "Refusals" } }))
        p.quiet {
            "What a gateway decides about a request, and by which checks. The gateway's own engine decides it, on the records \
             of now; nothing is counted."
        }
        (explained)
        (form(frame, filled))
    };
    frame.page_with(status, Section::Refusals, "Explain a request", &content)
}
