//! Sentences about decisions by key. Those about tokens, public collections and what is only observed are in the tests
//! beside this crate.

mod settings;
mod stripping;

use std::cell::Cell;
use std::collections::HashMap;

use portcullis_feed::{
    AccessMethod, AddressLists, ApiKey, Client, ClientId, Collection, CollectionId, Endpoint,
    KeyState, Profile, ProfileId,
};

use crate::api_key;
use crate::holder::Record;
use crate::jwt::PureRust;
use crate::limit::Uncounted;
use crate::terms::SharedTerms;

use super::*;

const NOW_MS: u64 = 1_800_000_000_000;
const CREDENTIALS: [(&[u8], &[u8]); 1] = [(b"api-token", b"good")];

/// A registry of one profile, whose key is `good`, and one collection `orders/v2` that it grants.
struct Known {
    profile: Profile,
    collections: Vec<Collection>,
    is_complete: bool,
}

impl Known {
    fn profile() -> Self {
        let orders = CollectionId::from_parts(0, 1);
        let endpoint = |method: &str, path: &str, enabled| Endpoint {
            host: None,
            method: method.into(),
            path: path.into(),
            enabled,
        };
        Self {
            profile: Profile {
                id: ProfileId::from_parts(0, 2),
                client: Client {
                    id: ClientId::from_parts(0, 3),
                    name: "Acme".into(),
                    enabled: true,
                },
                enabled: true,
                expires_at_ms: None,
                access: AccessMethod::ApiKey {
                    keys: vec![ApiKey {
                        id: "k".into(),
                        digest: api_key::digest(b"good"),
                        expires_at_ms: None,
                        deprecated_at_ms: None,
                        state: KeyState::Active,
                    }],
                },
                addresses: AddressLists::default(),
                collections: vec![orders],
                policy: None,
                observe: false,
            },
            collections: vec![
                Collection {
                    id: orders,
                    name: "orders".into(),
                    version: "v2".into(),
                    endpoints: vec![
                        endpoint("GET", "/orders/{id}", true),
                        endpoint("GET", "/off", false),
                    ],
                    public: false,
                    allows_dubious_paths: false,
                },
                Collection {
                    id: CollectionId::from_parts(0, 9),
                    name: "stock".into(),
                    version: "v1".into(),
                    endpoints: vec![endpoint("GET", "/stock", true)],
                    public: false,
                    allows_dubious_paths: false,
                },
            ],
            is_complete: true,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Profile)) -> Self {
        change(&mut self.profile);
        self
    }

    fn with_key(self, change: impl FnOnce(&mut ApiKey)) -> Self {
        self.with(|profile| {
            let AccessMethod::ApiKey { keys } = &mut profile.access else {
                unreachable!("these profiles have keys");
            };
            change(&mut keys[0]);
        })
    }

    fn check(&self, target: &str, headers: &[(&[u8], &[u8])], expected: Result<(), DenialReason>) {
        let decision = decide(self, target, headers, &|| None);
        assert_eq!(
            decision.map(drop).map_err(|denial| denial.reason),
            expected,
            "{target}"
        );
    }
}

impl Registry for Known {
    fn routes(&self) -> Option<Arc<Routes>> {
        self.is_complete
            .then(|| Arc::new(Routes::compile(&self.collections)))
    }

    fn cached(&self, _: &Digest) -> Option<Arc<Holder>> {
        None
    }

    fn stored(&self, digest: &Digest) -> Option<Arc<Holder>> {
        let records: HashMap<_, _> = Record::of(&self.profile).unwrap().into_iter().collect();
        let record = records.get(digest)?.clone();
        Some(Arc::new(Holder::new(record, &mut SharedTerms::default())))
    }
}

/// A denial as far as the sentences speak of it.
#[derive(Debug)]
struct Refused {
    reason: DenialReason,
    client: Option<String>,
    collection: Option<String>,
    stripped: Vec<String>,
}

fn decide(
    known: &Known,
    target: &str,
    headers: &[(&[u8], &[u8])],
    address: &dyn Fn() -> Option<IpAddr>,
) -> Result<(Vec<String>, String), Refused> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let texts = |list: &[&[u8]]| list.iter().map(|name| text(name)).collect();
    let mut all: Vec<(&[u8], &[u8])> = vec![
        (b":method", b"GET"),
        (b":authority", b"api.example"),
        (b":path", target.as_bytes()),
    ];
    all.extend(headers);
    let gate = Gate::new(GateSettings::default()).unwrap();
    let request = Request {
        headers: &all,
        address,
    };
    let world = World {
        now_ms: &|| NOW_MS,
        signatures: &PureRust,
        verified: &VerifiedTokens::new(1 << 20, (1, 2)),
        limits: &Uncounted,
    };
    match gate.decide(&request, known, &world) {
        Ok(permit) => Ok((
            texts(permit.stripped()),
            permit.collection().unwrap().label.to_string(),
        )),
        Err(denial) => Err(Refused {
            reason: denial.reason,
            client: denial.holder.as_ref().map(|it| it.client_name().into()),
            collection: denial.collection.as_ref().map(|it| it.label.to_string()),
            stripped: texts(denial.stripped()),
        }),
    }
}

