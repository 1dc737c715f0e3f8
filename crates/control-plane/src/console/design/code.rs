//! Sentences with names in them: what stands in backticks is shown as code.

use maud::{Markup, html};

pub(in crate::console) fn with_code(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_backticks_are_code_and_nothing_else_is_markup() {
        let shown = with_code("the key `k<1>` opens <it>").into_string();
        assert_eq!(shown, "the key <code>k&lt;1&gt;</code> opens &lt;it&gt;");
    }
}
