//! A new client. Its access profile comes next.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use portcullis_feed::ClientId;
use portcullis_store::Client;
use serde::Deserialize;

use super::form::{ClientForm, draft, filled, form};
use super::path_of;
use crate::app::client::ClientDraft;
use crate::app::condition::Condition;
use crate::app::{App, Committed, Refusal, Violation};
use crate::console::asked::Wanted;
use crate::console::design::{Filled, heading};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::once::{self, once};
use crate::console::refused::{Again, again};
use crate::console::settled::drafted;
use crate::identity::By;
use crate::problem::Problem;

/// What a new client is begun with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct Like {
    /// The client that it is to be like.
    like: Option<ClientId>,
}

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Wanted(Like { like }): Wanted<Like>,
) -> Result<Response, Problem> {
    let (filled, hidden) = match like {
        Some(id) => {
            let mut like = app.client(id).await?;
            like.name = format!("{} (copy)", like.name).chars().take(100).collect();
            (
                filled(&like),
                html! { input type="hidden" name="like" value=(id); },
            )
        }
        None => (Filled::default(), html! {}),
    };
    Ok(page(&app, &frame, StatusCode::OK, &filled, &hidden))
}

pub(in crate::console) async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    sent: Sent,
) -> Result<Response, Problem> {
    let logo = sent.file("logo");
    let attempt = async {
        let draft: ClientDraft = drafted(&draft(&sent))?;
        if let Some(logo) = logo {
            at_logo(app.check_logo(logo.to_vec()).await)?;
        }
        let once = once(&frame, &sent, |created: Committed<Client>| {
            created.record.id.to_string()
        });
        app.create_client(&author, once, draft).await
    };
    let id = match attempt.await {
        Ok(id) => id,
        Err(refusal) => {
            let Again { status, filled } = again(&sent, refusal)?;
            let hidden = html! {
                @if let Some(like) = sent.given("like") { input type="hidden" name="like" value=(like); }
            };
            return Ok(page(&app, &frame, status, &filled, &hidden));
        }
    };
    let id: ClientId = id.parse().map_err(|_| Refusal::AnswerLost)?;
    if let Some(logo) = logo {
        app.put_logo(&author, id, Condition::none(), logo.to_vec())
            .await?;
    }
    let like = sent
        .given("like")
        .and_then(|like| like.parse::<ClientId>().ok());
    let next = match like {
        Some(like) => format!("{}/profiles/new?like_client={like}", path_of(id)),
        None => format!("{}/profiles/new", path_of(id)),
    };
    Ok(Redirect::to(&next).into_response())
}

/// What is wrong with a picture, at its field.
pub(super) fn at_logo<T>(outcome: Result<T, Refusal>) -> Result<T, Refusal> {
    outcome.map_err(|refusal| match refusal {
        Refusal::Invalid(violations) => {
            let there = violations.into_iter();
            Refusal::Invalid(there.map(|it| Violation::new("/logo", it.detail)).collect())
        }
        refusal => refusal,
    })
}

fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    filled: &Filled,
    hidden: &Markup,
) -> Response {
    let content = html! {
        (heading("New client", &html! {}))
        (form(frame, &ClientForm {
            action: "/console/clients/new",
            filled,
            hidden: html! { (once::name(app)) (hidden) },
            differences: html! {},
            picture: None,
            button: "Go on to its access profile",
            cancel: "/console/clients",
        }))
    };
    frame.page_with(status, Section::Clients, "New client", &content)
}
