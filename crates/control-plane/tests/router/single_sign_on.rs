//! Single sign-on by OpenID Connect, with a provider that this test starts.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use portcullis_control_plane::app::single_sign_on::{ProviderSettings, SingleSignOn};
use portcullis_store::Role;
use serde_json::{Value, json};
use url::Url;

use crate::key_sets::fetching::fetcher;
use crate::key_sets::provider::{Answer as Said, Provider};
use crate::people::{Browser, invited};
use crate::stage::{Answer, BEGIN_MS, Stage, open};

const CLIENT: &str = "portcullis";

/// A stage with a provider.
struct Scene {
    stage: Stage,
    provider: Provider,
    key: SigningKey,
}

/// A browser that was sent to the provider.
struct Departed {
    asked: HashMap<String, String>,
    cookie: String,
}

async fn scene(change: impl FnOnce(&mut ProviderSettings)) -> Scene {
    let stage = open().await;
    let provider = Provider::start();
    let key = SigningKey::from_bytes(&[7; 32]);
    let issuer = provider.url("");
    provider.answers(
        "/.well-known/openid-configuration",
        Said::json(json!({
            "issuer": issuer,
            "authorization_endpoint": "https://id.example/authorize?tenant=1",
            "token_endpoint": provider.url("/token"),
            "jwks_uri": provider.url("/jwks"),
        })),
    );
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "k1", "x": x});
    provider.answers("/jwks", Said::json(json!({"keys": [jwk]})));
    let mut settings = ProviderSettings {
        issuer,
        client_id: CLIENT.to_owned(),
        client_secret: Some("hush: or not".to_owned()),
        domains: vec!["example.com".to_owned()],
        roles: "groups:platform=admin,groups:apis=editor".parse().unwrap(),
        default_role: Some(Role::Viewer),
    };
    change(&mut settings);
    let fetcher = Arc::new(fetcher("127.0.0.1/32"));
    stage
        .app
        .set_single_sign_on(SingleSignOn::new(settings, fetcher));
    Scene {
        stage,
        provider,
        key,
    }
}

impl Scene {
    async fn departs(&self) -> Departed {
        let answer = self
            .stage
            .stranger()
            .gets("/console/single-sign-on")
            .await
            .is(303);
        let location = answer.headers[header::LOCATION].to_str().unwrap();
        let url = Url::parse(location).unwrap();
        let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
        assert!(
            cookie.contains("HttpOnly; SameSite=Lax; Max-Age=600"),
            "{cookie}"
        );
        Departed {
            asked: url.query_pairs().into_owned().collect(),
            cookie: cookie.split(';').next().unwrap().to_owned(),
        }
    }

    fn claims(&self, departed: &Departed) -> Value {
        let now_s = BEGIN_MS / 1_000;
        json!({
            "iss": self.provider.url(""), "aud": CLIENT, "sub": "ann-at-id", "nonce": departed.asked["nonce"],
            "iat": now_s, "exp": now_s + 300,
            "email": "Ann@example.com", "email_verified": true, "name": "Ann", "groups": ["apis"],
        })
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn gives(&self, token: &str) {
        let given = json!({"id_token": token, "access_token": "unused", "token_type": "Bearer"});
        self.provider.answers("/token", Said::json(given));
    }

    fn gives_claims(&self, claims: &Value) {
        self.gives(&self.token(&json!({"alg": "EdDSA", "kid": "k1"}), claims));
    }

    async fn comes_back(&self, cookie: &str, query: &str) -> Answer {
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("/console/single-sign-on/answer?{query}"))
            .header(header::COOKIE, cookie);
        let request = request.body(Body::empty()).unwrap();
        self.stage.stranger().sends(request).await
    }

    async fn returns(&self, departed: &Departed) -> Answer {
        let query = format!("code=the-code&state={}", departed.asked["state"]);
        self.comes_back(&departed.cookie, &query).await
    }

    /// What comes of these changes to good claims.
    async fn outcome(&self, change: impl FnOnce(&mut Value)) -> u16 {
        let departed = self.departs().await;
        let mut claims = self.claims(&departed);
        change(&mut claims);
        self.gives_claims(&claims);
        self.returns(&departed).await.status.as_u16()
    }
}

