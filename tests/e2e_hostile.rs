//! Requests that no decent client sends: a clear refusal or a permit, never a fault of the filter, and the VM lives on.

use anyhow::{Context as _, Result};
use portcullis_tests::{Play, outcome, until_answered};
use xtask::stage::Caller;

/// How often a VM of the filter has been lost, by Envoy's own count.
fn crashes(play: &Play) -> Result<u64> {
    let page = play.envoy.admin("/stats?filter=wasm")?;
    let lost = page.lines().filter(|line| {
        ["crash", "vm_reload", "fail"]
            .iter()
            .any(|word| line.contains(word))
    });
    lost.map(|line| {
        let (_, count) = line.rsplit_once(": ").context("a counter has a value")?;
        Ok(count.parse::<u64>()?)
    })
    .sum()
}

fn send(caller: &mut Caller, name: &str, value: &[u8], key: Option<&str>) -> Result<String> {
    let mut request = caller.get("/orders/7").header(name, value);
    if let Some(key) = key {
        request = request.key(key);
    }
    Ok(outcome(&request.send()?))
}

#[test]
fn hostile_headers_are_answered_and_leave_the_vm_alive() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();
    let key = Some(member.key());
    let two = format!("Bearer {}, Bearer other", member.key());

    for (name, value, key, expected) in [
        (
            "api-token",
            &b"\xff\xfe\xfd"[..],
            None,
            "credential_invalid",
        ),
        ("x-any", b"\xff\xfe\x80", key, "permitted"),
        ("x-client-id", b"\xff", key, "permitted"),
        ("authorization", b"\xff\xff", None, "credential_missing"),
        ("authorization", b"\xff\xff", key, "permitted"),
        ("authorization", b"Basic", None, "credential_invalid"),
        ("authorization", b"Basic %%%", None, "credential_invalid"),
        (
            "authorization",
            b"Basic \xff\xff",
            None,
            "credential_invalid",
        ),
        ("authorization", b"Basic ////", None, "credential_invalid"),
        (
            "authorization",
            b"Basic YXBpLXRva2Vu",
            None,
            "credential_invalid",
        ),
        ("authorization", b"Basic Og==", None, "credential_missing"),
        ("authorization", b"Bearer", None, "credential_invalid"),
        ("authorization", b"Bearer \t ", None, "credential_invalid"),
        ("authorization", b"Bearer other", key, "request_ambiguous"),
        ("authorization", two.as_bytes(), None, "request_ambiguous"),
        ("api-token", b"other", key, "request_ambiguous"),
        ("api-token", b"", None, "credential_missing"),
        ("api-token", b"ptc_", None, "credential_invalid"),
        (
            "api-token",
            b"ptc_live_________",
            None,
            "credential_invalid",
        ),
        ("api-token", &[b'a'; 20_000], None, "credential_invalid"),
        ("cookie", &[b'c'; 50_000], key, "permitted"),
    ] {
        let shown = String::from_utf8_lossy(value.get(..40).unwrap_or(value));
        assert_eq!(
            send(&mut caller, name, value, key).unwrap(),
            expected,
            "{name}: {shown}"
        );
    }
    assert_eq!(crashes(&play).unwrap(), 0);
    until_answered(&mut caller, member.key(), "permitted").unwrap();
}

#[test]
fn many_and_large_headers_are_no_trouble() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let mut caller = play.caller().unwrap();

    // The shipped listener lets 100 headers through: it refuses more before the filter sees them.
    assert_eq!(
        with_headers(&mut caller, member.key(), 80, 1).unwrap(),
        "permitted"
    );
    assert_eq!(
        with_headers(&mut caller, member.key(), 200, 1).unwrap(),
        "431"
    );
    let mut caller = play.caller().unwrap();
    assert_eq!(
        with_headers(&mut caller, member.key(), 55, 1_000).unwrap(),
        "permitted"
    );
    let mut keys = caller.get("/orders/7");
    for _ in 0..50 {
        keys = keys.key(member.key());
    }
    assert_eq!(outcome(&keys.send().unwrap()), "permitted");
    assert_eq!(crashes(&play).unwrap(), 0);
}

