//! Requests that are too many in a day, a week or a month.

use std::time::Duration;

use portcullis_engine::DenialReason::{self, *};
use portcullis_feed::{Policy, PolicyId, Profile, Quota, QuotaCounts, QuotaWindow};

use crate::scene::{NOW_S, Scene, keyed};

/// Of the key `key`, with three requests a day, used up until a time.
fn limited(used_up_until_ms: Option<u64>) -> Profile {
    Profile {
        policy: Some(Policy {
            id: PolicyId::from_parts(0, 9),
            rate_limit: None,
            quota: Some(Quota {
                requests: 3,
                per: QuotaWindow::Day,
                time_zone: None,
                counts: QuotaCounts::Permitted,
            }),
            quota_used_up_until_ms: used_up_until_ms,
            quota_offsets: Vec::new(),
        }),
        ..keyed(1, "key")
    }
}

fn call(scene: &Scene, target: &str) -> Result<(), (DenialReason, Option<Duration>)> {
    scene.ask(target, &[("api-token", "key")], |decision| {
        let told = |denial: &portcullis_engine::Denial<'_>| {
            let retry_in = denial.exhausted.as_ref().map(|it| it.retry_in);
            (denial.reason, retry_in)
        };
        decision.as_ref().map(|_| ()).map_err(told)
    })
}

fn until_tomorrow() -> Duration {
    Duration::from_secs(86_400 - NOW_S % 86_400)
}

#[test]
fn a_gateway_lets_no_more_pass_than_a_quota_has() {
    let scene = Scene::of(&[limited(None)]);
    for _ in 0..3 {
        assert_eq!(call(&scene, "/orders/7"), Ok(()));
    }
    let refused = (QuotaExceeded, Some(until_tomorrow()));
    assert_eq!(call(&scene, "/orders/7"), Err(refused));
}

#[test]
fn what_is_refused_for_another_reason_spends_nothing() {
    let scene = Scene::of(&[limited(None)]);
    for _ in 0..5 {
        assert_eq!(call(&scene, "/stock"), Err((CollectionNotGranted, None)));
    }
    assert_eq!(call(&scene, "/orders/7"), Ok(()));
}

#[test]
fn a_quota_that_is_used_up_elsewhere_refuses_until_its_end_and_no_longer() {
    let end_ms = (NOW_S + 60) * 1_000;
    let scene = Scene::of(&[limited(Some(end_ms))]);
    let refused = (QuotaExceeded, Some(Duration::from_secs(60)));
    assert_eq!(call(&scene, "/orders/7"), Err(refused));
    scene.wait(60);
    assert_eq!(call(&scene, "/orders/7"), Ok(()));
}

#[test]
fn where_refusals_are_only_noted_a_used_up_quota_passes() {
    let mut profile = limited(Some(u64::MAX));
    profile.observe = true;
    let scene = Scene::of(&[profile]);
    let observed = scene.ask("/orders/7", &[("api-token", "key")], |decision| {
        decision.unwrap().observed().map(|denial| denial.reason)
    });
    assert_eq!(observed, Some(QuotaExceeded));
}
