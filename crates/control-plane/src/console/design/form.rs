//! A form that is filled in, sent once, and shown again when it is refused.

use maud::{Markup, html};

use super::button::{Look, submit};
use super::field::Filled;
use crate::console::frame::Frame;

/// A form to be filled in.
pub(in crate::console) struct Form<'a> {
    /// Where it is sent.
    pub(in crate::console) action: &'a str,
    /// What it says so far.
    pub(in crate::console) filled: &'a Filled,
    /// What it says besides, out of sight.
    pub(in crate::console) hidden: Markup,
    /// What stands before it: what is different by now, and what one should know.
    pub(in crate::console) before: Markup,
    /// What the button says.
    pub(in crate::console) button: &'a str,
    /// Further buttons, which stand behind it.
    pub(in crate::console) further: Markup,
    /// Where one gets without it.
    pub(in crate::console) cancel: &'a str,
}

impl Form<'_> {
    /// With its fields. `pointers` say where drafts have what, and which field asks for it.
    pub(in crate::console) fn around(
        &self,
        frame: &Frame,
        pointers: &[(&str, &str)],
        fields: &Markup,
    ) -> Markup {
        html! {
            form.form method="post" action=(self.action) {
                (frame.token()) (self.hidden)
                (self.filled.summary(pointers))
                (self.before)
                (fields)
                div.actions { (submit(Look::Main, self.button)) (self.further) a.button href=(self.cancel) { "Cancel" } }
            }
        }
    }
}
