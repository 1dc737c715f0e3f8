//! No space is left: here the system lets the process write no file beyond a length.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::process::{
    GATEWAY_TOKEN, OPERATOR_TOKEN, PATIENCE, Process, command_with_tokens, start, status,
};

/// A control plane that is told of files that are too long, instead of being ended by it.
fn serving(data: &Path) -> Command {
    let serve = command_with_tokens(data);
    let mut command = Command::new("sh");
    command
        .env_clear()
        .envs(
            serve
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        // With more, what is logged while this polls would fill the pipe, which is read at the end.
        .env("PORTCULLIS_LOG", "info")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(serve.get_program())
        .args(serve.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn lets_files_grow_to(process: &Process, limit: &str) {
    let set = Command::new("prlimit")
        .args(["--pid", &process.id().to_string()])
        .arg(format!("--fsize={limit}:unlimited"))
        .status()
        .unwrap();
    assert!(set.success());
}

fn creates(process: &Process, name: &str) -> String {
    let body = format!(
        r#"{{"name": "{name}", "description": "{}"}}"#,
        "x".repeat(900)
    );
    process.posts_text(OPERATOR_TOKEN, "/api/v1/clients", &body)
}

fn clients(process: &Process) -> usize {
    let answer = process.answer(OPERATOR_TOKEN, "/api/v1/clients?limit=1000");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    body["items"].as_array().unwrap().len()
}

#[test]
fn without_space_writes_fail_the_feed_goes_on_and_with_space_again_writes_work() {
    let data = tempfile::tempdir().unwrap();
    let process = start(serving(data.path()), 0);
    assert_eq!(status(&creates(&process, "before")), 201);
    let wal = data.path().join("portcullis.db-wal");
    let length = wal.metadata().unwrap().len();
    lets_files_grow_to(&process, &length.to_string());

    // Until then there may be space that was used before.
    let deadline = Instant::now() + PATIENCE;
    let mut created = 1;
    let refused = loop {
        let answer = creates(&process, &format!("client {created}"));
        match status(&answer) {
            201 => created += 1,
            _ => break answer,
        }
        assert!(Instant::now() < deadline, "{created} were created");
    };
    assert_eq!(status(&refused), 503, "{refused}");
    assert!(
        refused.contains("urn:portcullis:problem:unavailable"),
        "{refused}"
    );
    assert_eq!(status(&creates(&process, "again")), 503);
    assert_eq!(clients(&process), created, "nothing half done");
    assert_eq!(process.status(GATEWAY_TOKEN, "/feed/v1/changes"), 200);
    assert_eq!(process.status(GATEWAY_TOKEN, "/readyz"), 200);

    lets_files_grow_to(&process, "unlimited");
    assert_eq!(status(&creates(&process, "after")), 201);
    assert_eq!(clients(&process), created + 1);
    let (ended, _, log) = process.stopped();
    assert_eq!(ended.code(), Some(0), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}
