//! The link by which an operator chooses a password, in the one moment when it is shown.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use portcullis_feed::OperatorId;
use serde::{Deserialize, Serialize};

use super::PATH;
use crate::api::asked::Named;
use crate::app::App;
use crate::console::design::{heading, secret, time};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::identity::By;
use crate::problem::Problem;

/// What is shown once.
#[derive(Serialize, Deserialize)]
pub(super) struct LinkShown {
    /// Whose it is.
    pub(super) name: String,
    /// Where it leads.
    pub(super) url: String,
    /// When it stops working: milliseconds since 1970, UTC.
    pub(super) expires_at_ms: u64,
}

/// Makes another link, for who has forgotten their password. Older ones stop working.
pub(in crate::console) async fn make(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<OperatorId>,
    _: Sent,
) -> Result<Response, Problem> {
    let operator = app.operator(id).await?;
    let link = app.create_link(&author, id).await?;
    let link = LinkShown {
        name: operator.name,
        url: app.link_url(&link),
        expires_at_ms: link.expires_at_ms,
    };
    Ok(shown(&app, &frame, &link))
}

pub(super) fn shown(app: &App, frame: &Frame, link: &LinkShown) -> Response {
    let title = format!("A link for {}", link.name);
    let content = html! {
        (heading(&title, &html! {}))
        section.card aria-labelledby="link-title" {
            h2 #link-title { "The link, shown only now" }
            p {
                "Give it to " (link.name) " and nobody else: who opens it chooses the password. It works once, and ends "
                (time(link.expires_at_ms, app.now_ms())) "."
            }
            (secret("link", &link.url))
        }
        div.actions { a.button.main href=(PATH) { "Done" } }
    };
    frame.page_with(StatusCode::OK, Section::Operators, &title, &content)
}
