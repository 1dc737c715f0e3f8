//! Profiles that follow a key set: when it is fetched, what gateways hear of it, and what operators see.

use std::time::{Duration, Instant};

use portcullis_control_plane::fetch::{Fetcher, Limits, Resolver, Rounds, Trust};
use portcullis_feed::{AccessMethod, ChangePage, ChangedObject};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::provider::{Answer, Provider};
use super::samples::{p256, set};
use crate::stage::{Answer as Answered, Stage, open_with};

const NETWORKS: &str = "127.0.0.0/8";

/// A control plane that fetches, and a provider with a set of one key.
struct Play {
    stage: Stage,
    rounds: Rounds,
    provider: Provider,
}

async fn begin() -> Play {
    let stage = open_with(NETWORKS).await;
    let fetcher = Fetcher {
        resolver: Resolver::of_the_system(),
        trust: Trust::with(None).unwrap(),
        networks: NETWORKS.parse().unwrap(),
        limits: Limits::default(),
    };
    let provider = Provider::start();
    provider.answers("/jwks", Answer::json(set(&["a"])));
    Play {
        rounds: Rounds::new(stage.app.clone(), fetcher),
        stage,
        provider,
    }
}

/// A profile whose tokens are verified with what the provider has at a path.
async fn follows(stage: &Stage, provider: &Provider, name: &str, path: &str) -> Answered {
    let operator = stage.operator();
    let client = operator.creates_client(name).await;
    let collection = operator.creates_collection(name).await;
    let draft = json!({
        "client_id": client["id"], "name": name, "collections": [collection["id"]],
        "access_method": "jwt",
        "jwt": {"algorithm": "ES256", "jwks_url": provider.url(path)},
    });
    let created = operator.posts("/api/v1/access-profiles", draft).await;
    created.is(201)
}

impl Play {
    async fn follows(&self, name: &str, path: &str) -> Answered {
        follows(&self.stage, &self.provider, name, path).await
    }

    /// What operators see of the set of a profile.
    async fn seen(&self, profile: &Answered) -> Value {
        let path = format!("/api/v1/access-profiles/{}", profile.id());
        let answer = self.stage.operator().gets(&path).await.is(200);
        answer["jwt"]["key_set"].clone()
    }

    /// The names of the keys that gateways are told of each profile that changed, and the newest revision.
    async fn told(&self, after: u64) -> (Vec<Vec<String>>, u64) {
        let path = match after {
            0 => "/feed/v1/changes".to_owned(),
            _ => format!("/feed/v1/changes?epoch=epoch-1&after={after}"),
        };
        let answer = self.stage.gateway().gets(&path).await;
        if answer.status == 204 {
            return (Vec::new(), after);
        }
        let page: ChangePage = serde_json::from_value(answer.is(200).body).unwrap();
        let changed = page.changes.into_iter().filter_map(|change| {
            let ChangedObject::Profile(profile) = change.object else {
                return None;
            };
            let AccessMethod::Jwt(jwt) = profile.access else {
                return None;
            };
            let names = jwt.keys.into_iter().filter_map(|key| key.kid);
            Some(names.collect())
        });
        (changed.collect(), page.revision)
    }

    fn asked(&self) -> usize {
        self.provider.asked("/jwks").len()
    }

    /// A gateway meets a token with a key that the profile does not have.
    async fn misses_a_key(&self, profile: &Answered) {
        let told = json!({"profile": profile.id()});
        let gateway = self.stage.gateway();
        gateway.posts("/feed/v1/unknown-keys", told).await.is(202);
    }

    /// Lets time pass, and tells how often the set was asked for since.
    async fn asked_after_ms(&mut self, ms: u64) -> usize {
        let before = self.asked();
        self.stage.pass_ms(ms);
        self.rounds.fetch_due().await;
        self.asked() - before
    }
}

#[tokio::test]
async fn a_profile_gets_the_keys_of_its_set_and_shows_them() {
    let mut play = begin().await;
    let profile = play.follows("acme", "/jwks").await;
    let source = format!("jwks {}", play.provider.url("/jwks"));
    let unseen = json!({
        "source": source, "fetched_at": null, "next_fetch_at": null, "failure": null, "keys": [],
    });
    assert_eq!(profile["jwt"]["key_set"], unseen);
    assert_eq!(play.told(0).await.0, [Vec::<String>::new()]);

    play.rounds.fetch_due().await;

    let keys = json!([{"kid": "a", "kty": "EC", "bits": 256, "alg": null}]);
    let shown = play.seen(&profile).await;
    assert_eq!(shown["keys"], keys);
    assert_eq!(shown["fetched_at"], "2027-01-15T08:00:00Z");
    // A tenth of the time is left to chance.
    let next = shown["next_fetch_at"].as_str().unwrap();
    assert!(("2027-01-15T08:09:00Z".."2027-01-15T08:10:01Z").contains(&next));
    assert_eq!(play.told(profile.revision()).await.0, [["a"]]);
    let late = play.follows("late", "/jwks").await;
    assert_eq!(late["jwt"]["key_set"]["keys"], keys);
    assert_eq!(play.asked_after_ms(0).await, 0);
}

