//! When records were used last. That is no part of a record, so that nobody who changes one is told that it is another
//! one by now only because somebody has called: tags leave it out.

use std::collections::HashMap;

use axum::response::{IntoResponse, Response};
use portcullis_store::LastUse;
use serde::Serialize;
use utoipa::ToSchema;

use super::tag::{Tag, TaggedAs};
use crate::app::time::Moment;
use crate::app::{App, Refusal};

/// A record, and when it was used last.
#[derive(Debug, Serialize, ToSchema)]
pub struct Used<T> {
    /// The record.
    #[serde(flatten)]
    pub record: T,
    /// When gateways saw a request of it last, permitted or not, to the minute. Null, when they never did, or longer ago
    /// than usage is kept. No part of the record: it does not change the tag.
    pub last_used_at: Option<Moment>,
}

/// A record with the tag of the record alone.
pub struct TaggedUse<T>(pub Used<T>);

/// When records were used last.
pub struct Uses(HashMap<String, u64>);

impl Uses {
    /// Looks it up.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn of(app: &App, of: &LastUse) -> Result<Self, Refusal> {
        Ok(Self(app.last_uses(of).await?))
    }

    /// Says it of a record, by its identifier.
    pub fn say<T>(&self, record: T, id: &impl ToString) -> Used<T> {
        let at_ms = self.0.get(&id.to_string()).copied();
        Used {
            record,
            last_used_at: at_ms.map(Moment::from_ms),
        }
    }
}

impl<T: Serialize> IntoResponse for TaggedUse<T> {
    fn into_response(self) -> Response {
        let tag = Tag::of(&self.0.record);
        let record = self.0;
        TaggedAs { record, tag }.into_response()
    }
}
