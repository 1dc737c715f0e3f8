//! A new access profile of a client. Its key, if it has one, is shown with the answer.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::{ClientId, ProfileId};
use portcullis_store::Client;
use serde::Deserialize;

use super::choices::Choices;
use super::draft::{KeySource, is_jwt, key_source, new_draft, new_policy};
use super::filled::filled;
use super::form::{ProfileForm, form};
use super::shown_once::{self, ShownOnce};
use crate::api::asked::Named;
use crate::app::access_profile::{AccessProfileDraft, ProfileWithKeys};
use crate::app::api_key::IssuedKey;
use crate::app::session::Visitor;
use crate::app::{App, Committed, Refusal};
use crate::console::asked::Wanted;
use crate::console::clients::{path_of, profiles_of};
use crate::console::design::{Filled, heading};
use crate::console::entered::Sent;
use crate::console::frame::{Frame, Section};
use crate::console::once::{self, once};
use crate::console::refused::{Again, again, both};
use crate::console::settled::drafted;
use crate::identity::{By, Came};
use crate::problem::Problem;

/// What a new profile is begun with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::console) struct Like {
    /// The profile that it is to be like.
    like: Option<ProfileId>,
    /// The client whose first profile it is to be like.
    like_client: Option<ClientId>,
}

pub(in crate::console) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Ok(Came(visitor)): Result<Came, Infallible>,
    Named(id): Named<ClientId>,
    Wanted(like): Wanted<Like>,
) -> Result<Response, Problem> {
    let client = app.client(id).await?;
    let filled = begun(&app, &like).await?;
    page(&app, &frame, StatusCode::OK, &client, &filled, &visitor).await
}

pub(in crate::console) async fn create(
    State(app): State<Arc<App>>,
    By(author): By,
    frame: Frame,
    Ok(Came(visitor)): Result<Came, Infallible>,
    Named(id): Named<ClientId>,
    sent: Sent,
) -> Result<Response, Problem> {
    let client = app.client(id).await?;
    let attempt = async {
        let is_made = is_jwt(&sent) && key_source(&sent) == KeySource::Generated;
        let secret = is_made.then(|| app.new_signing_secret()).transpose()?;
        let draft = new_draft(id, &sent, secret.as_deref());
        let draft = draft.map_err(|flaw| Refusal::Invalid(vec![flaw]))?;
        let draft: Result<AccessProfileDraft, Refusal> = drafted(&draft);
        let (draft, policy) = both(draft, new_policy(&sent))?;
        let once = once(&frame, &sent, move |created| shown(created, secret));
        app.create_profile(&author, once, draft, policy).await
    };
    match attempt.await {
        Ok(shown) => shown_once::page(&app, &frame, "The access profile is added", &shown).await,
        Err(refusal) => {
            let Again { status, filled } = again(&sent, refusal)?;
            page(&app, &frame, status, &client, &filled, &visitor).await
        }
    }
}

fn shown(
    created: Committed<(ProfileWithKeys, Option<IssuedKey>)>,
    secret: Option<String>,
) -> ShownOnce {
    let (found, issued) = created.record;
    ShownOnce {
        profile: found.profile.id.to_string(),
        api_key: issued.and_then(|issued| issued.key.map(|key| key.reveal().to_owned())),
        secret,
        notices: created
            .notices
            .into_iter()
            .map(|notice| notice.detail)
            .collect(),
        revision: created.revision,
        meaning: "permitted".to_owned(),
    }
}

/// What the form says before anybody has typed anything.
async fn begun(app: &App, like: &Like) -> Result<Filled, Problem> {
    let like = match (like.like, like.like_client) {
        (Some(id), _) => Some(app.profile(id).await?),
        (None, Some(id)) => {
            let other = app.client(id).await?;
            profiles_of(app, &other).await?.into_iter().next()
        }
        (None, None) => None,
    };
    Ok(match like {
        // Keys are not copied: whoever has one of them would be two.
        Some(like) => filled(&like.profile).without("key_source"),
        None => Filled::with(&[("access_method", "api_key"), ("algorithm", "RS256")]),
    }
    .saying("rate_per", "minute")
    .saying("quota_per", "month"))
}

async fn page(
    app: &App,
    frame: &Frame,
    status: StatusCode,
    client: &Client,
    filled: &Filled,
    visitor: &Visitor,
) -> Result<Response, Problem> {
    let path = path_of(client.id);
    let choices = Choices::of(app).await?;
    let title = format!("Access profile of {}", client.name);
    let content: Markup = html! {
        (heading(&title, &html! {}))
        (form(frame, &ProfileForm {
            action: &format!("{path}/profiles/new"),
            filled,
            hidden: once::name(app),
            before: html! {},
            choices: &choices,
            own_address: visitor.address,
            is_new: true,
            has_keys: false,
            button: "Add profile",
            cancel: &path,
        }))
    };
    Ok(frame.page_with(status, Section::Clients, &title, &content))
}
