//! One change: who, what, and each field as it was and as it is.

use std::collections::BTreeSet;

use maud::{Markup, html};
use portcullis_store::AuditRecord;
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::console::design::{Tone, badge, time};

/// How many characters of a value are shown. Exports have all of it.
const LONGEST: usize = 600;

pub(super) fn line(record: &AuditRecord, now_ms: u64) -> Markup {
    html! {
        tr {
            td { (time(record.at_ms, now_ms)) }
            td {
                @match &record.author.id {
                    Some(id) => a href=(narrowed("author", id)) { (record.author.name) },
                    None => a href=(narrowed("author", &record.author.kind)) { (record.author.name) },
                }
                p.small.quiet { (record.author.kind.replace('_', " ")) }
            }
            td { (action(&record.action)) }
            th scope="row" {
                a href=(narrowed("object", &record.object_id)) {
                    (record.object_name.as_deref().unwrap_or(&record.object_id))
                }
                p.small.quiet {
                    (record.kind.replace('_', " ")) " " code { (record.object_id) }
                    @if let Some(path) = place(record) { " " a href=(path) { "open" } }
                }
            }
            td { (states(record)) }
        }
    }
}

fn action(action: &str) -> Markup {
    let (tone, text) = match action {
        "create" => (Tone::Permit, "made"),
        "change" => (Tone::Neutral, "changed"),
        "delete" => (Tone::Fault, "removed"),
        "revoke" => (Tone::Refusal, "revoked"),
        other => (Tone::Neutral, other),
    };
    badge(tone, text)
}

/// The changes that have something in common with this one.
fn narrowed(name: &str, value: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair(name, value)
        .finish();
    format!("/console/audit?{query}")
}

/// Where the record itself is, if it may be there still.
fn place(record: &AuditRecord) -> Option<String> {
    let section = match (&*record.kind, &*record.action) {
        (_, "delete") => return None,
        ("client", _) => "clients",
        ("collection", _) => "collections",
        ("policy", _) => "policies",
        _ => return None,
    };
    Some(format!("/console/{section}/{}", record.object_id))
}

fn states(record: &AuditRecord) -> Markup {
    let nothing = Map::new();
    let before = record.before.as_ref().unwrap_or(&nothing);
    let after = record.after.as_ref().unwrap_or(&nothing);
    let fields: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    html! {
        @if fields.is_empty() {
            span.nothing { "–" }
        } @else {
            details open[record.action == "change"] {
                summary { (fields.len()) @if fields.len() == 1 { " field" } @else { " fields" } }
                table {
                    thead { tr { th scope="col" { "Field" } th scope="col" { "Before" } th scope="col" { "After" } } }
                    tbody {
                        @for field in fields {
                            tr {
                                th scope="row" { (field) }
                                td { (value(before.get(field))) }
                                td { (value(after.get(field))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn value(value: Option<&Value>) -> Markup {
    let text = match value {
        None | Some(Value::Null) => return html! { span.nothing { "–" } },
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let shown: String = text.chars().take(LONGEST).collect();
    let is_cut = shown.len() < text.len();
    html! { code { (shown) @if is_cut { "…" } } }
}
