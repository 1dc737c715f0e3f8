//! What stands where there is nothing: what to do next.

use maud::{Markup, html};

pub(in crate::console) fn empty(text: &str, next: &Markup) -> Markup {
    html! { div.empty { p { (text) } (next) } }
}
