//! What is written down of each request, and what is not.

use serde_json::Value;

use crate::process::{GATEWAY_TOKEN, OPERATOR_TOKEN, command_with_tokens, start, status, text};

const CANARY: &str = "canary-5d41402abc4b2a76b9719d911017c592";

#[test]
fn every_request_is_one_object_with_what_is_needed_to_find_it_again_and_no_more() {
    let data = tempfile::tempdir().unwrap();
    let mut command = command_with_tokens(data.path());
    command.env("PORTCULLIS_LOG_FORMAT", "json");
    let process = start(command, 0);
    let path = format!("/api/v1/clients/{CANARY}?token={CANARY}");
    let answer = process.answer(OPERATOR_TOKEN, &path);
    assert_eq!(status(&answer), 400, "there is no such parameter");
    let head = answer.split("\r\n\r\n").next().unwrap();
    let id = head.split("x-request-id: ").nth(1).unwrap();
    let id = id.split("\r\n").next().unwrap().to_owned();
    assert_eq!(process.status(GATEWAY_TOKEN, "/feed/v1/changes"), 200);
    assert_eq!(process.status(CANARY, "/api/v1/clients"), 401);
    assert_eq!(process.status(CANARY, &format!("/{CANARY}")), 404);
    let named = process.ask_with(
        GATEWAY_TOKEN,
        "/feed/v1/changes",
        "x-request-id: of-envoy-17\r\n",
    );
    assert!(text(named).contains("x-request-id: of-envoy-17\r\n"));

    let (_, _, log) = process.stopped();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    let answered: Vec<_> = lines
        .iter()
        .filter(|line| line["message"] == "answered")
        .collect();
    assert_eq!(answered.len(), 5, "{log}");
    let told = |number: usize| {
        let line = answered[number];
        assert!(line["duration_ms"].is_u64(), "{line}");
        let member = |name: &str| line[name].as_str().unwrap();
        (
            member("method"),
            member("route"),
            line["status"].as_u64().unwrap(),
            member("author"),
        )
    };
    assert_eq!(
        told(0),
        ("GET", "/api/v1/clients/{id}", 400, "operator-token")
    );
    assert_eq!(answered[0]["request_id"], id);
    let (method, route, status, author) = told(1);
    assert_eq!((method, route, status), ("GET", "/feed/v1/changes", 200));
    assert!(author.starts_with("gt_"), "{author}");
    assert_eq!(told(2), ("GET", "/api/v1/clients", 401, "nobody"));
    assert_eq!(told(3), ("GET", "unmatched", 404, "nobody"));
    assert_eq!(answered[4]["request_id"], "of-envoy-17");
    for secret in [CANARY, OPERATOR_TOKEN, GATEWAY_TOKEN] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn changes_are_told_without_being_asked_for_and_reading_is_not() {
    let data = tempfile::tempdir().unwrap();
    let mut command = command_with_tokens(data.path());
    command.env("PORTCULLIS_LOG", "info");
    let process = start(command, 0);
    assert_eq!(process.status(OPERATOR_TOKEN, "/api/v1/clients"), 200);
    let created = process.posts_text(OPERATOR_TOKEN, "/api/v1/clients", r#"{"name": "Acme"}"#);
    assert_eq!(status(&created), 201);
    let (_, _, log) = process.stopped();
    let answered: Vec<_> = log
        .lines()
        .filter(|line| line.contains("answered"))
        .collect();
    assert_eq!(answered.len(), 1, "{log}");
    for part in ["INFO", "POST", "/api/v1/clients", "201", "operator-token"] {
        assert!(answered[0].contains(part), "{}", answered[0]);
    }
}
