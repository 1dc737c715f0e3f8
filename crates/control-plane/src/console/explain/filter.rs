//! The settings of the filter that a request meets: they stand in Envoy, where the control plane does not see them, so whoever
//! has others than the usual ones says so.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::{Map, Value, json};

use crate::app::Violation;
use crate::console::design::{Field, Filled, tick};
use crate::console::entered::Sent;

/// Where it is told what is wrong with them.
pub(super) const FILTER: &str = "filter";

/// The names of the fields. Those of texts are the members of the configuration.
const TEXTS: [&str; 2] = ["credential_header", "query_parameter"];
const IDENTITY_HEADERS: [(&str, &str, &str); 4] = [
    ("client_id", "Header for the client's id", "x-client-id"),
    (
        "client_name",
        "Header for the client's name",
        "x-client-name",
    ),
    (
        "access_profile_id",
        "Header for the access profile's id",
        "x-access-profile-id",
    ),
    (
        "api_collection",
        "Header for the collection",
        "x-api-collection",
    ),
];
const LISTS: [&str; 2] = ["token_claims", "claim_headers"];
const TICKS: [(&str, &str); 4] = [
    (
        "ignores_key_id",
        "The name of a token's key (kid) names no access profile",
    ),
    ("forward_credential", "Services see the credential"),
    (
        "pass_preflight",
        "CORS preflight requests pass for endpoints that exist",
    ),
    ("observe", "Every refusal is only noted"),
];

/// How many proxies before Envoy are believed.
///
/// # Errors
/// When that is no number of them.
pub(super) fn trusted_hops(sent: Option<&Sent>) -> Result<u8, Violation> {
    let Some(text) = sent.and_then(|sent| sent.given("trusted_hops")) else {
        return Ok(0);
    };
    let detail = "a whole number from 0 to 255 is expected";
    text.parse()
        .map_err(|_| Violation::new("/trusted_hops", detail))
}

/// What the form says of the filter, as the REST interface would be told it.
///
/// # Errors
/// When a line says nothing.
pub(super) fn draft(sent: &Sent) -> Result<Value, Violation> {
    let mut filter = Map::new();
    let texts = TEXTS.into_iter();
    let texts = texts.filter_map(|name| Some((name, sent.given(name)?)));
    filter.extend(texts.map(|(name, text)| (name.to_owned(), Value::from(text))));
    let headers = IDENTITY_HEADERS.iter();
    let headers: Map<String, Value> = headers
        .filter_map(|(name, ..)| Some(((*name).to_owned(), Value::from(sent.given(name)?))))
        .collect();
    filter.insert("identity_headers".to_owned(), Value::Object(headers));
    filter.insert("claim_headers".to_owned(), json!(claim_headers(sent)?));
    let claims = sent.lines("token_claims");
    let identity = json!({
        "claims": (!claims.is_empty()).then_some(claims),
        "key_id": !sent.has("ignores_key_id"),
    });
    filter.insert("token_identity".to_owned(), identity);
    for name in ["forward_credential", "pass_preflight", "observe"] {
        filter.insert(name.to_owned(), Value::from(sent.has(name)));
    }
    Ok(Value::Object(filter))
}

/// One on each line: `x-user-email=email`.
fn claim_headers(sent: &Sent) -> Result<BTreeMap<String, String>, Violation> {
    let lines = sent.lines("claim_headers");
    let pairs = lines.iter().map(|line| {
        let (header, claim) = line.split_once('=').ok_or_else(|| {
            let detail = format!("`{line}`: a header, `=` and a claim are expected");
            Violation::new("/filter/claim_headers", detail)
        })?;
        Ok((header.trim().to_owned(), claim.trim().to_owned()))
    });
    pairs.collect()
}

/// Folded away, unless something is said.
pub(super) fn fields(filled: &Filled) -> Markup {
    let flaws: Vec<_> = filled.flaws("/filter").collect();
    html! {
        details #(FILTER) open[is_said(filled) || !flaws.is_empty()] tabindex="-1" {
            summary { "The filter in Envoy, where it is not set up as usual" }
            div.form {
                @if !flaws.is_empty() { div.flaw #filter-flaw { @for flaw in flaws { p { (flaw) } } } }
                (Field { name: "trusted_hops", label: "Trusted proxies before Envoy", pointer: "/trusted_hops", longest: 3,
                    hint: "How many are believed in what x-forwarded-for says (xff_num_trusted_hops). None, when empty.",
                    ..Field::default() }.line(filled))
                (Field { name: "credential_header", label: "Header for keys", longest: 256, is_code: true,
                    hint: "api-token, when empty.", ..Field::default() }.line(filled))
                (Field { name: "query_parameter", label: "Parameter of the query for keys", longest: 256, is_code: true,
                    hint: "None, when empty.", ..Field::default() }.line(filled))
                (Field { name: "token_claims", label: "Claims that name the access profile", is_code: true,
                    hint: "One on each line; the first that says something decides. The usual ones, when empty.",
                    ..Field::default() }.area(filled, 2))
                (Field { name: "claim_headers", label: "Claims that services are told", is_code: true,
                    hint: "One on each line, such as x-user-email=email.", ..Field::default() }.area(filled, 2))
                @for (name, label, usual) in IDENTITY_HEADERS {
                    (Field { name, label, longest: 256, is_code: true, hint: &format!("{usual}, when empty."),
                        ..Field::default() }.line(filled))
                }
                @for (name, label) in TICKS { (tick(name, label, filled)) }
            }
        }
    }
}

fn is_said(filled: &Filled) -> bool {
    let texts = TEXTS.iter().chain(&LISTS).chain(&["trusted_hops"]).copied();
    let headers = IDENTITY_HEADERS.iter().map(|(name, ..)| *name);
    let ticks = TICKS.iter().map(|(name, _)| *name);
    let mut all = texts.chain(headers).chain(ticks);
    all.any(|name| !filled.text(name).trim().is_empty())
}
