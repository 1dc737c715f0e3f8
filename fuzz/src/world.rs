//! The records behind the target `request`: profiles of every kind, and the credentials that open them.

use std::sync::LazyLock;

use portcullis_engine::api_key;
use portcullis_feed::{
    AccessMethod, AddressLists, Algorithm, ApiKey, Change, ChangePage, ChangedObject, Client,
    ClientId, Collection, CollectionId, Endpoint, FORMAT, Jwk, Jwt, KeyState, Profile, ProfileId,
    TokenIdentity,
};

use crate::{NOW_MS, issuer};

/// A credential that an input can ask for by its name, and whose it is.
pub(crate) struct Credential {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) profile: ProfileId,
    /// Whether it may open anything.
    pub(crate) is_good: bool,
}

pub(crate) const PLAIN: u128 = 1;
pub(crate) const HS256: u128 = 4;
pub(crate) const ES256: u128 = 5;
pub(crate) const RS256: u128 = 6;

/// A collection's number and name, with method and path of its endpoints.
type Written = (u128, &'static str, &'static [(&'static str, &'static str)]);

/// The collections: usual, public, and one whose service is safe with dubious paths.
const COLLECTIONS: [Written; 4] = [
    (
        1,
        "orders",
        &[("GET", "/v1/orders/{id}"), ("POST", "/v1/orders")],
    ),
    (2, "status", &[("GET", "/status"), ("*", "/open/**")]),
    (3, "files", &[("*", "/files/**")]),
    (4, "stock", &[("GET", "/stock"), ("GET", "/v1/orders/new")]),
];

/// Who issues tokens.
const ISSUER: &str = "https://idp.example";
/// Its name for a client.
const CLIENT: &str = "c1";

pub(crate) fn collection_id(number: u128) -> CollectionId {
    CollectionId::from_parts(0, number)
}

pub(crate) fn profile_id(number: u128) -> ProfileId {
    ProfileId::from_parts(0, number)
}

