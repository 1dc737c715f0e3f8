//! The form of a policy: a rate limit, a quota, or both.

use maud::{Markup, html};
use portcullis_store::Policy;
use serde_json::{Value, json};

use crate::api;
use crate::app::policy::PolicyDraft;
use crate::app::{Refusal, Violation};
use crate::console::design::{self, Field, Filled, Form, choice};
use crate::console::entered::Sent;
use crate::console::frame::Frame;
use crate::console::settled::drafted;

/// Where a policy has what, and which field asks for it: the deeper ones first.
const POINTERS: [(&str, &str); 6] = [
    ("/name", "name"),
    ("/description", "description"),
    ("/rate_limit/burst", "burst"),
    ("/rate_limit", "rate_requests"),
    ("/quota/time_zone", "quota_zone"),
    ("/quota", "quota_requests"),
];

/// What quotas count that do not say.
const USUAL_COUNTS: &str = "permitted";

/// The fields, as differences tell them.
const NAMED: [(&str, &str); 10] = [
    ("Name", "name"),
    ("Description", "description"),
    ("Rate limit: requests", "rate_requests"),
    ("Rate limit: in each", "rate_per"),
    ("Rate limit: at once", "burst"),
    ("Rate limit: counted for", "scope"),
    ("Quota: requests", "quota_requests"),
    ("Quota: in each", "quota_per"),
    ("Quota: time zone", "quota_zone"),
    ("Quota: counts", "quota_counts"),
];

/// What the form says of a policy.
///
/// # Errors
/// When numbers are none.
pub(super) fn draft(sent: &Sent) -> Result<Value, Refusal> {
    named(sent.text("name"), sent.given("description"), sent)
}

/// What the form of something else says of a policy that is made with it: the name of the policy is in a field of its own.
///
/// # Errors
/// When it says none.
pub(in crate::console) fn beside(sent: &Sent, name: &str) -> Result<PolicyDraft, Refusal> {
    let draft = named(sent.text(name), None, sent).and_then(|draft| drafted(&draft));
    draft.map_err(|refusal| match refusal {
        Refusal::Invalid(violations) => {
            let violations = violations.into_iter().map(|it| match it.pointer.as_str() {
                "/name" => Violation::new(format!("/{name}"), it.detail),
                _ => it,
            });
            Refusal::Invalid(violations.collect())
        }
        refusal => refusal,
    })
}

fn named(name: &str, description: Option<&str>, sent: &Sent) -> Result<Value, Refusal> {
    let numbers = [
        number(sent, "rate_requests", "/rate_limit/requests"),
        number(sent, "burst", "/rate_limit/burst"),
        number(sent, "quota_requests", "/quota/requests"),
    ];
    let flaws: Vec<_> = numbers.iter().filter_map(|it| it.clone().err()).collect();
    let [Ok(requests), Ok(burst), Ok(quota)] = numbers else {
        return Err(Refusal::Invalid(flaws));
    };
    Ok(json!({
        "name": name,
        "description": description,
        "rate_limit": requests.map(|requests| json!({
            "requests": requests,
            "per": sent.text("rate_per"),
            "burst": burst,
            "scope": sent.text("scope"),
        })),
        "quota": quota.map(|requests| json!({
            "requests": requests,
            "per": sent.text("quota_per"),
            "time_zone": sent.given("quota_zone"),
            "counts": sent.given("quota_counts").unwrap_or(USUAL_COUNTS),
        })),
    }))
}

/// A number, if there is any.
fn number(sent: &Sent, field: &str, pointer: &str) -> Result<Option<u64>, Violation> {
    let number = sent.given(field).map(str::parse);
    number
        .transpose()
        .map_err(|_| Violation::new(pointer, "a whole number is expected, such as 100"))
}

