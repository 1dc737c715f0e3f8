//! What is asked before something is taken away: what will happen, and to whom.

use maud::{Markup, html};

use super::button::{Look, submit};
use super::heading::heading;
use crate::console::frame::Frame;

/// A question before something happens that cannot be taken back.
pub(in crate::console) struct Confirmation<'a> {
    /// What is asked.
    pub(in crate::console) title: &'a str,
    /// Whether the record has changed since it was asked first.
    pub(in crate::console) is_stale: bool,
    /// What will happen, in numbers.
    pub(in crate::console) consequences: Markup,
    /// Where the answer is sent.
    pub(in crate::console) action: &'a str,
    /// What it says besides, out of sight.
    pub(in crate::console) hidden: Markup,
    /// What the button says.
    pub(in crate::console) button: &'a str,
    /// Where one gets without it.
    pub(in crate::console) cancel: &'a str,
}

pub(in crate::console) fn confirmation(frame: &Frame, asked: &Confirmation<'_>) -> Markup {
    html! {
        (heading(asked.title, &html! {}))
        @if asked.is_stale {
            p.complaint role="alert" { "Somebody else has changed it meanwhile. This is how it stands now: nothing was done." }
        }
        div.warning { (asked.consequences) }
        form.form method="post" action=(asked.action) {
            (frame.token()) (asked.hidden)
            div.actions { (submit(Look::Grave, asked.button)) a.button href=(asked.cancel) { "Cancel" } }
        }
    }
}
