//! How the callers of a profile prove themselves. What belongs to the other choice is only hidden where browsers run scripts.

use maud::{Markup, html};
use portcullis_feed::Algorithm;

use crate::console::design::{Choice, Field, Filled, choice, tick};

pub(super) fn method(filled: &Filled, has_keys: bool, is_new: bool) -> Markup {
    let is_jwt = filled.text("access_method") == "jwt";
    let flaws: Vec<_> = filled.exact_flaws("/jwt").collect();
    html! {
        fieldset #access_method tabindex="-1" {
            legend { "How callers prove themselves" }
            @if !flaws.is_empty() { div.flaw { @for flaw in flaws { p { (flaw) } } } }
            label.tick {
                input type="radio" name="access_method" value="api_key" checked[!is_jwt];
                span { "API key" @if is_new { ": one is made, and shown once" } }
            }
            label.tick {
                input type="radio" name="access_method" value="jwt" checked[is_jwt];
                span { "JSON Web Token, signed by somebody you trust" }
            }
            div.form data-when="access_method=jwt" { (tokens(filled, has_keys)) }
        }
    }
}

fn tokens(filled: &Filled, has_keys: bool) -> Markup {
    let algorithms: Vec<Choice> = Algorithm::ALL.map(|it| choice(it.name(), it.name())).into();
    html! {
        (Field { name: "algorithm", label: "Signing method", pointer: "/jwt/algorithm", is_required: true, ..Field::default() }
            .select(filled, &algorithms))
        (Field { name: "key_source", label: "Secret or key", pointer: "/jwt/key_source", is_required: true, ..Field::default() }
            .select(filled, &sources(has_keys)))
        div data-when="key_source=key" {
            (Field { name: "key", label: "Public key", pointer: "/jwt/key", is_code: true,
                hint: "PEM (a public key or a certificate), OpenSSH (ssh-rsa …), or a JSON Web Key or set of them.",
                ..Field::default() }.checked_area(filled, 6, "/console/check/key", "key-told"))
        }
        div.form data-when="key_source=secret" {
            (Field { name: "secret", label: "Secret", pointer: "/jwt/secret", is_code: true,
                hint: "For HS256, HS384 and HS512: 256 bits or more. It is never shown again.", ..Field::default() }
                .input("password", filled))
            (Field { name: "encoding", label: "The secret is written", ..Field::default() }
                .filter(filled, &[choice("text", "as text"), choice("base64", "in base64")]))
        }
        p.hint data-when="key_source=generated" { "A secret of 256 bits is made for you, and shown once." }
        div data-when="key_source=jwks_url" {
            (Field { name: "jwks_url", label: "URL of the key set", pointer: "/jwt/jwks_url", longest: 1_000, is_code: true,
                ..Field::default() }.line(filled))
        }
        div data-when="key_source=discover_from" {
            (Field { name: "discover_from", label: "Identity provider", pointer: "/jwt/discover_from", longest: 1_000,
                is_code: true, hint: "Its issuer, by which it says where its keys are.", ..Field::default() }.line(filled))
        }
        details open[is_narrowed(filled)] {
            summary { "What tokens have to say besides" }
            div.form { (claims(filled)) }
        }
    }
}

fn sources(has_keys: bool) -> Vec<Choice> {
    let kept = has_keys.then(|| choice("kept", "as it is"));
    let others = [
        choice("key", "a public key"),
        choice("secret", "a secret of yours"),
        choice("generated", "a new secret, made here"),
        choice("jwks_url", "a key set at a URL"),
        choice("discover_from", "the keys of an identity provider"),
    ];
    kept.into_iter().chain(others).collect()
}

fn claims(filled: &Filled) -> Markup {
    html! {
        (Field { name: "issuers", label: "Issuers", pointer: "/jwt/issuers", is_code: true,
            hint: "Whom iss has to name one of, one on each line.", ..Field::default() }.area(filled, 2))
        (Field { name: "audiences", label: "Audiences", pointer: "/jwt/audiences", is_code: true,
            hint: "Of whom aud has to name one, one on each line.", ..Field::default() }.area(filled, 2))
        (Field { name: "required_claims", label: "Claims", pointer: "/jwt/required_claims", is_code: true,
            hint: "One on each line: scope=orders, or email alone where it does not matter what it says.",
            ..Field::default() }.area(filled, 2))
        (Field { name: "identity_issuer", label: "Identity: issuer", pointer: "/jwt/identity", longest: 1_000, is_code: true,
            hint: "Where an identity provider has its own name for this client, tokens name the profile by it.",
            ..Field::default() }.line(filled))
        (Field { name: "identity_client", label: "Identity: client", longest: 1_000, is_code: true, ..Field::default() }
            .line(filled))
        (Field { name: "max_lifetime_s", label: "Longest life of a token, in seconds", pointer: "/jwt/max_lifetime_s",
            longest: 12, ..Field::default() }.line(filled))
        (tick("allows_no_expiry", "A token that never expires is good too", filled))
    }
}

/// Whether any of what is usually left out is said.
fn is_narrowed(filled: &Filled) -> bool {
    let names = [
        "issuers",
        "audiences",
        "required_claims",
        "identity_issuer",
        "identity_client",
        "max_lifetime_s",
        "allows_no_expiry",
    ];
    names.into_iter().any(|name| !filled.text(name).is_empty())
}
