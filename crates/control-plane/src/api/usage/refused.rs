//! Refused requests, as pages and as a file: that is written as it is read, so that its length costs no memory.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http_body_util::channel::Channel;
use portcullis_feed::{ClientId, CollectionId, ProfileId};
use portcullis_store::{Refused, RefusedFilter};
use serde::Serialize;
use utoipa::ToSchema;

use super::export::file;
use crate::api::csv::{harmless, line};
use crate::app::page::Page;
use crate::app::time::Moment;
use crate::app::{App, Refusal};

/// How many refusals are read at once.
const AT_ONCE: u32 = 500;

/// How many parts may wait for who reads them.
const WAITING: usize = 2;

/// The names of the columns.
const COLUMNS: [&str; 15] = [
    "at",
    "reason",
    "status",
    "method",
    "path",
    "address",
    "key_id",
    "client_id",
    "client_name",
    "profile_id",
    "profile_name",
    "collection_id",
    "decision_id",
    "gateway",
    "instance",
];

/// A request that was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedRequest {
    /// When.
    pub at: Moment,
    /// Why.
    #[schema(example = "quota_exceeded")]
    pub reason: String,
    /// With which status.
    #[schema(example = 429)]
    pub status: u16,
    /// By which method.
    #[schema(example = "GET")]
    pub method: String,
    /// Its path, without the query.
    #[schema(example = "/orders/17")]
    pub path: String,
    /// From which address, if that is known.
    #[schema(example = "192.0.2.1")]
    pub address: Option<String>,
    /// The public id of the key that it came with. Null, when it was no known one.
    #[schema(value_type = Option<String>)]
    pub key_id: Option<String>,
    /// Whose client the profile is. Null, when it is not known who called.
    #[schema(value_type = Option<String>)]
    pub client_id: Option<ClientId>,
    /// What people call that client. Null too, when it is there no more.
    pub client_name: Option<String>,
    /// Whose request it was. Null, when it is not known who called.
    #[schema(value_type = Option<String>)]
    pub profile_id: Option<ProfileId>,
    /// What people call that profile. Null too, when it is there no more.
    pub profile_name: Option<String>,
    /// The collection that it asked for, if there is one.
    #[schema(value_type = Option<String>)]
    pub collection_id: Option<CollectionId>,
    /// What names the decision in the access log.
    pub decision_id: Option<String>,
    /// What the Envoy calls itself that refused it.
    pub gateway: String,
    /// The instance of that gateway.
    pub instance: String,
}

impl RefusedRequest {
    /// With the names of what it is about, by identifiers.
    pub(super) fn of(refused: Refused, names: &HashMap<String, String>) -> Self {
        let sample = refused.sample;
        let name = |id: Option<String>| id.and_then(|id| names.get(&id).cloned());
        Self {
            at: Moment::from_ms(sample.at_ms),
            reason: sample.reason,
            status: sample.status,
            method: sample.method,
            path: sample.path,
            address: sample.address,
            key_id: sample.key_id,
            client_id: refused.client,
            client_name: name(refused.client.map(|id| id.to_string())),
            profile_id: sample.profile,
            profile_name: name(sample.profile.map(|id| id.to_string())),
            collection_id: sample.collection,
            decision_id: sample.decision_id,
            gateway: refused.gateway,
            instance: refused.instance,
        }
    }

    fn fields(self) -> [String; 15] {
        let id = |id: Option<String>| id.unwrap_or_default();
        [
            self.at.to_string(),
            self.reason,
            self.status.to_string(),
            self.method,
            self.path,
            self.address.unwrap_or_default(),
            self.key_id.unwrap_or_default(),
            id(self.client_id.map(|id| id.to_string())),
            self.client_name.unwrap_or_default(),
            id(self.profile_id.map(|id| id.to_string())),
            self.profile_name.unwrap_or_default(),
            id(self.collection_id.map(|id| id.to_string())),
            self.decision_id.unwrap_or_default(),
            self.gateway,
            self.instance,
        ]
    }
}

/// Where a page of refusals ends: by time and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u64, u64);

impl Place {
    /// The time and the number.
    pub const fn bounds(self) -> (u64, u64) {
        (self.0, self.1)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at_ms, id) = text.split_once('-').ok_or(())?;
        let number = |text: &str| text.parse().map_err(drop);
        Ok(Self(number(at_ms)?, number(id)?))
    }
}

/// The file breaks off: whoever reads it sees that the connection did.
#[derive(Debug, thiserror::Error)]
#[error("the refusals cannot be read to their end")]
struct BrokenOff;

/// Answers with the file. What cannot be read at all is refused; what cannot be read to its end breaks off.
pub(super) async fn export(app: Arc<App>, filter: RefusedFilter) -> Result<Response, Refusal> {
    let first = app.refused(&filter, None, AT_ONCE).await?;
    let (mut sender, body) = Channel::<Bytes, BrokenOff>::new(WAITING);
    tokio::spawn(async move {
        let mut part = line(COLUMNS.map(str::to_owned));
        let mut page = first;
        loop {
            let last = page.items.last();
            let last = last.map(|refused| (refused.sample.at_ms, refused.id));
            let is_last = page.next.is_none();
            match lines(&app, page).await {
                Ok(lines) => part.extend(lines),
                Err(refusal) => return break_off(sender, &refusal),
            }
            let sent = sender.send_data(Bytes::from(std::mem::take(&mut part)));
            if sent.await.is_err() || is_last {
                return;
            }
            match app.refused(&filter, last, AT_ONCE).await {
                Ok(next) => page = next,
                Err(refusal) => return break_off(sender, &refusal),
            }
        }
    });
    Ok(file("refusals.csv", Body::new(body)))
}

async fn lines(app: &App, page: Page<Refused>) -> Result<Vec<u8>, Refusal> {
    let names = app.names_of_refused(&page.items).await?;
    let items = page.items.into_iter();
    let fields = items.map(|refused| RefusedRequest::of(refused, &names).fields());
    Ok(fields
        .flat_map(|fields| line(fields.map(harmless)))
        .collect())
}

fn break_off(
    sender: http_body_util::channel::Sender<Bytes, BrokenOff>,
    refusal: &(dyn std::error::Error + 'static),
) {
    tracing::error!(error = refusal, "an export of refusals breaks off");
    sender.abort(BrokenOff);
}
