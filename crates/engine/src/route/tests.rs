//! Sentences about matching.

use super::*;

fn endpoint(text: &str) -> Endpoint {
    let (method, rest) = text.split_once(' ').unwrap();
    let at = rest.find('/').unwrap();
    let (host, path) = rest.split_at(at);
    Endpoint {
        host: (!host.is_empty()).then(|| host.to_string()),
        method: method.into(),
        path: path.into(),
        enabled: true,
    }
}

fn collection(number: u128, endpoints: &[&str]) -> Collection {
    Collection {
        id: CollectionId::from_parts(0, number),
        name: format!("c{number}"),
        version: "v1".into(),
        endpoints: endpoints.iter().map(|text| endpoint(text)).collect(),
        public: false,
        allows_dubious_paths: false,
    }
}

/// One collection for each endpoint, numbered from 0; the number of the one that a request is for.
fn found(endpoints: &[&str], request: &str) -> Option<u128> {
    let collections: Vec<_> = (0..)
        .zip(endpoints)
        .map(|(number, text)| collection(number, &[text]))
        .collect();
    let routes = Routes::compile(&collections);
    let (method, rest) = request.split_once(' ').unwrap();
    let (authority, path) = rest.split_at(rest.find('/').unwrap());
    let path = Path::parse(path.as_bytes()).unwrap();
    let id = routes
        .find(authority.as_bytes(), method.as_bytes(), &path)?
        .collection
        .id;
    (0..)
        .zip(endpoints)
        .map(|(number, _)| number)
        .find(|&number| CollectionId::from_parts(0, number) == id)
}

#[test]
fn literals_win_over_parameters_and_parameters_over_the_rest() {
    let endpoints = [
        "GET /orders/{id}",
        "GET /orders/open",
        "GET /orders/**",
        "GET /**",
    ];
    assert_eq!(found(&endpoints, "GET x/orders/7"), Some(0));
    assert_eq!(found(&endpoints, "GET x/orders/open"), Some(1));
    assert_eq!(found(&endpoints, "GET x/orders/7/lines"), Some(2));
    assert_eq!(found(&endpoints, "GET x/orders"), Some(2));
    assert_eq!(found(&endpoints, "GET x/"), Some(3));
}

#[test]
fn a_branch_that_leads_nowhere_is_left_again() {
    let endpoints = ["GET /a/b/c", "GET /a/{x}/d", "POST /{y}/b/d"];
    assert_eq!(found(&endpoints, "GET x/a/b/d"), Some(1));
    assert_eq!(found(&endpoints, "POST x/a/b/d"), Some(2));
    assert_eq!(found(&endpoints, "GET x/a/b"), None);
}

#[test]
fn head_goes_where_get_is_granted_and_a_star_takes_any_method() {
    assert_eq!(found(&["GET /a"], "HEAD x/a"), Some(0));
    assert_eq!(found(&["GET /a", "HEAD /a"], "HEAD x/a"), Some(1));
    assert_eq!(found(&["* /a", "GET /a"], "GET x/a"), Some(1));
    assert_eq!(found(&["* /a", "GET /a"], "PATCH x/a"), Some(0));
    assert_eq!(found(&["GET /a"], "get x/a"), None);
}

#[test]
fn a_trailing_slash_is_another_path() {
    assert_eq!(found(&["GET /a"], "GET x/a/"), None);
    assert_eq!(found(&["GET /a/"], "GET x/a/"), Some(0));
    assert_eq!(found(&["GET /a/{id}"], "GET x/a/"), None);
}

#[test]
fn hosts_match_exactly_then_by_the_longest_parent_then_any() {
    let endpoints = [
        "GET /a",
        "GET api.example.com/a",
        "GET *.example.com/a",
        "GET *.eu.example.com/a",
    ];
    assert_eq!(found(&endpoints, "GET api.example.com/a"), Some(1));
    assert_eq!(found(&endpoints, "GET API.Example.COM:8443/a"), Some(1));
    assert_eq!(found(&endpoints, "GET api.example.com./a"), Some(1));
    assert_eq!(found(&endpoints, "GET x.example.com/a"), Some(2));
    assert_eq!(found(&endpoints, "GET x.eu.example.com/a"), Some(3));
    assert_eq!(found(&endpoints, "GET example.com/a"), Some(0));
    assert_eq!(found(&endpoints, "GET [::1]:80/a"), Some(0));
    assert_eq!(found(&["GET [::1]/a"], "GET [::1]:80/a"), Some(0));
}

#[test]
fn encoded_and_plain_spellings_of_a_path_are_one() {
    assert_eq!(found(&["GET /café"], "GET x/caf%c3%a9"), Some(0));
    assert_eq!(found(&["GET /caf%C3%A9"], "GET x/caf%c3%a9"), Some(0));
    assert_eq!(found(&["GET /orders"], "GET x/%6frders"), Some(0));
}

#[test]
fn the_same_endpoint_in_two_collections_is_a_conflict() {
    let first = collection(1, &["GET /orders/{id}", "GET /stock"]);
    let second = collection(2, &["GET /orders/open", "GET /orders/{number}"]);
    let conflict = conflict([&first, &second]).unwrap();
    assert_eq!((conflict.first, conflict.second), (first.id, second.id));
    assert_eq!(conflict.endpoint, "GET /orders/{number}");
}

#[test]
fn overlapping_endpoints_of_different_precision_are_no_conflict() {
    let one = collection(
        1,
        &["GET /a/{x}", "* /a/b", "GET h.example/a/{x}", "GET /a/**"],
    );
    let two = collection(
        2,
        &[
            "GET /a/b",
            "POST /a/{x}",
            "GET *.example/a/{x}",
            "GET /a/{x}/**",
        ],
    );
    assert_eq!(conflict([&one, &two]), None);
}

#[test]
fn an_endpoint_that_cannot_be_matched_is_refused_with_the_field() {
    for (text, field) in [
        ("get /a", "method"),
        ("G T /a", "host"),
        ("GET a b/", "host"),
        ("GET exa mple.com/a", "host"),
        ("GET h:80/a", "host"),
        ("GET *./a", "host"),
        ("GET /a//b", "path"),
        ("GET /a/../b", "path"),
        ("GET /a{id}", "path"),
        ("GET /{}", "path"),
        ("GET /a/**/b", "path"),
        ("GET /a?b", "path"),
        ("GET /a%2fb", "path"),
        ("GET /a;b", "path"),
        ("GET /a b", "path"),
        ("GET //", "path"),
        ("GET /{a b}", "path"),
    ] {
        assert_eq!(
            check_endpoint(&endpoint(text)).unwrap_err().field,
            field,
            "{text}"
        );
    }
    for text in [
        "GET /",
        "GET /**",
        "* /a/{id}/**",
        "M-SEARCH /a",
        "GET /{a}/{b}",
        "POST /pkg.Service/Method",
    ] {
        assert_eq!(check_endpoint(&endpoint(text)), Ok(()), "{text}");
    }
}

#[test]
fn a_label_for_services_cannot_break_a_header() {
    let routes = Routes::compile(&[Collection {
        name: "Bücher\r\nx: y".into(),
        ..collection(1, &["GET /a"])
    }]);
    let found = routes
        .find(b"h", b"GET", &Path::parse(b"/a").unwrap())
        .unwrap();
    assert_eq!(
        found.collection.label.as_ref(),
        "B%C3%BCcher%0D%0Ax:%20y/v1"
    );
}