fn browser(stage: &Stage, answer: &Answer) -> Browser {
    let mut cookies = answer.headers.get_all(header::SET_COOKIE).iter();
    let secret = cookies
        .find_map(|cookie| cookie.to_str().unwrap().strip_prefix("portcullis="))
        .unwrap();
    Browser::with(stage, secret.split(';').next().unwrap())
}

#[tokio::test]
async fn whoever_the_provider_vouches_for_is_let_in_with_the_role_that_claims_give() {
    let scene = scene(|_| {}).await;
    let departed = scene.departs().await;
    let asked = &departed.asked;
    assert_eq!(asked["tenant"], "1");
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["client_id"], CLIENT);
    assert_eq!(asked["scope"], "openid email profile");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(
        asked["redirect_uri"],
        "http://127.0.0.1:8080/console/single-sign-on/answer"
    );
    scene.gives_claims(&scene.claims(&departed));

    let answer = scene.returns(&departed).await.is(303);
    assert_eq!(answer.headers[header::LOCATION], "/console");
    let browser = browser(&scene.stage, &answer);
    let me = browser.gets("/api/v1/session").await.is(200);
    assert_eq!(me["name"], "Ann");
    assert_eq!(me["role"], "editor");
    let sessions = browser.gets("/api/v1/sessions").await.is(200);
    assert_eq!(sessions["items"][0]["method"], "single_sign_on");

    let exchanged = scene.provider.asked_by("POST", "/token").concat();
    let (head, form) = exchanged.split_once("\r\n\r\n").unwrap();
    // `portcullis` and `hush: or not`, each encoded as in a form.
    assert!(
        head.contains("Basic cG9ydGN1bGxpczpodXNoJTNBK29yK25vdA=="),
        "{head}"
    );
    let form: HashMap<_, _> = url::form_urlencoded::parse(form.as_bytes())
        .into_owned()
        .collect();
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "the-code");
    assert_eq!(form["redirect_uri"], asked["redirect_uri"]);
    let challenge = portcullis_engine::api_key::digest(form["code_verifier"].as_bytes());
    assert_eq!(URL_SAFE_NO_PAD.encode(challenge.0), asked["code_challenge"]);
    assert_ne!(asked["state"], asked["nonce"]);
}

#[tokio::test]
async fn the_same_person_is_the_same_operator_whose_role_follows_the_provider() {
    let scene = scene(|_| {}).await;
    assert_eq!(scene.outcome(|_| {}).await, 303);
    let renamed = |claims: &mut Value| {
        claims["email"] = "ann.b@example.com".into();
        claims["groups"] = json!(["platform"]);
    };
    assert_eq!(scene.outcome(renamed).await, 303);
    let operators = scene
        .stage
        .operator()
        .gets("/api/v1/operators")
        .await
        .is(200);
    let items = operators["items"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["role"], "admin");
    assert_eq!(items[0]["single_sign_on"]["subject"], "ann-at-id");
    assert_eq!(items[0]["email"], "ann@example.com");
    // The last admin stays one, whatever the provider says.
    assert_eq!(scene.outcome(|_| {}).await, 303);
    let operators = scene
        .stage
        .operator()
        .gets("/api/v1/operators")
        .await
        .is(200);
    assert_eq!(operators["items"][0]["role"], "admin");
}

#[tokio::test]
async fn who_was_invited_is_known_by_their_address_once_and_by_the_providers_name_ever_after() {
    let scene = scene(|settings| settings.default_role = None).await;
    let (ann, _) = invited(&scene.stage, "ann", "viewer").await;
    let no_group = |claims: &mut Value| claims["groups"] = json!([]);
    assert_eq!(scene.outcome(no_group).await, 303);
    let path = format!("/api/v1/operators/{}", ann.id());
    let read = scene.stage.operator().gets(&path).await.is(200);
    assert_eq!(read["single_sign_on"]["subject"], "ann-at-id");
    assert_eq!(read["role"], "viewer");
    // Somebody else with the same address is somebody else.
    let another = |claims: &mut Value| claims["sub"] = "another".into();
    assert_eq!(scene.outcome(another).await, 403);
    let stranger = |claims: &mut Value| {
        claims["sub"] = "stranger".into();
        claims["email"] = "stranger@example.com".into();
        claims["groups"] = json!([]);
    };
    assert_eq!(scene.outcome(stranger).await, 403);
    let disabled = scene
        .stage
        .operator()
        .patches(&path, json!({"enabled": false}))
        .await;
    disabled.is(200);
    assert_eq!(scene.outcome(|_| {}).await, 403);
}

