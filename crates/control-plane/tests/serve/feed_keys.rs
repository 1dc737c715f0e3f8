//! The keys that sign what gateways are told: where they come from, and when they are refused.

use std::path::Path;
use std::process::{Command, Stdio};

use portcullis_feed::signature::FeedKey;
use tempfile::TempDir;

use crate::process::{GATEWAY_TOKEN, Process, command_with_tokens, fail, start};
use crate::starting::says_one_sentence;

const VARIABLE: &str = "PORTCULLIS_FEED_SIGNING_KEY";
const NONCE: &str = "00112233445566778899aabbccddeeff";

fn with_key(data: &Path, key: &str) -> Command {
    let mut command = command_with_tokens(data);
    command.env(VARIABLE, key);
    command
}

/// The value of a variable in lines such as `NAME=value`.
fn value<'a>(lines: &'a str, variable: &str) -> &'a str {
    let mut lines = lines.lines();
    let found = lines.find_map(|line| line.strip_prefix(variable)?.strip_prefix('='));
    found.unwrap()
}

/// A new pair, as the subcommand prints it.
fn drawn() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .arg("feed-key")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn is_signed_by(process: &Process, key: &str) -> bool {
    let question = format!("/feed/v1/changes?nonce={NONCE}");
    let answer = process.answer(GATEWAY_TOKEN, &question);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let signatures = head
        .lines()
        .find_map(|line| line.strip_prefix("portcullis-signature: "))
        .unwrap();
    let keys: [FeedKey; 1] = [key.parse().unwrap()];
    FeedKey::verify(
        &keys,
        Some(signatures.as_bytes()),
        200,
        NONCE,
        body.as_bytes(),
    )
    .is_ok()
}

/// The public keys that a log tells of.
fn logged(log: &str) -> Vec<String> {
    let lines = log
        .lines()
        .filter_map(|line| line.split("public_key=").nth(1));
    lines
        .map(|rest| rest.split_whitespace().next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_first_start_makes_a_key_and_the_next_one_uses_it() {
    let data = TempDir::new().unwrap();
    let (_, printed, log) = start(command_with_tokens(data.path()), 0).stopped();
    let [key] = &logged(&log)[..] else {
        panic!("{log}");
    };
    assert!(!printed.contains("key"), "{printed}");

    let process = start(command_with_tokens(data.path()), 0);
    assert!(is_signed_by(&process, key));
    let (_, _, log) = process.stopped();
    assert_eq!(logged(&log), std::slice::from_ref(key));
}

#[test]
fn a_key_of_the_environment_signs_alone_on_a_first_start_and_is_not_logged() {
    let drawn_key = drawn();
    assert_eq!(drawn_key.lines().count(), 2);
    assert_ne!(drawn(), drawn_key);
    let secret = value(&drawn_key, VARIABLE);
    let public = value(&drawn_key, "PORTCULLIS_FEED_KEYS");
    let data = TempDir::new().unwrap();
    let process = start(with_key(data.path(), secret), 0);
    assert!(is_signed_by(&process, public));
    let (_, _, log) = process.stopped();
    assert_eq!(logged(&log), [public]);
    assert!(!log.contains(secret), "{log}");

    // Without it there is a key all the same, and with it again both of them sign.
    let (_, _, log) = start(command_with_tokens(data.path()), 0).stopped();
    let [made] = &logged(&log)[..] else {
        panic!("{log}");
    };
    assert_ne!(made, public);
    let process = start(with_key(data.path(), secret), 0);
    assert!(is_signed_by(&process, public) && is_signed_by(&process, made));
}

#[test]
fn what_is_no_key_is_refused_and_not_repeated() {
    let data = TempDir::new().unwrap();
    for key in ["canary", &"0".repeat(63), &"A".repeat(42)] {
        let mut command = with_key(data.path(), key);
        command.env("PORTCULLIS_LOG", "off");
        let failure = fail(command);
        says_one_sentence(&failure, &[VARIABLE, "base64url", "64 hexadecimal digits"]);
        assert!(!failure.stderr.contains(key), "{}", failure.stderr);
    }
}

#[test]
fn removals_are_kept_for_a_day_at_least() {
    let data = TempDir::new().unwrap();
    for days in ["0", "3651", "-1", "x"] {
        let mut command = command_with_tokens(data.path());
        command.env("PORTCULLIS_KEEP_REMOVALS_DAYS", days);
        says_one_sentence(
            &fail(command),
            &["PORTCULLIS_KEEP_REMOVALS_DAYS", "from 1 to 3650"],
        );
    }
    let mut command = command_with_tokens(data.path());
    command.env("PORTCULLIS_KEEP_REMOVALS_DAYS", "1");
    start(command, 0).stopped();
}