/// All credentials. What is made with a key is made once: it takes long.
pub(crate) static CREDENTIALS: LazyLock<Vec<Credential>> = LazyLock::new(|| {
    let own = api_key::ApiKey::compose("live", *b"abcdefghijkm", [0x5a; 32]);
    let own = own.map_or_else(
        |_| unreachable!("`live` is one"),
        |key| key.reveal().to_owned(),
    );
    let credential = |name, text: &str, profile, is_good| Credential {
        name,
        text: text.to_owned(),
        profile: profile_id(profile),
        is_good,
    };
    let mut all = vec![
        credential("key", "canary-key-of-one-0123456789", PLAIN, true),
        credential("own", &own, PLAIN, true),
        credential("old", "canary-key-deprecated-012345", PLAIN, true),
        credential("revoked", "canary-key-revoked-012345678", PLAIN, false),
        credential("expired", "canary-key-expired-012345678", PLAIN, false),
        credential("near", "canary-key-with-addresses-01", 2, true),
        credential("off", "canary-key-of-disabled-01234", 3, false),
        credential("name", "canary-key-that-only-names-0", HS256, false),
        credential("watched", "canary-key-observed-01234567", 7, true),
    ];
    for (name, algorithm, profile) in [
        ("hs256", Algorithm::HS256, HS256),
        ("es256", Algorithm::ES256, ES256),
        ("rs256", Algorithm::RS256, RS256),
    ] {
        let header = format!(r#"{{"alg":"{}"}}"#, algorithm.name());
        // Who has a provider's name is called by it.
        let subject = match profile {
            ES256 => CLIENT.to_owned(),
            _ => profile_id(profile).to_string(),
        };
        let claims = format!(
            r#"{{"iss":"{ISSUER}","sub":"{subject}","exp":{},"tenant":"t"}}"#,
            NOW_MS / 1_000 + 60
        );
        let token = issuer::sign(algorithm, header.as_bytes(), claims.as_bytes());
        all.push(credential(name, &token, profile, true));
    }
    all
});

fn key(name: &str) -> ApiKey {
    let credential = CREDENTIALS.iter().find(|it| it.name == name);
    let text = credential.map_or("", |it| it.text.as_str());
    ApiKey {
        id: name.to_owned(),
        digest: api_key::digest(text.as_bytes()),
        expires_at_ms: (name == "expired").then_some(NOW_MS),
        deprecated_at_ms: (name == "old").then_some(NOW_MS - 1_000),
        state: if name == "revoked" {
            KeyState::Revoked
        } else {
            KeyState::Active
        },
    }
}

fn by_keys(names: &[&str]) -> AccessMethod {
    AccessMethod::ApiKey {
        keys: names.iter().map(|name| key(name)).collect(),
    }
}

/// Tokens of an algorithm, of which nothing else is asked.
pub(crate) fn tokens(algorithm: Algorithm, keys: Vec<Jwk>) -> Jwt {
    Jwt {
        algorithm,
        keys,
        follows_key_set: false,
        named_by_keys: vec![],
        identity: None,
        issuers: vec![],
        audiences: vec![],
        required_claims: [].into(),
        max_lifetime_s: None,
        allows_no_expiry: false,
    }
}

fn by_token(algorithm: Algorithm, change: impl FnOnce(&mut Jwt)) -> AccessMethod {
    let mut jwt = tokens(algorithm, vec![issuer::key(algorithm)]);
    change(&mut jwt);
    AccessMethod::Jwt(Box::new(jwt))
}

pub(crate) fn profile(number: u128, access: AccessMethod) -> Profile {
    Profile {
        id: profile_id(number),
        client: Client {
            id: ClientId::from_parts(0, number),
            name: format!("client {number} / café"),
            enabled: true,
        },
        enabled: true,
        expires_at_ms: None,
        access,
        addresses: AddressLists::default(),
        collections: vec![collection_id(1), collection_id(3)],
        policy: None,
        observe: false,
    }
}

fn profiles() -> Vec<Profile> {
    let identity = TokenIdentity {
        issuer: ISSUER.into(),
        client: CLIENT.into(),
    };
    let addresses = AddressLists {
        allow: vec!["192.0.2.0/24".into(), "2001:db8::/32".into()],
        deny: vec!["192.0.2.66".into()],
    };
    vec![
        profile(PLAIN, by_keys(&["key", "own", "old", "revoked", "expired"])),
        Profile {
            addresses,
            ..profile(2, by_keys(&["near"]))
        },
        Profile {
            enabled: false,
            ..profile(3, by_keys(&["off"]))
        },
        profile(
            HS256,
            by_token(Algorithm::HS256, |jwt| {
                jwt.named_by_keys = vec![key("name")]
            }),
        ),
        profile(
            ES256,
            by_token(Algorithm::ES256, |jwt| {
                jwt.identity = Some(identity);
                jwt.allows_no_expiry = true;
            }),
        ),
        profile(
            RS256,
            by_token(Algorithm::RS256, |jwt| jwt.follows_key_set = true),
        ),
        Profile {
            observe: true,
            ..profile(7, by_keys(&["watched"]))
        },
    ]
}

pub(crate) fn collections() -> Vec<Collection> {
    let endpoint = |&(method, path): &(&str, &str)| Endpoint {
        host: None,
        method: method.into(),
        path: path.into(),
        enabled: path != "/v1/orders",
    };
    let collection = |&(number, name, endpoints): &Written| Collection {
        id: collection_id(number),
        name: name.into(),
        version: "v1".into(),
        endpoints: endpoints.iter().map(endpoint).collect(),
        public: name == "status",
        allows_dubious_paths: name == "files",
    };
    COLLECTIONS.iter().map(collection).collect()
}

/// All of it, as a first page of the feed.
pub(crate) fn page() -> ChangePage {
    let profiles = profiles()
        .into_iter()
        .map(Box::new)
        .map(ChangedObject::Profile);
    let collections = collections()
        .into_iter()
        .map(Box::new)
        .map(ChangedObject::Collection);
    let changes: Vec<Change> = (1..)
        .zip(profiles.chain(collections))
        .map(|(revision, object)| Change { revision, object })
        .collect();
    let head = changes.last().map_or(0, |change| change.revision);
    ChangePage {
        format: FORMAT,
        epoch: "e".into(),
        after: 0,
        revision: head,
        head,
        changes,
    }
}
