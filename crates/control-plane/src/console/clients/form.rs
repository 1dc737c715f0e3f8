//! The form of a client: who it is, and its picture.

use maud::{Markup, html};
use portcullis_store::Client;
use serde_json::{Value, json};

use crate::api;
use crate::api::tag::Tag;
use crate::console::condition::TAG;
use crate::console::design::{self, Field, Filled, Look, submit};
use crate::console::entered::Sent;
use crate::console::frame::Frame;

/// Where a client has what, and which field asks for it.
const POINTERS: [(&str, &str); 3] = [
    ("/name", "name"),
    ("/description", "description"),
    ("/logo", "logo"),
];

/// A form to be filled in.
pub(super) struct ClientForm<'a> {
    /// Where it is sent.
    pub(super) action: &'a str,
    /// What it says so far.
    pub(super) filled: &'a Filled,
    /// What it says besides, out of sight.
    pub(super) hidden: Markup,
    /// What is different in the record that somebody else has changed meanwhile.
    pub(super) differences: Markup,
    /// Where its picture is, if it has one.
    pub(super) picture: Option<String>,
    /// What the button says.
    pub(super) button: &'a str,
    /// Where one gets without it.
    pub(super) cancel: &'a str,
}

/// What the form says of a client.
pub(super) fn draft(sent: &Sent) -> Value {
    json!({
        "name": sent.text("name"),
        "description": sent.given("description"),
    })
}

/// A client as the form says it.
pub(super) fn filled(client: &Client) -> Filled {
    let description = client.description.as_deref().unwrap_or_default();
    Filled::with(&[("name", &client.name), ("description", description)])
}

/// The tag of a client, for the form that changes it.
pub(in crate::console) fn tag(client: &Client) -> Markup {
    let tag = Tag::of(&api::clients::Client::from(client.clone()));
    html! { input type="hidden" name=(TAG) value=(tag.as_str()); }
}

/// What is different in a client from what was filled in.
pub(super) fn differences(client: &Client, sent: &Sent) -> Markup {
    let description = client.description.as_deref().unwrap_or_default();
    design::differences(&[
        ("Name", client.name.as_str(), sent.text("name")),
        ("Description", description, sent.text("description")),
    ])
}

pub(super) fn form(frame: &Frame, form: &ClientForm<'_>) -> Markup {
    let filled = form.filled;
    html! {
        form.form method="post" action=(form.action) enctype="multipart/form-data" {
            (frame.token()) (form.hidden)
            (filled.summary(&POINTERS))
            (form.differences)
            (Field {
                name: "name", label: "Name", pointer: "/name", longest: 100, is_required: true,
                hint: "Who calls: a person, a company or a script. With one client or key for each person, callers can be told apart.",
                ..Field::default()
            }.line(filled))
            (Field { name: "description", label: "Description", pointer: "/description", longest: 2_000, ..Field::default() }
                .area(filled, 3))
            (logo(form))
            div.actions { (submit(Look::Main, form.button)) a.button href=(form.cancel) { "Cancel" } }
        }
    }
}

fn logo(form: &ClientForm<'_>) -> Markup {
    let flaws: Vec<_> = form.filled.flaws("/logo").collect();
    html! {
        div.field {
            label for="logo" { "Logo" span.optional { " (optional)" } }
            p.hint #logo-hint { "PNG, JPEG or SVG of at most 256 KiB. Drop it here, or choose a file." }
            div.drop data-drop {
                @match &form.picture {
                    Some(path) => img src=(path) alt="";,
                    None => img alt="" hidden;,
                }
                input #logo name="logo" type="file" accept="image/png,image/jpeg,image/svg+xml"
                    aria-describedby=(if flaws.is_empty() { "logo-hint" } else { "logo-hint logo-flaw" })
                    aria-invalid=[(!flaws.is_empty()).then_some("true")];
            }
            @if form.picture.is_some() {
                label.tick { input type="checkbox" name="without_logo" value="yes"; span { "Take the logo away" } }
            }
            @if !flaws.is_empty() { div.flaw #logo-flaw { @for flaw in flaws { p { (flaw) } } } }
        }
    }
}
