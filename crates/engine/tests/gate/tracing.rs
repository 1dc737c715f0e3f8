//! What is heard of each check, for every reason that a gate refuses for.

use std::net::IpAddr;

use portcullis_engine::gate::trace::{Check, Fault};
use portcullis_engine::jwt::claims::Rule;
use portcullis_engine::{Decision, DenialReason, GateSettings};
use portcullis_feed::{AccessMethod, Algorithm, Collection, KeyState, Profile};
use serde_json::json;

use crate::hearing::Heard;
use crate::scene::{NOW_S, Scene, claims, id, key_record, keyed, orders, stock, token, tokens};

const PEER: &str = "192.0.2.1";

fn hear(scene: &Scene, target: &str, headers: &[(&str, &str)]) -> Heard {
    let peer: IpAddr = PEER.parse().unwrap();
    scene.ask_aloud(Some(peer), "GET", target, headers, |_, heard| heard)
}

/// All checks before one.
fn before(check: Check) -> Vec<Check> {
    let earlier = Check::ALL.into_iter().filter(|other| *other < check);
    earlier.collect()
}

fn spoilt(change: fn(&mut Profile)) -> Scene {
    let mut profile = keyed(1, "key");
    change(&mut profile);
    Scene::of(&[profile])
}

fn key_changed(profile: &mut Profile, change: fn(&mut portcullis_feed::ApiKey)) {
    if let AccessMethod::ApiKey { keys } = &mut profile.access {
        keys.iter_mut().for_each(change);
    }
}

#[test]
fn a_request_is_refused_by_one_check_after_all_before_it_were_passed() {
    let key = [("api-token", "key")];
    let fine = || spoilt(|_| {});
    let mut heard_of = Vec::new();
    for (scene, target, headers, check, reason) in [
        (
            Scene::knowing_nothing(),
            "/orders/7",
            &key[..],
            Check::Records,
            DenialReason::NotReady,
        ),
        (
            fine(),
            "/orders//7",
            &key,
            Check::Path,
            DenialReason::RequestAmbiguous,
        ),
        (
            fine(),
            "/orders/7",
            &[],
            Check::Credential,
            DenialReason::CredentialMissing,
        ),
        (
            fine(),
            "/orders/7",
            &[("api-token", "key"), ("api-token", "other")],
            Check::Credential,
            DenialReason::RequestAmbiguous,
        ),
        (
            fine(),
            "/orders/7",
            &[("authorization", "Basic %")],
            Check::Credential,
            DenialReason::CredentialInvalid,
        ),
        (
            fine(),
            "/orders/7",
            &[("api-token", "other")],
            Check::Authentication,
            DenialReason::CredentialInvalid,
        ),
        (
            spoilt(|it| key_changed(it, |key| key.state = KeyState::Revoked)),
            "/orders/7",
            &key,
            Check::Key,
            DenialReason::CredentialRevoked,
        ),
        (
            spoilt(|it| it.client.enabled = false),
            "/orders/7",
            &key,
            Check::Client,
            DenialReason::ClientDisabled,
        ),
        (
            spoilt(|it| it.enabled = false),
            "/orders/7",
            &key,
            Check::Profile,
            DenialReason::ProfileDisabled,
        ),
        (
            spoilt(|it| it.expires_at_ms = Some(NOW_S * 1_000)),
            "/orders/7",
            &key,
            Check::Expiry,
            DenialReason::CredentialExpired,
        ),
        (
            spoilt(|it| key_changed(it, |key| key.expires_at_ms = Some(0))),
            "/orders/7",
            &key,
            Check::Expiry,
            DenialReason::CredentialExpired,
        ),
        (
            spoilt(|it| it.addresses.deny = vec![PEER.into()]),
            "/orders/7",
            &key,
            Check::Address,
            DenialReason::AddressNotAllowed,
        ),
        (
            fine(),
            "/nowhere",
            &key,
            Check::Route,
            DenialReason::EndpointNotFound,
        ),
        (
            fine(),
            "/stock",
            &key,
            Check::Grant,
            DenialReason::CollectionNotGranted,
        ),
        (
            fine(),
            "/orders/off",
            &key,
            Check::Endpoint,
            DenialReason::EndpointDisabled,
        ),
    ] {
        let heard = hear(&scene, target, headers);
        assert_eq!(heard.refused, Some((check, reason)), "{target}");
        assert_eq!(heard.passed, before(check), "{target} {reason:?}");
        heard_of.push(reason);
    }
    // Limits are heard of in the sentences about them; quotas are not kept by the gate yet.
    let unheard = DenialReason::ALL
        .into_iter()
        .filter(|it| !heard_of.contains(it));
    let limits = [DenialReason::RateLimitExceeded, DenialReason::QuotaExceeded];
    assert_eq!(unheard.collect::<Vec<_>>(), limits);
}

#[test]
fn a_request_that_passes_has_passed_every_check_once() {
    let heard = hear(&spoilt(|_| {}), "/orders/7", &[("api-token", "key")]);
    assert_eq!(heard.passed, Check::ALL);
}