#[test]
fn nothing_is_permitted_before_the_records_are_complete() {
    let known = Known {
        is_complete: false,
        ..Known::profile()
    };
    known.check("/orders/7", &CREDENTIALS, Err(DenialReason::NotReady));
}

#[test]
fn a_missing_and_an_invalid_credential_are_told_apart_and_reveal_no_route() {
    for target in ["/orders/7", "/nowhere", "/off", "/stock"] {
        Known::profile().check(target, &[], Err(DenialReason::CredentialMissing));
        for wrong in [&b"bad"[..], b"ptc_live_x", b"\xff\xfe"] {
            Known::profile().check(
                target,
                &[(b"api-token", wrong)],
                Err(DenialReason::CredentialInvalid),
            );
        }
        Known::profile().check(
            target,
            &[(b"authorization", b"Basic %%")],
            Err(DenialReason::CredentialInvalid),
        );
    }
}

#[test]
fn two_different_credentials_are_ambiguous() {
    let headers: [(&[u8], &[u8]); 2] =
        [(b"api-token", b"good"), (b"authorization", b"Bearer other")];
    Known::profile().check("/orders/7", &headers, Err(DenialReason::RequestAmbiguous));
}

#[test]
fn an_ambiguous_path_is_refused_whoever_asks() {
    Known::profile().check(
        "/orders/%2e%2e/stock",
        &[],
        Err(DenialReason::RequestAmbiguous),
    );
    Known::profile().check(
        "/orders/..%2f",
        &CREDENTIALS,
        Err(DenialReason::RequestAmbiguous),
    );
}

#[test]
fn a_disabled_client_or_profile_is_refused_with_the_reason() {
    let client = Known::profile().with(|profile| profile.client.enabled = false);
    client.check("/orders/7", &CREDENTIALS, Err(DenialReason::ClientDisabled));
    let profile = Known::profile().with(|profile| profile.enabled = false);
    profile.check(
        "/orders/7",
        &CREDENTIALS,
        Err(DenialReason::ProfileDisabled),
    );
}

#[test]
fn a_profile_and_a_key_expire_at_their_millisecond() {
    for (end_ms, expected) in [
        (NOW_MS, Err(DenialReason::CredentialExpired)),
        (NOW_MS + 1, Ok(())),
    ] {
        Known::profile()
            .with(|profile| profile.expires_at_ms = Some(end_ms))
            .check("/orders/7", &CREDENTIALS, expected);
        Known::profile()
            .with_key(|key| key.expires_at_ms = Some(end_ms))
            .check("/orders/7", &CREDENTIALS, expected);
    }
}

#[test]
fn the_holder_of_a_revoked_key_is_told_so() {
    let known = Known::profile().with_key(|key| key.state = KeyState::Revoked);
    known.check(
        "/orders/7",
        &CREDENTIALS,
        Err(DenialReason::CredentialRevoked),
    );
}

#[test]
fn the_address_is_asked_for_only_where_there_are_rules_and_must_be_known() {
    let asked = Cell::new(0);
    let from = |address: Option<&str>| {
        let address = address.map(|text| text.parse().unwrap());
        let asked = &asked;
        move || {
            asked.set(asked.get() + 1);
            address
        }
    };
    let reason = |known: &Known, address: Option<&str>| {
        let decision = decide(known, "/orders/7", &CREDENTIALS, &from(address));
        decision.map(drop).map_err(|denial| denial.reason)
    };
    assert_eq!(reason(&Known::profile(), None), Ok(()));
    assert_eq!(asked.get(), 0);
    let known =
        Known::profile().with(|profile| profile.addresses.allow = vec!["10.0.0.0/8".into()]);
    assert_eq!(reason(&known, Some("10.1.2.3")), Ok(()));
    assert_eq!(
        reason(&known, Some("192.0.2.1")),
        Err(DenialReason::AddressNotAllowed)
    );
    assert_eq!(reason(&known, None), Err(DenialReason::AddressNotAllowed));
    assert_eq!(asked.get(), 3);
}

#[test]
fn only_granted_collections_and_enabled_endpoints_are_open() {
    Known::profile().check(
        "/stock",
        &CREDENTIALS,
        Err(DenialReason::CollectionNotGranted),
    );
    Known::profile().check("/off", &CREDENTIALS, Err(DenialReason::EndpointDisabled));
    Known::profile().check(
        "/nowhere",
        &CREDENTIALS,
        Err(DenialReason::EndpointNotFound),
    );
    let none = Known::profile().with(|profile| profile.collections.clear());
    none.check(
        "/orders/7",
        &CREDENTIALS,
        Err(DenialReason::CollectionNotGranted),
    );
}

#[test]
fn a_denial_names_its_holder_only_once_the_credential_is_known() {
    let denial = decide(
        &Known::profile(),
        "/orders/7",
        &[(b"api-token", b"bad")],
        &|| None,
    )
    .unwrap_err();
    assert!(denial.client.is_none());
    let denial = decide(&Known::profile(), "/stock", &CREDENTIALS, &|| None).unwrap_err();
    assert_eq!(denial.client.as_deref(), Some("Acme"));
    assert_eq!(denial.collection.as_deref(), Some("stock/v1"));
}
