//! What is said of a form while it is typed: pieces of its page. They change nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use portcullis_feed::{AddressLists, Algorithm};
use serde_json::Value;

use super::callers::shut_out;
use crate::api::jwt::PublicKey;
use crate::app::App;
use crate::app::access_profile::address_flaws;
use crate::app::key_material;
use crate::console::design::{Tone, badge, plural};
use crate::console::entered::Sent;
use crate::problem::Problem;

/// The field that names the profile whose rules are typed, if it is there already.
pub(super) const PROFILE: &str = "profile";

/// Which lines are no addresses, and whom the rules would shut out who called lately. Both lists are looked at.
pub(in crate::console) async fn addresses(
    State(app): State<Arc<App>>,
    sent: Sent,
) -> Result<Html<String>, Problem> {
    let lists = AddressLists {
        allow: sent.lines("allow"),
        deny: sent.lines("deny"),
    };
    let callers = match sent.text(PROFILE).parse() {
        Ok(id) => app.known_callers(id).await?,
        Err(_) => Vec::new(),
    };
    let count = lists.allow.len().saturating_add(lists.deny.len());
    let flaws = address_flaws(&lists);
    let piece = html! {
        @if flaws.is_empty() && count > 0 {
            (badge(Tone::Permit, &plural(u64::try_from(count).unwrap_or(u64::MAX), "rule")))
        }
        @if !flaws.is_empty() {
            div.flaw { @for flaw in flaws { p { (flaw.detail) } } }
        }
        (shut_out(&callers, &lists, app.now_ms()))
    };
    Ok(Html(piece.into_string()))
}

/// What kind of key is pasted, how large it is, and by which fingerprint it is known elsewhere.
pub(in crate::console) async fn key(sent: Sent) -> Html<String> {
    Html(about_key(sent.text("key"), sent.text("algorithm")).into_string())
}

fn about_key(text: &str, algorithm: &str) -> Markup {
    let algorithm = Algorithm::ALL
        .into_iter()
        .find(|known| known.name() == algorithm);
    let (Some(algorithm), false) = (algorithm, text.trim().is_empty()) else {
        return html! {};
    };
    match key_material::read(&Value::from(text), algorithm) {
        Ok(keys) => html! {
            @for key in keys.iter().filter_map(PublicKey::of) {
                p { (badge(Tone::Permit, &format!("{} of {} bits", key.kty, key.bits))) " SHA-256 " code { (key.thumbprint) } }
            }
        },
        Err(invalid) => html! { div.flaw { p { (invalid) } } },
    }
}
