//! The slider of a profile: who comes by a disabled one can call nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::OfProfile;
use crate::app::App;
use crate::app::condition::Condition;
use crate::console::entered::Sent;
use crate::console::frame::Frame;
use crate::console::settled::{patch, switched, wanted};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn set(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    OfProfile(id): OfProfile,
    sent: Sent,
) -> Result<Response, Problem> {
    let enabled = wanted(&sent)?;
    let patch = patch(json!({ "enabled": enabled }))?;
    let changed = app
        .change_profile(&author, id, Condition::none(), patch, None)
        .await?;
    let name = changed.record.profile.name;
    let action = format!("/console/profiles/{id}/enabled");
    Ok(switched(&app, &frame, &sent, &name, &action, changed.revision).await)
}
