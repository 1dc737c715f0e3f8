//! The form of a collection.

use maud::{Markup, html};
use portcullis_store::Collection;
use serde_json::{Value, json};

use super::lines::{self, Lines};
use crate::console::design::{self, Field, Filled, Form, tick};
use crate::console::entered::Sent;
use crate::console::frame::Frame;

/// Where a collection has what, and which field asks for it.
const POINTERS: [(&str, &str); 4] = [
    ("/name", "name"),
    ("/version", "version"),
    ("/description", "description"),
    ("/endpoints", "endpoints"),
];

/// What the form says of a collection.
pub(super) fn draft(sent: &Sent, endpoints: &Lines) -> Value {
    json!({
        "name": sent.text("name"),
        "version": sent.text("version"),
        "description": sent.given("description"),
        "endpoints": endpoints.draft(),
        "public": sent.has("public"),
        "allows_dubious_paths": sent.has("allows_dubious_paths"),
    })
}

/// A collection as the form says it.
pub(super) fn filled(collection: &Collection) -> Filled {
    let is_ticked = |is: bool| if is { "yes" } else { "" };
    Filled::with(&[
        ("name", &collection.name),
        ("version", &collection.version),
        (
            "description",
            collection.description.as_deref().unwrap_or_default(),
        ),
        ("endpoints", &lines::text(&collection.endpoints)),
        ("public", is_ticked(collection.public)),
        (
            "allows_dubious_paths",
            is_ticked(collection.allows_dubious_paths),
        ),
    ])
}

/// What is different in a collection from what was filled in.
pub(super) fn differences(now: &Filled, typed: &Filled) -> Markup {
    let fields = [
        ("Name", "name"),
        ("Version", "version"),
        ("Description", "description"),
        ("Endpoints", "endpoints"),
        ("Anybody may call", "public"),
        ("Safe with dubious paths", "allows_dubious_paths"),
    ];
    design::differences(&fields.map(|(label, name)| (label, now.text(name), typed.text(name))))
}

pub(super) fn form(frame: &Frame, form: &Form<'_>) -> Markup {
    let filled = form.filled;
    let fields = html! {
        (Field { name: "name", label: "Name", pointer: "/name", longest: 100, is_required: true,
            hint: "Services learn it from the header x-api-collection.", ..Field::default() }.line(filled))
        (Field { name: "version", label: "Version", pointer: "/version", longest: 100, is_required: true,
            hint: "Such as v1. Name and version together are unique.", ..Field::default() }.line(filled))
        (Field { name: "description", label: "Description", pointer: "/description", longest: 2_000, ..Field::default() }
            .area(filled, 2))
        (Field { name: "endpoints", label: "Endpoints", pointer: "/endpoints", is_code: true, is_required: true,
            hint: "One on each line: a method and a path template, with a host before the path where it matters. \
                   GET /orders/{id}, * api.example.com/files/**, and with disabled at the end what is not to be called.",
            ..Field::default() }.checked_area(filled, 14, "/console/check/endpoints", "endpoints-told"))
        (tick("public", "Anybody may call it, without a credential", filled))
        (tick("allows_dubious_paths",
            "Its service is safe with paths that some services read in another way than Envoy (such as ;x and %252e): \
             let them pass", filled))
    };
    form.around(frame, &POINTERS, &fields)
}
