//! When something was used last: the last minute of its series.

use std::collections::HashMap;

use portcullis_feed::{ClientId, ProfileId};

use super::Scope;
use crate::statement::{Draft, Value};
use crate::{Snapshot, StoreError, row};

/// Whose last use is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastUse {
    /// Of keys, by their public ids.
    Keys(Vec<String>),
    /// Of access profiles.
    Profiles(Vec<ProfileId>),
    /// Of clients.
    Clients(Vec<ClientId>),
}

impl Snapshot {
    /// When each was used last, to the minute, by its identifier: milliseconds since 1970, UTC. What was never used, or
    /// too long ago, is left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn last_uses(&mut self, of: &LastUse) -> Result<HashMap<String, u64>, StoreError> {
        let (before, scope, ids): (_, _, Vec<String>) = match of {
            LastUse::Keys(ids) => (
                "SELECT key_id AS id, MAX(last_minute) AS last FROM usage_series WHERE key_id IN ",
                Scope::Detail,
                ids.clone(),
            ),
            LastUse::Profiles(ids) => (
                "SELECT profile_id AS id, MAX(last_minute) AS last FROM usage_series \
                 WHERE key_id = '' AND collection_id = '' AND endpoint = '' AND profile_id IN ",
                Scope::Profile,
                ids.iter().map(ToString::to_string).collect(),
            ),
            LastUse::Clients(ids) => (
                "SELECT client_id AS id, MAX(last_minute) AS last FROM usage_series \
                 WHERE client_id IN ",
                Scope::Profile,
                ids.iter().map(ToString::to_string).collect(),
            ),
        };
        let mut uses = HashMap::new();
        if ids.is_empty() {
            return Ok(uses);
        }
        let mut draft = Draft::new(before);
        draft.push_list(ids.into_iter().map(Value::from));
        draft.push(" AND scope = ").push_bind(scope.number());
        draft.push(match of {
            LastUse::Keys(_) => " GROUP BY key_id",
            LastUse::Profiles(_) => " GROUP BY profile_id",
            LastUse::Clients(_) => " GROUP BY client_id",
        });
        for found in draft.finished().fetch_all(&mut self.transaction).await? {
            let minute = row::number(&found, "last")?;
            uses.insert(found.try_get("id")?, minute.saturating_mul(60_000));
        }
        Ok(uses)
    }
}
