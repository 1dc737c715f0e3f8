//! Long lists: forward page by page, and back to the beginning.

use maud::{Markup, html};
use url::form_urlencoded;

/// The links of a list at a path with a query. The cursor in the query, if there is one, is replaced.
pub(in crate::console) fn pagination(path: &str, next_cursor: Option<&str>) -> Markup {
    let (place, query) = path.split_once('?').unwrap_or((path, ""));
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let is_later = pairs.iter().any(|(name, _)| name == "cursor");
    let at = |cursor: Option<&str>| {
        let others = pairs.iter().filter(|(name, _)| name != "cursor");
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .extend_pairs(cursor.map(|cursor| ("cursor", cursor)))
            .finish();
        format!("{place}?{query}")
    };
    html! {
        @if is_later || next_cursor.is_some() {
            nav.pagination aria-label="Pages" {
                @if is_later { a.button href=(at(None)) { "From the beginning" } }
                @if let Some(cursor) = next_cursor {
                    a.button rel="next" href=(at(Some(cursor))) { "Next page" }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_what_was_asked_for() {
        let links =
            pagination("/console/clients?search=a%26b&cursor=old", Some("new")).into_string();
        assert!(
            links.contains("/console/clients?search=a%26b&amp;cursor=new"),
            "{links}"
        );
        assert!(links.contains("/console/clients?search=a%26b\""), "{links}");
        assert!(
            pagination("/console/clients", None)
                .into_string()
                .is_empty()
        );
    }
}
