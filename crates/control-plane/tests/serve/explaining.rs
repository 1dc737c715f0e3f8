//! `portcullis explain` and `portcullis check`, against a control plane that is a process of its own.

use portcullis_engine::api_key;
use serde_json::{Value, json};

use crate::desk::{Desk, desk, printed, said};

const KEY: &str = "a-key-of-these-tests-and-of-nobody-else";

/// Two profiles, of which one may be used from the documentation network only. The key has an id that is known.
fn files(network: &str) -> String {
    let digest = api_key::digest(KEY.as_bytes());
    format!(
        "\
collections:
- {{name: orders, version: v1, endpoints: [{{method: GET, path: '/orders/{{id}}'}}]}}
- {{name: stock, version: v1, endpoints: [{{method: GET, path: /stock}}]}}
clients:
- name: Acme
  access_profiles:
  - name: live
    collections: [orders]
    addresses: {{allow: [{network}]}}
    keys: [{{id: abcdefghjkmn, digest: {digest}}}]
  - name: idle
    collections: [stock]
"
    )
}

const CASES: &str = "\
usual:
  host: https://api.example.com
  address: 192.0.2.1
cases:
- name: members may read orders
  request: GET /orders/7
  credential: {key_id: abcdefghjkmn}
  expect: {decision: permitted, access_profile: live, collection: orders v1}
- name: nobody may read orders without a key
  request: GET /orders/7
  expect: {decision: refused, reason: credential_missing}
- name: members may not call from elsewhere
  request: GET /orders/7
  credential: {key_variable: MEMBER_KEY}
  address: 203.0.113.5
  expect: {decision: refused, reason: address_not_allowed}
";

fn applied() -> Desk {
    let desk = desk();
    desk.writes("all.yaml", &files("192.0.2.0/24"));
    printed(&desk.runs(&["apply", "all.yaml"]), 0);
    desk
}

#[test]
fn a_request_is_explained_as_a_table_or_as_json() {
    let desk = applied();
    let request = ["explain", "GET", "https://api.example.com/orders/7"];
    let by_id = ["--key-id", "abcdefghjkmn", "--address"];
    let explain = |address, further: &[&str]| {
        let arguments = [&request[..], &by_id, &[address], further].concat();
        desk.runs(&arguments)
    };
    let permitted = printed(&explain("192.0.2.1", &[]), 0);
    assert!(permitted.contains("\npermitted\n"), "{permitted}");
    assert!(permitted.contains("  ✓ address "), "{permitted}");
    assert!(
        permitted.contains("service sees    x-client-name: Acme"),
        "{permitted}"
    );
    let refused = printed(&explain("203.0.113.5", &[]), 3);
    assert!(refused.contains("  ✗ address "), "{refused}");
    assert!(refused.contains("  – route "), "{refused}");
    assert!(
        refused.contains("\nrefused: address_not_allowed, status 403\n"),
        "{refused}"
    );

    let json = printed(&explain("203.0.113.5", &["--output", "json"]), 3);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["reason"], "address_not_allowed");
    assert_eq!(json["checks"].as_array().unwrap().len(), 15);
}

#[test]
fn a_key_in_full_is_explained_and_neither_repeated_nor_logged() {
    let desk = applied();
    desk.writes("key", &format!("{KEY}\n"));
    desk.writes(
        "filter.json",
        r#"{"control_plane": {"cluster": "c"}, "credential_header": "x-key"}"#,
    );
    let request = [
        "explain",
        "GET",
        "/orders/7",
        "--address",
        "192.0.2.1",
        "--filter",
        "filter.json",
    ];
    let header = format!("X-Key: {KEY}");
    for credential in [["--key-file", "key"], ["--key", KEY], ["-H", &header]] {
        let text = printed(&desk.runs(&[&request[..], &credential].concat()), 0);
        assert!(!text.contains(KEY), "{text}");
    }
    let text = printed(
        &desk.runs(&[&request[..], &["--jwt-file", "key"]].concat()),
        0,
    );
    assert!(text.contains("`authorization`"), "{text}");
    let text = said(&desk.runs(&["explain", "GET", "orders", "--key", KEY]), 1);
    assert!(
        text.contains("/requests/0/url") && !text.contains(KEY),
        "{text}"
    );
    let (_, _, log) = desk.process.stopped();
    assert!(
        log.contains("/api/v1/explain") && !log.contains(KEY),
        "{log}"
    );
}

