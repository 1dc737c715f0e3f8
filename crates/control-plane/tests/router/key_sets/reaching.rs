//! Which addresses of a name are asked.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use portcullis_control_plane::fetch::{Fetcher, Resolver};

use super::fetching::{fetched, fetcher, names};
use super::provider::{Answer, Provider};
use super::samples::{jwks, set};

/// A resolver that gives one answer after the other, and the names that it was asked for.
fn resolver(answers: &[&[&str]]) -> (Resolver, Arc<Mutex<Vec<String>>>) {
    let answers = answers.iter().map(|answer| {
        let addresses = answer.iter().map(|address| address.parse().unwrap());
        addresses.collect::<Vec<IpAddr>>()
    });
    let answers = Arc::new(Mutex::new(answers.collect::<VecDeque<_>>()));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let names = Arc::clone(&asked);
    let resolver = Resolver::new(move |name| {
        names.lock().unwrap().push(name);
        let answer = answers.lock().unwrap().pop_front().unwrap_or_default();
        async move { Ok(answer) }
    });
    (resolver, asked)
}

#[tokio::test]
async fn a_name_without_addresses_is_told() {
    let nameless = Fetcher {
        resolver: resolver(&[]).0,
        ..fetcher("")
    };
    let refusal = fetched(&nameless, &jwks("https://idp.example/jwks")).await;
    let sentence = "`idp.example` cannot be resolved: the name has no address";
    assert_eq!(refusal, Err(sentence.to_owned()));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_asked() {
    let provider = Provider::start();
    provider.answers("/jwks", Answer::json(set(&["a"])));
    let port = provider.address.port();
    for (scheme, networks, addresses, judged) in [
        ("https", "", &["127.0.0.1"][..], "127.0.0.1"),
        ("https", "", &["8.8.8.8", "127.0.0.1"], "127.0.0.1"),
        ("https", "", &["::ffff:127.0.0.1"], "::ffff:127.0.0.1"),
        ("https", "", &["169.254.169.254"], "169.254.169.254"),
        ("https", "", &["fd00::1"], "fd00::1"),
        (
            "https",
            "10.0.0.0/8",
            &["10.0.0.1", "127.0.0.1"],
            "127.0.0.1",
        ),
        (
            "http",
            "127.0.0.1/32",
            &["127.0.0.1", "10.0.0.1"],
            "10.0.0.1",
        ),
    ] {
        let inside = Fetcher {
            resolver: resolver(&[addresses]).0,
            ..fetcher(networks)
        };
        let url = format!("{scheme}://idp.example:{port}/jwks");
        let sentence = format!(
            "`{judged}` is not a public address, and not in the networks that the control plane was started for \
             (`--key-set-networks`)"
        );
        assert_eq!(
            fetched(&inside, &jwks(url)).await,
            Err(sentence),
            "{addresses:?}"
        );
    }
    let in_clear = Fetcher {
        resolver: resolver(&[&["8.8.8.8"]]).0,
        ..fetcher("127.0.0.1/32")
    };
    let refusal = fetched(&in_clear, &jwks("http://idp.example/jwks")).await;
    assert!(refusal.unwrap_err().contains("over `https` only"));
    assert!(provider.asked("/jwks").is_empty());
}

#[tokio::test]
async fn a_name_is_resolved_once_and_asked_at_the_address_that_was_judged() {
    let provider = Provider::start();
    provider.answers("/jwks", Answer::json(set(&["a"])));
    let url = format!("http://idp.example:{}/jwks", provider.address.port());
    // The second answer would be for who resolves again before connecting.
    let (resolver, asked) = resolver(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let rebound = Fetcher {
        resolver,
        ..fetcher("127.0.0.1/32")
    };
    let first = fetched(&rebound, &jwks(&url)).await.unwrap();
    assert_eq!(names(&first), ["a"]);
    assert_eq!(*asked.lock().unwrap(), ["idp.example"]);
    let head = &provider.asked("/jwks")[0];
    assert!(head.contains("host: idp.example:"), "{head}");

    let second = fetched(&rebound, &jwks(&url)).await;
    assert!(
        second
            .unwrap_err()
            .starts_with("`127.0.0.2` is not a public address")
    );
    assert_eq!(provider.asked("/jwks").len(), 1);
}
