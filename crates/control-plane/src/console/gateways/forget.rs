//! Forgets a gateway that is lost. It is back as soon as it asks again.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::PATH;
use crate::api::asked::Named;
use crate::app::App;
use crate::app::gateway::Instance;
use crate::console::entered::Sent;
use crate::console::frame::Frame;
use crate::console::notice::Notice;
use crate::console::settled::done;
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn forget(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    instance: Result<Named<Instance>, Problem>,
    _: Sent,
) -> Result<Response, Problem> {
    let Named(instance) = instance?;
    app.forget_gateway(&author, instance).await?;
    let notice = Notice::of("The gateway is forgotten until it asks again");
    Ok(done(&app, &frame, PATH, &notice))
}
