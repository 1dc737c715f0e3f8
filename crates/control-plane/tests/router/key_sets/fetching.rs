//! What is asked of identity providers, and what is made of their answers.

use std::io;
use std::time::Duration;

use portcullis_control_plane::app::key_set::Fetched;
use portcullis_control_plane::fetch::{Fetcher, Limits, Resolver, Trust};
use portcullis_store::{KeySet, KeySetSource, SetVersion};
use serde_json::json;

use super::provider::{Answer, Provider};
use super::samples::{jwks, p256, set, unknown};

const NOW_MS: u64 = 1_800_000_000_000;

pub fn fetcher(networks: &str) -> Fetcher {
    Fetcher {
        resolver: Resolver::new(async |_| Err(io::Error::other("no name is known here"))),
        trust: Trust::with(None).unwrap(),
        networks: networks.parse().unwrap(),
        limits: Limits::default(),
    }
}

fn discovery(issuer: impl Into<String>) -> KeySet {
    unknown(KeySetSource::Discovery {
        issuer: issuer.into(),
    })
}

pub async fn fetched(fetcher: &Fetcher, set: &KeySet) -> Result<Fetched, String> {
    let outcome = fetcher.fetch(set, NOW_MS).await;
    outcome.map_err(|failure| failure.sentence())
}

pub fn names(fetched: &Fetched) -> Vec<&str> {
    let keys = fetched.keys.iter().flatten();
    keys.filter_map(|key| key.key.kid.as_deref()).collect()
}

/// What comes of an answer.
async fn outcome(answer: Answer) -> Result<Fetched, String> {
    let provider = Provider::start();
    provider.answers("/jwks", answer);
    fetched(&fetcher("127.0.0.1/32"), &jwks(provider.url("/jwks"))).await
}

#[tokio::test]
async fn a_set_is_asked_for_plainly_and_its_keys_are_read() {
    let provider = Provider::start();
    let answer = Answer::json(set(&["a", "b"]))
        .with("cache-control", "public, max-age=300")
        .with("etag", "\"1\"");
    provider.answers("/jwks?tenant=acme", answer);
    let url = provider.url("/jwks?tenant=acme");

    let fetched = fetched(&fetcher("127.0.0.1/32"), &jwks(&url))
        .await
        .unwrap();

    assert_eq!(names(&fetched), ["a", "b"]);
    assert_eq!(fetched.lifetime_s, Some(300));
    let etag = "\"1\"".to_owned();
    assert_eq!(fetched.version, Some(SetVersion { url, etag }));
    let [head] = &provider.asked("/jwks?tenant=acme")[..] else {
        panic!("it was asked once");
    };
    let host = format!("host: {}\r\n", provider.address);
    assert!(head.contains(&host), "{head}");
    assert!(head.contains("accept-encoding: identity\r\n"), "{head}");
    for absent in ["authorization", "cookie", "if-none-match", "referer"] {
        assert!(!head.contains(absent), "{head}");
    }
}

#[tokio::test]
async fn what_is_known_already_is_not_sent_again() {
    let provider = Provider::start();
    let answer = Answer::json(set(&["a"])).with("etag", "W/\"7\"");
    provider.answers("/jwks", answer.with("cache-control", "max-age=120"));
    let fetcher = fetcher("127.0.0.1/32");
    let mut known = jwks(provider.url("/jwks"));
    known.version = fetched(&fetcher, &known).await.unwrap().version;

    let again = fetched(&fetcher, &known).await.unwrap();

    assert_eq!((again.keys, again.lifetime_s), (None, Some(120)));
    assert_eq!(again.version, known.version);
    assert!(provider.asked("/jwks")[1].contains("if-none-match: W/\"7\"\r\n"));
    // A tag that another URL gave says nothing here.
    known.version.as_mut().unwrap().url = provider.url("/old");
    assert!(fetched(&fetcher, &known).await.unwrap().keys.is_some());
    assert!(!provider.asked("/jwks")[2].contains("if-none-match"));
}

