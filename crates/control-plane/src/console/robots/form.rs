//! The form of a token: what it may do at most, and what it is good for.

use maud::{Markup, html};
use portcullis_store::RobotToken;
use serde_json::{Value, json};

use crate::app::Refusal;
use crate::app::role::RESOURCES;
use crate::app::time::Moment;
use crate::console::design::{self, Field, Filled, Form};
use crate::console::entered::Sent;
use crate::console::frame::Frame;
use crate::console::moment::{again, moment};
use crate::console::operators::roles;

/// Where a token has what, and which field asks for it.
const POINTERS: [(&str, &str); 5] = [
    ("/name", "name"),
    ("/description", "description"),
    ("/role", "role"),
    ("/resources", "resources"),
    ("/expires_at", "expires_at"),
];

/// What the form says of a token.
///
/// # Errors
/// When its end is no moment.
pub(super) fn draft(sent: &Sent) -> Result<Value, Refusal> {
    let expires_at = moment(sent, "expires_at", "/expires_at");
    let resources: Vec<&str> = sent.all("resources").collect();
    Ok(json!({
        "name": sent.text("name"),
        "description": sent.given("description"),
        "role": sent.text("role"),
        "resources": (!resources.is_empty()).then_some(resources),
        "expires_at": expires_at.map_err(|flaw| Refusal::Invalid(vec![flaw]))?,
    }))
}

/// A token as the form says it.
pub(super) fn filled(token: &RobotToken) -> Filled {
    let ends = token.expires_at_ms.map(Moment::from_ms);
    let ends = again(ends.map(|ends| ends.to_string()).as_deref());
    let mut fields = vec![
        ("name", token.name.as_str()),
        (
            "description",
            token.description.as_deref().unwrap_or_default(),
        ),
        ("role", token.role.as_text()),
        ("expires_at", &ends),
    ];
    let resources = token.resources.iter().flatten();
    fields.extend(resources.map(|resource| ("resources", resource.as_str())));
    Filled::with(&fields)
}

/// What is different in a token from what was filled in.
pub(super) fn differences(now: &Filled, typed: &Filled) -> Markup {
    let resources = |filled: &Filled| filled.all("resources").collect::<Vec<_>>().join(", ");
    let fields = [
        ("Name", "name"),
        ("Description", "description"),
        ("Role", "role"),
        ("Ends", "expires_at"),
    ];
    let fields = fields.map(|(label, name)| (label, now.text(name), typed.text(name)));
    let (before, after) = (resources(now), resources(typed));
    let good_for = [("Good for", before.as_str(), after.as_str())];
    design::differences(&[&fields[..], &good_for].concat())
}

pub(super) fn form(frame: &Frame, form: &Form<'_>) -> Markup {
    let filled = form.filled;
    let fields = html! {
        (Field { name: "name", label: "Name", pointer: "/name", longest: 100, is_required: true,
            hint: "Such as Deployment pipeline.", ..Field::default() }.line(filled))
        (Field { name: "description", label: "Description", pointer: "/description", longest: 2_000, ..Field::default() }
            .area(filled, 2))
        (Field { name: "role", label: "What it may do at most", pointer: "/role", is_required: true, ..Field::default() }
            .select(filled, &roles()))
        (resources(filled))
        (Field { name: "expires_at", label: "Ends (UTC)", pointer: "/expires_at", hint: "Never, when empty.",
            ..Field::default() }.input("datetime-local", filled))
    };
    form.around(frame, &POINTERS, &fields)
}

fn resources(filled: &Filled) -> Markup {
    let chosen: Vec<&str> = filled.all("resources").collect();
    let flaws: Vec<_> = filled.flaws("/resources").collect();
    html! {
        fieldset #resources tabindex="-1" aria-describedby=[(!flaws.is_empty()).then_some("resources-flaw")] {
            legend { "What it is good for" }
            p.hint { "All that its role permits, when nothing is ticked." }
            div.ticks {
                @for resource in RESOURCES {
                    label.tick {
                        input type="checkbox" name="resources" value=(resource) checked[chosen.contains(&resource)];
                        span { code { (resource) } }
                    }
                }
            }
            @if !flaws.is_empty() { div.flaw #resources-flaw { @for flaw in flaws { p { (flaw) } } } }
        }
    }
}
