//! The vocabulary of these tests: a control plane in process, an operator and a gateway who call it.

use std::ops::Index;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::response::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use portcullis_control_plane::app::token::{ChosenToken, ChosenTokens};
use portcullis_control_plane::app::{App, Clock, Entropy, Refusal, World};
use portcullis_control_plane::router::{Terms, router};
use portcullis_store::{NewLife, SecretKey, Store};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::ground::Ground;

/// When these tests begin: 2027-01-15T08:00:00Z.
pub const BEGIN_MS: u64 = 1_800_000_000_000;

const OPERATOR_TOKEN: &str = "the-operator-of-these-tests-and-nobody-else";
const GATEWAY_TOKEN: &str = "the-gateway-of-these-tests-and-nobody-else";

/// A control plane with a clock that stands still.
pub struct Stage {
    pub app: Arc<App>,
    pub router: Router,
    pub clock_ms: Arc<AtomicU64>,
    pub stop: watch::Sender<bool>,
    pub ground: Ground,
    drawn: Arc<AtomicU64>,
    life: u32,
}

/// Somebody who calls it.
#[derive(Clone)]
pub struct Caller {
    router: Router,
    token: Option<String>,
}

/// What a caller gets.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

pub async fn open() -> Stage {
    open_with("").await
}

/// One that may fetch keys from networks that are not public.
pub async fn open_with(networks: &str) -> Stage {
    let ground = Ground::new();
    let clock_ms = Arc::new(AtomicU64::new(BEGIN_MS));
    open_in(ground, networks, clock_ms, Arc::default(), 1, GATEWAY_TOKEN).await
}

async fn open_in(
    ground: Ground,
    networks: &str,
    clock_ms: Arc<AtomicU64>,
    drawn: Arc<AtomicU64>,
    life: u32,
    gateway_token: &str,
) -> Stage {
    let now = Arc::clone(&clock_ms);
    let draws = Arc::clone(&drawn);
    let world = World {
        clock: Clock::new(move || now.load(Ordering::Relaxed)),
        entropy: Entropy::new(move |bytes| {
            // No chance, but never the same twice: not in the five bits of each byte either, which ids of keys show.
            let mut number = draws.fetch_add(1, Ordering::Relaxed);
            for byte in bytes.iter_mut().rev() {
                *byte = u8::try_from(number % 32).unwrap();
                number /= 32;
            }
            Ok(())
        }),
    };
    let nonces = world.entropy.clone();
    let secret_key = SecretKey::new(&[7; 32], move || nonces.bytes().ok());
    let new_life = move || {
        Some(NewLife {
            epoch: format!("epoch-{life}"),
            begun_at_ms: BEGIN_MS,
        })
    };
    let store = Store::open(&ground.location(), new_life, secret_key)
        .await
        .unwrap();
    let app = App::new(store, world, "test").unwrap();
    let app = Arc::new(app.with_key_set_networks(networks.parse().unwrap()));
    let chosen = |token: &str| Some(ChosenToken::try_from(token.to_owned()).unwrap());
    let tokens = ChosenTokens {
        operator: chosen(OPERATOR_TOKEN),
        gateway: chosen(gateway_token),
    };
    app.settle_tokens(tokens, |_| Ok::<(), Refusal>(()))
        .await
        .unwrap();
    app.settle_feed_keys(None).await.unwrap();
    app.remember_gateways().await.unwrap();
    let (stop, stopping) = watch::channel(false);
    Stage {
        router: router(&app, stopping, Terms::default()),
        app,
        clock_ms,
        stop,
        ground,
        drawn,
        life,
    }
}

impl Stage {
    pub fn operator(&self) -> Caller {
        self.caller(Some(OPERATOR_TOKEN))
    }

    pub fn gateway(&self) -> Caller {
        self.caller(Some(GATEWAY_TOKEN))
    }

    pub fn stranger(&self) -> Caller {
        self.caller(None)
    }

    pub fn caller(&self, token: Option<&str>) -> Caller {
        Caller {
            router: self.router.clone(),
            token: token.map(str::to_owned),
        }
    }

    /// Ends it, and opens another one over the same records.
    pub async fn reopened(self) -> Self {
        self.reopened_with(GATEWAY_TOKEN).await
    }

    /// The same, when it has no time to end.
    pub async fn killed(self) -> Self {
        self.opened_again(GATEWAY_TOKEN).await
    }

    /// The same, with another token of gateways in its environment.
    pub async fn reopened_with(self, gateway_token: &str) -> Self {
        self.app.close().await;
        self.opened_again(gateway_token).await
    }

    async fn opened_again(self, gateway_token: &str) -> Self {
        drop((self.router, self.app));
        open_in(
            self.ground,
            "",
            self.clock_ms,
            self.drawn,
            self.life + 1,
            gateway_token,
        )
        .await
    }

    /// Lets time pass.
    pub fn pass_ms(&self, ms: u64) {
        self.clock_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Caller {
    /// Sends a request, and gets the very bytes of the answer.
    pub async fn sends_raw(&self, request: Request<Body>) -> (Parts, Bytes) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts, to_bytes(body, usize::MAX).await.unwrap())
    }

