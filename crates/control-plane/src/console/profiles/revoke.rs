//! Revokes one key, after saying who uses it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use portcullis_feed::ProfileId;
use portcullis_store::{ApiKey, UsageGroup};

use super::place_of;
use crate::api::asked::NamedKey;
use crate::api::keys::Key;
use crate::api::tag::Tag;
use crate::app::{App, Refusal};
use crate::console::condition::{TAG, unchanged};
use crate::console::design::{Confirmation, calls, confirmation};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::settled::{arrived, done};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    NamedKey(id, key): NamedKey,
) -> Result<Response, Problem> {
    page(&app, &frame, StatusCode::OK, id, &app.key(id, &key).await?).await
}

pub(in crate::console) async fn confirm(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    NamedKey(id, key): NamedKey,
    sent: Sent,
) -> Result<Response, Problem> {
    let condition = unchanged(&sent, |key: &ApiKey| Key::from(key.clone()));
    let revoked = match app.revoke_key(&author, id, &key, condition).await {
        Ok(revoked) => revoked,
        Err(Refusal::Changed { .. }) => {
            let known = app.key(id, &key).await?;
            return page(&app, &frame, StatusCode::PRECONDITION_FAILED, id, &known).await;
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let profile = app.profile(id).await?.profile;
    let arrival = arrived(&app, revoked.revision, "refused").await;
    let notice = Notice::of(format!("The key {key}… is revoked")).with_arrival(arrival);
    Ok(done(&app, &frame, &place_of(&profile), &notice))
}

async fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    id: ProfileId,
    key: &ApiKey,
) -> Result<Response, Problem> {
    let profile = app.profile(id).await?.profile;
    let title = format!("Revoke the key {}…?", key.id);
    let calls = calls(app, UsageGroup::Key, &key.id).await?;
    let tag = Tag::of(&Key::from(key.clone()));
    let content = confirmation(
        frame,
        &Confirmation {
            title: &title,
            is_stale: status == StatusCode::PRECONDITION_FAILED,
            consequences: html! {
                p { "Who still uses it is refused at once, and it cannot be brought back. Other keys of " (profile.name) " go on." }
                p { (calls) }
            },
            action: &format!("/console/profiles/{id}/keys/{}/revoke", key.id),
            hidden: html! { input type="hidden" name=(TAG) value=(tag.as_str()); },
            button: "Revoke it",
            cancel: &place_of(&profile),
        },
    );
    Ok(frame.page_with(status, Section::Clients, &title, &content))
}