#[test]
fn a_listener_that_lets_more_through_does_not_trouble_the_filter() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let generous = play
        .another_envoy(|bootstrap| {
            let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
            bootstrap.at(manager, |manager| {
                manager["common_http_protocol_options"]["max_headers_count"] = 1_000.into();
                manager["max_request_headers_kb"] = 512.into();
            })
        })
        .unwrap();
    let mut caller = Caller::connect(generous.gateway().unwrap()).unwrap();
    until_answered(&mut caller, member.key(), "permitted").unwrap();

    for (key, count, bytes, expected) in [
        (member.key(), 200, 1, "permitted"),
        (member.key(), 60, 1_024, "permitted"),
        (member.key(), 900, 500, "permitted"),
        ("unknown", 900, 500, "credential_invalid"),
    ] {
        let outcome = with_headers(&mut caller, key, count, bytes).unwrap();
        assert_eq!(outcome, expected, "{count} headers of {bytes} bytes");
    }
    until_answered(&mut caller, member.key(), "permitted").unwrap();
}

/// The outcome of a request with so many further headers of so many bytes.
fn with_headers(caller: &mut Caller, key: &str, count: usize, bytes: usize) -> Result<String> {
    let mut request = caller.get("/orders/7").key(key);
    for number in 0..count {
        request = request.header(&format!("x-number-{number}"), vec![b'v'; bytes]);
    }
    Ok(outcome(&request.send()?))
}

#[test]
fn odd_targets_are_refused_or_read_as_what_they_are() {
    let play = Play::begin(1).unwrap();
    let member = play.member("Acme").unwrap();
    let key = member.key();

    for (line, expected) in [
        (
            "GET http://gateway.test/orders/7 HTTP/1.1\r\nhost: gateway.test\r\n",
            &["permitted"][..],
        ),
        (
            "GET /orders/7?a=/../b HTTP/1.1\r\nhost: gateway.test\r\n",
            &["permitted"],
        ),
        (
            "GET /orders/../orders/7 HTTP/1.1\r\nhost: gateway.test\r\n",
            &["permitted"],
        ),
        (
            "GET //orders//7 HTTP/1.1\r\nhost: gateway.test\r\n",
            &["permitted"],
        ),
        (
            "HEAD /orders/7 HTTP/1.1\r\nhost: gateway.test\r\n",
            &["permitted"],
        ),
        (
            "GET /orders/7%2f8 HTTP/1.1\r\nhost: gateway.test\r\n",
            &["400", "request_ambiguous"],
        ),
        (
            "GET /orders/%00 HTTP/1.1\r\nhost: gateway.test\r\n",
            &["400", "request_ambiguous"],
        ),
        (
            "GET /orders/%ff HTTP/1.1\r\nhost: gateway.test\r\n",
            &["400", "request_ambiguous"],
        ),
        (
            "GET /orders/%252e%252e HTTP/1.1\r\nhost: gateway.test\r\n",
            &["400", "request_ambiguous"],
        ),
        (
            "GET /orders/..;/stock HTTP/1.1\r\nhost: gateway.test\r\n",
            // Envoy reads it as `/stock`, for the filter and the service alike.
            &["collection_not_granted"],
        ),
        (
            "GET /orders\\7 HTTP/1.1\r\nhost: gateway.test\r\n",
            &["400", "request_ambiguous", "permitted"],
        ),
        (
            "OPTIONS * HTTP/1.1\r\nhost: gateway.test\r\n",
            &["400", "404", "request_ambiguous"],
        ),
        ("GET  HTTP/1.1\r\nhost: gateway.test\r\n", &["400"]),
        (
            "get /orders/7 HTTP/1.1\r\nhost: gateway.test\r\n",
            &["400", "endpoint_not_found"],
        ),
        (
            "BREW /orders/7 HTTP/1.1\r\nhost: gateway.test\r\n",
            &["400", "endpoint_not_found"],
        ),
        (
            "GET /orders/7 HTTP/1.1\r\nhost: \r\n",
            &["400", "permitted"],
        ),
        (
            "CONNECT gateway.test:443 HTTP/1.1\r\nhost: gateway.test\r\n",
            &["400", "403", "404", "request_ambiguous"],
        ),
    ] {
        let mut caller = play.caller().unwrap();
        let answer = caller
            .request_line(line.as_bytes())
            .key(key)
            .send()
            .unwrap();
        let outcome = outcome(&answer);
        assert!(
            expected.contains(&outcome.as_str()),
            "{line}: {outcome} {}",
            answer.text()
        );
    }
    assert_eq!(crashes(&play).unwrap(), 0);
}
