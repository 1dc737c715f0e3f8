//! Path confusion: however a path, a method or a host is spelled, it is refused, or the service sees one that is granted.

use anyhow::{Result, bail};
use portcullis_tests::{Member, Play, outcome, until_answered};
use serde_json::json;
use xtask::stage::Caller;

/// A request line with the headers that belong to it, and what becomes of it: the outcome of a refusal, or what the
/// service sees where that begins with a slash.
type Row = (&'static str, &'static str);

const HOST: &str = "host: gateway.test\r\n";

/// What may come after `GET `, before ` HTTP/1.1`.
const PATHS: &[Row] = &[
    // As it should be.
    ("/orders/7", "/orders/7"),
    ("/orders/7?next=/stock", "/orders/7?next=/stock"),
    ("/orders/7?a=/../../stock", "/orders/7?a=/../../stock"),
    ("/orders/%37", "/orders/7"),
    ("/orders/caf%C3%A9", "/orders/caf%C3%A9"),
    ("/%6frders/7", "/orders/7"),
    // Dots: Envoy resolves them, for the filter and the service alike.
    ("/orders/../orders/7", "/orders/7"),
    ("/./orders/./7", "/orders/7"),
    ("/orders/../stock", "collection_not_granted"),
    ("/orders/7/../../stock", "collection_not_granted"),
    ("/orders/%2e%2e/stock", "collection_not_granted"),
    ("/orders/%2E%2E/stock", "collection_not_granted"),
    ("/orders/.%2e/stock", "collection_not_granted"),
    ("/orders/%2e./stock", "collection_not_granted"),
    ("/../stock", "collection_not_granted"),
    ("/orders/7/..", "endpoint_not_found"),
    ("/orders/..", "endpoint_not_found"),
    ("/orders/.", "endpoint_not_found"),
    ("/orders/%2e", "endpoint_not_found"),
    ("/orders/7%2e", "/orders/7."),
    ("/orders/...", "request_ambiguous"),
    ("/orders/....//stock", "request_ambiguous"),
    ("/orders/..%20/stock", "request_ambiguous"),
    ("/orders/.%20", "request_ambiguous"),
    ("/orders/%20", "request_ambiguous"),
    ("/orders/7.", "/orders/7."),
    // Slashes.
    ("//orders//7", "/orders/7"),
    ("//stock", "collection_not_granted"),
    ("///stock", "collection_not_granted"),
    ("/orders//../stock", "/orders/stock"),
    ("/orders/7/", "endpoint_not_found"),
    ("/orders/", "endpoint_not_found"),
    ("/orders/..%2fstock", "400"),
    ("/orders/..%2Fstock", "400"),
    ("/orders%2f7", "400"),
    ("/%2fstock", "400"),
    ("/orders/7%2f..%2f..%2fstock", "400"),
    // Backslashes: Envoy takes them for slashes, as browsers do.
    ("/orders\\7", "/orders/7"),
    ("/orders\\..\\stock", "collection_not_granted"),
    ("/orders/..\\stock", "collection_not_granted"),
    ("\\stock", "400"),
    ("/\\stock", "collection_not_granted"),
    ("/orders/..%5cstock", "400"),
    ("/orders/..%5Cstock", "400"),
    // Path parameters.
    ("/orders/7;v=1", "request_ambiguous"),
    ("/orders/..;/stock", "collection_not_granted"),
    ("/orders;x/..;y/stock", "collection_not_granted"),
    ("/orders/;/stock", "request_ambiguous"),
    ("/stock;/orders/7", "request_ambiguous"),
    ("/orders/7%3bx", "request_ambiguous"),
    // An encoding of an encoding.
    ("/orders/%252e%252e%252fstock", "request_ambiguous"),
    ("/orders/%252fstock", "request_ambiguous"),
    ("/orders/%25252e%25252e", "request_ambiguous"),
    ("/orders/%255c..%255cstock", "request_ambiguous"),
    ("/orders/%u002e%u002e", "request_ambiguous"),
    // Overlong and other UTF-8 that is none (RFC 3629 section 3).
    ("/orders/%c0%ae%c0%ae%c0%afstock", "request_ambiguous"),
    ("/orders/%c0%afstock", "request_ambiguous"),
    ("/orders/%e0%80%af", "request_ambiguous"),
    ("/orders/%f0%80%80%af", "request_ambiguous"),
    ("/orders/%ff", "request_ambiguous"),
    ("/orders/caf\u{e9}", "400"),
    // Control bytes, and encodings that are none.
    ("/orders/7%00", "400"),
    ("/stock%00/orders/7", "400"),
    ("/orders/7%0d%0ax: y", "400"),
    ("/orders/7%0d%0a", "request_ambiguous"),
    ("/orders/7%09", "request_ambiguous"),
    ("/orders/7%7f", "request_ambiguous"),
    ("/orders/7\0", "400"),
    ("/orders/7\t", "/orders/7"),
    ("/orders/7 /stock", "400"),
    ("/orders/%", "request_ambiguous"),
    ("/orders/%4", "request_ambiguous"),
    ("/orders/%zz", "request_ambiguous"),
    // Fragments, which no decent client sends.
    ("/orders/7#/../stock", "400"),
    ("/stock#/orders/7", "400"),
    ("/orders/7%23x", "/orders/7%23x"),
    // Letters.
    ("/ORDERS/7", "endpoint_not_found"),
    ("/Stock", "endpoint_not_found"),
    ("/STOCK", "endpoint_not_found"),
    // Other forms of a target (RFC 9112 section 3.2).
    ("http://gateway.test/orders/7", "/orders/7"),
    ("http://gateway.test/stock", "collection_not_granted"),
    ("http://gateway.test", "endpoint_not_found"),
    ("HTTP://gateway.test/stock", "collection_not_granted"),
    (
        "http://gateway.test/orders/../stock",
        "collection_not_granted",
    ),
    ("http://gateway.test?/orders/7", "404"),
    ("gateway.test/orders/7", "400"),
    ("orders/7", "400"),
    ("*", "400"),
    ("", "400"),
    ("?/orders/7", "400"),
    ("/", "endpoint_not_found"),
];

