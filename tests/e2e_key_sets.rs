//! Keys that an identity provider publishes: fetched, followed when they change, and looked for when one is missing.

use std::time::{Duration, Instant};

use portcullis_tests::{KeySetServer, Play, Signer, bearer, until};
use serde_json::json;
use xtask::stage::within;

/// A missing key is looked for at most every 10 s, and machines may be busy.
const LOOKED_FOR: Duration = Duration::from_secs(30);

#[test]
fn a_token_with_a_new_key_is_permitted_soon_after_the_key_was_published() {
    let play = Play::begin_where(&[("PORTCULLIS_KEY_SET_NETWORKS", "127.0.0.0/8")]).unwrap();
    let old = Signer::es256().unwrap().named("2026-1");
    let new = Signer::es256().unwrap().named("2026-2");
    let server = KeySetServer::start(&[&old]).unwrap();
    let jwt = json!({"algorithm": "ES256", "jwks_url": server.url()});
    let member = play
        .stranger("Acme", &json!({"access_method": "jwt", "jwt": jwt}))
        .unwrap();
    let claims = member.claims();
    let (old_token, new_token) = (old.token(&claims).unwrap(), new.token(&claims).unwrap());
    let mut caller = play.caller().unwrap();
    until(&mut caller, "the keys are known", |caller| {
        Ok(bearer(caller, &old_token)? == "permitted")
    })
    .unwrap();
    assert_eq!(
        bearer(&mut caller, &new_token).unwrap(),
        "credential_invalid"
    );

    server.change(&[&old, &new]);
    within(LOOKED_FOR, "the new key is known", || {
        (bearer(&mut caller, &new_token).unwrap() == "permitted").then_some(())
    })
    .unwrap();
    assert_eq!(bearer(&mut caller, &old_token).unwrap(), "permitted");

    // The old one is withdrawn, and the next look finds that out.
    let next = Signer::es256().unwrap().named("2026-3");
    let next_token = next.token(&claims).unwrap();
    server.change(&[&new, &next]);
    within(LOOKED_FOR, "the old key is forgotten", || {
        assert_ne!(bearer(&mut caller, &next_token).unwrap(), "503");
        (bearer(&mut caller, &old_token).unwrap() == "credential_invalid").then_some(())
    })
    .unwrap();
    assert_eq!(bearer(&mut caller, &next_token).unwrap(), "permitted");
}

#[test]
fn tokens_with_keys_that_nobody_has_do_not_have_the_provider_asked_all_the_time() {
    let play = Play::begin_where(&[("PORTCULLIS_KEY_SET_NETWORKS", "127.0.0.0/8")]).unwrap();
    let signer = Signer::es256().unwrap().named("known");
    let server = KeySetServer::start(&[&signer]).unwrap();
    let jwt = json!({"algorithm": "ES256", "jwks_url": server.url()});
    let member = play
        .stranger("Acme", &json!({"access_method": "jwt", "jwt": jwt}))
        .unwrap();
    let claims = member.claims();
    let token = signer.token(&claims).unwrap();
    let mut caller = play.caller().unwrap();
    until(&mut caller, "the keys are known", |caller| {
        Ok(bearer(caller, &token)? == "permitted")
    })
    .unwrap();

    let (begin, before) = (Instant::now(), server.asked());
    for number in 0..200 {
        let unknown = Signer::es256().unwrap().named(&format!("unknown-{number}"));
        let token = unknown.token(&claims).unwrap();
        assert_eq!(bearer(&mut caller, &token).unwrap(), "credential_invalid");
    }
    within(LOOKED_FOR, "the provider is asked once", || {
        (server.asked() > before).then_some(())
    })
    .unwrap();
    let most = begin.elapsed().as_secs() / 10 + 1;
    assert!(
        server.asked() - before <= most,
        "{} times",
        server.asked() - before
    );
    assert_eq!(bearer(&mut caller, &token).unwrap(), "permitted");
}
