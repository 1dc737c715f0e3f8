//! The same requests to Portcullis and to Envoy's own filters: where the two differ, this file says why.

mod differential {
    pub mod cases;
    pub mod native;
}

use std::collections::BTreeSet;

use anyhow::Result;
use differential::cases::{Case, Cases, Known};
use differential::native::with_native_listener;
use portcullis_tests::{Member, Play, Signer, bearer_at, merge, set, until};
use serde_json::{Value, json};
use xtask::stage::Caller;

/// How many requests each of the two is sent.
const REQUESTS: usize = 3_000;
/// Another one makes other requests, which must not differ either.
const SEED: u64 = 0x5eed_2026;

/// What a caller learns of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Permitted,
    /// 401.
    Unknown,
    /// Anything else.
    Refused,
}

/// A way in which the two differ: of requests with this trait, what Portcullis says, what Envoy's filters say, and why.
type Difference = (&'static str, Class, Class, &'static str);

use Class::{Permitted, Refused, Unknown};

const DIFFERENCES: &[Difference] = &[
    (
        "path: parameters",
        Refused,
        Permitted,
        "some services cut path parameters off: ambiguous",
    ),
    (
        "path: encoded twice",
        Refused,
        Permitted,
        "some services decode twice: ambiguous",
    ),
    (
        "path: not UTF-8",
        Refused,
        Permitted,
        "services disagree about what it decodes to: ambiguous",
    ),
    (
        "path: parameters",
        Refused,
        Unknown,
        "ambiguous paths are refused before anything is looked up",
    ),
    (
        "path: encoded twice",
        Refused,
        Unknown,
        "ambiguous paths are refused before anything is looked up",
    ),
    (
        "path: not UTF-8",
        Refused,
        Unknown,
        "ambiguous paths are refused before anything is looked up",
    ),
    (
        "key: two that differ",
        Refused,
        Permitted,
        "whichever were chosen, the other would be ignored",
    ),
    (
        "key: Basic",
        Permitted,
        Unknown,
        "`api_key_auth` has no `Basic`",
    ),
    (
        "key: Basic",
        Refused,
        Unknown,
        "`api_key_auth` has no `Basic`",
    ),
    (
        "key: bearer in lower case",
        Permitted,
        Unknown,
        "schemes have no case (RFC 9110 section 11.1)",
    ),
    (
        "key: bearer in lower case",
        Refused,
        Unknown,
        "schemes have no case (RFC 9110 section 11.1)",
    ),
    (
        "address: mapped",
        Permitted,
        Refused,
        "an IPv4 address is one in IPv6 clothes too (RFC 4291 section 2.5.5.2)",
    ),
    (
        "token: bearer in lower case",
        Permitted,
        Unknown,
        "schemes have no case (RFC 9110 section 11.1)",
    ),
    (
        "token: padded",
        Unknown,
        Permitted,
        "segments have no padding (RFC 7515 section 2)",
    ),
    (
        "token: with a blank",
        Unknown,
        Permitted,
        "what follows a blank would be ignored",
    ),
    (
        "token: of another audience",
        Unknown,
        Refused,
        "RFC 6750 section 3.1: a token that is not for us is invalid, with 401",
    ),
    (
        "token: without an audience",
        Unknown,
        Refused,
        "RFC 6750 section 3.1: a token that is not for us is invalid, with 401",
    ),
    (
        "token: for another path",
        Refused,
        Unknown,
        "who has proved who they are is told that it is not granted",
    ),
    (
        "token: without a subject",
        Unknown,
        Permitted,
        "a token has to name its profile",
    ),
    (
        "token: of another's subject",
        Unknown,
        Permitted,
        "a token of one client does not speak for another",
    ),
];

fn class(status: u16) -> Class {
    match status {
        200 => Permitted,
        401 => Unknown,
        _ => Refused,
    }
}

fn send(caller: &mut Caller, case: &Case) -> Result<Class> {
    let line = format!("GET {} HTTP/1.1\r\nhost: gateway.test\r\n", case.path);
    let mut request = caller.request_line(line.as_bytes());
    for (name, value) in &case.headers {
        request = request.header(name, value);
    }
    Ok(class(request.send()?.status))
}

