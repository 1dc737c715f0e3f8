//! Issues a new key in place of those that there are, which stop at once or after a while.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use portcullis_store::UsageGroup;
use serde_json::json;

use super::shown_once::{self, ShownOnce};
use super::{OfProfile, place_of, tag};
use crate::api::access_profiles::AccessProfile;
use crate::app::access_profile::ProfileWithKeys;
use crate::app::api_key::{IssuedKey, KeyRefresh};
use crate::app::{App, Committed, Refusal};
use crate::console::condition::unchanged;
use crate::console::design::{Field, Filled, Look, calls, choice, heading, submit};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::moment::moment;
use crate::console::once::{self, once};
use crate::console::refused::{Again, again};
use crate::console::settled::drafted;
use crate::identity::By;
use crate::problem::Problem;

/// How long old keys may go on, in seconds, and in words.
const OVERLAPS: [(&str, &str); 5] = [
    ("3600", "1 hour"),
    ("86400", "24 hours"),
    ("604800", "7 days"),
    ("2592000", "30 days"),
    ("7776000", "90 days"),
];

const POINTERS: [(&str, &str); 2] = [("/overlap_s", "overlap"), ("/expires_at", "expires_at")];

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    OfProfile(id): OfProfile,
) -> Result<Response, Problem> {
    let found = app.profile(id).await?;
    let name = id.to_string();
    let mut days = app
        .usage_of_day(UsageGroup::Profile, std::slice::from_ref(&name))
        .await?;
    // Who is called now has to have time to take the new key.
    let is_used = days.remove(&name).unwrap_or_default().all_requests() > 0;
    let old = if is_used { "overlap" } else { "stop" };
    let filled = Filled::with(&[("old", old), ("overlap", "86400")]);
    page(&app, &frame, StatusCode::OK, &found, &filled).await
}

pub(in crate::console) async fn issue(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    OfProfile(id): OfProfile,
    sent: Sent,
) -> Result<Response, Problem> {
    let stops = sent.text("old") != "overlap";
    let attempt = async {
        let overlap_s = if stops { "0" } else { sent.text("overlap") };
        let expires_at = moment(&sent, "expires_at", "/expires_at");
        let draft: KeyRefresh = drafted(&json!({
            "overlap_s": overlap_s.parse::<u32>().unwrap_or(u32::MAX),
            "expires_at": expires_at.map_err(|flaw| Refusal::Invalid(vec![flaw]))?,
        }))?;
        let condition = unchanged(&sent, |found: &ProfileWithKeys| {
            AccessProfile::from(found.clone())
        });
        let meaning = if stops { "refused" } else { "applied" };
        let once = once(&frame, &sent, move |issued: Committed<IssuedKey>| {
            ShownOnce {
                profile: issued.record.record.profile_id.to_string(),
                api_key: issued.record.key.map(|key| key.reveal().to_owned()),
                secret: None,
                notices: Vec::new(),
                revision: issued.revision,
                meaning: meaning.to_owned(),
            }
        });
        app.refresh_key(&author, id, condition, once, draft).await
    };
    match attempt.await {
        Ok(shown) => {
            let title = if stops {
                "A new key is issued, and the old one is revoked"
            } else {
                "A new key is issued, and the old one goes on for a while"
            };
            shown_once::page(&app, &frame, title, &shown).await
        }
        Err(refusal) => {
            let Again { status, filled } = again(&sent, refusal)?;
            page(&app, &frame, status, &app.profile(id).await?, &filled).await
        }
    }
}

async fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    found: &ProfileWithKeys,
    filled: &Filled,
) -> Result<Response, Problem> {
    let profile = &found.profile;
    let title = format!("Refresh the key of {}", profile.name);
    let calls = calls(app, UsageGroup::Profile, &profile.id.to_string()).await?;
    let overlaps = OVERLAPS.map(|(seconds, words)| choice(seconds, words));
    let goes_on = filled.text("old") == "overlap";
    let content = html! {
        (heading(&title, &html! {}))
        form.form method="post" action={ "/console/profiles/" (profile.id) "/refresh" } data-choices {
            (frame.token()) (once::name(app)) (tag(found))
            (filled.summary(&POINTERS))
            div.warning { p { (calls) } }
            fieldset {
                legend { "The old key" }
                label.tick {
                    input type="radio" name="old" value="overlap" checked[goes_on];
                    span { "goes on for a while: both keys work, and usage tells them apart" }
                }
                div data-when="old=overlap" {
                    (Field { name: "overlap", label: "For", pointer: "/overlap_s", ..Field::default() }.filter(filled, &overlaps))
                }
                label.tick {
                    input type="radio" name="old" value="stop" checked[!goes_on];
                    span { "stops now: callers who still use it are refused at once" }
                }
            }
            (Field { name: "expires_at", label: "The new key ends", pointer: "/expires_at", hint: "In UTC. Never, when empty.",
                ..Field::default() }.input("datetime-local", filled))
            div.actions { (submit(Look::Main, "Issue a new key")) a.button href=(place_of(profile)) { "Cancel" } }
        }
    };
    Ok(frame.page_with(status, Section::Clients, &title, &content))
}
