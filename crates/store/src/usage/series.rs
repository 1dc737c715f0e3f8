//! Series: what sums are about, each under a number.

use std::collections::{BTreeMap, HashMap};

use portcullis_feed::ProfileId;

use super::Scope;
use super::merged::Key;
use crate::statement::{Draft, Transaction, Value};
use crate::{StoreError, row};

/// How many series one statement takes.
const AT_ONCE: usize = 500;

const PUT: [&str; 2] = [
    "INSERT INTO usage_series (scope, client_id, profile_id, key_id, collection_id, endpoint, \
     last_minute) ",
    " ON CONFLICT (profile_id, key_id, collection_id, endpoint, scope) DO UPDATE SET \
     last_minute = CASE WHEN excluded.last_minute > usage_series.last_minute \
     THEN excluded.last_minute ELSE usage_series.last_minute END, \
     client_id = CASE WHEN excluded.client_id = '' THEN usage_series.client_id \
     ELSE excluded.client_id END \
     RETURNING id, scope, profile_id, key_id, collection_id, endpoint",
];

/// What a series is about. What it does not tell apart, or is not known, is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Series {
    pub(super) scope: Scope,
    profile: String,
    key_id: String,
    collection: String,
    endpoint: String,
}

impl Series {
    /// The series of a scope to which a row belongs.
    pub(super) fn of(scope: Scope, key: &Key) -> Self {
        let tells_callers = matches!(scope, Scope::Detail | Scope::Profile);
        let tells_endpoints = matches!(scope, Scope::Detail | Scope::Endpoint);
        let profile = key.profile.filter(|_| tells_callers);
        let key_id = key.key_id.clone().filter(|_| scope == Scope::Detail);
        let collection = key.collection.filter(|_| tells_endpoints);
        let endpoint = key.endpoint.clone().filter(|_| tells_endpoints);
        Self {
            scope,
            profile: profile.map(|id| id.to_string()).unwrap_or_default(),
            key_id: key_id.unwrap_or_default(),
            collection: collection.map(|id| id.to_string()).unwrap_or_default(),
            endpoint: endpoint.unwrap_or_default(),
        }
    }

    fn values(&self, clients: &HashMap<ProfileId, String>, last_minute: u64) -> [Value; 7] {
        let profile = self.profile.parse::<ProfileId>().ok();
        let client = profile.and_then(|profile| clients.get(&profile));
        [
            self.scope.number().into(),
            client.map_or("", String::as_str).into(),
            (&self.profile).into(),
            (&self.key_id).into(),
            (&self.collection).into(),
            (&self.endpoint).into(),
            row::stored(last_minute).into(),
        ]
    }
}

/// Makes sure that there are these series, notes the last minute in which each had a request, and tells their numbers.
pub(super) async fn put(
    series: &BTreeMap<Series, u64>,
    clients: &HashMap<ProfileId, String>,
    on: &mut Transaction,
) -> Result<HashMap<Series, i64>, StoreError> {
    let mut numbers = HashMap::with_capacity(series.len());
    let all: Vec<_> = series.iter().collect();
    for some in all.chunks(AT_ONCE) {
        let [before, after] = PUT;
        let mut draft = Draft::new(before);
        let rows = some
            .iter()
            .map(|(series, last)| series.values(clients, **last));
        draft.push_rows(rows).push(after);
        let statement = if some.len() == AT_ONCE {
            draft.kept()
        } else {
            draft.finished()
        };
        for row in statement.fetch_all(on).await? {
            let scope: i64 = row.try_get("scope")?;
            let scope = Scope::EACH.into_iter().find(|each| each.number() == scope);
            let series = Series {
                scope: scope.ok_or(StoreError::Unreadable { column: "scope" })?,
                profile: row.try_get("profile_id")?,
                key_id: row.try_get("key_id")?,
                collection: row.try_get("collection_id")?,
                endpoint: row.try_get("endpoint")?,
            };
            numbers.insert(series, row.try_get("id")?);
        }
    }
    Ok(numbers)
}
