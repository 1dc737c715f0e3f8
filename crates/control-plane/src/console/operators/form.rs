//! The form of an operator.

use maud::{Markup, html};
use portcullis_store::Operator;
use serde_json::{Value, json};

use super::roles;
use crate::console::design::{self, Field, Filled, Form};
use crate::console::entered::Sent;
use crate::console::frame::Frame;

/// Where an operator has what, and which field asks for it.
const POINTERS: [(&str, &str); 3] = [("/name", "name"), ("/email", "email"), ("/role", "role")];

/// What the form says of an operator.
pub(super) fn draft(sent: &Sent) -> Value {
    json!({
        "name": sent.text("name"),
        "email": sent.text("email").trim(),
        "role": sent.text("role"),
    })
}

/// An operator as the form says it.
pub(super) fn filled(operator: &Operator) -> Filled {
    Filled::with(&[
        ("name", &operator.name),
        ("email", &operator.email),
        ("role", operator.role.as_text()),
    ])
}

/// What is different in an operator from what was filled in.
pub(super) fn differences(now: &Filled, typed: &Filled) -> Markup {
    let fields = [("Name", "name"), ("E-mail", "email"), ("Role", "role")];
    design::differences(&fields.map(|(label, name)| (label, now.text(name), typed.text(name))))
}

pub(super) fn form(frame: &Frame, form: &Form<'_>) -> Markup {
    let filled = form.filled;
    let fields = html! {
        (Field { name: "name", label: "Name", pointer: "/name", longest: 100, is_required: true, ..Field::default() }
            .line(filled))
        (Field { name: "email", label: "E-mail address", pointer: "/email", longest: 254, is_required: true,
            hint: "The name to log in with.", ..Field::default() }.input("email", filled))
        (Field { name: "role", label: "Role", pointer: "/role", is_required: true, ..Field::default() }
            .select(filled, &roles()))
    };
    form.around(frame, &POINTERS, &fields)
}
