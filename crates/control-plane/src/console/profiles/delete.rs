//! Removes an access profile, after saying what goes with it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use portcullis_store::UsageGroup;

use super::{OfProfile, place_of, tag};
use crate::api::access_profiles::AccessProfile;
use crate::app::access_profile::ProfileWithKeys;
use crate::app::{App, Refusal};
use crate::console::clients::path_of;
use crate::console::condition::unchanged;
use crate::console::design::{Confirmation, calls, confirmation, plural};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::notice::Notice;
use crate::console::settled::{arrived, done};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    OfProfile(id): OfProfile,
) -> Result<Response, Problem> {
    page(&app, &frame, StatusCode::OK, &app.profile(id).await?).await
}

pub(in crate::console) async fn confirm(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    OfProfile(id): OfProfile,
    sent: Sent,
) -> Result<Response, Problem> {
    let found = app.profile(id).await?;
    let condition = unchanged(&sent, |found: &ProfileWithKeys| {
        AccessProfile::from(found.clone())
    });
    let removed = match app.delete_profile(&author, id, condition).await {
        Ok(removed) => removed,
        Err(Refusal::Changed { .. }) => {
            return page(&app, &frame, StatusCode::PRECONDITION_FAILED, &found).await;
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let arrival = arrived(&app, removed.revision, "refused").await;
    let keys = plural(removed.record.removed_keys, "API key");
    let text = format!("{} is gone, with {keys}", found.profile.name);
    let notice = Notice::of(text).with_arrival(arrival);
    Ok(done(
        &app,
        &frame,
        &path_of(found.profile.client_id),
        &notice,
    ))
}

async fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    found: &ProfileWithKeys,
) -> Result<Response, Problem> {
    let profile = &found.profile;
    let keys = plural(
        u64::try_from(found.keys.len()).unwrap_or(u64::MAX),
        "API key",
    );
    let calls = calls(app, UsageGroup::Profile, &profile.id.to_string()).await?;
    let title = format!("Delete {}?", profile.name);
    let content = confirmation(
        frame,
        &Confirmation {
            title: &title,
            is_stale: status == StatusCode::PRECONDITION_FAILED,
            consequences: html! {
                p { (keys) " that work go with it, and cannot be brought back." }
                p { (calls) }
            },
            action: &format!("/console/profiles/{}/delete", profile.id),
            hidden: tag(found),
            button: "Delete it for good",
            cancel: &place_of(profile),
        },
    );
    Ok(frame.page_with(status, Section::Clients, &title, &content))
}
