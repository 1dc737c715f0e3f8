//! What carries a credential: the query as well as headers, and what is left of them for the service.

use portcullis_engine::{Decision, DenialReason, GateSettings};
use portcullis_feed::Algorithm;

use crate::scene::{Scene, claims, id, keyed, orders, stock, token, tokens};

fn with_parameter(change: impl FnOnce(&mut GateSettings)) -> Scene {
    let mut settings = GateSettings {
        query_parameter: Some("api-key".into()),
        ..GateSettings::default()
    };
    change(&mut settings);
    let profiles = [keyed(1, "key"), tokens(2, Algorithm::HS256)];
    Scene::with(settings, &profiles, &[orders(), stock()])
}

/// The reason of a refusal, and what the target has to become.
fn read(decision: Decision<'_>) -> (Result<(), DenialReason>, Option<String>) {
    let text = |target: Option<&[u8]>| target.map(|it| String::from_utf8(it.to_vec()).unwrap());
    match decision {
        Ok(permit) => (Ok(()), text(permit.target())),
        Err(denial) => (Err(denial.reason), text(denial.target())),
    }
}

fn check(
    scene: &Scene,
    (target, headers): (&str, &[(&str, &str)]),
    expected: Result<(), DenialReason>,
    left: Option<&str>,
) {
    let outcome = scene.ask(target, headers, read);
    assert_eq!(
        outcome,
        (expected, left.map(str::to_owned)),
        "{target} {headers:?}"
    );
}

#[test]
fn a_key_in_the_query_opens_and_does_not_go_on() {
    let scene = with_parameter(|_| {});
    check(
        &scene,
        ("/orders/7?api-key=key", &[]),
        Ok(()),
        Some("/orders/7"),
    );
    check(
        &scene,
        ("/orders/7?a=1&api-key=key&b=%20", &[]),
        Ok(()),
        Some("/orders/7?a=1&b=%20"),
    );
    check(
        &scene,
        ("/orders/7?%61pi%2dkey=%6bey", &[]),
        Ok(()),
        Some("/orders/7"),
    );
}

#[test]
fn query_and_header_count_as_one_when_they_say_the_same_and_contradict_each_other_else() {
    let scene = with_parameter(|_| {});
    let same = ("/orders/7?api-key=key", &[("api-token", "key")][..]);
    check(&scene, same, Ok(()), Some("/orders/7"));
    let ambiguous = Err(DenialReason::RequestAmbiguous);
    for (target, headers) in [
        ("/orders/7?api-key=key", &[("api-token", "other")][..]),
        ("/orders/7?api-key=other", &[("api-token", "key")]),
        (
            "/orders/7?api-key=other",
            &[("authorization", "Bearer key")],
        ),
        ("/orders/7?api-key=key&api-key=other", &[]),
    ] {
        check(&scene, (target, headers), ambiguous, Some("/orders/7"));
    }
}

#[test]
fn a_key_in_the_query_is_removed_from_a_refused_request_too() {
    let scene = with_parameter(|_| {});
    for (target, reason, left) in [
        (
            "/orders/7?api-key=bad",
            DenialReason::CredentialInvalid,
            "/orders/7",
        ),
        (
            "/stock?api-key=key",
            DenialReason::CollectionNotGranted,
            "/stock",
        ),
        (
            "/nowhere?api-key=key&a",
            DenialReason::EndpointNotFound,
            "/nowhere?a",
        ),
        (
            "/a/../b?api-key=key",
            DenialReason::RequestAmbiguous,
            "/a/../b",
        ),
        (
            "/orders/7?api-key=",
            DenialReason::CredentialMissing,
            "/orders/7",
        ),
    ] {
        check(&scene, (target, &[]), Err(reason), Some(left));
    }
}

#[test]
fn a_target_without_a_key_stays_as_it_is() {
    let scene = with_parameter(|_| {});
    check(
        &scene,
        ("/orders/7?a=1&&b=%zz", &[("api-token", "key")]),
        Ok(()),
        None,
    );
    check(
        &scene,
        ("/orders/7?API-KEY=key", &[("api-token", "key")]),
        Ok(()),
        None,
    );
}

#[test]
fn without_the_setting_the_query_is_the_services() {
    let scene = Scene::of(&[keyed(1, "key")]);
    let missing = Err(DenialReason::CredentialMissing);
    check(&scene, ("/orders/7?api-key=key", &[]), missing, None);
    let both = ("/orders/7?api-key=other", &[("api-token", "key")][..]);
    check(&scene, both, Ok(()), None);
}

#[test]
fn a_token_is_a_credential_in_no_place_but_bearer() {
    let scene = with_parameter(|_| {});
    let token = token(Algorithm::HS256, &claims(2));
    assert_eq!(scene.bearer(&token), Ok(Some(id(2))));
    let invalid = Err(DenialReason::CredentialInvalid);
    check(
        &scene,
        (&format!("/orders/7?api-key={token}"), &[]),
        invalid,
        Some("/orders/7"),
    );
    check(
        &scene,
        ("/orders/7", &[("api-token", &token)]),
        invalid,
        None,
    );
}

#[test]
fn a_service_that_is_to_see_the_credential_sees_it_and_no_forged_identity() {
    let scene = with_parameter(|settings| settings.forwards_credential = true);
    let headers = [("api-token", "key"), ("x-client-id", "root")];
    let stripped = scene.ask("/orders/7?api-key=key", &headers, |decision| {
        let permit = decision.unwrap();
        assert_eq!(permit.target(), None);
        permit.stripped().concat()
    });
    assert_eq!(stripped, b"x-client-id");
    // No service sees a refused request, but logs do.
    let refused = ("/stock?api-key=key", &headers[..]);
    check(
        &scene,
        refused,
        Err(DenialReason::CollectionNotGranted),
        Some("/stock"),
    );
}
