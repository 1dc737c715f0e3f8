//! The form that describes a request.

use maud::{Markup, html};

use super::filter::{FILTER, fields};
use crate::console::design::{Field, Filled, Look, choice, submit};
use crate::console::frame::Frame;

/// Where a request has what, and which field asks for it.
const POINTERS: [(&str, &str); 9] = [
    ("/method", "method"),
    ("/url", "url"),
    ("/headers", "headers"),
    ("/address", "address"),
    ("/at", "at"),
    ("/credential/key_id", "id"),
    ("/credential", "secret"),
    ("/filter", FILTER),
    ("/trusted_hops", "trusted_hops"),
];

pub(super) fn form(frame: &Frame, filled: &Filled) -> Markup {
    html! {
        form.form method="post" action="/console/explain" data-choices {
            (frame.token())
            (filled.summary(&POINTERS))
            (Field { name: "method", label: "Method", pointer: "/method", longest: 32, is_required: true, is_code: true,
                ..Field::default() }.line(filled))
            (Field { name: "url", label: "URL", pointer: "/url", longest: 8_192, is_required: true, is_code: true,
                hint: "https://api.example.com/orders/7, or only a path where the host does not matter." }.line(filled))
            (credential(filled))
            (Field { name: "address", label: "Address that it comes from", pointer: "/address", longest: 45, is_code: true,
                hint: "That of Envoy's peer.", ..Field::default() }.line(filled))
            (Field { name: "headers", label: "Other headers", pointer: "/headers", is_code: true,
                hint: "One on each line, such as origin: https://www.example.com", ..Field::default() }.area(filled, 3))
            (Field { name: "at", label: "When (UTC)", pointer: "/at",
                hint: "Now, when empty. The records are those of now in any case.", ..Field::default() }
                .input("datetime-local", filled))
            (fields(filled))
            div.actions { (submit(Look::Main, "Explain")) }
        }
    }
}

fn credential(filled: &Filled) -> Markup {
    html! {
        fieldset {
            legend { "What it presents" }
            (Field { name: "credential", label: "Credential", is_required: true, ..Field::default() }.select(filled, &[
                choice("", "none"),
                choice("key_id", "the API key with a public id"),
                choice("profile", "an API key of an access profile"),
                choice("key", "an API key, in full"),
                choice("token", "a JSON Web Token"),
            ]))
            div data-when="credential=key_id|profile" {
                (Field { name: "id", label: "Public id", pointer: "/credential/key_id", longest: 100, is_code: true,
                    hint: "Of a key, its 12 letters and digits after ptc_…_; of a profile, ap_ and what follows.",
                    ..Field::default() }.line(filled))
            }
            div data-when="credential=key|token" {
                (Field { name: "secret", label: "The key or the token", pointer: "/credential", is_code: true,
                    hint: "It is looked at and forgotten: nothing of it is kept or shown.", ..Field::default() }
                    .input("password", filled))
            }
        }
    }
}