/// A policy as the form says it.
pub(super) fn filled(policy: &Policy) -> Filled {
    // As REST tells it: the words of windows and scopes are those of the form.
    let told = serde_json::to_value(api::policies::Policy::from(policy.clone()));
    let told = told.unwrap_or_default();
    let text = |pointer: &str| match told.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let counts = told.pointer("/quota/counts").and_then(Value::as_str);
    let counts = counts.unwrap_or(USUAL_COUNTS);
    Filled::with(&[
        ("name", &policy.name),
        ("description", &text("/description")),
        ("rate_requests", &text("/rate_limit/requests")),
        ("rate_per", &text("/rate_limit/per")),
        ("burst", &text("/rate_limit/burst")),
        ("scope", &text("/rate_limit/scope")),
        ("quota_requests", &text("/quota/requests")),
        ("quota_per", &text("/quota/per")),
        ("quota_zone", &text("/quota/time_zone")),
        ("quota_counts", counts),
    ])
}

/// What is different in a policy from what was filled in.
pub(super) fn differences(now: &Filled, typed: &Filled) -> Markup {
    design::differences(&NAMED.map(|(label, name)| (label, now.text(name), typed.text(name))))
}

pub(super) fn form(frame: &Frame, form: &Form<'_>) -> Markup {
    let filled = form.filled;
    let fields = html! {
        (Field { name: "name", label: "Name", pointer: "/name", longest: 100, is_required: true,
            hint: "Such as Partners, or Gold.", ..Field::default() }.line(filled))
        (Field { name: "description", label: "Description", pointer: "/description", longest: 2_000, ..Field::default() }
            .area(filled, 2))
        (limits(filled))
    };
    form.around(frame, &POINTERS, &fields)
}

/// The fields of what a policy limits.
pub(in crate::console) fn limits(filled: &Filled) -> Markup {
    html! { (rate_limit(filled)) (quota(filled)) }
}

fn rate_limit(filled: &Filled) -> Markup {
    html! {
        fieldset {
            legend { "Over a short time: rate limit" }
            p.hint { "Each gateway counts for itself, exactly over all of its workers. Callers above it get 429 with Retry-After." }
            (Field { name: "rate_requests", label: "Requests", pointer: "/rate_limit/requests", longest: 10,
                hint: "No rate limit, when empty.", ..Field::default() }.line(filled))
            (Field { name: "rate_per", label: "In each", pointer: "/rate_limit/per", is_required: true, ..Field::default() }
                .select(filled, &["second", "minute", "hour", "day"].map(|it| choice(it, it))))
            (Field { name: "burst", label: "At once", pointer: "/rate_limit/burst", longest: 10,
                hint: "How many may come together. As many as above, when empty.", ..Field::default() }.line(filled))
            (Field { name: "scope", label: "Counted for", pointer: "/rate_limit/scope", is_required: true, ..Field::default() }
                .select(filled, &[
                    choice("access_profile", "each access profile"),
                    choice("client", "all access profiles of a client that have this policy, together"),
                ]))
        }
    }
}

fn quota(filled: &Filled) -> Markup {
    html! {
        fieldset {
            legend { "Over a long time: quota" }
            p.hint { "Counted for each access profile over all gateways, in calendar days, weeks or months." }
            (Field { name: "quota_requests", label: "Requests", pointer: "/quota/requests", longest: 20,
                hint: "No quota, when empty.", ..Field::default() }.line(filled))
            (Field { name: "quota_per", label: "In each", pointer: "/quota/per", is_required: true, ..Field::default() }
                .select(filled, &["day", "week", "month"].map(|it| choice(it, it))))
            (Field { name: "quota_zone", label: "Time zone", pointer: "/quota/time_zone", longest: 64,
                hint: "By whose calendar, such as Europe/Berlin. UTC, when empty.", ..Field::default() }.line(filled))
            (Field { name: "quota_counts", label: "Counts", pointer: "/quota/counts", is_required: true, ..Field::default() }
                .select(filled, &[
                    choice(USUAL_COUNTS, "requests that were permitted"),
                    choice("all", "all requests of the profile, refused ones too"),
                ]))
        }
    }
}
