//! Refusals that are only noted, by one profile or by the whole filter.

use portcullis_engine::DenialReason::{self, *};
use portcullis_engine::{Decision, GateSettings};
use portcullis_feed::{Profile, ProfileId};

use crate::scene::{NOW_S, Scene, id, keyed, orders, stock};

/// A request that passed: what it would have been refused for, who is named to the service, what it does not see.
type Passed = Result<(Option<DenialReason>, Option<ProfileId>, Vec<String>), DenialReason>;

fn read(decision: Decision<'_>) -> Passed {
    let permit = decision.map_err(|denial| denial.reason)?;
    let stripped = permit.stripped().iter();
    Ok((
        permit.observed().map(|denial| denial.reason),
        permit.holder().map(|holder| holder.profile()),
        stripped
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect(),
    ))
}

fn known(change: impl FnOnce(&mut Profile)) -> Profile {
    let mut profile = keyed(1, "key");
    change(&mut profile);
    profile
}

fn ask(observes: bool, profile: Profile, target: &str, key: &str) -> Passed {
    let settings = GateSettings {
        observe: observes,
        query_parameter: Some("api-key".into()),
        ..GateSettings::default()
    };
    let scene = Scene::with(settings, &[profile], &[orders(), stock()]);
    scene.ask(target, &[("api-token", key), ("x-client-id", "root")], read)
}

fn both() -> Vec<String> {
    vec!["x-client-id".into(), "api-token".into()]
}

#[test]
fn a_profile_that_is_observed_passes_with_its_name_in_spite_of_what_it_may_not() {
    let elsewhere = |it: &mut Profile| it.addresses.allow = vec!["192.0.2.1".into()];
    for (target, change, reason) in [
        (
            "/orders/7",
            elsewhere as fn(&mut Profile),
            AddressNotAllowed,
        ),
        ("/stock", |_| {}, CollectionNotGranted),
        ("/orders/off", |_| {}, EndpointDisabled),
        ("/nowhere", |_| {}, EndpointNotFound),
    ] {
        assert_eq!(ask(false, known(change), target, "key"), Err(reason));
        let observed = known(|it| {
            change(it);
            it.observe = true;
        });
        let passed = ask(false, observed, target, "key");
        assert_eq!(passed, Ok((Some(reason), Some(id(1)), both())), "{target}");
    }
}

#[test]
fn a_profile_that_is_observed_is_refused_all_the_same_for_who_it_is_and_how_it_asks() {
    for (target, key, change, reason) in [
        (
            "/orders/7",
            "bad",
            (|_| {}) as fn(&mut Profile),
            CredentialInvalid,
        ),
        ("/orders/7", "", |_| {}, CredentialMissing),
        (
            "/orders/7",
            "key",
            |it| it.client.enabled = false,
            ClientDisabled,
        ),
        ("/orders/7", "key", |it| it.enabled = false, ProfileDisabled),
        (
            "/orders/7",
            "key",
            |it| it.expires_at_ms = Some(NOW_S * 1_000),
            CredentialExpired,
        ),
        ("/orders/../stock", "key", |_| {}, RequestAmbiguous),
        ("/orders/7?api-key=other", "key", |_| {}, RequestAmbiguous),
    ] {
        let observed = known(|it| {
            change(it);
            it.observe = true;
        });
        assert_eq!(ask(false, observed, target, key), Err(reason), "{target}");
    }
}

#[test]
fn what_is_allowed_is_not_noted() {
    let passed = Ok((None, Some(id(1)), both()));
    assert_eq!(
        ask(false, known(|it| it.observe = true), "/orders/7", "key"),
        passed
    );
    assert_eq!(ask(true, known(|_| {}), "/orders/7", "key"), passed);
}

#[test]
fn a_filter_that_observes_lets_everything_pass_and_names_only_who_has_proved_it() {
    let only_forged = vec!["x-client-id".to_owned()];
    for (target, key, change, reason, named, stripped) in [
        (
            "/stock",
            "key",
            (|_| {}) as fn(&mut Profile),
            CollectionNotGranted,
            Some(id(1)),
            both(),
        ),
        // Known, and switched off: the service learns no name that it could trust.
        (
            "/orders/7",
            "key",
            |it| it.client.enabled = false,
            ClientDisabled,
            None,
            both(),
        ),
        (
            "/orders/7",
            "key",
            |it| it.enabled = false,
            ProfileDisabled,
            None,
            both(),
        ),
        // Not known here: it may be for the service.
        (
            "/orders/7",
            "bad",
            |_| {},
            CredentialInvalid,
            None,
            only_forged.clone(),
        ),
        (
            "/orders/7",
            "",
            |_| {},
            CredentialMissing,
            None,
            only_forged.clone(),
        ),
        (
            "/orders/../stock",
            "key",
            |_| {},
            RequestAmbiguous,
            None,
            only_forged.clone(),
        ),
    ] {
        let passed = ask(true, known(change), target, key);
        assert_eq!(
            passed,
            Ok((Some(reason), named, stripped)),
            "{target} {key}"
        );
    }
}

#[test]
fn a_filter_that_observes_takes_a_key_out_of_the_query_only_where_it_knows_it() {
    let target_for = |key: &str| {
        let settings = GateSettings {
            observe: true,
            query_parameter: Some("api-key".into()),
            ..GateSettings::default()
        };
        let scene = Scene::with(settings, &[keyed(1, "key")], &[orders(), stock()]);
        scene.ask(&format!("/stock?api-key={key}"), &[], |decision| {
            decision.unwrap().target().map(<[u8]>::to_vec)
        })
    };
    assert_eq!(target_for("key").as_deref(), Some(&b"/stock"[..]));
    assert_eq!(target_for("other"), None);
}
