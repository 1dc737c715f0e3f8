//! The slider of an operator: a disabled one can do nothing, and is logged out everywhere.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_feed::OperatorId;
use serde_json::json;

use super::path_of;
use crate::api::asked::Named;
use crate::app::App;
use crate::app::condition::Condition;
use crate::console::entered::Sent;
use crate::console::frame::Frame;
use crate::console::notice::Notice;
use crate::console::settled::{done, patch, wanted};
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn set(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Named(id): Named<OperatorId>,
    sent: Sent,
) -> Result<Response, Problem> {
    let enabled = wanted(&sent)?;
    let patch = patch(json!({ "enabled": enabled }))?;
    let operator = app
        .change_operator(&author, id, Condition::none(), patch)
        .await?;
    let (text, before) = match enabled {
        true => (format!("{} is enabled", operator.name), "false"),
        false => (
            format!("{} is disabled, and logged out everywhere", operator.name),
            "true",
        ),
    };
    let action = format!("{}/enabled", path_of(id));
    let notice = Notice::of(text).with_undo(action, &[("enabled", before)]);
    Ok(done(&app, &frame, sent.back(), &notice))
}
