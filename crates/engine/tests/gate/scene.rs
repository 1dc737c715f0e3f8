//! The vocabulary: profiles, tokens of theirs, and a gate that knows the profiles. Whatever changes over time, the
//! records and the clock, can be changed in the middle of a test.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use portcullis_engine::jwt::{PureRust, Signatures, VerificationKey, VerifiedTokens};
use portcullis_engine::limit::{Allowance, Exhausted, Limit, Limits};
use portcullis_engine::quota::{Quota, Window};
use portcullis_engine::route::Routes;
use portcullis_engine::{
    Decision, DenialReason, Gate, GateSettings, Holder, Record, Registry, Request, SharedTerms,
    World, api_key,
};
use portcullis_feed::{
    AccessMethod, AddressLists, Algorithm, ApiKey, Client, ClientId, Collection, CollectionId,
    Digest, Endpoint, Jwk, Jwt, KeyState, Profile, ProfileId,
};
use serde_json::{Value, json};

use crate::hearing::Heard;
use crate::keys;

pub const NOW_S: u64 = 1_800_000_000;

/// A gate with all that it knows.
pub struct Scene {
    gate: Gate,
    routes: Option<Arc<Routes>>,
    holders: RefCell<HashMap<Digest, Arc<Holder>>>,
    verified: VerifiedTokens,
    verifications: Cell<usize>,
    lookups: RefCell<Vec<Digest>>,
    now_s: Cell<u64>,
    limits: Left,
}

/// How many limited requests may still pass, in all, and how many were counted in quotas.
#[derive(Clone)]
pub struct Left {
    requests: Cell<u32>,
    spent: Cell<u64>,
}

impl Limits for Left {
    fn admit(&self, limit: &Limit) -> Result<Allowance, Exhausted> {
        let full_in = Duration::from_nanos(limit.interval_ns);
        let left = self.requests.get().checked_sub(1).ok_or(Exhausted {
            retry_in: full_in,
            full_in,
        })?;
        self.requests.set(left);
        Ok(Allowance {
            remaining: left,
            full_in,
        })
    }

    fn spend(&self, quota: &Quota, _: Window) -> bool {
        let spent = self.spent.get();
        self.spent.set(spent + 1);
        spent < quota.requests
    }
}

/// Who was let through, or why not.
pub type Outcome = Result<Option<ProfileId>, DenialReason>;

impl Scene {
    pub fn of(profiles: &[Profile]) -> Self {
        Self::with(GateSettings::default(), profiles, &[orders(), stock()])
    }

    pub fn with(settings: GateSettings, profiles: &[Profile], collections: &[Collection]) -> Self {
        let scene = Self {
            gate: Gate::new(settings).unwrap(),
            routes: Some(Arc::new(Routes::compile(collections))),
            holders: RefCell::default(),
            verified: VerifiedTokens::new(1 << 20, (1, 2)),
            verifications: Cell::new(0),
            lookups: RefCell::default(),
            now_s: Cell::new(NOW_S),
            limits: Left {
                requests: Cell::new(u32::MAX),
                spent: Cell::new(0),
            },
        };
        scene.learn(profiles);
        scene
    }

    /// Which has not heard of any records yet.
    pub fn knowing_nothing() -> Self {
        Self {
            routes: None,
            ..Self::of(&[])
        }
    }

    /// Forgets all profiles and knows these instead.
    pub fn learn(&self, profiles: &[Profile]) {
        let records = profiles.iter().flat_map(|it| Record::of(it).unwrap());
        let holders = records.map(|(digest, record)| {
            (
                digest,
                Arc::new(Holder::new(record, &mut SharedTerms::default())),
            )
        });
        self.holders.replace(holders.collect());
    }

    /// With its clock at another time than [`NOW_S`].
    pub fn at(self, now_s: u64) -> Self {
        self.now_s.set(now_s);
        self
    }

    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// How many limited requests may still pass from now on.
    pub fn limit_to(&self, left: u32) {
        self.limits.requests.set(left);
    }

    /// How many still may.
    pub fn left(&self) -> u32 {
        self.limits.requests.get()
    }

    /// The record of a name or key, without keeping it.
    pub fn record(&self, digest: &Digest) -> Weak<Holder> {
        Arc::downgrade(&self.holders.borrow()[digest])
    }

    pub fn wait(&self, seconds: u64) {
        self.now_s.set(self.now_s.get() + seconds);
    }

    /// How many signatures were verified so far.
    pub fn verifications(&self) -> usize {
        self.verifications.get()
    }

    /// What was looked up since this was asked last.
    pub fn lookups(&self) -> Vec<Digest> {
        self.lookups.take()
    }

    /// A call of `GET /orders/7` with a token, or a key, as `Bearer`.
    pub fn bearer(&self, token: &str) -> Outcome {
        self.call(&[("authorization", &format!("Bearer {token}"))])
    }

    /// A call of `GET /orders/7`.
    pub fn call(&self, headers: &[(&str, &str)]) -> Outcome {
        self.ask("/orders/7", headers, |decision| match decision {
            Ok(permit) => Ok(permit.holder().map(|holder| holder.profile())),
            Err(denial) => Err(denial.reason),
        })
    }

    /// Which profile's key set may have a key with which this token would be good.
    pub fn missing_key_of(&self, token: &str) -> Option<ProfileId> {
        let authorization = format!("Bearer {token}");
        self.ask("/orders/7", &[("authorization", &authorization)], |it| {
            it.unwrap_err().missing_key_of
        })
    }

