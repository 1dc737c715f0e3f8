//! A secret in the one moment when it is shown, ready to be copied.

use maud::{Markup, html};

pub(in crate::console) fn secret(id: &str, text: &str) -> Markup {
    html! {
        div.once {
            code id=(id) { (text) }
            button.button type="button" data-copy=(id) hidden { "Copy" }
        }
    }
}
