//! One more key beside those that a profile has: one for each person or program.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::html;
use serde_json::json;

use super::shown_once::{self, ShownOnce};
use super::{OfProfile, place_of};
use crate::app::access_profile::ProfileWithKeys;
use crate::app::api_key::{IssuedKey, KeyDraft};
use crate::app::{App, Committed, Refusal};
use crate::console::design::{Field, Filled, Look, heading, submit};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::moment::moment;
use crate::console::once::{self, once};
use crate::console::refused::{Again, again};
use crate::console::settled::drafted;
use crate::identity::By;
use crate::problem::Problem;

const POINTERS: [(&str, &str); 2] = [("/expires_at", "expires_at"), ("/key", "key")];

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    OfProfile(id): OfProfile,
) -> Result<Response, Problem> {
    let found = app.profile(id).await?;
    Ok(page(
        &app,
        &frame,
        StatusCode::OK,
        &found,
        &Filled::default(),
    ))
}

pub(in crate::console) async fn issue(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    OfProfile(id): OfProfile,
    sent: Sent,
) -> Result<Response, Problem> {
    let attempt = async {
        let expires_at = moment(&sent, "expires_at", "/expires_at");
        let draft: KeyDraft = drafted(&json!({
            "expires_at": expires_at.map_err(|flaw| Refusal::Invalid(vec![flaw]))?,
            "key": sent.given("key"),
        }))?;
        let once = once(&frame, &sent, |issued: Committed<IssuedKey>| ShownOnce {
            profile: issued.record.record.profile_id.to_string(),
            api_key: issued.record.key.map(|key| key.reveal().to_owned()),
            secret: None,
            notices: Vec::new(),
            revision: issued.revision,
            meaning: "permitted".to_owned(),
        });
        app.issue_key(&author, id, once, draft).await
    };
    match attempt.await {
        Ok(shown) => shown_once::page(&app, &frame, "A further key is added", &shown).await,
        Err(refusal) => {
            let Again { status, filled } = again(&sent, refusal)?;
            Ok(page(&app, &frame, status, &app.profile(id).await?, &filled))
        }
    }
}

fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    found: &ProfileWithKeys,
    filled: &Filled,
) -> Response {
    let profile = &found.profile;
    let title = format!("Another key of {}", profile.name);
    let content = html! {
        (heading(&title, &html! {}))
        form.form method="post" action={ "/console/profiles/" (profile.id) "/keys/new" } {
            (frame.token()) (once::name(app))
            (filled.summary(&POINTERS))
            p { "Give each person or program a key of its own: then callers can be told apart, and one can be shut out alone." }
            (Field { name: "expires_at", label: "It ends", pointer: "/expires_at", hint: "In UTC. Never, when empty.",
                ..Field::default() }.input("datetime-local", filled))
            (Field { name: "key", label: "A key from elsewhere", pointer: "/key", longest: 512, is_code: true,
                hint: "To be accepted as it is: 16 to 512 visible characters. A new one is made, when empty.",
                ..Field::default() }.input("password", filled))
            div.actions { (submit(Look::Main, "Add the key")) a.button href=(place_of(profile)) { "Cancel" } }
        }
    };
    frame.page_with(status, Section::Clients, &title, &content)
}
