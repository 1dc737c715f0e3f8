//! Removes a feed key, after saying which gateways would refuse every answer without it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;
use portcullis_feed::signature::FeedKeyId;

use super::PATH;
use crate::api::asked::Named;
use crate::app::feed_key::KnownFeedKey;
use crate::app::{App, Refusal};
use crate::console::design::{Confirmation, confirmation, plural};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::settled::done;
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Named(id): Named<FeedKeyId>,
) -> Result<Response, Problem> {
    let keys = app.feed_keys();
    let key = keys.iter().find(|key| key.public.id() == id);
    let key = key.ok_or_else(|| Refusal::NotFound {
        kind: "feed key",
        id: id.to_string(),
    })?;
    Ok(page(&frame, key))
}

/// Gateways that rely on it are a reason to refuse: from here nothing is done by force.
pub(in crate::console) async fn confirm(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    id: Result<Named<FeedKeyId>, Problem>,
    _: Sent,
) -> Result<Response, Problem> {
    let Named(id) = id?;
    app.delete_feed_key(&author, &id, false).await?;
    let notice = Notice::of(format!(
        "The feed key {id} is gone, and signs nothing any more"
    ));
    Ok(done(&app, &frame, PATH, &notice))
}

fn page(frame: &Frame, key: &KnownFeedKey) -> Response {
    let id = key.public.id();
    let title = format!("Remove the feed key {id}?");
    let relying = u64::try_from(key.believers.relying.len()).unwrap_or(u64::MAX);
    let content = confirmation(
        frame,
        &Confirmation {
            title: &title,
            is_stale: false,
            consequences: html! {
                @if relying > 0 {
                    p {
                        strong { (plural(relying, "gateway")) }
                        " believing no other key: it stays as long as there is any, since they would refuse every answer."
                    }
                } @else {
                    p { "Every gateway that is not lost believes another key, or none." }
                }
            },
            action: &format!("/console/feed-keys/{id}/remove"),
            hidden: html! {},
            button: "Remove it for good",
            cancel: PATH,
        },
    );
    frame.page(Section::Settings, &title, &content)
}