    pub fn ask<T>(
        &self,
        target: &str,
        headers: &[(&str, &str)],
        read: impl FnOnce(Decision<'_>) -> T,
    ) -> T {
        self.ask_from(None, "GET", target, headers, read)
    }

    pub fn ask_from<T>(
        &self,
        address: Option<IpAddr>,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        read: impl FnOnce(Decision<'_>) -> T,
    ) -> T {
        self.ask_aloud(address, method, target, headers, |decision, _| {
            read(decision)
        })
    }

    /// The same, with what is heard meanwhile.
    pub fn ask_aloud<T>(
        &self,
        address: Option<IpAddr>,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        read: impl FnOnce(Decision<'_>, Heard) -> T,
    ) -> T {
        let pseudo = [
            (":method", method),
            (":authority", "api.example"),
            (":path", target),
        ];
        let all = pseudo.iter().chain(headers);
        let all: Vec<(&[u8], &[u8])> = all.map(|it| (it.0.as_bytes(), it.1.as_bytes())).collect();
        let request = Request {
            headers: &all,
            address: &|| address,
        };
        let world = World {
            now_ms: &|| self.now_s.get() * 1_000,
            signatures: self,
            verified: &self.verified,
            limits: &self.limits,
        };
        let left = self.limits.clone();
        let decision = self.gate.decide(&request, self, &world);
        // Once more, by somebody who remembers nothing and leaves no trace here.
        let fresh = World {
            signatures: &PureRust,
            verified: &VerifiedTokens::new(1 << 20, (1, 2)),
            limits: &left,
            ..world
        };
        let mut heard = Heard::default();
        let aloud = self
            .gate
            .decide_aloud(&request, &Unseen(self), &fresh, &mut heard);
        heard.agrees(&aloud, &decision);
        read(decision, heard)
    }
}

impl Registry for Scene {
    fn routes(&self) -> Option<Arc<Routes>> {
        self.routes.clone()
    }

    fn cached(&self, _: &Digest) -> Option<Arc<Holder>> {
        None
    }

    fn stored(&self, digest: &Digest) -> Option<Arc<Holder>> {
        self.lookups.borrow_mut().push(*digest);
        self.holders.borrow().get(digest).cloned()
    }
}

/// The same records, of which nobody notes what is looked up.
struct Unseen<'s>(&'s Scene);

impl Registry for Unseen<'_> {
    fn routes(&self) -> Option<Arc<Routes>> {
        self.0.routes()
    }

    fn cached(&self, _: &Digest) -> Option<Arc<Holder>> {
        None
    }

    fn stored(&self, digest: &Digest) -> Option<Arc<Holder>> {
        self.0.holders.borrow().get(digest).cloned()
    }
}

impl Signatures for Scene {
    fn is_good(
        &self,
        algorithm: Algorithm,
        key: &VerificationKey,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        self.verifications.set(self.verifications() + 1);
        PureRust.is_good(algorithm, key, message, signature)
    }
}

pub fn id(number: u128) -> ProfileId {
    ProfileId::from_parts(0, number)
}

/// A profile whose tokens are signed so, with the key of these tests.
pub fn tokens(number: u128, algorithm: Algorithm) -> Profile {
    tokens_like(number, jwt(algorithm, vec![keys::public(algorithm)]))
}

pub fn tokens_like(number: u128, jwt: Jwt) -> Profile {
    profile(number, AccessMethod::Jwt(Box::new(jwt)))
}

pub fn jwt(algorithm: Algorithm, keys: Vec<Jwk>) -> Jwt {
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

/// A profile that is opened by a key.
pub fn keyed(number: u128, key: &str) -> Profile {
    let keys = vec![key_record(key)];
    profile(number, AccessMethod::ApiKey { keys })
}

pub fn key_record(key: &str) -> ApiKey {
    ApiKey {
        id: "k".into(),
        digest: api_key::digest(key.as_bytes()),
        expires_at_ms: None,
        deprecated_at_ms: None,
        state: KeyState::Active,
    }
}

fn profile(number: u128, access: AccessMethod) -> Profile {
    Profile {
        id: id(number),
        client: Client {
            id: ClientId::from_parts(0, number),
            name: format!("client {number}"),
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

/// The collection that everyone here is granted.
pub fn orders() -> Collection {
    collection(
        1,
        "orders",
        &[("GET", "/orders/{id}", true), ("GET", "/orders/off", false)],
    )
}

/// The collection that nobody here is granted.
pub fn stock() -> Collection {
    collection(2, "stock", &[("GET", "/stock", true)])
}

fn collection(number: u128, name: &str, endpoints: &[(&str, &str, bool)]) -> Collection {
    let endpoint = |&(method, path, enabled): &(&str, &str, bool)| Endpoint {
        host: None,
        method: method.into(),
        path: path.into(),
        enabled,
    };
    Collection {
        id: CollectionId::from_parts(0, number),
        name: name.into(),
        version: "v1".into(),
        endpoints: endpoints.iter().map(endpoint).collect(),
        public: false,
        allows_dubious_paths: false,
    }
}

/// What a good token of a profile claims.
pub fn claims(number: u128) -> Value {
    json!({"sub": id(number).to_string(), "exp": NOW_S + 300})
}

/// A token with the usual header.
pub fn token(algorithm: Algorithm, claims: &Value) -> String {
    let header = json!({"alg": algorithm.name()});
    token_of(algorithm, &header.to_string(), &claims.to_string())
}

/// A token of whatever texts, signed so.
pub fn token_of(algorithm: Algorithm, header: &str, claims: &str) -> String {
    signed(
        algorithm,
        &format!("{}.{}", keys::encode(header), keys::encode(claims)),
    )
}

/// What is to be signed, with its signature.
pub fn signed(algorithm: Algorithm, text: &str) -> String {
    format!("{text}.{}", keys::sign(algorithm, text))
}
