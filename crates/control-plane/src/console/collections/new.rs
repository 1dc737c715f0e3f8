//! A new collection, written by hand.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use portcullis_feed::CollectionId;
use portcullis_store::Collection;

use super::form::{draft, form};
use super::lines::Lines;
use super::path_of;
use crate::app::collection::CollectionDraft;
use crate::app::{App, Committed, Refusal};
use crate::console::design::{Filled, Form, heading};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::once::{self, once};
use crate::console::refused::{Again, again};
use crate::console::settled::{done, drafted};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(State(app): State<Arc<App>>, frame: Frame) -> Response {
    let begun = Filled::with(&[("version", "v1")]);
    page(&app, &frame, StatusCode::OK, &begun)
}

pub(in crate::console) async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        let endpoints = Lines::read(sent.text("endpoints"))?;
        let draft: CollectionDraft = drafted(&draft(&sent, &endpoints))?;
        let once = once(&frame, &sent, |created: Committed<Collection>| {
            created.record.id.to_string()
        });
        let created = app.create_collection(&author, once, draft).await;
        created.map_err(|refusal| endpoints.located(refusal))
    };
    match attempt.await {
        Ok(id) => {
            let id: CollectionId = id.parse().map_err(|_| Refusal::AnswerLost)?;
            let notice = Notice::of("The collection is added: access profiles can grant it now");
            Ok(done(&app, &frame, &path_of(id), &notice))
        }
        Err(refusal) => {
            let Again { status, filled } = again(&sent, refusal)?;
            Ok(page(&app, &frame, status, &filled))
        }
    }
}

fn page(app: &App, frame: &Frame, status: StatusCode, filled: &Filled) -> Response {
    let content = html! {
        (heading("New collection", &html! {}))
        p { "Is there an OpenAPI document? " a href="/console/collections/import" { "Import it" } " instead." }
        (form(frame, &Form {
            action: "/console/collections/new",
            filled,
            hidden: once::name(app),
            before: html! {},
            button: "Add collection",
            further: html! {},
            cancel: "/console/collections",
        }))
    };
    frame.page_with(status, Section::Collections, "New collection", &content)
}
