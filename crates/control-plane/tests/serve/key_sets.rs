//! The process fetches key sets by itself, and sooner when a gateway asks.

#[expect(dead_code, reason = "the tests of the router tell it more")]
#[path = "../router/key_sets/provider.rs"]
mod provider;

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{
    GATEWAY_TOKEN, OPERATOR_TOKEN, PATIENCE, Process, command_with_tokens, fail, start,
};
use provider::{Answer, Provider};

fn set(kid: &str) -> Value {
    json!({"keys": [{"kid": kid, "kty": "EC", "crv": "P-256",
        "x": "TvolggqBeyimV1m4DV0SLOr2hfC2wAr5pVCyVEzVZ4I",
        "y": "pMjbdEW-j_YOygdqBmixmKSmNLLIvcxfofcnycz2zwY"}]})
}

impl Process {
    fn posts(&self, token: &str, path: &str, body: &Value) -> Value {
        json_of(&self.posts_text(token, path, &body.to_string()))
    }

    fn creates(&self, list: &str, draft: &Value) -> Value {
        self.posts(OPERATOR_TOKEN, &format!("/api/v1/{list}"), draft)
    }

    /// Waits until operators see a key of the set of a profile.
    fn shows_key(&self, profile: &Value, kid: &str) {
        let path = format!(
            "/api/v1/access-profiles/{}",
            profile["id"].as_str().unwrap()
        );
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = json_of(&self.answer(OPERATOR_TOKEN, &path));
            let key_set = &shown["jwt"]["key_set"];
            if key_set["keys"][0]["kid"] == kid {
                return;
            }
            assert!(Instant::now() < deadline, "{key_set}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn json_of(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_default()
}

fn fetching(data: &std::path::Path) -> Command {
    let mut command = command_with_tokens(data);
    // With more, what is logged while this polls would fill the pipe, which is read at the end.
    command.env("PORTCULLIS_LOG", "info");
    command.args(["--key-set-networks", "127.0.0.0/8"]);
    command
}

#[test]
fn the_keys_of_a_followed_set_arrive_and_newer_ones_when_a_gateway_misses_one() {
    let data = tempfile::tempdir().unwrap();
    let process = start(fetching(data.path()), 0);
    let provider = Provider::start();
    provider.answers("/jwks", Answer::json(set("a")));
    let client = process.creates("clients", &json!({"name": "acme"}));
    let endpoints = json!([{"method": "GET", "path": "/orders"}]);
    let draft = json!({"name": "orders", "version": "v1", "endpoints": endpoints});
    let collection = process.creates("collections", &draft);
    let profile = process.creates(
        "access-profiles",
        &json!({
            "client_id": client["id"], "name": "production", "collections": [collection["id"]],
            "access_method": "jwt",
            "jwt": {"algorithm": "ES256", "jwks_url": provider.url("/jwks")},
        }),
    );
    process.shows_key(&profile, "a");
    assert_eq!(provider.asked("/jwks").len(), 1);

    provider.answers("/jwks", Answer::json(set("b")));
    let unknown = json!({"profile": profile["id"]});
    process.posts(GATEWAY_TOKEN, "/feed/v1/unknown-keys", &unknown);

    // At most every ten seconds.
    process.shows_key(&profile, "b");
    assert_eq!(provider.asked("/jwks").len(), 2);
    let feed = process.answer(GATEWAY_TOKEN, "/feed/v1/changes");
    assert!(feed.contains("\"kid\":\"b\"") && !feed.contains("\"kid\":\"a\""));
    let (ended, _, log) = process.stopped();
    assert_eq!(ended.code(), Some(0), "{log}");
}

#[test]
fn settings_for_key_sets_that_cannot_be_used_are_named() {
    let data = tempfile::tempdir().unwrap();
    let mut command = command_with_tokens(data.path());
    command.env("PORTCULLIS_KEY_SET_CA", "/nowhere/ca.pem");
    let failure = fail(command);
    let said = "portcullis: cannot read certificates from `/nowhere/ca.pem`: ";
    assert!(failure.stderr.starts_with(said), "{}", failure.stderr);
    let mut command = command_with_tokens(data.path());
    command.args(["--key-set-networks", "10.0.0.0"]);
    let failure = fail(command);
    let said = "`10.0.0.0` is not a network, such as `10.0.0.0/8`";
    assert!(failure.stderr.contains(said), "{}", failure.stderr);
}
