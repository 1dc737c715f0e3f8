//! SIGTERM and SIGINT end it gracefully.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::process::{
    GATEWAY_TOKEN, OPERATOR_TOKEN, PATIENCE, Process, command_with_tokens, start, status, text,
};

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

/// A request whose body is on its way, with so many bytes of it sent.
fn begin_creating(process: &Process, body: &str, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(&process.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST /api/v1/clients HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {OPERATOR_TOKEN}\r\n\
         expect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    // By now it is being answered.
    let mut said = [0; 25];
    stream.read_exact(&mut said).unwrap();
    assert!(said.starts_with(b"HTTP/1.1 100 Continue"));
    stream.write_all(&body.as_bytes()[..sent]).unwrap();
    stream
}

/// Waits until nobody is let in any more.
fn await_closed_door(process: &Process) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(&process.address).is_ok() {
        assert!(Instant::now() < deadline, "it still listens");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_request_that_was_begun_is_answered_before_the_end_and_those_who_watch_see_it_stop() {
    let data = tempfile::tempdir().unwrap();
    let mut command = command_with_tokens(data.path());
    command.args(["--metrics-listen", "127.0.0.1:0"]);
    let process = start(command, 1);
    let body = r#"{"name": "Acme"}"#;
    let mut creating = begin_creating(&process, body, 5);

    process.signal("TERM");

    await_closed_door(&process);
    let readiness = process.watched("/readyz");
    assert_eq!(status(&readiness), 503);
    assert!(readiness.contains("stopping"), "{readiness}");
    assert_eq!(status(&process.watched("/healthz")), 200);
    creating.write_all(&body.as_bytes()[5..]).unwrap();
    assert_eq!(status(&text(creating)), 201);
    let (ended, _, log) = process.ended();
    assert_eq!(ended.code(), Some(0), "{log}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let data = tempfile::tempdir().unwrap();
    let mut command = command_with_tokens(data.path());
    command.args(["--stop-timeout-s", "3600"]);
    let process = start(command, 0);
    let _creating = begin_creating(&process, r#"{"name": "Acme"}"#, 5);
    process.signal("TERM");
    await_closed_door(&process);
    let began = Instant::now();

    process.signal("INT");

    let (ended, _, log) = process.ended();
    assert_eq!(ended.code(), Some(1), "{log}");
    assert!(log.contains("stopped at once"), "{log}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn who_never_ends_is_not_waited_for_longer_than_said() {
    let data = tempfile::tempdir().unwrap();
    let mut command = command_with_tokens(data.path());
    command.args(["--stop-timeout-s", "0"]);
    let process = start(command, 0);
    let _creating = begin_creating(&process, r#"{"name": "Acme"}"#, 5);

    process.signal("TERM");

    let (ended, _, log) = process.ended();
    assert_eq!(ended.code(), Some(0), "{log}");
    assert!(log.contains("did not end in time"), "{log}");
}
