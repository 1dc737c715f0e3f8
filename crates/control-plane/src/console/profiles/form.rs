//! The form of an access profile: what it may use, how its callers prove themselves, and from where they may call.

use std::net::IpAddr;

use maud::{Markup, html};

use super::choices::Choices;
use super::draft::{NEW_POLICY, POLICY_NAME};
use super::method::method;
use crate::console::design::{Choice, Field, Filled, Look, choice, submit, tick};
use crate::console::frame::Frame;
use crate::console::policies::form::limits;

/// Where a profile has what, and which field asks for it: the deeper ones first.
const POINTERS: [(&str, &str); 23] = [
    ("/name", "name"),
    ("/policy_name", POLICY_NAME),
    ("/rate_limit/burst", "burst"),
    ("/rate_limit", "rate_requests"),
    ("/quota", "quota_requests"),
    ("/description", "description"),
    ("/collections", "collections"),
    ("/policy_id", "policy"),
    ("/jwt/algorithm", "algorithm"),
    ("/jwt/key", "key"),
    ("/jwt/secret", "secret"),
    ("/jwt/jwks_url", "jwks_url"),
    ("/jwt/discover_from", "discover_from"),
    ("/jwt/identity", "identity_issuer"),
    ("/jwt/issuers", "issuers"),
    ("/jwt/audiences", "audiences"),
    ("/jwt/required_claims", "required_claims"),
    ("/jwt/max_lifetime_s", "max_lifetime_s"),
    ("/jwt", "access_method"),
    ("/addresses/allow", "allow"),
    ("/addresses/deny", "deny"),
    ("/key_expires_at", "key_expires_at"),
    ("/expires_at", "expires_at"),
];

/// A form to be filled in.
pub(super) struct ProfileForm<'a> {
    /// Where it is sent.
    pub(super) action: &'a str,
    /// What it says so far.
    pub(super) filled: &'a Filled,
    /// What it says besides, out of sight.
    pub(super) hidden: Markup,
    /// What stands before it: what is different by now, and what one should know.
    pub(super) before: Markup,
    /// What there is to choose from.
    pub(super) choices: &'a Choices,
    /// From where the operator comes, as far as it is known.
    pub(super) own_address: Option<IpAddr>,
    /// Whether there is no such profile yet.
    pub(super) is_new: bool,
    /// Whether it has keys of tokens that can stay.
    pub(super) has_keys: bool,
    /// What the button says.
    pub(super) button: &'a str,
    /// Where one gets without it.
    pub(super) cancel: &'a str,
}

pub(super) fn form(frame: &Frame, form: &ProfileForm<'_>) -> Markup {
    let filled = form.filled;
    html! {
        form.form method="post" action=(form.action) data-choices {
            (frame.token()) (form.hidden)
            (filled.summary(&POINTERS))
            (form.before)
            (Field { name: "name", label: "Name", pointer: "/name", longest: 100, is_required: true,
                hint: "What it is for, such as production.", ..Field::default() }.line(filled))
            (Field { name: "description", label: "Description", pointer: "/description", longest: 2_000, ..Field::default() }
                .area(filled, 2))
            (collections(form))
            (policy(form))
            (method(filled, form.has_keys, form.is_new))
            (addresses(form))
            (ends(form))
            div.actions { (submit(Look::Main, form.button)) a.button href=(form.cancel) { "Cancel" } }
        }
    }
}

fn collections(form: &ProfileForm<'_>) -> Markup {
    let filled = form.filled;
    let chosen: Vec<&str> = filled.all("collections").collect();
    let flaws: Vec<_> = filled.flaws("/collections").collect();
    html! {
        fieldset #collections aria-describedby=[(!flaws.is_empty()).then_some("collections-flaw")] tabindex="-1" {
            legend { "What it may use" }
            @if form.choices.collections.is_empty() {
                p { "There is no API collection yet, and a profile grants at least one." }
            } @else {
                input.narrow type="search" data-narrow="collections-list" placeholder="Narrow the list"
                    aria-label="Narrow the list of collections" hidden;
                div.ticks #collections-list {
                    @for collection in &form.choices.collections {
                        label.tick {
                            input type="checkbox" name="collections" value=(collection.value)
                                checked[chosen.contains(&collection.value.as_str())];
                            span { (collection.label) }
                        }
                    }
                }
            }
            @if !flaws.is_empty() { div.flaw #collections-flaw { @for flaw in flaws { p { (flaw) } } } }
        }
    }
}

fn policy(form: &ProfileForm<'_>) -> Markup {
    let filled = form.filled;
    let none = choice("", "none: as much as it likes");
    let new = choice(NEW_POLICY, "a new one, which is made with the profile");
    let known = form.choices.policies.iter().cloned();
    let choices: Vec<Choice> = [none, new].into_iter().chain(known).collect();
    html! {
        (Field { name: "policy", label: "Policy", pointer: "/policy_id", hint: "How much of it, by rate limit and quota.",
            ..Field::default() }.select(filled, &choices))
        div.form data-when={ "policy=" (NEW_POLICY) } {
            (Field { name: POLICY_NAME, label: "Name of the new policy", pointer: "/policy_name", longest: 100,
                hint: "Such as Partners, or Gold. Other profiles can be given it later.", ..Field::default() }.line(filled))
            (limits(filled))
        }
    }
}

fn addresses(form: &ProfileForm<'_>) -> Markup {
    let filled = form.filled;
    html! {
        fieldset {
            legend { "From where" }
            p.hint {
                "One address, block such as " code { "10.0.0.0/8" } " or range such as " code { "10.0.0.1-10.0.0.9" }
                " on each line. When anything is allowed, all other addresses are refused. Denied wins."
            }
            @for (name, label) in [("allow", "Only from"), ("deny", "Never from")] {
                @let pointer = format!("/addresses/{name}");
                @let told = format!("{name}-told");
                @let field = Field { name, label, pointer: &pointer, is_code: true, ..Field::default() };
                (field.checked_area(filled, 3, "/console/check/addresses", &told))
            }
            @if let Some(address) = form.own_address {
                p.small {
                    "Your own address, as the control plane sees it: " code { (address) } " "
                    button.plain type="button" data-append="allow" data-line=(address) hidden { "Allow it" }
                }
            }
            (tick("observe", "Only observe: note what would be refused, and let it pass. It makes rules safe to introduce.", filled))
        }
    }
}

fn ends(form: &ProfileForm<'_>) -> Markup {
    let filled = form.filled;
    html! {
        @if form.is_new {
            div data-when="access_method=api_key" {
                (Field { name: "key_expires_at", label: "The key ends", pointer: "/key_expires_at",
                    hint: "In UTC. It works until then.", ..Field::default() }.input("datetime-local", filled))
            }
        }
        (Field { name: "expires_at", label: "The profile ends", pointer: "/expires_at", hint: "In UTC. It works until then.",
            ..Field::default() }.input("datetime-local", filled))
    }
}