#[tokio::test]
async fn an_issuer_says_where_its_keys_are() {
    for (issuer, described_at) in [
        ("", "/.well-known/openid-configuration"),
        ("/", "/.well-known/openid-configuration"),
        ("/tenant", "/tenant/.well-known/openid-configuration"),
        ("/tenant/", "/tenant/.well-known/openid-configuration"),
    ] {
        let provider = Provider::start();
        let issuer = provider.url(issuer);
        let description = json!({
            "issuer": issuer, "jwks_uri": provider.url("/keys"), "token_endpoint": null,
        });
        provider.answers(described_at, Answer::json(description));
        provider.answers("/keys", Answer::json(set(&["a"])));
        let fetched = fetched(&fetcher("127.0.0.1/32"), &discovery(&issuer)).await;
        assert_eq!(names(&fetched.unwrap()), ["a"], "{issuer}");
    }
}

#[tokio::test]
async fn an_issuer_that_describes_another_one_or_leads_elsewhere_is_refused() {
    let not_described =
        "the answer is not the description of an OpenID provider with `issuer` and `jwks_uri`";
    let other = "the description names another issuer than the one that was asked";
    let elsewhere = "the `jwks_uri` of the issuer cannot be used";
    let provider = Provider::start();
    let (issuer, keys) = (provider.url(""), provider.url("/keys"));
    for (description, sentence) in [
        (
            json!({"issuer": format!("{issuer}/"), "jwks_uri": keys}),
            other.to_owned(),
        ),
        (
            json!({"issuer": "https://idp.example", "jwks_uri": keys}),
            other.to_owned(),
        ),
        (json!({"issuer": issuer}), not_described.to_owned()),
        (json!({"jwks_uri": keys}), not_described.to_owned()),
        (json!([issuer, keys, 7]), not_described.to_owned()),
        (
            json!({"issuer": issuer, "jwks_uri": 7}),
            not_described.to_owned(),
        ),
        (
            json!({"issuer": issuer, "jwks_uri": "http://169.254.169.254/latest"}),
            format!(
                "{elsewhere}: `169.254.169.254` is not a public address, and not in the networks that the control \
                 plane was started for (`--key-set-networks`)"
            ),
        ),
        (
            json!({"issuer": issuer, "jwks_uri": "file:///etc/passwd"}),
            format!(
                "{elsewhere}: an absolute URL of at most 2048 bytes is expected, such as \
                 `https://idp.example.com/jwks`"
            ),
        ),
        (
            json!({"issuer": issuer, "jwks_uri": "https://a:b@idp.example/"}),
            format!("{elsewhere}: a URL with a user name or a password is not taken"),
        ),
    ] {
        let at = "/.well-known/openid-configuration";
        provider.answers(at, Answer::json(&description));
        let refusal = fetched(&fetcher("127.0.0.1/32"), &discovery(&issuer)).await;
        assert_eq!(refusal, Err(sentence), "{description}");
    }
    assert!(provider.asked("/keys").is_empty());
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused_whatever_it_says_of_its_length() {
    let too_large = Err("the answer is larger than 65536 bytes".to_owned());
    let padded = |bytes: usize| {
        let json = set(&["a"]).to_string();
        let blanks = " ".repeat(bytes - json.len());
        (json + &blanks).into_bytes()
    };
    let chunked = |bytes: usize| {
        let chunks = padded(bytes);
        let chunks = chunks.chunks(1_000).flat_map(|chunk| {
            [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat()
        });
        chunks.chain(*b"0\r\n\r\n").collect::<Vec<u8>>()
    };
    let coded = || Answer::status(200).with("transfer-encoding", "chunked");
    let until_closed =
        |bytes: usize| Answer::raw([b"HTTP/1.1 200 OK\r\n\r\n", &padded(bytes)[..]].concat());
    for answer in [
        Answer::status(200).with_body(padded(65_537)),
        Answer::status(200).with("content-length", "9999999999999"),
        coded().with_body(chunked(65_537)),
        coded().with_body(chunked(300_000)),
        until_closed(65_537),
    ] {
        assert_eq!(outcome(answer).await, too_large);
    }
    for answer in [
        Answer::status(200).with_body(padded(65_536)),
        coded().with_body(chunked(65_536)),
        until_closed(65_536),
    ] {
        assert_eq!(names(&outcome(answer).await.unwrap()), ["a"]);
    }
}

#[tokio::test]
async fn an_answer_is_not_decompressed() {
    for coding in ["gzip", "br", "deflate", "identity, gzip"] {
        let answer = Answer::json(set(&["a"])).with("content-encoding", coding);
        let refusal = Err("the answer is compressed, which was not asked for".to_owned());
        assert_eq!(outcome(answer).await, refusal, "{coding}");
    }
    let plain = Answer::json(set(&["a"])).with("content-encoding", "identity");
    assert!(outcome(plain).await.is_ok());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [300, 301, 302, 303, 307, 308] {
        let provider = Provider::start();
        let elsewhere = provider.url("/elsewhere");
        let answer = Answer::json(set(&["a"])).with("location", &elsewhere);
        provider.answers("/elsewhere", answer);
        let redirect = Answer::status(status).with("location", &elsewhere);
        provider.answers("/jwks", redirect);
        let refusal = fetched(&fetcher("127.0.0.1/32"), &jwks(provider.url("/jwks"))).await;
        let sentence = format!(
            "the server answered with the redirect {status}, and redirects are not followed"
        );
        assert_eq!(refusal, Err(sentence));
        assert!(provider.asked("/elsewhere").is_empty());
    }
}

#[tokio::test]
async fn an_answer_that_is_no_set_is_told_by_its_kind_and_not_by_its_content() {
    for (answer, sentence) in [
        (Answer::status(404), "the server answered with status 404"),
        (Answer::status(500), "the server answered with status 500"),
        (Answer::status(204), "the server answered with status 204"),
        (Answer::status(304), "the server answered with status 304"),
        (
            Answer::json("<html>hush</html>"),
            "this is not a JSON Web Key Set",
        ),
        (
            Answer::json(json!({"keys": [{"kty": "oct", "k": "aHVzaA"}]})),
            "none of the 1 keys of the set can verify signatures",
        ),
    ] {
        assert_eq!(outcome(answer).await, Err(sentence.to_owned()));
    }
    for answer in [
        Answer::raw("hush"),
        Answer::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}"),
        Answer::raw(""),
        Answer::raw(format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(20_000))),
    ] {
        let sentence = outcome(answer).await.unwrap_err();
        let begin = "the answer of the server broke off or is not HTTP: ";
        assert!(sentence.starts_with(begin), "{sentence}");
        assert!(!sentence.contains("hush"), "{sentence}");
    }
}