/// A member with tokens, on a path of its own.
fn by_token(play: &Play, signer: &Signer, name: &str, path: &str) -> Result<Member> {
    let endpoints = json!([{"method": "GET", "path": format!("{path}/{{id}}")}]);
    let collection = play.operator().create_collection(name, &endpoints)?;
    let mut jwt = signer.jwt();
    merge(
        &mut jwt,
        &json!({"issuers": [format!("https://{name}.test")], "audiences": ["orders"]}),
    );
    let further = json!({"access_method": "jwt", "jwt": jwt, "collections": [collection]});
    let member = play.stranger(name, &further)?;
    let mut claims = member.claims();
    merge(
        &mut claims,
        &json!({"iss": format!("https://{name}.test"), "aud": "orders"}),
    );
    let token = signer.token(&claims)?;
    until(&mut play.caller()?, "the profile is known", |caller| {
        Ok(bearer_at(caller, &format!("{path}/1"), &token)? == "permitted")
    })?;
    Ok(member)
}

fn members(play: &Play, signers: &[(&'static str, Signer)]) -> Result<Known> {
    let endpoints = json!([{"method": "GET", "path": "/keys/{id}"}]);
    let keys = play.operator().create_collection("keys", &endpoints)?;
    let anywhere = play.member_with("Anywhere", &json!({"collections": [keys]}))?;
    let addresses = json!({"allow": ["203.0.113.0/24"], "deny": ["203.0.113.128/25"]});
    let near = json!({"collections": [keys], "addresses": addresses});
    let near = play.member_with("Near", &near)?;
    let profiles = signers.iter().map(|(name, signer)| {
        Ok(by_token(play, signer, name, &format!("/tokens/{name}"))?
            .profile
            .id)
    });
    Ok(Known {
        anywhere: anywhere.key().to_owned(),
        near: near.key().to_owned(),
        profiles: profiles.collect::<Result<_>>()?,
    })
}

#[test]
fn portcullis_decides_as_the_filters_of_envoy_do_but_for_what_is_written_here() {
    let play = Play::begin(1).unwrap();
    let signers = [
        (
            "hs",
            Signer::hs256("a secret of the end-to-end tests: 256 bits and more"),
        ),
        ("rs", Signer::rs256().unwrap()),
        ("es", Signer::es256().unwrap()),
    ];
    let known = members(&play, &signers).unwrap();
    let keys: Vec<(&str, Value)> = signers.iter().map(|(name, it)| (*name, it.jwk())).collect();
    let envoy = play
        .another_envoy(|bootstrap| with_native_listener(set(bootstrap, &json!({}))?, &known, &keys))
        .unwrap();
    let mut ours = Caller::connect(envoy.gateway().unwrap()).unwrap();
    let mut native = Caller::connect(envoy.address_of("native").unwrap()).unwrap();
    until(&mut ours, "the gate is ready", |caller| {
        Ok(caller.get("/keys/1").key(&known.anywhere).send()?.status == 200)
    })
    .unwrap();

    let mut cases = Cases::new(SEED, &known, &signers);
    let (mut unexplained, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut permitted = 0;
    for _ in 0..REQUESTS {
        let case = cases.next_case();
        let both = (
            send(&mut ours, &case).unwrap(),
            send(&mut native, &case).unwrap(),
        );
        permitted += usize::from(both == (Permitted, Permitted));
        if both.0 == both.1 {
            continue;
        }
        let explains = |(_, (of, ours, native, _)): &(usize, &Difference)| {
            case.traits.contains(of) && both == (*ours, *native)
        };
        match DIFFERENCES.iter().enumerate().find(explains) {
            Some((number, _)) => drop(seen.insert(number)),
            None => drop(unexplained.insert(format!("{both:?} {:?} {}", case.traits, case.path))),
        }
    }
    assert_eq!(unexplained, BTreeSet::new());
    let stale = DIFFERENCES
        .iter()
        .enumerate()
        .filter(|(number, _)| !seen.contains(number));
    assert_eq!(stale.collect::<Vec<_>>(), []);
    assert!(
        permitted > REQUESTS / 10,
        "{permitted} requests were permitted by both"
    );
}
