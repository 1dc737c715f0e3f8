//! What is done once, however often a form is sent: each form has a name of its own, and an operator who sends it again, or
//! loads the answer again, gets the same answer.

use maud::{Markup, html};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::entered::Sent;
use super::frame::Frame;
use crate::app::once::{Once, Request};
use crate::app::{App, Committed};

/// The field with the name of the form.
const FIELD: &str = "once";

/// How long a name is at most.
const LONGEST: usize = 100;

/// Names a form: one that is shown again keeps its name only as long as nothing is different in it, since its name belongs
/// to all that it says.
pub(super) fn name(app: &App) -> Markup {
    html! { input type="hidden" name=(FIELD) value=(app.new_request_id()); }
}

/// What the form does once, and how it is answered.
pub(super) fn once<T, A: Serialize + DeserializeOwned>(
    frame: &Frame,
    sent: &Sent,
    answer: impl FnOnce(Committed<T>) -> A + Send + Sync + 'static,
) -> Once<T, A> {
    Once::new(request(frame, sent), answer)
}

/// As who sent it would recognise it.
pub(super) fn request(frame: &Frame, sent: &Sent) -> Option<Request> {
    let name = sent.given(FIELD).filter(|name| name.len() <= LONGEST)?;
    Some(Request {
        author: format!("console {}", frame.operator.id),
        key: name.to_owned(),
        digest: sent.digest(),
    })
}
