//! Paths, routes and queries: what is read means the same to an implementation of the WHATWG's URLs.
//!
//! An input is a line with the name of a parameter, a line with method and authority, and a request target.

use std::borrow::Cow;
use std::sync::LazyLock;

use percent_encoding::percent_decode;
use portcullis_engine::path::Path;
use portcullis_engine::query;
use portcullis_engine::route::Routes;
use portcullis_feed::{Collection, CollectionId, Endpoint};
use url::{Url, form_urlencoded};

/// Method and path template of each endpoint, which any host serves.
const ENDPOINTS: [(&str, &str); 12] = [
    ("GET", "/"),
    ("GET", "/orders"),
    ("*", "/orders/{id}"),
    ("POST", "/orders/new"),
    ("GET", "/orders/new/{part}"),
    ("GET", "/orders/{id}/lines/{line}"),
    ("DELETE", "/{kind}/{id}/lines/1"),
    ("GET", "/files/**"),
    ("PUT", "/files/{name}"),
    ("GET", "/café/{table}/"),
    ("GET", "/a%20b/~x"),
    ("PATCH", "/{a}/{b}/{c}/**"),
];

static ROUTES: LazyLock<Routes> = LazyLock::new(|| Routes::compile(&[collection(&[None])]));

static ROUTES_BY_HOST: LazyLock<Routes> = LazyLock::new(|| {
    let hosts = ["api.example", "*.example", "*.b.example", "[2001:db8::1]"];
    Routes::compile(&[collection(&hosts.map(Some))])
});

/// Checks an input.
///
/// # Panics
/// When a path is read that others read in another way, or a parameter is not cut out as a whole.
pub fn check(input: &[u8]) {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let (Some(name), Some(call), Some(target)) = (lines.next(), lines.next(), lines.next()) else {
        return;
    };
    let mut words = call.splitn(2, |byte| *byte == b' ');
    let (method, authority) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    check_query(target, name);
    let Ok(path) = Path::parse(target) else {
        return;
    };
    check_path(target, &path);
    let is_routed = ROUTES.find(authority, method, &path).is_some();
    let is_claimed = ENDPOINTS.iter().any(|(claimed, template)| {
        let is_method = *claimed == "*"
            || claimed.as_bytes() == method
            || (method == b"HEAD" && *claimed == "GET");
        is_method && claims(template, &path)
    });
    assert_eq!(is_routed, is_claimed, "{method:?} {path:?}");
    if ROUTES_BY_HOST.find(authority, method, &path).is_some() {
        assert!(is_claimed, "{authority:?} {path:?}");
    }
}

fn check_path(target: &[u8], path: &Path<'_>) {
    let text = path.text();
    assert!(target.starts_with(text.as_bytes()));
    assert!(matches!(target.get(text.len()), None | Some(b'?')));
    assert_eq!(Path::parse(text.as_bytes()).as_ref(), Ok(path));

    let segments: Vec<Cow<'_, [u8]>> = path.segments().collect();
    for (at, segment) in segments.iter().enumerate() {
        assert!(!matches!(segment.as_ref(), b"." | b".."), "{path:?}");
        assert!(
            !segment.iter().any(|byte| matches!(byte, b'/' | b'\\')),
            "{path:?}"
        );
        assert!(!segment.is_empty() || at + 1 == segments.len(), "{path:?}");
        if !path.is_dubious() {
            assert!(std::str::from_utf8(segment).is_ok(), "{path:?}");
            assert!(
                !segment.iter().any(|byte| byte.is_ascii_control()),
                "{path:?}"
            );
        }
    }
    // A service that resolves the path as browsers do ends where we are.
    let url = Url::parse(&format!("http://service.example{text}"));
    let url = url.unwrap_or_else(|error| panic!("no URL has the path `{text}`: {error}"));
    let theirs: Vec<Cow<'_, [u8]>> = url
        .path_segments()
        .into_iter()
        .flatten()
        .map(|segment| percent_decode(segment.as_bytes()).into())
        .collect();
    assert_eq!(segments, theirs, "{path:?}");
}

fn check_query(target: &[u8], name: &[u8]) {
    if name.is_empty() {
        return;
    }
    let expected: Vec<Vec<u8>> = parameters(target, name).collect();
    match query::extract(target, name) {
        None => assert!(expected.is_empty(), "{target:?} has {expected:?}"),
        Some(extracted) => {
            let values: Vec<&[u8]> = extracted.values.iter().map(AsRef::as_ref).collect();
            assert_eq!(values, expected, "{target:?}");
            assert!(
                parameters(&extracted.target, name).next().is_none(),
                "{:?}",
                extracted.target
            );
            assert_eq!(query::extract(&extracted.target, name), None);
            assert!(!theirs(&extracted.target, name), "{:?}", extracted.target);
        }
    }
}

/// Whether an implementation of forms finds the parameter.
fn theirs(target: &[u8], name: &[u8]) -> bool {
    // It reads what is no UTF-8 as a replacement character, which is then no longer the name.
    std::str::from_utf8(name).is_ok_and(|name| {
        let is_plain = !name.contains(char::REPLACEMENT_CHARACTER);
        is_plain && form_urlencoded::parse(query_of(target)).any(|(key, _)| key == name)
    })
}

/// The values that a query has under a name, read by other means than ours.
pub(crate) fn parameters(target: &[u8], name: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    query_of(target)
        .split(|byte| *byte == b'&')
        .filter_map(move |pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let (key, value) = (decoded(halves.next()), decoded(halves.next()));
            (key == name).then_some(value)
        })
}

fn query_of(target: &[u8]) -> &[u8] {
    let at = target.iter().position(|byte| *byte == b'?');
    at.map_or(&[], |at| &target[at + 1..])
}

fn decoded(text: Option<&[u8]>) -> Vec<u8> {
    let blank = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
    let blanks: Vec<u8> = text.unwrap_or_default().iter().map(blank).collect();
    percent_decode(&blanks).collect()
}

/// Whether a template claims a path, looked at segment by segment.
fn claims(template: &str, path: &Path<'_>) -> bool {
    let (template, is_open) = match template.strip_suffix("/**") {
        Some(template) => (template, true),
        None => (template, false),
    };
    let wanted: Vec<&str> = template.split('/').skip(1).collect();
    let found: Vec<Cow<'_, [u8]>> = path.segments().collect();
    let fits = |(wanted, found): (&&str, &Cow<'_, [u8]>)| {
        if wanted.starts_with('{') {
            !found.is_empty()
        } else {
            let literal: Cow<'_, [u8]> = percent_decode(wanted.as_bytes()).into();
            literal == *found
        }
    };
    let is_long_enough = if is_open {
        found.len() >= wanted.len()
    } else {
        found.len() == wanted.len()
    };
    is_long_enough && wanted.iter().zip(&found).all(fits)
}

fn collection(hosts: &[Option<&str>]) -> Collection {
    let endpoint = |host: Option<&str>, (method, path): &(&str, &str)| Endpoint {
        host: host.map(str::to_owned),
        method: (*method).to_owned(),
        path: (*path).to_owned(),
        enabled: true,
    };
    let endpoints = hosts
        .iter()
        .flat_map(|host| ENDPOINTS.iter().map(|claimed| endpoint(*host, claimed)));
    Collection {
        id: CollectionId::from_parts(0, 1),
        name: "orders".into(),
        version: "v1".into(),
        endpoints: endpoints.collect(),
        public: false,
        allows_dubious_paths: false,
    }
}
