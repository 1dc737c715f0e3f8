//! Configuration by the command line, against a control plane that is a process of its own.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::desk::{Desk, desk, printed, said};
use crate::process::{OPERATOR_TOKEN, PATIENCE, command_with_tokens, start};

const FILES: &str = "\
collections:
- name: orders
  version: v1
  endpoints:
  - {method: GET, path: '/orders/{id}'}
clients:
- name: Acme
  access_profiles:
  - name: live
    collections: [orders]
    addresses:
      allow:
      - 10.0.0.0/8
";

#[test]
fn files_are_planned_applied_and_exported() {
    let desk = desk();
    desk.writes("all.yaml", FILES);
    let planned = printed(&desk.runs(&["plan", "all.yaml"]), 3);
    assert!(
        planned.contains("+ access profile Acme / live\n"),
        "{planned}"
    );
    assert!(
        planned.contains("3 to create, 0 to change, 0 to remove, 0 unchanged."),
        "{planned}"
    );
    assert!(!planned.contains('\u{1b}'), "{planned}");

    let applied = printed(
        &desk.runs(&["apply", "all.yaml", "--wait", "--timeout", "1"]),
        0,
    );
    assert!(applied.contains("Applied as revision "), "{applied}");
    assert!(applied.contains("0 of 0 gateways have it"), "{applied}");
    let planned = printed(&desk.runs(&["plan", "all.yaml"]), 0);
    assert_eq!(
        planned,
        "Nothing to change: 3 records are as the files say.\n"
    );

    let exported = printed(&desk.runs(&["export"]), 0);
    printed(&desk.runs(&["export", "--file", "again.yaml"]), 0);
    assert_eq!(desk.reads("again.yaml"), exported);
    printed(&desk.runs(&["plan", "again.yaml"]), 0);

    let changed = exported.replace("10.0.0.0/8", "10.1.0.0/16");
    desk.writes("again.yaml", &changed);
    let planned = printed(&desk.runs(&["plan", "again.yaml"]), 3);
    assert!(
        planned.contains("      - 10.0.0.0/8\n      + 10.1.0.0/16\n"),
        "{planned}"
    );
    assert!(
        planned.contains("    ! it may be used from fewer addresses\n"),
        "{planned}"
    );
    assert!(planned.contains("1 take rights away (!)."), "{planned}");
}

#[test]
fn programs_read_json_and_exit_codes() {
    let desk = desk();
    desk.writes("all.yaml", FILES);
    let planned = printed(&desk.runs(&["plan", "all.yaml", "--output", "json"]), 3);
    let planned: Value = serde_json::from_str(&planned).unwrap();
    assert_eq!(planned["summary"]["created"], 3);
    let applied = printed(&desk.runs(&["apply", "all.yaml", "--output", "json"]), 0);
    let applied: Value = serde_json::from_str(&applied).unwrap();
    assert!(applied["revision"].as_u64().unwrap() > 0);
    let exported = printed(&desk.runs(&["export", "--output", "json"]), 0);
    let exported: Value = serde_json::from_str(&exported).unwrap();
    assert_eq!(exported["clients"][0]["name"], "Acme");
    desk.writes("all.json", &exported.to_string());
    printed(&desk.runs(&["plan", "all.json"]), 0);
}