#[tokio::test]
async fn a_server_that_takes_too_long_is_given_up() {
    let provider = Provider::start();
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{";
    provider.answers("/silent", Answer::raw("").endless());
    provider.answers("/begun", Answer::raw(begun).endless());
    let fetcher = Fetcher {
        limits: Limits {
            overall: Duration::from_secs(1),
            ..Limits::default()
        },
        ..fetcher("127.0.0.1/32")
    };
    for path in ["/silent", "/begun"] {
        let refusal = fetched(&fetcher, &jwks(provider.url(path))).await;
        let sentence = "the server did not answer within 1 seconds".to_owned();
        assert_eq!(refusal, Err(sentence));
        assert_eq!(provider.asked(path).len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_had_is_told_by_its_name() {
    let nobody = jwks("http://127.0.0.1:1/jwks");
    let refusal = fetched(&fetcher("127.0.0.1/32"), &nobody).await;
    let sentence = refusal.unwrap_err();
    assert!(
        sentence.starts_with("`127.0.0.1` cannot be reached: "),
        "{sentence}"
    );
    let refusal = fetched(&fetcher(""), &jwks("https://idp.example/jwks")).await;
    let sentence = "`idp.example` cannot be resolved: no name is known here";
    assert_eq!(refusal, Err(sentence.to_owned()));
}

#[tokio::test]
async fn a_key_of_the_set_is_as_it_was_published() {
    let published = json!({"keys": [p256("a")]});
    let fetched = outcome(Answer::json(published)).await.unwrap();
    let keys = fetched.keys.unwrap();
    assert_eq!(serde_json::to_value(&keys[0]).unwrap(), p256("a"));
}