/// Whole request lines with their `host`.
const LINES: &[Row] = &[
    ("get /orders/7|gateway.test", "400"),
    ("Get /orders/7|gateway.test", "400"),
    ("BREW /orders/7|gateway.test", "400"),
    ("TRACE /orders/7|gateway.test", "endpoint_not_found"),
    ("POST /orders/7|gateway.test", "endpoint_not_found"),
    ("HEAD /orders/7|gateway.test", "/orders/7"),
    ("HEAD /stock|gateway.test", "403"),
    ("OPTIONS *|gateway.test", "404"),
    ("CONNECT gateway.test:443|gateway.test", "request_ambiguous"),
    // Hosts. `vault.test` has a collection of its own, which is not granted.
    ("GET /orders/7|vault.test", "collection_not_granted"),
    ("GET /orders/7|VAULT.Test", "collection_not_granted"),
    ("GET /orders/7|vault.test:80", "collection_not_granted"),
    ("GET /orders/7|vault.test:10000", "collection_not_granted"),
    ("GET /orders/7|vault.test.", "collection_not_granted"),
    ("GET /orders/7|vault.test.:80", "collection_not_granted"),
    ("GET /orders/7|vault.test:", "collection_not_granted"),
    (
        "GET http://vault.test/orders/7|gateway.test",
        "collection_not_granted",
    ),
    (
        "GET http://VAULT.TEST:80/orders/7|gateway.test",
        "collection_not_granted",
    ),
    ("GET http://gateway.test/orders/7|vault.test", "/orders/7"),
    (
        "GET http://me@vault.test/orders/7|gateway.test",
        "collection_not_granted",
    ),
    ("GET /orders/7|me@vault.test", "request_ambiguous"),
    (
        "GET /orders/7|gateway.test:x@vault.test",
        "request_ambiguous",
    ),
    ("GET /orders/7|vault%2etest", "request_ambiguous"),
    ("GET /orders/7|vault.test..", "request_ambiguous"),
    ("GET /orders/7|vault.test,gateway.test", "request_ambiguous"),
    ("GET /orders/7|vault.test/", "400"),
    ("GET /orders/7|vault.test gateway.test", "400"),
    ("GET /orders/7|", "/orders/7"),
];

/// What a service that is safe with dubious paths gets to see of them, and what no service does.
const TO_THE_TOLERANT: &[Row] = &[
    ("/files/7;v=1", "/files/7;v=1"),
    ("/files/a%252fb", "/files/a%252fb"),
    ("/files/%ff", "/files/%ff"),
    ("/files/...", "/files/..."),
    ("/files/7%00", "400"),
    ("/files/7%07", "/files/7%07"),
    ("/files/..;/stock", "collection_not_granted"),
    ("/files/..%2fstock", "400"),
    ("/files/..%5cstock", "400"),
    ("/files/..\\stock", "collection_not_granted"),
    ("/files/7%2e", "/files/7."),
    ("/files/%zz", "request_ambiguous"),
    ("/orders/7;v=1", "request_ambiguous"),
];

/// What became of a request: what the service saw of it where it was permitted, else the outcome.
fn fate(play: &Play, line: &[u8], key: &str) -> Result<String> {
    play.service.forget();
    // A connection each: Envoy hangs up after what it cannot read.
    let mut caller = play.caller()?;
    let answer = caller.request_line(line).key(key).send()?;
    let seen = play.service.seen();
    match (answer.status, seen.as_slice()) {
        (200, [seen]) => Ok(seen.path.clone()),
        (status, []) => {
            assert!([400, 401, 403, 404].contains(&status), "{answer:?}");
            Ok(outcome(&answer))
        }
        _ => bail!("{answer:?} {seen:?}"),
    }
}

