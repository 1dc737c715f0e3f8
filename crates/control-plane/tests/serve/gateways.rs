//! Gateways over real connections, and what is known of them by the next process.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Instant;

use portcullis_feed::{GatewayReport, REPORT_HEADER};
use serde_json::Value;

use crate::process::{
    GATEWAY_TOKEN, OPERATOR_TOKEN, PATIENCE, Process, command_with_tokens, start, status,
};

const GATEWAYS: &str = "/api/v1/gateways";

fn report() -> String {
    let report = GatewayReport {
        instance: "00000000000000ff".into(),
        at_us: 0,
        name: "edge-1".into(),
        version: "0.1.0".into(),
        format: 2,
        applied: None,
        workers: 3,
        feed_keys: vec![],
    };
    report.header()
}

/// Begins to ask, without an end.
fn asking(process: &Process) -> TcpStream {
    let epoch = body(&process.answer(GATEWAY_TOKEN, "/feed/v1/changes"))["epoch"].clone();
    let epoch = epoch.as_str().unwrap();
    let mut stream = TcpStream::connect(&process.address).unwrap();
    write!(
        stream,
        "GET /feed/v1/changes?epoch={epoch}&after=0&wait=60 HTTP/1.1\r\nhost: portcullis\r\n\
         authorization: Bearer {GATEWAY_TOKEN}\r\n{REPORT_HEADER}: {}\r\n\r\n",
        report()
    )
    .unwrap();
    stream
}

fn body(answer: &str) -> Value {
    assert_eq!(status(answer), 200, "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

/// Looks again and again until the one gateway asks, or does not.
fn sees_asking(process: &Process, asking: bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let list = body(&process.answer(OPERATOR_TOKEN, GATEWAYS));
        let gateway = &list["items"][0];
        if gateway["asking"] == asking {
            return gateway.clone();
        }
        assert!(Instant::now() < deadline, "{list}");
    }
}

#[test]
fn a_gateway_that_hangs_up_is_noticed_at_once_and_known_to_the_next_process() {
    let data = tempfile::tempdir().unwrap();
    let first = start(command_with_tokens(data.path()), 0);
    let question = asking(&first);
    let asked = sees_asking(&first, true);
    assert_eq!(asked["name"], "edge-1");

    drop(question);
    let gone = sees_asking(&first, false);
    assert_eq!(gone["state"], "connected");
    assert!(first.stopped().0.success());

    let second = start(command_with_tokens(data.path()), 0);
    let known = sees_asking(&second, false);
    for member in ["instance", "workers", "token", "first_contact_at"] {
        assert_eq!(known[member], gone[member], "{member}");
    }
    let _question = asking(&second);
    assert_eq!(sees_asking(&second, true)["state"], "connected");
}