#[test]
fn a_wrong_command_line_is_told_apart_from_a_refusal() {
    let desk = applied();
    said(&desk.runs(&["explain", "GET"]), 2);
    said(
        &desk.runs(&["explain", "GET", "/", "--key", "a", "--key-id", "b"]),
        2,
    );
    said(&desk.runs(&["explain", "GET", "/", "-H", "hush"]), 1);
    said(
        &desk.runs(&["explain", "GET", "/", "--key-file", "nowhere"]),
        1,
    );
    said(&desk.runs(&["check"]), 2);
    let schema = printed(&desk.runs(&["check", "--schema"]), 0);
    assert!(serde_json::from_str::<Value>(&schema).unwrap()["$defs"].is_object());
}

#[test]
fn cases_are_met_or_not_and_what_none_comes_to_is_told() {
    let desk = applied();
    desk.writes("cases.yaml", CASES);
    let check = |arguments: &[&str]| {
        let mut command = desk.command(&[&["check", "cases.yaml"], arguments].concat());
        command.env("MEMBER_KEY", KEY).output().unwrap()
    };
    let report = printed(&check(&[]), 0);
    assert!(report.contains("✓ members may read orders\n"), "{report}");
    assert!(report.contains("3 of 3 cases are met"), "{report}");
    assert!(
        report.contains("no case comes to 1 access profiles:\n  idle (ap_"),
        "{report}"
    );
    assert!(
        report.contains("no case comes to 1 collections:\n  stock v1 (co_"),
        "{report}"
    );
    printed(&check(&["--require-coverage"]), 3);
    let json = printed(&check(&["--output", "json"]), 0);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["met"], &json["unmet"]), (&json!(3), &json!(0)));
    assert!(!json.to_string().contains(KEY));

    let other = CASES.replace("reason: credential_missing", "reason: client_disabled");
    let other = other.replace("decision: permitted", "decision: refused");
    desk.writes("cases.yaml", &other);
    let report = printed(&check(&[]), 3);
    assert!(
        report.contains("✗ members may read orders: it is permitted"),
        "{report}"
    );
    let sentence = "the reason is not client_disabled but credential_missing";
    assert!(report.contains(sentence), "{report}");
    assert!(report.contains("1 of 3 cases are met"), "{report}");
}

#[test]
fn a_configuration_is_tried_on_requests_and_cases_before_it_is_applied() {
    let desk = applied();
    desk.writes("planned.yaml", &files("203.0.113.0/24"));
    desk.writes("cases.yaml", CASES);
    let planned = ["--configuration", "planned.yaml"];
    let request = [
        "explain",
        "GET",
        "/orders/7",
        "--key-id",
        "abcdefghjkmn",
        "--address",
        "192.0.2.1",
    ];
    let refused = printed(&desk.runs(&[&request[..], &planned].concat()), 3);
    assert!(refused.contains("address_not_allowed"), "{refused}");
    printed(&desk.runs(&request), 0);
    let mut check = desk.command(&[&["check", "cases.yaml"][..], &planned].concat());
    let report = printed(&check.env("MEMBER_KEY", KEY).output().unwrap(), 3);
    assert!(report.contains("1 of 3 cases are met"), "{report}");
    // Nothing was applied by that.
    printed(&desk.runs(&["plan", "all.yaml"]), 0);
    desk.writes("planned.yaml", "clients: [{name: ''}]\n");
    let text = said(&desk.runs(&[&request[..], &planned].concat()), 1);
    assert!(text.contains("planned.yaml"), "{text}");
}

#[test]
fn files_that_are_no_cases_are_refused_by_name() {
    let desk = applied();
    for (text, sentence) in [
        ("cases: []\n", "has no cases"),
        ("cases: [{name: x}]\n", "is no file of cases"),
        ("{", "is no file of cases"),
        (
            "cases: [{name: x, request: GET, expect: {decision: permitted}}]\n",
            "`request` is a method and a URL or path",
        ),
        (
            "cases: [{name: x, request: GET /, expect: {decision: maybe}}]\n",
            "is no file of cases",
        ),
        (
            "cases: [{name: x, request: GET /, credential: {key_variable: NO_SUCH}, expect: {decision: permitted}}]\n",
            "the environment variable `NO_SUCH` is not set",
        ),
    ] {
        desk.writes("cases.yaml", text);
        let said = said(&desk.runs(&["check", "cases.yaml"]), 1);
        assert!(
            said.contains("cases.yaml") && said.contains(sentence),
            "{said}"
        );
    }
    assert!(said(&desk.runs(&["check", "nowhere.yaml"]), 1).contains("nowhere.yaml"));
}
