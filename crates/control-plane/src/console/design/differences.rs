//! What is different in a record from what was filled in, because somebody else has changed it meanwhile.

use maud::{Markup, html};

/// Fields as they are now and as they were filled in: only those that differ are shown.
pub(in crate::console) fn differences(fields: &[(&str, &str, &str)]) -> Markup {
    let plain = |text: &str| text.trim().replace("\r\n", "\n");
    let different = fields.iter();
    let different = different.filter(|(_, now, entered)| plain(now) != plain(entered));
    let different: Vec<_> = different.collect();
    html! {
        @if !different.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="What is different now" {
                table {
                    caption { "What is different now" }
                    thead { tr { th scope="col" { "Field" } th scope="col" { "Now" } th scope="col" { "As you have it" } } }
                    tbody {
                        @for (name, now, entered) in different {
                            tr { th scope="row" { (name) } td { (now) } td { (entered) } }
                        }
                    }
                }
            }
        }
    }
}
