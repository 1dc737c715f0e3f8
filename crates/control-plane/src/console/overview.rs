//! How things stand: what is called, by whom, and what needs attention.

mod attention;
mod top;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use portcullis_feed::{ClientId, CollectionId};
use portcullis_store::UsageFilter;
use serde::Deserialize;

use super::asked::Wanted;
use super::design::{Choice, Field, Filled, Look, choice, heading, submit};
use super::frame::{Frame, Section};
use super::period::Period;
use super::profiles::choices::collections;
use super::usage::panel;
use crate::app::App;
use crate::app::usage::UsageAsked;
use crate::problem::Problem;

/// Of what it tells.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverviewWanted {
    #[serde(default)]
    period: Period,
    client: Option<ClientId>,
    collection: Option<CollectionId>,
}

impl OverviewWanted {
    fn asked(&self, now_ms: u64) -> UsageAsked {
        UsageAsked {
            since_ms: Some(self.period.since_ms(now_ms)),
            unit: Some(self.period.unit()),
            filter: UsageFilter {
                client: self.client,
                collection: self.collection,
                ..UsageFilter::default()
            },
            ..UsageAsked::default()
        }
    }
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Wanted(wanted): Wanted<OverviewWanted>,
) -> Result<Response, Problem> {
    let now_ms = app.now_ms();
    let asked = wanted.asked(now_ms);
    let words = wanted.period.words();
    let content = html! {
        (heading("Overview", &html! {}))
        (filters(&app, &wanted).await?)
        (attention::list(&frame, &app.attention().await?, now_ms))
        div.section #figures data-poll data-every="15" { (panel(&app, &asked, words).await?) }
        div.columns { (top::clients(&app, &asked, words).await?) (top::endpoints(&app, &asked, words).await?) }
    };
    Ok(frame.page(Section::Overview, "Overview", &content))
}

async fn filters(app: &App, wanted: &OverviewWanted) -> Result<Markup, Problem> {
    let client = match wanted.client {
        Some(id) => Some(app.client(id).await?),
        None => None,
    };
    let any = std::iter::once(choice("", "any"));
    let collections: Vec<Choice> = any.chain(collections(app).await?).collect();
    let collection = wanted.collection.map(|id| id.to_string());
    let filled = Filled::with(&[
        ("period", wanted.period.name()),
        ("collection", collection.as_deref().unwrap_or_default()),
    ]);
    let field = |name, label| Field {
        name,
        label,
        ..Field::default()
    };
    Ok(html! {
        form.filters method="get" action="/console" {
            (field("period", "Time").filter(&filled, &Period::choices()))
            (field("collection", "Collection").filter(&filled, &collections))
            @if let Some(client) = &client {
                label.tick {
                    input type="checkbox" name="client" value=(client.id) checked;
                    span { "only " (client.name) }
                }
            }
            (submit(Look::Usual, "Apply"))
        }
    })
}