#[tokio::test]
async fn a_rotation_changes_every_profile_that_follows_the_set() {
    let mut play = begin().await;
    for name in ["acme", "initech"] {
        play.follows(name, "/jwks").await;
    }
    play.provider.answers("/other", Answer::json(set(&["o"])));
    play.follows("other", "/other").await;
    play.rounds.fetch_due().await;
    let (_, before) = play.told(0).await;

    play.provider
        .answers("/jwks", Answer::json(set(&["b", "a"])));
    assert_eq!(play.asked_after_ms(600_000).await, 1);

    assert_eq!(play.told(before).await.0, [["b", "a"], ["b", "a"]]);
}

#[tokio::test]
async fn keys_are_asked_for_when_the_server_says_so() {
    let mut play = begin().await;
    let profile = play.follows("acme", "/jwks").await;
    let answer = Answer::json(set(&["a"])).with("etag", "\"1\"");
    play.provider
        .answers("/jwks", answer.with("cache-control", "max-age=3600"));
    play.rounds.fetch_due().await;
    let (_, before) = play.told(0).await;

    assert_eq!(play.asked_after_ms(3_200_000).await, 0);
    assert_eq!(play.asked_after_ms(400_000).await, 1);

    let again = &play.provider.asked("/jwks")[1];
    assert!(again.contains("if-none-match: \"1\"\r\n"), "{again}");
    assert_eq!(play.told(before).await.0.len(), 0);
    assert_eq!(
        play.seen(&profile).await["fetched_at"],
        "2027-01-15T09:00:00Z"
    );
}

#[tokio::test]
async fn known_keys_stay_in_force_while_fetching_fails_ever_more_slowly() {
    let mut play = begin().await;
    let profile = play.follows("acme", "/jwks").await;
    play.rounds.fetch_due().await;
    let (_, before) = play.told(0).await;
    play.provider.answers("/jwks", Answer::status(503));
    assert_eq!(play.asked_after_ms(600_000).await, 1);

    let shown = play.seen(&profile).await;
    assert_eq!(shown["failure"], "the server answered with status 503");
    assert_eq!(shown["fetched_at"], "2027-01-15T08:00:00Z");
    assert_eq!(shown["keys"][0]["kid"], "a");
    assert_eq!(play.told(before).await.0.len(), 0);
    for pause_s in [10, 20, 40, 80, 160, 320, 600, 600] {
        assert_eq!(
            play.asked_after_ms(pause_s * 1_000 - 1).await,
            0,
            "{pause_s}"
        );
        // Up to a quarter later, as chance has it.
        assert_eq!(play.asked_after_ms(pause_s * 250 + 1).await, 1, "{pause_s}");
    }

    play.provider.answers("/jwks", Answer::json(set(&["b"])));
    assert_eq!(play.asked_after_ms(600_000).await, 1);
    let shown = play.seen(&profile).await;
    assert_eq!(
        (&shown["failure"], &shown["keys"][0]["kid"]),
        (&Value::Null, &json!("b"))
    );
    assert_eq!(play.told(before).await.0, [["b"]]);
}

#[tokio::test]
async fn a_set_that_becomes_unusable_takes_no_keys_away() {
    let mut play = begin().await;
    play.follows("acme", "/jwks").await;
    play.rounds.fetch_due().await;
    let (_, before) = play.told(0).await;
    for answer in [json!({"keys": []}), json!("maintenance"), json!({})] {
        play.provider.answers("/jwks", Answer::json(answer));
        play.asked_after_ms(600_000).await;
        assert_eq!(play.told(before).await.0.len(), 0);
    }
}

#[tokio::test]
async fn a_missed_key_has_the_set_fetched_once_in_10_seconds_however_many_ask() {
    let mut play = begin().await;
    let acme = play.follows("acme", "/jwks").await;
    let initech = play.follows("initech", "/jwks").await;
    play.rounds.fetch_due().await;
    assert_eq!(play.asked(), 1);
    play.provider
        .answers("/jwks", Answer::json(set(&["a", "b"])));

    // Too soon after the last question: it waits for its time.
    play.misses_a_key(&acme).await;
    assert_eq!(play.asked_after_ms(9_999).await, 0);
    assert_eq!(play.asked_after_ms(1).await, 1);
    assert_eq!(play.seen(&acme).await["keys"][1]["kid"], "b");

    // Long after it: at once, and once for all.
    assert_eq!(play.asked_after_ms(60_000).await, 0);
    for _ in 0..50 {
        play.misses_a_key(&acme).await;
        play.misses_a_key(&initech).await;
    }
    assert_eq!(play.asked_after_ms(0).await, 1);
    for _ in 0..50 {
        play.misses_a_key(&acme).await;
    }
    assert_eq!(play.asked_after_ms(9_999).await, 0);
    assert_eq!(play.asked_after_ms(1).await, 1);
    // Nobody asks any more.
    assert_eq!(play.asked_after_ms(20_000).await, 0);
}

