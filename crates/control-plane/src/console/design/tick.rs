//! A box to be ticked.

use maud::{Markup, html};

use super::field::Filled;

pub(in crate::console) fn tick(name: &str, label: &str, filled: &Filled) -> Markup {
    html! {
        label.tick {
            input type="checkbox" name=(name) value="yes" checked[!filled.text(name).is_empty()];
            span { (label) }
        }
    }
}
