//! SIGTERM and SIGINT end it gracefully.

use std::time::{Duration, Instant};

use crate::process::{GATEWAY_TOKEN, command_with_tokens, start, status, text};

#[test]
fn a_signal_lets_waiting_gateways_go_and_ends_the_process_with_0() {
    for signal in ["TERM", "INT"] {
        let data = tempfile::tempdir().unwrap();
        let process = start(command_with_tokens(data.path()), 0);
        let answer = process.answer(GATEWAY_TOKEN, "/feed/v1/changes?after=0");
        let epoch = answer.split("\"epoch\":\"").nth(1).unwrap();
        let epoch = epoch.split('"').next().unwrap();
        let question = format!("/feed/v1/changes?epoch={epoch}&after=0&wait=60");
        let waiting: Vec<_> = (0..8)
            .map(|_| process.ask(GATEWAY_TOKEN, &question))
            .collect();
        assert_eq!(process.status(GATEWAY_TOKEN, "/healthz"), 200);
        let began = Instant::now();

        process.signal(signal);

        // A connection whose request was not read yet is closed: the signal may be as fast as that for some.
        let mut answers = waiting.into_iter().map(text);
        assert!(answers.any(|answer| !answer.is_empty() && status(&answer) == 204));
        let (ended, _, log) = process.ended();
        assert_eq!(ended.code(), Some(0), "{log}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_gateway_goes_on_where_it_was_after_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let epoch = |answer: &str| {
        let epoch = answer.split("\"epoch\":\"").nth(1).unwrap();
        epoch.split('"').next().unwrap().to_owned()
    };
    let process = start(command_with_tokens(data.path()), 0);
    let first = epoch(&process.answer(GATEWAY_TOKEN, "/feed/v1/changes"));
    process.signal("KILL");
    process.ended();

    let process = start(command_with_tokens(data.path()), 0);
    let question = format!("/feed/v1/changes?epoch={first}&after=0");
    let again = process.answer(GATEWAY_TOKEN, &question);
    assert_eq!(status(&again), 200);
    assert_ne!(epoch(&again), first);
    let question = question.replace(&first, "fffffffffffffffffffffffffffffffff");
    assert_eq!(process.status(GATEWAY_TOKEN, &question), 410);
}
