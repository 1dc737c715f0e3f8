//! What those who watch are told.

use std::collections::BTreeMap;

use tempfile::TempDir;

use crate::process::{GATEWAY_TOKEN, OPERATOR_TOKEN, Process, command_with_tokens, start, status};

fn watched(data: &TempDir) -> Process {
    let mut command = command_with_tokens(data.path());
    command.env("PORTCULLIS_METRICS_LISTEN", "127.0.0.1:0");
    // Nobody reads its log while it runs, and a full pipe would hold it up.
    command.env("PORTCULLIS_LOG", "warn");
    start(command, 1)
}

/// Each series with its value.
fn series(process: &Process) -> BTreeMap<String, f64> {
    let answer = process.watched("/metrics");
    assert_eq!(status(&answer), 200);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"));
    assert!(body.ends_with("# EOF\n"), "{body}");
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    samples.map(sample).collect()
}

fn count(series: &BTreeMap<String, f64>, name: &str) -> f64 {
    *series
        .get(name)
        .unwrap_or_else(|| panic!("no {name}: {series:#?}"))
}

#[test]
fn requests_changes_and_the_feed_are_counted() {
    let data = tempfile::tempdir().unwrap();
    let process = watched(&data);
    let created = process.posts_text(OPERATOR_TOKEN, "/api/v1/clients", r#"{"name": "Acme"}"#);
    assert_eq!(status(&created), 201);
    assert_eq!(process.status("nobody", "/api/v1/clients"), 401);
    for _ in 0..3 {
        assert_eq!(process.status(GATEWAY_TOKEN, "/feed/v1/changes"), 200);
    }

    let series = series(&process);
    let route = r#"method="POST",route="/api/v1/clients""#;
    let answered = format!("portcullis_http_requests_total{{{route},status=\"201\"}}");
    assert_eq!(count(&series, &answered), 1.0);
    let durations = format!("portcullis_http_request_duration_seconds_count{{{route}}}");
    assert_eq!(count(&series, &durations), 1.0);
    let refused =
        r#"portcullis_http_requests_total{method="GET",route="/api/v1/clients",status="401"}"#;
    assert_eq!(count(&series, refused), 1.0);
    let made = count(&series, "portcullis_feed_pages_made_total");
    let shared = count(&series, "portcullis_feed_pages_shared_total");
    assert!(made >= 1.0 && made + shared == 3.0, "{made} {shared}");
    assert!(count(&series, "portcullis_feed_page_bytes_total") > 0.0);
    for state in ["connected", "silent", "lost"] {
        let gateways = format!("portcullis_gateways{{state=\"{state}\"}}");
        assert_eq!(count(&series, &gateways), 0.0);
    }
    assert_eq!(count(&series, "portcullis_feed_polls_open"), 0.0);
    let version = env!("CARGO_PKG_VERSION");
    let builds = series.keys().filter(|name| {
        name.starts_with("portcullis_build_info{")
            && name.contains(&format!("version=\"{version}\""))
    });
    assert_eq!(builds.count(), 1);
    assert!(count(&series, "portcullis_start_time_seconds") > 1_700_000_000.0);
    assert!(series.contains_key("portcullis_connections_open"));
}

#[test]
fn callers_cannot_make_up_series() {
    let data = tempfile::tempdir().unwrap();
    let process = watched(&data);
    let ask = |number: u32| {
        for path in [
            format!("/{number}"),
            format!("/api/v1/{number}"),
            format!("/api/v1/clients/{number}"),
            format!("/api/v1/clients?x={number}"),
        ] {
            process.answer(OPERATOR_TOKEN, &path);
            process.answer("nobody", &path);
        }
        process.ask_as(&format!("METHOD{number}"), "/healthz");
    };
    ask(0);
    let before = series(&process).len();
    (1..30).for_each(ask);
    assert_eq!(series(&process).len(), before);
}

#[test]
fn nobody_is_told_anything_unless_that_is_wanted() {
    let data = tempfile::tempdir().unwrap();
    let process = start(command_with_tokens(data.path()), 0);
    assert_eq!(process.status(OPERATOR_TOKEN, "/metrics"), 404);
    let process = {
        drop(process);
        watched(&data)
    };
    assert_eq!(process.status(OPERATOR_TOKEN, "/metrics"), 404);
    assert_eq!(status(&process.watched("/api/v1/clients")), 404);
    assert_eq!(status(&process.watched("/readyz")), 200);
}

#[test]
fn the_documentation_lists_all_that_is_told() {
    let data = tempfile::tempdir().unwrap();
    let process = watched(&data);
    assert_eq!(process.status(OPERATOR_TOKEN, "/healthz"), 200);
    let answer = process.watched("/metrics");
    let mut table = "| metric | kind | means |\n|---|---|---|\n".to_owned();
    let mut means = None;
    for line in answer.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            means = help.split_once(' ');
        }
        if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.split_once(' '))
        {
            let (named, means) = means.unwrap();
            assert_eq!(named, name);
            let end = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            let means = means.trim_end_matches('.');
            table.push_str(&format!("| `{name}{end}` | {kind} | {means} |\n"));
        }
    }
    let documented = include_str!("../../../../docs/operations.md");
    assert!(
        documented.contains(&table),
        "docs/operations.md needs this table:\n{table}"
    );
}
