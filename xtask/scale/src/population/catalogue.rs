//! What can be granted to made-up profiles, and how much of it: some dozens of collections and a few policies.

use portcullis_feed::{
    CollectionId, Endpoint, PolicyId, Quota, QuotaCounts, QuotaWindow, RateLimit, RateScope,
    RateWindow,
};
use portcullis_store::{Collection, Policy};

use super::START_MS;
use crate::chance::{Chance, Kind};

const APIS: [&str; 24] = [
    "orders",
    "invoices",
    "payments",
    "customers",
    "products",
    "prices",
    "stock",
    "shipments",
    "returns",
    "tracking",
    "accounts",
    "balances",
    "transfers",
    "statements",
    "cards",
    "bookings",
    "tickets",
    "seats",
    "search",
    "reviews",
    "messages",
    "documents",
    "reports",
    "webhooks",
];

const VERSIONS: [&str; 2] = ["v1", "v2"];

/// What each API has, below its own path.
const OPERATIONS: [(&str, &str); 6] = [
    ("GET", "{id}"),
    ("GET", ""),
    ("POST", ""),
    ("PUT", "{id}"),
    ("DELETE", "{id}"),
    ("GET", "{id}/history/**"),
];

/// So many collections are there.
pub const COLLECTIONS: usize = APIS.len() * VERSIONS.len();

/// So many policies are there.
pub const POLICIES: usize = 8;

/// A collection, by its number below [`COLLECTIONS`].
#[must_use]
pub fn collection(seed: u64, number: usize) -> Collection {
    let (api, version) = names(number);
    let endpoint = |(method, rest): &(&str, &str)| Endpoint {
        host: None,
        method: (*method).to_owned(),
        path: format!("/{version}/{api}/{rest}")
            .trim_end_matches('/')
            .to_owned(),
        enabled: true,
    };
    Collection {
        id: collection_id(seed, number),
        name: api.to_owned(),
        version: version.to_owned(),
        description: Some(format!("All about {api}")),
        endpoints: OPERATIONS.iter().map(endpoint).collect(),
        public: false,
        allows_dubious_paths: false,
        created_at_ms: START_MS,
        updated_at_ms: START_MS,
    }
}

/// The identifier of a collection.
#[must_use]
pub fn collection_id(seed: u64, number: usize) -> CollectionId {
    let mut chance = Chance::of(seed, Kind::Collection, number as u64);
    CollectionId::from_parts(START_MS, chance.id())
}

/// A path that the collection grants for GET.
#[must_use]
pub fn path(number: usize, object: usize) -> String {
    let (api, version) = names(number);
    format!("/{version}/{api}/{object}")
}

/// A policy, by its number below [`POLICIES`]. None is so tight that a benchmark meets it.
#[must_use]
pub fn policy(seed: u64, number: usize) -> Policy {
    let tier = u32::try_from(number).unwrap_or(0) + 1;
    Policy {
        id: policy_id(seed, number),
        name: format!("Tier {tier}"),
        description: None,
        rate_limit: Some(RateLimit {
            requests: 100_000 * tier,
            per: RateWindow::Second,
            burst: (tier > 4).then_some(200_000 * tier),
            scope: RateScope::default(),
        }),
        quota: (tier % 2 == 0).then_some(Quota {
            requests: 1_000_000_000_000,
            per: QuotaWindow::Month,
            time_zone: None,
            counts: QuotaCounts::Permitted,
        }),
        created_at_ms: START_MS,
        updated_at_ms: START_MS,
    }
}

/// The identifier of a policy.
#[must_use]
pub fn policy_id(seed: u64, number: usize) -> PolicyId {
    let mut chance = Chance::of(seed, Kind::Policy, number as u64);
    PolicyId::from_parts(START_MS, chance.id())
}

fn names(number: usize) -> (&'static str, &'static str) {
    let api = APIS.get(number % APIS.len()).copied().unwrap_or_default();
    let version = VERSIONS.get(number / APIS.len()).copied();
    (api, version.unwrap_or_default())
}
