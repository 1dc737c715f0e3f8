//! What a page is about, and what can be done with it.

use maud::{Markup, html};

pub(in crate::console) fn heading(title: &str, actions: &Markup) -> Markup {
    html! {
        div.heading {
            h1 { (title) }
            div.actions { (actions) }
        }
    }
}
