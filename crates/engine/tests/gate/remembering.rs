//! Tokens that were verified lately are not verified again, and are good for nothing once anything about them is not.

use portcullis_engine::DenialReason;
use portcullis_engine::jwt::record::named_by_profile;
use portcullis_feed::{AccessMethod, Algorithm, Jwt, KeyState, Profile};
use serde_json::json;

use crate::keys;
use crate::scene::{NOW_S, Scene, claims, id, jwt, key_record, token, tokens, tokens_like};

const HS256: Algorithm = Algorithm::HS256;

/// A scene in which a token of profile 1 has been seen, and the token.
fn seen(profile: &Profile) -> (Scene, String) {
    let scene = Scene::of(std::slice::from_ref(profile));
    let token = token(HS256, &claims(1));
    assert_eq!(scene.bearer(&token), Ok(Some(id(1))));
    assert_eq!(scene.verifications(), 1);
    (scene, token)
}

#[test]
fn a_token_seen_again_needs_no_signature() {
    let (scene, token) = seen(&tokens(1, HS256));
    for _ in 0..3 {
        assert_eq!(scene.bearer(&token), Ok(Some(id(1))));
    }
    assert_eq!(scene.verifications(), 1);
}

#[test]
fn another_signature_under_the_same_claims_is_another_token() {
    let (scene, token) = seen(&tokens(1, HS256));
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", keys::encode([0; 32]));
    assert_eq!(scene.bearer(&forged), Err(DenialReason::CredentialInvalid));
    assert_eq!(scene.verifications(), 2);
}

#[test]
fn a_refused_token_is_not_remembered() {
    let scene = Scene::of(&[tokens(1, HS256)]);
    let forged = format!("{}x", token(HS256, &claims(1)));
    let wrong = token(
        HS256,
        &json!({"sub": id(1).to_string(), "exp": NOW_S + 9, "nbf": NOW_S + 70}),
    );
    for times in 1..4 {
        assert_eq!(scene.bearer(&forged), Err(DenialReason::CredentialInvalid));
        assert_eq!(scene.bearer(&wrong), Err(DenialReason::CredentialInvalid));
        assert_eq!(scene.verifications(), 2 * times);
    }
    scene.wait(10);
    assert_eq!(scene.bearer(&wrong), Ok(Some(id(1))));
}

#[test]
fn what_is_remembered_ends_with_the_token() {
    let (scene, token) = seen(&tokens(1, HS256));
    scene.wait(300 + 59);
    assert_eq!(scene.bearer(&token), Ok(Some(id(1))));
    assert_eq!(scene.verifications(), 1);
    scene.wait(1);
    assert_eq!(scene.bearer(&token), Err(DenialReason::CredentialExpired));
}

#[test]
fn what_is_remembered_ends_with_the_record_under_which_it_was_verified() {
    let (scene, token) = seen(&tokens(1, HS256));
    scene.learn(&[tokens(1, HS256)]);
    assert_eq!(scene.bearer(&token), Ok(Some(id(1))));
    assert_eq!(scene.verifications(), 2);
    scene.learn(&[]);
    assert_eq!(scene.bearer(&token), Err(DenialReason::CredentialInvalid));
}

#[test]
fn a_change_of_the_profile_shows_at_once() {
    let change = |change: fn(&mut Profile), expected| {
        let profile = tokens(1, HS256);
        let (scene, token) = seen(&profile);
        let mut changed = profile;
        change(&mut changed);
        scene.learn(&[changed]);
        assert_eq!(scene.bearer(&token), Err(expected));
    };
    change(|it| it.client.enabled = false, DenialReason::ClientDisabled);
    change(|it| it.enabled = false, DenialReason::ProfileDisabled);
    change(
        |it| it.expires_at_ms = Some(NOW_S * 1_000),
        DenialReason::CredentialExpired,
    );
    change(
        |it| it.collections.clear(),
        DenialReason::CollectionNotGranted,
    );
    change(
        |it| it.addresses.allow = vec!["192.0.2.1".into()],
        DenialReason::AddressNotAllowed,
    );
}

#[test]
fn a_change_of_what_tokens_have_to_be_like_shows_at_once() {
    let change = |change: fn(&mut Jwt)| {
        let (scene, token) = seen(&tokens(1, HS256));
        let mut method = jwt(HS256, vec![keys::public(HS256)]);
        change(&mut method);
        scene.learn(&[tokens_like(1, method)]);
        assert_eq!(scene.bearer(&token), Err(DenialReason::CredentialInvalid));
    };
    change(|it| it.keys = vec![keys::secret(&[7; 32])]);
    change(|it| it.keys.clear());
    change(|it| it.algorithm = Algorithm::HS384);
    change(|it| it.issuers = vec!["https://idp.example".into()]);
    change(|it| it.audiences = vec!["orders".into()]);
    change(|it| it.required_claims = [("scope".into(), None)].into());
    change(|it| it.max_lifetime_s = Some(60));
}

#[test]
fn a_profile_expires_while_its_token_is_remembered() {
    let mut profile = tokens(1, HS256);
    profile.expires_at_ms = Some((NOW_S + 10) * 1_000);
    let (scene, token) = seen(&profile);
    scene.wait(10);
    assert_eq!(scene.bearer(&token), Err(DenialReason::CredentialExpired));
}

#[test]
fn the_key_that_names_a_profile_is_asked_each_time() {
    let named = |state, expires_at_ms| {
        let mut profile = tokens(1, HS256);
        if let AccessMethod::Jwt(method) = &mut profile.access {
            method.named_by_keys = vec![portcullis_feed::ApiKey {
                state,
                expires_at_ms,
                ..key_record("name")
            }];
        }
        profile
    };
    let token = token(HS256, &json!({"sub": "name", "exp": NOW_S + 300}));
    for (changed, expected) in [
        (
            named(KeyState::Revoked, None),
            DenialReason::CredentialRevoked,
        ),
        (
            named(KeyState::Active, Some(NOW_S * 1_000)),
            DenialReason::CredentialExpired,
        ),
        (tokens(1, HS256), DenialReason::CredentialInvalid),
    ] {
        let scene = Scene::of(&[named(KeyState::Active, None)]);
        assert_eq!(scene.bearer(&token), Ok(Some(id(1))));
        scene.learn(&[changed]);
        assert_eq!(scene.bearer(&token), Err(expected));
    }
}

#[test]
fn what_is_remembered_is_nobodys_key() {
    let (scene, token) = seen(&tokens(1, HS256));
    assert_eq!(
        scene.call(&[("api-token", &token)]),
        Err(DenialReason::CredentialInvalid)
    );
}

#[test]
fn what_is_remembered_keeps_no_record_in_memory() {
    let (scene, _) = seen(&tokens(1, HS256));
    let record = scene.record(&named_by_profile(&id(1)));
    scene.learn(&[]);
    assert!(
        record.upgrade().is_none(),
        "records are large, and bounded elsewhere"
    );
}
