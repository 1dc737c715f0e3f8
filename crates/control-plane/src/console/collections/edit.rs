//! Changes a collection.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::CollectionId;
use portcullis_store::Collection;

use super::form::{differences, draft, filled, form};
use super::lines::Lines;
use super::{path_of, seen, tag, title};
use crate::api::asked::Named;
use crate::app::draft::Patch;
use crate::app::{App, Refusal};
use crate::console::condition::unchanged;
use crate::console::design::{Filled, Form, heading};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::refused::again;
use crate::console::settled::{arrived, done, drafted};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<CollectionId>,
) -> Result<Response, Problem> {
    let collection = app.collection(id).await?;
    let filled = filled(&collection);
    Ok(page(&frame, StatusCode::OK, &collection, &filled, html! {}))
}

pub(in crate::console) async fn save(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<CollectionId>,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        let endpoints = Lines::read(sent.text("endpoints"))?;
        let patch: Patch = drafted(&draft(&sent, &endpoints))?;
        let condition = unchanged(&sent, seen);
        let changed = app.change_collection(&author, id, condition, patch).await;
        changed.map_err(|refusal: Refusal| endpoints.located(refusal))
    };
    match attempt.await {
        Ok(changed) => {
            let arrival = arrived(&app, changed.revision, "applied").await;
            let notice = Notice::of(format!("{} is saved", title(&changed.record)));
            let notice = notice.with_arrival(arrival);
            Ok(done(&app, &frame, &path_of(id), &notice))
        }
        Err(refusal) => {
            let again = again(&sent, refusal)?;
            let collection = app.collection(id).await?;
            let different = again.when_overtaken(|typed| differences(&filled(&collection), typed));
            Ok(page(
                &frame,
                again.status,
                &collection,
                &again.filled,
                different,
            ))
        }
    }
}

fn page(
    frame: &Frame,
    status: StatusCode,
    collection: &Collection,
    filled: &Filled,
    differences: Markup,
) -> Response {
    let path = path_of(collection.id);
    let title = format!("Edit {}", title(collection));
    let content = html! {
        (heading(&title, &html! {}))
        (form(frame, &Form {
            action: &format!("{path}/edit"),
            filled,
            hidden: tag(collection),
            before: differences,
            button: "Save",
            further: html! {},
            cancel: &path,
        }))
    };
    frame.page_with(status, Section::Collections, &title, &content)
}
