//! Whole decisions: with a key, with a token that was seen before, and with one that was not.

use std::collections::HashMap;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use portcullis_engine::holder::Record;
use portcullis_engine::jwt::{PureRust, VerifiedTokens};
use portcullis_engine::limit::Uncounted;
use portcullis_engine::route::Routes;
use portcullis_engine::{
    Gate, GateSettings, Holder, Registry, Request, SharedTerms, World, api_key,
};
use portcullis_feed::{
    AccessMethod, AddressLists, Algorithm, ApiKey, Client, ClientId, Collection, CollectionId,
    Digest, Endpoint, Jwt, KeyState, Profile, ProfileId, TokenIdentity,
};

use crate::issuer::{self, Issuer};
use crate::rounds::Measure;

const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::HS256,
    Algorithm::RS256,
    Algorithm::ES256,
    Algorithm::PS256,
    Algorithm::EdDSA,
];
const KEY: &[u8] = b"canary-key-of-the-benchmark-0123456789";
const NOW_MS: u64 = 1_800_000_000_000;
/// How many different tokens are sent in turn.
const TOKENS: usize = 64;
/// A cache that forgets each token before it comes again: every sight is a first one.
const FORGETFUL_BYTES: usize = 0;

/// Everything is at hand, as in a VM that has served its callers before.
struct Known {
    routes: Arc<Routes>,
    holders: HashMap<Digest, Arc<Holder>>,
}

impl Registry for Known {
    fn routes(&self) -> Option<Arc<Routes>> {
        Some(Arc::clone(&self.routes))
    }

    fn cached(&self, digest: &Digest) -> Option<Arc<Holder>> {
        self.holders.get(digest).cloned()
    }

    fn stored(&self, _: &Digest) -> Option<Arc<Holder>> {
        None
    }
}

/// All of them.
pub fn measures() -> Result<Vec<Measure>> {
    let mut profiles = vec![profile(0, by_key())];
    let mut tokens = vec![];
    for (number, algorithm) in (1..).zip(ALGORITHMS) {
        let issuer = Issuer::new(algorithm)?;
        let name = algorithm.name();
        profiles.push(profile(number, by_token(algorithm, &issuer)?));
        let signed = (0..TOKENS).map(|token| issuer.token(name, token));
        tokens.push((name, signed.collect::<Result<Vec<_>>>()?));
    }
    let (mut holders, mut terms) = (HashMap::new(), SharedTerms::default());
    for profile in &profiles {
        for (digest, record) in Record::of(profile)? {
            holders.insert(digest, Arc::new(Holder::new(record, &mut terms)));
        }
    }
    let known = Rc::new(Known {
        routes: Arc::new(Routes::compile(&[orders()])),
        holders,
    });

    let key = std::str::from_utf8(KEY)?.to_owned();
    let mut measures = vec![decision(
        "API key",
        "api-token",
        vec![key],
        &known,
        1 << 20,
    )?];
    let bearer = |token: &String| format!("Bearer {token}");
    for (name, tokens) in &tokens {
        let first = tokens.iter().take(1).map(bearer).collect();
        let what = format!("{name} token, repeated");
        measures.push(decision(&what, "authorization", first, &known, 1 << 20)?);
    }
    for (name, tokens) in &tokens {
        let all = tokens.iter().map(bearer).collect();
        let what = format!("{name} token, first sight");
        measures.push(decision(
            &what,
            "authorization",
            all,
            &known,
            FORGETFUL_BYTES,
        )?);
    }
    Ok(measures)
}

/// Decisions on a usual request, which carries these values in turn.
fn decision(
    what: &str,
    header: &'static str,
    values: Vec<String>,
    known: &Rc<Known>,
    cache_bytes: usize,
) -> Result<Measure> {
    let gate = Gate::new(GateSettings::default()).map_err(|error| anyhow!("{error}"))?;
    let verified = VerifiedTokens::new(cache_bytes, (1, 2));
    let known = Rc::clone(known);
    Ok(Measure::new(format!("decision: {what}"), move |turn| {
        let value = values.get(turn % values.len()).map_or("", String::as_str);
        let headers: [(&[u8], &[u8]); 10] = [
            (b":method", b"GET"),
            (b":authority", b"api.example"),
            (b":path", b"/v1/orders/42"),
            (b"user-agent", b"orders-client/4.2 (linux; x86_64)"),
            (b"accept", b"application/json"),
            (b"accept-encoding", b"gzip, deflate, br"),
            (b"accept-language", b"en-GB,en;q=0.8"),
            (b"cache-control", b"no-cache"),
            (b"x-tenant", b"acme-europe-west"),
            (header.as_bytes(), value.as_bytes()),
        ];
        let request = Request {
            headers: black_box(&headers),
            address: &|| None,
        };
        let world = World {
            now_ms: &|| NOW_MS,
            signatures: &PureRust,
            verified: &verified,
            limits: &Uncounted,
        };
        let decision = gate.decide(&request, known.as_ref(), &world);
        assert!(black_box(decision).is_ok(), "a measured request is refused");
    }))
}

fn by_key() -> AccessMethod {
    AccessMethod::ApiKey {
        keys: vec![ApiKey {
            id: "key".into(),
            digest: api_key::digest(KEY),
            expires_at_ms: None,
            deprecated_at_ms: None,
            state: KeyState::Active,
        }],
    }
}

fn by_token(algorithm: Algorithm, issuer: &Issuer) -> Result<AccessMethod> {
    Ok(AccessMethod::Jwt(Box::new(Jwt {
        algorithm,
        keys: vec![issuer.key()?],
        follows_key_set: false,
        named_by_keys: vec![],
        identity: Some(TokenIdentity {
            issuer: issuer::NAME.into(),
            client: algorithm.name().into(),
        }),
        issuers: vec![],
        audiences: vec!["orders".into()],
        required_claims: [].into(),
        max_lifetime_s: None,
        allows_no_expiry: false,
    })))
}

fn profile(number: u128, access: AccessMethod) -> Profile {
    Profile {
        id: ProfileId::from_parts(0, number),
        client: Client {
            id: ClientId::from_parts(0, number),
            name: "Benchmark".into(),
            enabled: true,
        },
        enabled: true,
        expires_at_ms: None,
        access,
        addresses: AddressLists::default(),
        collections: vec![orders().id],
        policy: None,
        observe: false,
    }
}

fn orders() -> Collection {
    Collection {
        id: CollectionId::from_parts(0, 1),
        name: "orders".into(),
        version: "v1".into(),
        endpoints: vec![Endpoint {
            host: None,
            method: "GET".into(),
            path: "/v1/orders/{id}".into(),
            enabled: true,
        }],
        public: false,
        allows_dubious_paths: false,
    }
}
