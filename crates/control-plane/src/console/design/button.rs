//! Buttons, and links that look like them.

use maud::{Markup, html};

/// How much weight a button has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console) enum Look {
    /// The one that people come for.
    Main,
    /// One of several.
    Usual,
    /// One that takes something away.
    Grave,
}

impl Look {
    const fn class(self) -> &'static str {
        match self {
            Self::Main => "button main",
            Self::Usual => "button",
            Self::Grave => "button grave",
        }
    }
}

/// A link to where something is done.
pub(in crate::console) fn link_button(look: Look, path: &str, text: &str) -> Markup {
    html! { a class=(look.class()) href=(path) { (text) } }
}

/// The button that sends a form.
pub(in crate::console) fn submit(look: Look, text: &str) -> Markup {
    html! { button class=(look.class()) type="submit" { (text) } }
}