#[test]
fn an_authority_and_a_dubious_path_are_ambiguous_by_checks_of_their_own() {
    let scene = spoilt(|_| {});
    let heard = hear(&scene, "/orders/7;x=1", &[("api-token", "key")]);
    let ambiguous = DenialReason::RequestAmbiguous;
    assert_eq!(heard.refused, Some((Check::Path, ambiguous)));
    let heard = hear(&scene, "/orders/7", &[(":authority", "me@host")]);
    assert_eq!(heard.refused, Some((Check::Host, ambiguous)));
}

#[test]
fn of_a_public_endpoint_it_is_heard_what_is_wrong_about_the_caller_without_a_refusal() {
    let public = Collection {
        public: true,
        ..orders()
    };
    let mut disabled = keyed(2, "disabled");
    disabled.enabled = false;
    let profiles = [keyed(1, "key"), disabled];
    let scene = Scene::with(GateSettings::default(), &profiles, &[public, stock()]);
    for (target, headers, refused, waived) in [
        ("/orders/7", &[("api-token", "key")][..], None, None),
        (
            "/orders/7",
            &[],
            None,
            Some((Check::Credential, DenialReason::CredentialMissing)),
        ),
        (
            "/orders/7",
            &[("api-token", "other")],
            None,
            Some((Check::Authentication, DenialReason::CredentialInvalid)),
        ),
        (
            "/orders/7",
            &[("api-token", "disabled")],
            None,
            Some((Check::Profile, DenialReason::ProfileDisabled)),
        ),
        (
            "/orders/7",
            &[("api-token", "key"), ("api-token", "other")],
            Some((Check::Credential, DenialReason::RequestAmbiguous)),
            None,
        ),
        (
            "/orders/off",
            &[("api-token", "key")],
            Some((Check::Endpoint, DenialReason::EndpointDisabled)),
            None,
        ),
    ] {
        let heard = hear(&scene, target, headers);
        assert_eq!(
            (heard.refused, heard.waived),
            (refused, waived),
            "{target} {headers:?}"
        );
    }
}

#[test]
fn a_preflight_request_passes_without_further_checks() {
    let settings = GateSettings {
        passes_preflight: true,
        ..GateSettings::default()
    };
    let scene = Scene::with(settings, &[], &[orders()]);
    let headers = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "GET"),
    ];
    let heard = scene.ask_aloud(None, "OPTIONS", "/orders/7", &headers, |_, heard| heard);
    assert_eq!(heard.passed.last(), Some(&Check::Route));
    assert!(!heard.passed.contains(&Check::Credential));
}

#[test]
fn a_refusal_that_is_only_noted_is_heard_as_one() {
    let scene = spoilt(|it| it.observe = true);
    let is_noted = |decision: Decision<'_>, heard: Heard| {
        let observed = decision.unwrap().observed().map(|denial| denial.reason);
        (observed, heard.refused)
    };
    let reason = DenialReason::CollectionNotGranted;
    let noted = scene.ask_aloud(None, "GET", "/stock", &[("api-token", "key")], is_noted);
    assert_eq!(noted, (Some(reason), Some((Check::Grant, reason))));
}

#[test]
fn it_is_heard_why_a_credential_proves_nothing() {
    let hs256 = Algorithm::HS256;
    let mut strict = tokens(2, hs256);
    if let AccessMethod::Jwt(jwt) = &mut strict.access {
        jwt.issuers = vec!["https://idp.example".into()];
        jwt.named_by_keys = vec![key_record("name")];
    }
    let scene = Scene::of(&[keyed(1, "key"), strict]);
    let good = token(hs256, &claims(2));
    for (credential, fault) in [
        ("unknown".to_owned(), Fault::UnknownKey),
        ("ptc_live_x".to_owned(), Fault::Mistyped),
        ("name".to_owned(), Fault::OnlyAName),
        ("eyJ.x.x".to_owned(), Fault::UnreadableToken),
        (token(hs256, &json!({"exp": 1})), Fault::Nameless),
        (token(hs256, &claims(3)), Fault::UnknownName),
        (token(hs256, &json!({"sub": "key"})), Fault::NotForTokens),
        (token(Algorithm::HS512, &claims(2)), Fault::OtherAlgorithm),
        (format!("{good}="), Fault::UnreadableToken),
        (
            format!("{}.AAAA", good.rsplit_once('.').unwrap().0),
            Fault::BadSignature,
        ),
        (good, Fault::Claims(Rule::Issuer)),
    ] {
        let bearer = format!("Bearer {credential}");
        let heard = hear(&scene, "/orders/7", &[("authorization", &bearer)]);
        assert_eq!(heard.fault, Some(fault), "{credential}");
        assert_eq!(heard.refused, Some((Check::Authentication, fault.reason())));
    }
    let over = json!({"sub": id(2).to_string(), "exp": 1, "iss": "https://idp.example"});
    let bearer = format!("Bearer {}", token(hs256, &over));
    let heard = hear(&scene, "/orders/7", &[("authorization", &bearer)]);
    assert_eq!(heard.fault, Some(Fault::ExpiredToken));
}