fn check(play: &Play, key: &str, shown: &str, line: &[u8], expected: &str) -> Option<String> {
    let fate = fate(play, line, key).unwrap_or_else(|failure| failure.to_string());
    if let Some(seen) = fate.strip_prefix('/') {
        let read = as_the_most_helpful_service_reads(seen);
        let is_granted = match read.as_slice() {
            [first, _] if first == "orders" => true,
            // Whose service reads paths as they are.
            [first, ..] => first == "files",
            [] => false,
        };
        assert!(is_granted, "{shown:?}: {seen} {read:?}");
    }
    (fate != expected).then(|| format!("{shown:?}: {fate} instead of {expected}"))
}

fn check_paths(play: &Play, key: &str, rows: &[Row]) {
    let wrong = rows.iter().filter_map(|(path, expected)| {
        let line = format!("GET {path} HTTP/1.1\r\n{HOST}");
        check(play, key, path, line.as_bytes(), expected)
    });
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
}

/// The segments of a path for a service that decodes whatever it can, as often as it can, drops path parameters, takes
/// a backslash for a slash, goes up at dots that are followed by blanks, ends at NUL, and does not care about case.
fn as_the_most_helpful_service_reads(target: &str) -> Vec<String> {
    let path = target.split('?').next().unwrap_or_default();
    let mut path = path.as_bytes().to_vec();
    for _ in 0..4 {
        path = decoded(&path);
    }
    let path = String::from_utf8_lossy(&path)
        .to_lowercase()
        .replace('\\', "/");
    let path = path.split('\0').next().unwrap_or_default();
    let mut segments: Vec<String> = vec![];
    for segment in path.split('/') {
        let segment = segment.split(';').next().unwrap_or_default();
        match segment.trim_end_matches([' ', '\t']) {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment.to_owned()),
        }
    }
    segments
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let nibble = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let mut decoded = vec![];
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match after {
            [high, low, beyond @ ..] if *byte == b'%' => match (nibble(high), nibble(low)) {
                (Some(high), Some(low)) => {
                    decoded.push((high << 4) | low);
                    rest = beyond;
                }
                _ => decoded.push(*byte),
            },
            _ => decoded.push(*byte),
        }
    }
    decoded
}

/// A play in which hosts and tolerant services have collections too, and a member who is granted `orders/v1` and
/// `files/v1`.
fn begin() -> Result<(Play, Member)> {
    let play = Play::begin(1)?;
    let vault = json!([{"method": "*", "host": "vault.test", "path": "/orders/{id}"}]);
    play.collection("vault", &vault, &json!({}))?;
    let files = json!([{"method": "GET", "path": "/files/{name}"}]);
    let files = play.collection("files", &files, &json!({"allows_dubious_paths": true}))?;
    let collections = json!({"collections": [play.orders, files]});
    let member = play.member_with("Acme", &collections)?;
    Ok((play, member))
}

#[test]
fn however_a_path_is_spelled_only_what_is_granted_reaches_the_service() {
    let (play, member) = begin().unwrap();
    check_paths(&play, member.key(), PATHS);
    // The play has not ended with a filter that refuses everything.
    let mut caller = play.caller().unwrap();
    until_answered(&mut caller, member.key(), "permitted").unwrap();
}

#[test]
fn however_a_method_or_a_host_is_spelled_only_what_is_granted_reaches_the_service() {
    let (play, member) = begin().unwrap();
    let wrong = LINES.iter().filter_map(|(row, expected)| {
        let (target, host) = row.split_once('|').unwrap();
        let line = format!("{target} HTTP/1.1\r\nhost: {host}\r\n");
        check(&play, member.key(), row, line.as_bytes(), expected)
    });
    assert_eq!(wrong.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn only_a_collection_that_says_so_gets_dubious_paths_and_still_no_ambiguous_ones() {
    let (play, member) = begin().unwrap();
    check_paths(&play, member.key(), TO_THE_TOLERANT);
}

#[test]
fn bytes_that_no_text_can_hold_are_refused() {
    let (play, member) = begin().unwrap();
    for bytes in [
        &b"/orders/\xff"[..],
        b"/orders/\xc0\xae",
        b"/\xc0\xafstock",
        b"/orders/7\x80",
    ] {
        let line = [b"GET ", bytes, b" HTTP/1.1\r\n", HOST.as_bytes()].concat();
        assert_eq!(
            fate(&play, &line, member.key()).unwrap(),
            "400",
            "{bytes:?}"
        );
    }
}

#[test]
fn a_caller_without_a_credential_learns_nothing_from_any_spelling() {
    let (play, _) = begin().unwrap();
    for (path, _) in PATHS {
        play.service.forget();
        let mut caller = Caller::connect(play.envoy.gateway().unwrap()).unwrap();
        let line = format!("GET {path} HTTP/1.1\r\n{HOST}");
        let answer = caller.request_line(line.as_bytes()).send().unwrap();
        let outcome = outcome(&answer);
        let expected = ["credential_missing", "request_ambiguous", "400", "404"];
        assert!(expected.contains(&outcome.as_str()), "{path}: {outcome}");
        assert!(play.service.seen().is_empty(), "{path}");
    }
}
