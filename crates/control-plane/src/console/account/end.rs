//! Ends one of one's own sessions.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use portcullis_feed::SessionId;

use super::PATH;
use crate::api::asked::Named;
use crate::app::App;
use crate::app::session::PresentSession;
use crate::console::entered::Sent;
use crate::console::frame::Frame;
use crate::console::notice::Notice;
use crate::console::settled::done;
use crate::identity::By;
use crate::problem::Problem;

pub(in crate::console) async fn end(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    present: PresentSession,
    id: Result<Named<SessionId>, Problem>,
    _: Sent,
) -> Result<Response, Problem> {
    let Named(id) = id?;
    let own = present.operator.id;
    app.end_session(&author, Some(own), id).await?;
    let notice = Notice::of("That session is over");
    Ok(done(&app, &frame, PATH, &notice))
}
