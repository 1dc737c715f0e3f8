//! A key in the one moment when it is shown. It is in no address and in no cookie; loading the page again shows it again, to
//! who asked for it, for a day.

use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::ProfileId;
use portcullis_store::AccessMethod;
use serde::{Deserialize, Serialize};

use super::place_of;
use crate::app::{App, Refusal};
use crate::console::design::{arrival, heading, secret};
use crate::console::frame::{Frame, Section};
use crate::console::settled::arrived;
use crate::problem::Problem;

/// What is shown once.
#[derive(Serialize, Deserialize)]
pub(super) struct ShownOnce {
    /// Whose it is.
    pub(super) profile: String,
    /// The whole key, if one was made.
    pub(super) api_key: Option<String>,
    /// The secret for tokens, if one was made.
    pub(super) secret: Option<String>,
    /// What became of what was entered that one may not expect.
    pub(super) notices: Vec<String>,
    /// The revision that says it.
    pub(super) revision: u64,
    /// What it means for those who call already, such as `refused`.
    pub(super) meaning: String,
}

pub(super) async fn page(
    app: &App,
    frame: &Frame,
    title: &str,
    shown: &ShownOnce,
) -> Result<Response, Problem> {
    let id: ProfileId = shown.profile.parse().map_err(|_| Refusal::AnswerLost)?;
    let profile = app.profile(id).await?.profile;
    let client = app.client(profile.client_id).await?;
    let url = example_url(app, &profile.collections).await?;
    let arrived = arrived(app, shown.revision, &shown.meaning).await;
    let content = html! {
        (heading(&format!("{}: {}", client.name, profile.name), &html! {}))
        p.notice role="status" { span { (title) ". " (arrival(&arrived)) } }
        @for notice in &shown.notices { p.warning { (notice) } }
        @if let Some(key) = &shown.api_key { (key_card(key, &url)) }
        @if let Some(text) = &shown.secret { (secret_card(text)) }
        @if matches!(profile.access, AccessMethod::Jwt(_)) { (token_card(&profile.id.to_string(), &url)) }
        p { "Tip: one key for each person or program. Then callers can be told apart, and one can be shut out alone." }
        div.actions { a.button.main href=(place_of(&profile)) { "Done, I have stored it" } }
    };
    Ok(frame.page_with(StatusCode::OK, Section::Clients, title, &content))
}

fn key_card(key: &str, url: &str) -> Markup {
    html! {
        section.card aria-labelledby="key-title" {
            h2 #key-title { "The API key, shown only now" }
            p { "It is confidential between you and the client. Only its digest is kept: nobody can show it again." }
            (secret("api-key", key))
            h3 { "To try it" }
            (line("curl-line", &format!("curl -i -H 'api-token: {key}' '{url}'")))
        }
    }
}

fn secret_card(text: &str) -> Markup {
    html! {
        section.card aria-labelledby="secret-title" {
            h2 #secret-title { "The secret for signing tokens, shown only now" }
            p { "256 bits in base64url. Whoever has it can make tokens of this profile." }
            (secret("signing-secret", text))
        }
    }
}

fn token_card(profile: &str, url: &str) -> Markup {
    html! {
        section.card aria-labelledby="token-title" {
            h2 #token-title { "Tokens name this profile" }
            p { "The claim " code { "sub" } " of a token says which profile it is for, and " code { "exp" } " when it ends:" }
            (secret("profile-id", profile))
            h3 { "To try it" }
            (line("curl-line", &format!("curl -i -H 'authorization: Bearer YOUR-TOKEN' '{url}'")))
        }
    }
}

fn line(id: &str, text: &str) -> Markup {
    html! {
        div.once { pre id=(id) { (text) } button.button type="button" data-copy=(id) hidden { "Copy" } }
    }
}

/// A URL that the profile may ask for: the control plane does not know by which name its gateways are reached.
async fn example_url(
    app: &App,
    collections: &[portcullis_feed::CollectionId],
) -> Result<String, Refusal> {
    let Some(id) = collections.first() else {
        return Ok("https://your-gateway.example.com/".to_owned());
    };
    let collection = app.collection(*id).await?;
    let endpoints = &collection.endpoints;
    let asked = endpoints.iter().find(|endpoint| endpoint.method == "GET");
    let Some(endpoint) = asked.or(endpoints.first()) else {
        return Ok("https://your-gateway.example.com/".to_owned());
    };
    let host = endpoint.host.as_deref().filter(|host| !host.contains('*'));
    let host = host.unwrap_or("your-gateway.example.com");
    let parts = endpoint.path.split('/').map(|part| match part {
        parameter if parameter.contains(['{', '*']) => "1",
        part => part,
    });
    Ok(format!(
        "https://{host}{}",
        parts.collect::<Vec<_>>().join("/")
    ))
}
