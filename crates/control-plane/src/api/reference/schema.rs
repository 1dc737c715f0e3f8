//! Schemas as tables of their members.

use maud::{Markup, html};
use serde_json::Value;

use super::text::prose;
use super::{anchor, entries, text_of};

const SCHEMAS: &str = "#/components/schemas/";

/// What a schema of the components says.
pub(super) fn definition(schema: &Value) -> Markup {
    html! {
        (prose(text_of(&schema["description"])))
        @if schema["properties"].is_object() {
            (members(schema))
        } @else {
            p.kind { (kind(schema)) (about(schema)) }
        }
    }
}

fn members(schema: &Value) -> Markup {
    let required = schema["required"].as_array().map(Vec::as_slice);
    let required = required.unwrap_or_default();
    html! {
        table {
            tbody {
                @for (name, member) in entries(&schema["properties"]) {
                    tr {
                        th scope="row" { code { (name) } }
                        td {
                            p.kind {
                                (kind(member))
                                @if required.iter().any(|required| required == name) { ", required" }
                                (about(member))
                            }
                            (prose(text_of(&member["description"])))
                        }
                    }
                }
            }
        }
    }
}

/// What a value is, in a few words.
pub(super) fn kind(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|at| at.strip_prefix(SCHEMAS))
    {
        return html! { a href=(format!("#{}", anchor("schema", name))) { code { (name) } } };
    }
    for (word, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " with ")] {
        if let Some(choices) = schema[word].as_array() {
            return html! {
                @for (index, choice) in choices.iter().enumerate() {
                    @if index > 0 { (between) }
                    (kind(choice))
                }
            };
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        return html! {
            @for (index, value) in values.iter().enumerate() {
                @if index > 0 { " or " }
                code { (value.to_string()) }
            }
        };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    html! {
        @if types.is_empty() { "any value" }
        @for (index, name) in types.iter().enumerate() {
            @if index > 0 { " or " }
            (name)
            @if *name == "array" { " of " (kind(&schema["items"])) }
            @if *name == "object" && schema["additionalProperties"].is_object() {
                " of " (kind(&schema["additionalProperties"]))
            }
        }
    }
}

/// What else is asked of a value.
pub(super) fn about(schema: &Value) -> Markup {
    let limits = [
        ("minLength", "at least ", " characters"),
        ("maxLength", "at most ", " characters"),
        ("minItems", "at least ", " entries"),
        ("maxItems", "at most ", " entries"),
        ("minimum", "at least ", ""),
        ("maximum", "at most ", ""),
        ("format", "", ""),
        ("pattern", "matching ", ""),
        ("default", "", " when absent"),
    ];
    html! {
        @for (word, before, after) in limits {
            @if !schema[word].is_null() {
                ", " (before) code { (plain(&schema[word])) } (after)
            }
        }
        @if !schema["example"].is_null() {
            ", such as " code { (plain(&schema["example"])) }
        }
    }
}

/// A value without quotation marks around texts.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
