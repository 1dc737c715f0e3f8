//! Requests that come too often.

use std::time::Duration;

use portcullis_engine::DenialReason::{self, *};
use portcullis_engine::GateSettings;
use portcullis_feed::{Collection, Policy, PolicyId, Profile, RateLimit, RateScope, RateWindow};

use crate::scene::{Scene, keyed, orders, stock};

/// Of the key `key`, limited to ten requests a second.
fn limited() -> Profile {
    Profile {
        policy: Some(Policy {
            id: PolicyId::from_parts(0, 9),
            rate_limit: Some(RateLimit {
                requests: 10,
                per: RateWindow::Second,
                burst: None,
                scope: RateScope::AccessProfile,
            }),
            quota: None,
            quota_used_up_until_ms: None,
            quota_offsets: Vec::new(),
        }),
        ..keyed(1, "key")
    }
}

fn call(scene: &Scene, target: &str, key: &str) -> Result<Option<u32>, DenialReason> {
    scene.ask(target, &[("api-token", key)], |decision| match decision {
        Ok(permit) => Ok(permit.allowance().map(|(holder, allowance)| {
            let rate = holder.terms().unwrap().rate.as_ref().unwrap();
            assert_eq!(rate.text(), "\"rate\";q=10;w=1");
            allowance.remaining
        })),
        Err(denial) => {
            let retry_in = denial
                .exhausted
                .as_ref()
                .map(|exhausted| exhausted.retry_in);
            let expected = Duration::from_millis(100);
            assert_eq!(
                retry_in,
                (denial.reason == RateLimitExceeded).then_some(expected)
            );
            Err(denial.reason)
        }
    })
}

#[test]
fn a_limit_is_counted_down_and_then_refuses() {
    let scene = Scene::of(&[limited(), keyed(2, "free")]);
    scene.limit_to(2);
    assert_eq!(call(&scene, "/orders/7", "key"), Ok(Some(1)));
    assert_eq!(call(&scene, "/orders/7", "key"), Ok(Some(0)));
    assert_eq!(call(&scene, "/orders/7", "key"), Err(RateLimitExceeded));
    assert_eq!(call(&scene, "/orders/7", "free"), Ok(None));
}

#[test]
fn what_is_refused_anyway_does_not_count() {
    let mut near = limited();
    near.addresses.allow = vec!["192.0.2.1".into()];
    let mut disabled = limited();
    disabled.enabled = false;
    for (profile, target, reason) in [
        (limited(), "/nowhere", EndpointNotFound),
        (limited(), "/stock", CollectionNotGranted),
        (limited(), "/orders/off", EndpointDisabled),
        (near, "/orders/7", AddressNotAllowed),
        (disabled, "/orders/7", ProfileDisabled),
    ] {
        let scene = Scene::of(&[profile]);
        scene.limit_to(1);
        assert_eq!(call(&scene, target, "key"), Err(reason));
        assert_eq!(scene.left(), 1, "{target}");
    }
}

#[test]
fn where_refusals_are_only_noted_too_many_requests_pass() {
    let mut profile = limited();
    profile.observe = true;
    let everything = GateSettings {
        observe: true,
        ..GateSettings::default()
    };
    for (settings, profile) in [(GateSettings::default(), profile), (everything, limited())] {
        let scene = Scene::with(settings, &[profile], &[orders(), stock()]);
        scene.limit_to(0);
        let observed = scene.ask("/orders/7", &[("api-token", "key")], |decision| {
            decision.unwrap().observed().map(|denial| denial.reason)
        });
        assert_eq!(observed, Some(RateLimitExceeded));
    }
}

#[test]
fn what_anybody_may_call_is_not_limited() {
    let public = Collection {
        public: true,
        ..orders()
    };
    let scene = Scene::with(GateSettings::default(), &[limited()], &[public]);
    scene.limit_to(0);
    assert_eq!(call(&scene, "/orders/7", "key"), Ok(None));
}

/// Whose limit is told in which header, when a key is used.
fn told(settings: GateSettings, profile: Profile, target: &str) -> Option<(String, String)> {
    let scene = Scene::with(settings, &[profile], &[orders(), stock()]);
    scene.ask(target, &[("api-token", "key")], |decision| {
        let permit = decision.ok()?;
        let (header, holder) = scene.gate().told_limit(&permit)?;
        Some((header.to_owned(), holder.profile_id().to_owned()))
    })
}

#[test]
fn whose_limit_it_is_is_told_of_what_is_permitted_and_limited_in_earnest() {
    let telling = || GateSettings {
        limit_header: Some("X-Limit".into()),
        ..GateSettings::default()
    };
    let expected = ("x-limit".to_owned(), limited().id.to_string());
    assert_eq!(told(telling(), limited(), "/orders/7"), Some(expected));
    assert_eq!(told(GateSettings::default(), limited(), "/orders/7"), None);
    assert_eq!(told(telling(), keyed(1, "key"), "/orders/7"), None);
    assert_eq!(told(telling(), limited(), "/stock"), None);
    let observed = Profile {
        observe: true,
        ..limited()
    };
    assert_eq!(told(telling(), observed, "/orders/7"), None);
    let observing = GateSettings {
        observe: true,
        ..telling()
    };
    assert_eq!(told(observing, limited(), "/orders/7"), None);
}

#[test]
fn nobody_can_forge_whose_limit_it_is() {
    let settings = GateSettings {
        limit_header: Some("x-limit".into()),
        ..GateSettings::default()
    };
    let scene = Scene::with(settings, &[limited()], &[orders(), stock()]);
    for forged in ["x-limit", "X-Limit", "x_limit", "x.limit"] {
        for key in ["key", "unknown"] {
            let stripped = scene.ask("/orders/7", &[("api-token", key), (forged, "x")], |it| {
                let stripped = match &it {
                    Ok(permit) => permit.stripped(),
                    Err(denial) => denial.stripped(),
                };
                stripped.contains(&forged.as_bytes())
            });
            assert!(stripped, "{forged} {key}");
        }
    }
}