#[tokio::test]
async fn a_set_is_not_asked_for_while_it_is_being_asked_for() {
    let play = begin().await;
    play.provider.answers("/slow", Answer::raw("").endless());
    let acme = play.follows("acme", "/slow").await;
    let until_asked = async |path: &str| {
        let deadline = Instant::now() + Duration::from_secs(8);
        while play.provider.asked(path).is_empty() {
            assert!(Instant::now() < deadline, "{path} was not asked for");
            sleep(Duration::from_millis(5)).await;
        }
    };
    let stopping = play.stage.stop.subscribe();
    let running = tokio::spawn(play.rounds.run(stopping));
    until_asked("/slow").await;

    for _ in 0..20 {
        let told = json!({"profile": acme.id()});
        let gateway = play.stage.gateway();
        gateway.posts("/feed/v1/unknown-keys", told).await.is(202);
    }

    // Another one is looked for meanwhile.
    follows(&play.stage, &play.provider, "initech", "/jwks").await;
    until_asked("/jwks").await;
    assert_eq!(play.provider.asked("/slow").len(), 1);
    play.stage.stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn a_set_that_nobody_follows_is_not_asked_for() {
    let mut play = begin().await;
    let profile = play.follows("acme", "/jwks").await;
    play.rounds.fetch_due().await;
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    play.stage.operator().deletes(&path).await.is(200);
    assert_eq!(play.asked_after_ms(600_000).await, 0);
    play.misses_a_key(&profile).await;
    assert_eq!(play.asked_after_ms(600_000).await, 0);
}

#[tokio::test]
async fn an_issuer_is_followed_to_its_keys_and_on_to_new_ones() {
    let mut play = begin().await;
    let profile = play.follows("acme", "/jwks").await;
    let issuer = play.provider.url("");
    let described = |at: &str| {
        let jwks_uri = play.provider.url(at);
        Answer::json(json!({"issuer": issuer, "jwks_uri": jwks_uri}))
    };
    let at = "/.well-known/openid-configuration";
    play.provider.answers(at, described("/one"));
    play.provider
        .answers("/one", Answer::json(set(&["one"])).with("etag", "\"1\""));
    play.provider
        .answers("/two", Answer::json(set(&["two"])).with("etag", "\"1\""));
    let path = format!("/api/v1/access-profiles/{}", profile.id());
    let patch = json!({"jwt": {"discover_from": issuer, "jwks_url": null}});
    play.stage.operator().patches(&path, patch).await.is(200);
    play.rounds.fetch_due().await;
    let shown = play.seen(&profile).await;
    assert_eq!(shown["source"], format!("issuer {issuer}"));
    assert_eq!(shown["keys"][0]["kid"], "one");

    play.provider.answers(at, described("/two"));
    play.asked_after_ms(600_000).await;
    assert_eq!(play.seen(&profile).await["keys"][0]["kid"], "two");
    assert!(play.provider.asked("/jwks").is_empty());
}

#[tokio::test]
async fn a_source_that_leads_inside_is_refused_when_it_is_written() {
    let stage = open_with("").await;
    let operator = stage.operator();
    let (client, collection, _) = operator.creates_access("acme").await;
    for (member, url) in [
        ("jwks_url", "https://127.0.0.1/jwks"),
        ("jwks_url", "https://[::1]/jwks"),
        ("jwks_url", "https://0x7f.1/jwks"),
        ("jwks_url", "https://169.254.169.254/latest/meta-data"),
        ("jwks_url", "http://idp.example/jwks"),
        ("jwks_url", "https://me:hush@idp.example/jwks"),
        ("jwks_url", "nonsense"),
        ("discover_from", "https://10.0.0.1"),
        ("discover_from", "https://idp.example/?tenant=a"),
    ] {
        let draft = json!({
            "client_id": client["id"], "name": "production", "collections": [collection["id"]],
            "access_method": "jwt", "jwt": {"algorithm": "ES256", member: url},
        });
        let answer = operator
            .posts("/api/v1/access-profiles", draft)
            .await
            .is(422);
        let detail = answer.points_at(&format!("/jwt/{member}"));
        assert!(!detail.contains("hush"), "{detail}");
    }
}

#[tokio::test]
async fn keys_for_other_algorithms_are_shown_but_not_told() {
    let mut play = begin().await;
    let mut other = p256("other");
    other["alg"] = json!("ES256");
    let mut edwards = json!({"kty": "OKP", "crv": "Ed25519", "kid": "edwards"});
    edwards["x"] = json!("V-W69URU2j-xhATCZyFxjneYS-oKg376YcFKOk3D2sI");
    let keys = json!({"keys": [other, edwards]});
    play.provider.answers("/jwks", Answer::json(keys));
    let profile = play.follows("acme", "/jwks").await;
    play.rounds.fetch_due().await;
    let expected = json!([
        {"kid": "other", "kty": "EC", "bits": 256, "alg": "ES256"},
        {"kid": "edwards", "kty": "OKP", "bits": 256, "alg": null},
    ]);
    assert_eq!(play.seen(&profile).await["keys"], expected);
    assert_eq!(play.told(profile.revision()).await.0, [["other"]]);
}