#[tokio::test]
async fn who_may_not_come_stays_out() {
    let scene = scene(|_| {}).await;
    for (name, value) in [
        ("email", json!("ann@evil.example")),
        ("email", json!("ann@sub.example.com")),
        ("email", json!(null)),
        ("email_verified", json!(false)),
        ("email_verified", json!("true")),
        ("email_verified", json!(null)),
    ] {
        let status = scene.outcome(|claims| claims[name] = value.clone()).await;
        assert_eq!(status, 403, "{name} {value}");
    }
}

#[tokio::test]
async fn an_id_token_that_proves_nothing_lets_nobody_in() {
    let scene = scene(|_| {}).await;
    let now_s = BEGIN_MS / 1_000;
    for (name, value) in [
        ("iss", json!("https://other.example")),
        ("aud", json!("another")),
        ("aud", json!([CLIENT, "another"])),
        ("azp", json!("another")),
        ("exp", json!(now_s - 61)),
        ("exp", json!(null)),
        ("nbf", json!(now_s + 61)),
        ("nonce", json!("another")),
        ("nonce", json!(null)),
        ("sub", json!(null)),
    ] {
        let status = scene.outcome(|claims| claims[name] = value.clone()).await;
        assert!(matches!(status, 403 | 502), "{name} {value}: {status}");
    }
    let departed = scene.departs().await;
    let claims = scene.claims(&departed);
    let good = scene.token(&json!({"alg": "EdDSA", "kid": "k1"}), &claims);
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    let other_key = Scene {
        key: SigningKey::from_bytes(&[8; 32]),
        stage: open().await,
        provider: Provider::start(),
    };
    for token in [
        unsigned,
        scene.token(&json!({"alg": "none"}), &claims),
        scene.token(&json!({"alg": "HS256", "kid": "k1"}), &claims),
        scene.token(&json!({"alg": "EdDSA", "kid": "k2"}), &claims),
        other_key.token(&json!({"alg": "EdDSA", "kid": "k1"}), &claims),
        "canary".to_owned(),
    ] {
        scene.gives(&token);
        let refused = scene.returns(&departed).await.is(502);
        assert!(!refused.body.as_str().unwrap().contains("canary"));
    }
    scene.gives(&good);
    scene.returns(&departed).await.is(303);
}

#[tokio::test]
async fn an_answer_that_this_browser_did_not_ask_for_lets_nobody_in() {
    let scene = scene(|_| {}).await;
    let (victim, attacker) = (scene.departs().await, scene.departs().await);
    scene.gives_claims(&scene.claims(&attacker));
    let state = &attacker.asked["state"];
    for (cookie, query) in [
        (victim.cookie.as_str(), format!("code=c&state={state}")),
        ("other=1", format!("code=c&state={state}")),
        (attacker.cookie.as_str(), format!("code=c&state={state}x")),
        (attacker.cookie.as_str(), "code=c".to_owned()),
        (
            attacker.cookie.as_str(),
            format!("state={state}&error=access_denied"),
        ),
        (
            attacker.cookie.as_str(),
            format!("code=c&state={state}&iss=https://evil.example"),
        ),
    ] {
        scene.comes_back(cookie, &query).await.is(403);
    }
    assert!(scene.provider.asked_by("POST", "/token").is_empty());
    // The nonce in the token is the attacker's, too.
    let query = format!("code=c&state={}", victim.asked["state"]);
    scene.comes_back(&victim.cookie, &query).await.is(502);
}

#[tokio::test]
async fn a_provider_that_fails_is_told_of_and_lets_nobody_in() {
    let scene = scene(|_| {}).await;
    let departed = scene.departs().await;
    scene.provider.answers("/token", Said::status(400));
    scene.returns(&departed).await.is(502);
    scene
        .provider
        .answers("/token", Said::json(json!({"access_token": "x"})));
    scene.returns(&departed).await.is(502);

    let stage = open().await;
    stage
        .stranger()
        .gets("/console/single-sign-on")
        .await
        .is(404);
    let page = stage.stranger().gets("/console/log-in").await.is(200);
    assert!(!page.body.as_str().unwrap().contains("single-sign-on"));
    let page = scene.stage.stranger().gets("/console/log-in").await.is(200);
    assert!(
        page.body
            .as_str()
            .unwrap()
            .contains("/console/single-sign-on")
    );
}
