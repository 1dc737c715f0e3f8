//! A token in the one moment when it is shown. Loading the page again shows it again, to who made it, for a day.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::design::{heading, secret};
use super::frame::{Frame, Section};

/// What is shown once.
#[derive(Serialize, Deserialize)]
pub(super) struct ShownToken {
    /// What people call it.
    pub(super) name: String,
    /// The whole token.
    pub(super) token: String,
}

pub(super) fn shown(
    frame: &Frame,
    section: Section,
    shown: &ShownToken,
    how: &Markup,
    back: &str,
) -> Response {
    let title = format!("The token {}", shown.name);
    let content = html! {
        (heading(&title, &html! {}))
        section.card aria-labelledby="token-title" {
            h2 #token-title { "The token, shown only now" }
            p { "Only its digest is kept: nobody can show it again." }
            (secret("token", &shown.token))
            (how)
        }
        div.actions { a.button.main href=(back) { "Done, I have stored it" } }
    };
    frame.page_with(StatusCode::OK, section, &title, &content)
}