    pub async fn sends(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.sends_raw(request).await;
        let text = || Value::from(String::from_utf8_lossy(&body).into_owned());
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&body).unwrap_or_else(|_| text()),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(path);
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    async fn says(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let request = self
            .request(method, path)
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8");
        self.sends(request.body(body.into()).unwrap()).await
    }

    /// Says something with further headers.
    pub async fn says_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = self.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.sends(request.body(body.into()).unwrap()).await
    }

    /// Creates something by a key.
    pub async fn posts_once(&self, path: &str, key: &str, body: Value) -> Answer {
        let headers = [
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        self.says_with(Method::POST, path, &headers, body.to_string())
            .await
    }

    /// Changes a record if it is still the one with a tag.
    pub async fn patches_if(&self, path: &str, tag: &str, body: Value) -> Answer {
        let headers = [("content-type", "application/json"), ("if-match", tag)];
        self.says_with(Method::PATCH, path, &headers, body.to_string())
            .await
    }

    /// Removes a record if it is still the one with a tag.
    pub async fn deletes_if(&self, path: &str, tag: &str) -> Answer {
        self.says_with(Method::DELETE, path, &[("if-match", tag)], Body::empty())
            .await
    }

    pub async fn posts(&self, path: &str, body: Value) -> Answer {
        self.says(Method::POST, path, body.to_string()).await
    }

    pub async fn posts_text(&self, path: &str, body: &str) -> Answer {
        self.says(Method::POST, path, body.to_owned()).await
    }

    pub async fn patches(&self, path: &str, body: Value) -> Answer {
        self.says(Method::PATCH, path, body.to_string()).await
    }

    pub async fn gets(&self, path: &str) -> Answer {
        let request = self.request(Method::GET, path);
        self.sends(request.body(Body::empty()).unwrap()).await
    }

    pub async fn deletes(&self, path: &str) -> Answer {
        let request = self.request(Method::DELETE, path);
        self.sends(request.body(Body::empty()).unwrap()).await
    }

    pub async fn creates_client(&self, name: &str) -> Answer {
        let answer = self.posts("/api/v1/clients", json!({ "name": name })).await;
        answer.is(201)
    }

    pub async fn creates_collection(&self, name: &str) -> Answer {
        let endpoints = json!([{"method": "GET", "path": format!("/{name}/{{id}}")}]);
        let draft = json!({"name": name, "version": "v1", "endpoints": endpoints});
        self.posts("/api/v1/collections", draft).await.is(201)
    }

    pub async fn creates_policy(&self, name: &str) -> Answer {
        let draft = json!({"name": name, "rate_limit": {"requests": 5, "per": "minute"}});
        self.posts("/api/v1/policies", draft).await.is(201)
    }

    pub async fn creates_profile(&self, client: &Answer, collection: &Answer) -> Answer {
        let draft = json!({
            "client_id": client["id"], "name": "production", "collections": [collection["id"]],
        });
        self.posts("/api/v1/access-profiles", draft).await.is(201)
    }

    /// A client with a profile that grants one collection.
    pub async fn creates_access(&self, name: &str) -> (Answer, Answer, Answer) {
        let client = self.creates_client(name).await;
        let collection = self.creates_collection(name).await;
        let profile = self.creates_profile(&client, &collection).await;
        (client, collection, profile)
    }

    /// Has a policy limit a profile.
    pub async fn gives_policy(&self, profile: &Answer, policy: &Answer) -> Answer {
        let path = format!("/api/v1/access-profiles/{}", profile.id());
        let given = json!({"policy_id": policy["id"]});
        self.patches(&path, given).await.is(200)
    }

    /// Everything that there is, as the lists tell it.
    pub async fn all_records(&self) -> Vec<Value> {
        let mut records = Vec::new();
        for list in ["clients", "access-profiles", "collections", "policies"] {
            let answer = self
                .gets(&format!("/api/v1/{list}?limit=1000"))
                .await
                .is(200);
            records.push(answer["items"].clone());
        }
        records
    }
}

impl Answer {
    /// Makes sure of the status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// Makes sure that it is a problem about one field, and tells what it says of it.
    #[track_caller]
    pub fn points_at(self, pointer: &str) -> String {
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(self["status"], self.status.as_u16(), "{}", self.body);
        assert_eq!(self["errors"][0]["pointer"], pointer, "{}", self.body);
        assert_eq!(self["errors"].as_array().unwrap().len(), 1, "{}", self.body);
        self["errors"][0]["detail"].as_str().unwrap().to_owned()
    }

    pub fn text(&self, member: &str) -> &str {
        self[member].as_str().unwrap()
    }

    pub fn id(&self) -> &str {
        self.text("id")
    }

    /// The tag of the record.
    #[track_caller]
    pub fn tag(&self) -> String {
        self.headers[header::ETAG].to_str().unwrap().to_owned()
    }

    /// The members of a list by one of their members.
    pub fn every(&self, member: &str) -> Vec<&str> {
        let items = self["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item[member].as_str().unwrap())
            .collect()
    }

    /// The revision, which the header and the body tell alike.
    #[track_caller]
    pub fn revision(&self) -> u64 {
        let told = self["revision"].as_u64().unwrap();
        assert_eq!(
            self.headers["portcullis-revision"],
            told.to_string().as_str()
        );
        told
    }
}

impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, member: &str) -> &Value {
        &self.body[member]
    }
}
