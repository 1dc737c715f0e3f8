//! Callers who take their time, and those who come in crowds.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{
    GATEWAY_TOKEN, OPERATOR_TOKEN, PATIENCE, Process, command_with_tokens, start, status, text,
};

fn start_with(data: &TempDir, settings: &[(&str, &str)]) -> Process {
    let mut command = command_with_tokens(data.path());
    command.envs(settings.iter().copied());
    start(command, 0)
}

/// Whether the other end closes it without a word, before anybody loses patience.
fn is_closed(mut stream: TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) => !said.starts_with(b"HTTP/1.1 2"),
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn who_does_not_say_in_time_what_it_wants_is_sent_away_and_others_are_served() {
    let data = tempfile::tempdir().unwrap();
    let process = start_with(&data, &[("PORTCULLIS_HEADER_TIMEOUT_S", "1")]);
    let beginnings = [
        "",
        "G",
        "GET /healthz HTTP/1.1\r\nhost: x\r\n",
        "PRI * HTTP/2.0\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    let silent: Vec<_> = beginnings
        .iter()
        .map(|beginning| {
            let mut stream = TcpStream::connect(&process.address).unwrap();
            stream.write_all(beginning.as_bytes()).unwrap();
            stream
        })
        .collect();
    // A slow one, who always has one more line to say.
    let mut slow = TcpStream::connect(&process.address).unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
    let began = Instant::now();
    while slow.write_all(b"x-more: x\r\n").is_ok() {
        assert!(began.elapsed() < PATIENCE, "it may go on for ever");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(process.status(OPERATOR_TOKEN, "/api/v1/clients"), 200);
    for (stream, beginning) in silent.into_iter().zip(beginnings) {
        assert!(is_closed(stream), "{beginning:?}");
    }
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let data = tempfile::tempdir().unwrap();
    let process = start_with(&data, &[("PORTCULLIS_REQUEST_TIMEOUT_S", "1")]);
    let mut stream = TcpStream::connect(&process.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST /api/v1/clients HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {OPERATOR_TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    )
    .unwrap();
    let answer = text(stream);
    assert_eq!(status(&answer), 503, "{answer}");
    assert!(
        answer.contains("urn:portcullis:problem:timed-out"),
        "{answer}"
    );
    assert!(answer.contains("within 1 seconds"), "{answer}");
}

#[test]
fn what_is_said_to_be_large_has_more_time_from_whoever_is_known() {
    let data = tempfile::tempdir().unwrap();
    let process = start_with(&data, &[("PORTCULLIS_REQUEST_TIMEOUT_S", "1")]);
    let mut stream = TcpStream::connect(&process.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let draft = r#"{"configuration": {}}"#;
    let length = 1024 * 1024;
    let began = Instant::now();
    write!(
        stream,
        "POST /api/v1/configuration/plan HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {OPERATOR_TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{draft}"
    )
    .unwrap();
    let answer = text(stream);
    assert_eq!(status(&answer), 503, "{answer}");
    assert!(answer.contains("within 5 seconds"), "{answer}");
    assert!(began.elapsed() >= Duration::from_secs(5));
}

#[test]
fn waiting_for_a_change_is_not_taken_for_slowness() {
    let data = tempfile::tempdir().unwrap();
    let process = start_with(&data, &[("PORTCULLIS_REQUEST_TIMEOUT_S", "1")]);
    let answer = process.answer(GATEWAY_TOKEN, "/feed/v1/changes?after=0");
    let epoch = answer.split("\"epoch\":\"").nth(1).unwrap();
    let epoch = epoch.split('"').next().unwrap();
    let began = Instant::now();
    let question = format!("/feed/v1/changes?epoch={epoch}&after=0&wait=2");
    assert_eq!(process.status(GATEWAY_TOKEN, &question), 204);
    assert!(began.elapsed() >= Duration::from_secs(2));
}

#[test]
fn a_crowd_from_one_address_is_kept_within_its_limit_and_told_at_once() {
    let data = tempfile::tempdir().unwrap();
    let limit = [("PORTCULLIS_MAX_CONNECTIONS_PER_ADDRESS", "3")];
    let process = start_with(&data, &limit);
    let connect = || {
        let mut stream = TcpStream::connect(&process.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
        let mut said = [0; 12];
        let is_served = asked.is_ok() && stream.read_exact(&mut said).is_ok();
        (is_served && said == *b"HTTP/1.1 200").then_some(stream)
    };
    let mut crowd: Vec<_> = (0..3).map(|_| connect().unwrap()).collect();
    assert!(connect().is_none());

    crowd.pop().unwrap().shutdown(Shutdown::Both).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while connect().is_none() {
        assert!(Instant::now() < deadline, "there is no room again");
    }
}
