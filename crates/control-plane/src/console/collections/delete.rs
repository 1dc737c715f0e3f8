//! Removes a collection, after saying whom it hits.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use portcullis_feed::CollectionId;
use portcullis_store::{Collection, UsageGroup};

use super::{path_of, seen, tag, title};
use crate::api::asked::Named;
use crate::app::{App, Refusal};
use crate::console::condition::unchanged;
use crate::console::design::{Confirmation, calls, confirmation, plural};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::settled::{arrived, done};
use crate::identity::By;
use crate::problem::Problem;

/// The field with what was foreseen: whom it would hit when the question was asked.
const FORESEEN: &str = "foreseen";

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<CollectionId>,
) -> Result<Response, Problem> {
    page(&app, &frame, StatusCode::OK, app.collection(id).await?).await
}

pub(in crate::console) async fn confirm(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<CollectionId>,
    sent: Sent,
) -> Result<Response, Problem> {
    let collection = app.collection(id).await?;
    let stale = StatusCode::PRECONDITION_FAILED;
    if sent.text(FORESEEN) != foreseen(&app, id).await? {
        return page(&app, &frame, stale, collection).await;
    }
    let condition = unchanged(&sent, seen);
    let removed = match app.delete_collection(&author, id, condition, true).await {
        Ok(removed) => removed,
        Err(Refusal::Changed { .. }) => return page(&app, &frame, stale, collection).await,
        Err(refusal) => return Err(refusal.into()),
    };
    let arrival = arrived(&app, removed.revision, "refused").await;
    let text = format!(
        "{} is gone, with {} and {}; {} without it",
        title(&collection),
        plural(removed.record.removed_profiles, "access profile"),
        plural(removed.record.removed_keys, "API key"),
        go_on(removed.record.changed_profiles),
    );
    let notice = Notice::of(text).with_arrival(arrival);
    Ok(done(&app, &frame, "/console/collections", &notice))
}

/// Whom it would hit, as the form repeats it.
async fn foreseen(app: &App, id: CollectionId) -> Result<String, Refusal> {
    let cascade = app.foresee_taking_out(id).await?;
    Ok(format!(
        "{} {} {}",
        cascade.changed_profiles, cascade.removed_profiles, cascade.removed_keys
    ))
}

fn go_on(profiles: u64) -> String {
    let verb = if profiles == 1 { "goes" } else { "go" };
    format!("{} {verb} on", plural(profiles, "access profile"))
}

async fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    collection: Collection,
) -> Result<Response, Problem> {
    let cascade = app.foresee_taking_out(collection.id).await?;
    let calls = calls(app, UsageGroup::Collection, &collection.id.to_string()).await?;
    let title = format!("Delete {}?", title(&collection));
    let path = path_of(collection.id);
    let endpoints = u64::try_from(collection.endpoints.len()).unwrap_or(u64::MAX);
    let content = confirmation(
        frame,
        &Confirmation {
            title: &title,
            is_stale: status == StatusCode::PRECONDITION_FAILED,
            consequences: html! {
                p { "Its " (plural(endpoints, "endpoint")) " can be called by nobody any more." }
                p {
                    (go_on(cascade.changed_profiles)) " with what else they grant. "
                    @if cascade.removed_profiles > 0 {
                        strong { (plural(cascade.removed_profiles, "access profile")) }
                        ", granting nothing else, and " strong { (plural(cascade.removed_keys, "API key")) }
                        " of theirs are removed, and cannot be brought back."
                    }
                }
                p { (calls) }
            },
            action: &format!("{path}/delete"),
            hidden: html! {
                (tag(&collection))
                input type="hidden" name=(FORESEEN) value=(foreseen(app, collection.id).await?);
            },
            button: "Delete it for good",
            cancel: &path,
        },
    );
    Ok(frame.page_with(status, Section::Collections, &title, &content))
}
