//! The slider of a client: a disabled one can call nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::{OfClient, path_of};
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
    OfClient(id): OfClient,
    sent: Sent,
) -> Result<Response, Problem> {
    let enabled = wanted(&sent)?;
    let patch = patch(json!({ "enabled": enabled }))?;
    let changed = app
        .change_client(&author, id, Condition::none(), patch)
        .await?;
    let name = changed.record.name;
    let action = format!("{}/enabled", path_of(id));
    Ok(switched(&app, &frame, &sent, &name, &action, changed.revision).await)
}