#[test]
fn a_mistake_is_told_with_its_file_and_line_whoever_finds_it() {
    let desk = desk();
    desk.writes("all.yaml", &FILES.replace("10.0.0.0/8", "10.0.0.0/33"));
    let refused = said(&desk.runs(&["apply", "all.yaml"]), 1);
    let place = "all.yaml:13:9: /clients/0/access_profiles/0/addresses/allow/0: `10.0.0.0/33`";
    assert!(refused.contains(place), "{refused}");
    desk.writes("all.yaml", &FILES.replace("allow", "alow"));
    let refused = said(&desk.runs(&["apply", "all.yaml"]), 1);
    assert!(
        refused.contains("all.yaml:12:7: /clients/0/access_profiles/0/addresses/alow"),
        "{refused}"
    );
    assert_eq!(desk.process.status(OPERATOR_TOKEN, "/api/v1/clients"), 200);
    assert!(
        desk.process
            .answer(OPERATOR_TOKEN, "/api/v1/clients")
            .ends_with(r#"{"items":[]}"#)
    );
}

#[test]
fn a_saved_plan_is_refused_when_somebody_else_was_faster() {
    let desk = desk();
    desk.writes("all.yaml", FILES);
    printed(&desk.runs(&["plan", "all.yaml", "--save", "saved.plan"]), 3);
    desk.writes(
        "other.yaml",
        "clients:\n- name: Acme\n  description: the first\n",
    );
    printed(&desk.runs(&["apply", "other.yaml"]), 0);
    let refused = said(&desk.runs(&["apply", "--plan", "saved.plan"]), 4);
    assert!(
        refused.contains("somebody else changed the same since the plan was made"),
        "{refused}"
    );
    assert!(refused.contains("client `Acme`"), "{refused}");

    printed(&desk.runs(&["plan", "all.yaml", "--save", "saved.plan"]), 3);
    let applied = printed(&desk.runs(&["apply", "--plan", "saved.plan"]), 0);
    assert!(applied.contains("~ client Acme"), "{applied}");
    said(&desk.runs(&["apply", "--plan", "saved.plan"]), 4);
}

#[test]
fn secrets_travel_sealed_under_the_key_of_a_file() {
    use std::os::unix::fs::PermissionsExt as _;
    const SECRET: &str = "canary-secret-of-thirty-two-byte";
    let (here, there) = (desk(), desk());
    let jwt = format!(
        "    access_method: jwt\n    jwt: {{algorithm: HS256, secret: {{value: {SECRET}}}}}\n"
    );
    here.writes("all.yaml", &format!("{FILES}{jwt}"));
    printed(&here.runs(&["apply", "all.yaml"]), 0);
    let exported = printed(&here.runs(&["export"]), 0);
    assert!(
        exported.contains("withheld: true") && !exported.contains(SECRET),
        "{exported}"
    );
    there.writes("all.yaml", &exported);
    let refused = said(&there.runs(&["apply", "all.yaml"]), 1);
    assert!(
        refused.contains("/clients/0/access_profiles/0/jwt/secret: "),
        "{refused}"
    );

    for desk in [&here, &there] {
        desk.writes("secrets.key", &"4".repeat(64));
        let path = desk.folder.path().join("secrets.key");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let with_key = ["--secrets-key", "secrets.key"];
    let exported = printed(&here.runs(&[&["export"][..], &with_key].concat()), 0);
    assert!(
        exported.contains("sealed: x1.") && !exported.contains(SECRET),
        "{exported}"
    );
    there.writes("all.yaml", &exported);
    printed(
        &there.runs(&[&["apply", "all.yaml"][..], &with_key].concat()),
        0,
    );
    printed(
        &there.runs(&[&["plan", "all.yaml"][..], &with_key].concat()),
        0,
    );
    for desk in [here, there] {
        let (_, _, log) = desk.process.stopped();
        assert!(!log.contains(SECRET) && !log.contains(&"4".repeat(64)));
    }
}

#[test]
fn a_control_plane_that_is_away_or_does_not_know_the_token_is_told_apart_from_mistakes() {
    let desk = desk();
    desk.writes("all.yaml", FILES);
    let stranger = desk
        .command(&["plan", "all.yaml"])
        .env("PORTCULLIS_TOKEN", "nobody")
        .output()
        .unwrap();
    said(&stranger, 6);
    let nobody = desk
        .command(&["plan", "all.yaml"])
        .env_remove("PORTCULLIS_TOKEN")
        .output()
        .unwrap();
    assert!(said(&nobody, 1).contains("PORTCULLIS_TOKEN"));
    let mut away = desk.command(&["plan", "all.yaml"]);
    let away = away
        .env("PORTCULLIS_SERVER", "http://127.0.0.1:1")
        .output()
        .unwrap();
    assert!(said(&away, 6).contains("cannot reach the control plane at `http://127.0.0.1:1/`"));
}

/// As many profiles as take a moment to write.
fn many(profiles: usize, enabled: bool) -> String {
    let mut text =
        "collections:\n- {name: orders, version: v1, endpoints: [{method: GET, path: /orders}]}\n\
                    clients:\n- name: Many\n  access_profiles:\n"
            .to_owned();
    for number in 0..profiles {
        writeln!(
            text,
            "  - {{name: p{number}, collections: [orders], enabled: {enabled}}}"
        )
        .unwrap();
    }
    text
}

/// How many profiles there are, and how many of these are enabled.
fn counted(data: &Path) -> [usize; 2] {
    let process = start(command_with_tokens(data), 0);
    let answer = process.answer(OPERATOR_TOKEN, "/api/v1/configuration");
    drop(process);
    let disabled = answer.matches(r#""enabled":false"#).count();
    let all = answer.matches(r#""name":"p"#).count();
    [all, all - disabled]
}

#[test]
fn a_control_plane_killed_while_it_applies_has_done_all_or_nothing() {
    const PROFILES: usize = 1_500;
    let mut outcomes = [0; 2];
    for attempt in 0..6 {
        let desk = desk();
        desk.writes("before.yaml", &many(PROFILES, true));
        desk.writes("after.yaml", &many(PROFILES, false));
        printed(&desk.runs(&["apply", "before.yaml"]), 0);
        printed(
            &desk.runs(&["plan", "after.yaml", "--save", "saved.plan"]),
            3,
        );
        let begun = Instant::now();
        let mut applying = desk
            .command(&["apply", "--plan", "saved.plan"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Sooner and later, by a share of what an application takes here: in some attempts nothing has begun.
        let moment = Duration::from_millis(60 << attempt);
        while begun.elapsed() < moment && applying.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
        desk.process.signal("KILL");
        applying.wait().unwrap();
        let Desk { process, folder } = desk;
        process.ended();
        let [all, enabled] = counted(&folder.path().join("data"));
        assert_eq!(all, PROFILES, "attempt {attempt}");
        assert!(
            enabled == 0 || enabled == PROFILES,
            "attempt {attempt}: {enabled} of {PROFILES}"
        );
        outcomes[usize::from(enabled == 0)] += 1;
    }
    assert!(
        outcomes[0] > 0,
        "no attempt was early enough: {}",
        json!(outcomes)
    );
}
