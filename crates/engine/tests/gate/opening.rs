//! What is open to more than those whom it is granted: public collections, preflight requests, paths that services may
//! read in another way.

use portcullis_engine::{Decision, DenialReason, GateSettings};
use portcullis_feed::{Algorithm, Collection, Profile, ProfileId};
use serde_json::json;

use crate::scene::{NOW_S, Scene, claims, id, keyed, orders, stock, token, tokens};

/// Who is named to the service, and what is not seen by it.
type Passed = Result<(Option<ProfileId>, Vec<String>), DenialReason>;

fn read(decision: Decision<'_>) -> Passed {
    let permit = decision.map_err(|denial| denial.reason)?;
    let stripped = permit.stripped().iter();
    Ok((
        permit.holder().map(|holder| holder.profile()),
        stripped
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect(),
    ))
}

fn public() -> Collection {
    Collection {
        public: true,
        ..orders()
    }
}

fn open(profiles: &[Profile]) -> Scene {
    Scene::with(GateSettings::default(), profiles, &[public(), stock()])
}

fn check(scene: &Scene, headers: &[(&str, &str)], named: Option<ProfileId>) {
    let (holder, stripped) = scene.ask("/orders/7", headers, read).unwrap();
    assert_eq!(holder, named, "{headers:?}");
    let carriers = headers.iter().filter(|it| it.0 != "x-client-id").count();
    let expected = carriers + usize::from(carriers < headers.len());
    assert_eq!(stripped.len(), expected, "{headers:?}");
}

#[test]
fn anybody_may_call_what_is_public_and_nothing_else() {
    let scene = open(&[keyed(1, "key")]);
    check(&scene, &[], None);
    check(&scene, &[("x-client-id", "root")], None);
    let missing = Err(DenialReason::CredentialMissing);
    assert_eq!(scene.ask("/stock", &[], read), missing);
    assert_eq!(scene.ask("/nowhere", &[], read), missing);
    let posted = scene.ask_from(None, "POST", "/orders/7", &[], read);
    assert_eq!(posted, missing, "another method is another endpoint");
}

#[test]
fn who_proves_who_it_is_is_named_even_where_it_need_not_be_granted() {
    let mut without_grant = keyed(1, "key");
    without_grant.collections.clear();
    let scene = open(&[without_grant, tokens(2, Algorithm::HS256)]);
    check(&scene, &[("api-token", "key")], Some(id(1)));
    let bearer = format!("Bearer {}", token(Algorithm::HS256, &claims(2)));
    check(&scene, &[("authorization", &bearer)], Some(id(2)));
}

#[test]
fn who_proves_nothing_good_is_anonymous_and_its_credential_does_not_go_on() {
    let change = |number, key, change: fn(&mut Profile)| {
        let mut profile = keyed(number, key);
        change(&mut profile);
        profile
    };
    let scene = open(&[
        change(1, "of a disabled client", |it| it.client.enabled = false),
        change(2, "disabled", |it| it.enabled = false),
        change(3, "over", |it| it.expires_at_ms = Some(NOW_S * 1_000)),
        change(4, "from elsewhere", |it| {
            it.addresses.allow = vec!["192.0.2.1".into()]
        }),
        tokens(5, Algorithm::HS256),
    ]);
    let keys = [
        "unknown",
        "of a disabled client",
        "disabled",
        "over",
        "from elsewhere",
    ];
    for key in keys {
        check(&scene, &[("api-token", key)], None);
    }
    let expired = json!({"sub": id(5).to_string(), "exp": 1});
    let forged = format!("{}x", token(Algorithm::HS256, &claims(5)));
    for token in [token(Algorithm::HS256, &expired), forged] {
        check(
            &scene,
            &[("authorization", &format!("Bearer {token}"))],
            None,
        );
    }
}

#[test]
fn two_credentials_are_ambiguous_in_public_too() {
    let scene = open(&[keyed(1, "key")]);
    let outcome = scene.call(&[("api-token", "key"), ("authorization", "Bearer other")]);
    assert_eq!(outcome, Err(DenialReason::RequestAmbiguous));
}

#[test]
fn a_public_endpoint_that_is_switched_off_is_off_for_everybody() {
    let scene = open(&[keyed(1, "key")]);
    for headers in [&[][..], &[("api-token", "key")]] {
        let outcome = scene.ask("/orders/off", headers, read);
        assert_eq!(outcome, Err(DenialReason::EndpointDisabled));
    }
}

const PREFLIGHT: [(&str, &str); 2] = [
    ("origin", "https://shop.example"),
    ("access-control-request-method", "GET"),
];

#[test]
fn a_preflight_request_passes_without_a_credential_where_the_setting_says_so() {
    let ask = |passes, method: &str, target: &str, headers: &[(&str, &str)]| {
        let settings = GateSettings {
            passes_preflight: passes,
            ..GateSettings::default()
        };
        let scene = Scene::with(settings, &[keyed(1, "key")], &[orders(), stock()]);
        scene
            .ask_from(None, method, target, headers, read)
            .map(|(holder, _)| holder)
    };
    let missing = Err(DenialReason::CredentialMissing);
    assert_eq!(ask(true, "OPTIONS", "/orders/7", &PREFLIGHT), Ok(None));
    assert_eq!(ask(false, "OPTIONS", "/orders/7", &PREFLIGHT), missing);
    // What is not all of a preflight request, or is not for an endpoint that is there.
    assert_eq!(ask(true, "GET", "/orders/7", &PREFLIGHT), missing);
    assert_eq!(ask(true, "OPTIONS", "/orders/7", &PREFLIGHT[..1]), missing);
    assert_eq!(ask(true, "OPTIONS", "/orders/7", &PREFLIGHT[1..]), missing);
    assert_eq!(ask(true, "OPTIONS", "/orders/off", &PREFLIGHT), missing);
    assert_eq!(ask(true, "OPTIONS", "/nowhere", &PREFLIGHT), missing);
    let delete = [PREFLIGHT[0], ("access-control-request-method", "DELETE")];
    assert_eq!(ask(true, "OPTIONS", "/orders/7", &delete), missing);
    let ambiguous = Err(DenialReason::RequestAmbiguous);
    assert_eq!(
        ask(true, "OPTIONS", "/orders/%2e%2e", &PREFLIGHT),
        ambiguous
    );
}

#[test]
fn a_preflight_request_brings_no_identity_along() {
    let settings = GateSettings {
        passes_preflight: true,
        ..GateSettings::default()
    };
    let scene = Scene::with(settings, &[keyed(1, "key")], &[orders()]);
    let headers = [
        PREFLIGHT[0],
        PREFLIGHT[1],
        ("x-client-id", "root"),
        ("api-token", "key"),
    ];
    let passed = scene.ask_from(None, "OPTIONS", "/orders/7", &headers, read);
    assert_eq!(
        passed,
        Ok((None, vec!["x-client-id".into(), "api-token".into()]))
    );
}

#[test]
fn a_dubious_path_passes_only_where_the_collection_says_that_its_service_is_safe() {
    let safe = Collection {
        allows_dubious_paths: true,
        ..orders()
    };
    let ask = |collection: Collection, target: &str| {
        let scene = Scene::with(
            GateSettings::default(),
            &[keyed(1, "key")],
            &[collection, stock()],
        );
        scene.ask(target, &[("api-token", "key")], read).map(drop)
    };
    let ambiguous = Err(DenialReason::RequestAmbiguous);
    for dubious in [
        "/orders/7;x=1",
        "/orders/%00",
        "/orders/%252e",
        "/orders/%c0%af",
        "/orders/...",
    ] {
        assert_eq!(ask(safe.clone(), dubious), Ok(()), "{dubious}");
        assert_eq!(ask(orders(), dubious), ambiguous, "{dubious}");
    }
    // Of another collection, of none, and what no proxy agrees about.
    for refused in [
        "/stock;x=1",
        "/nowhere;x=1",
        "/orders/..;/off",
        "/orders/..",
        "/orders/%2e%2e",
        "/orders//7",
    ] {
        assert_eq!(ask(safe.clone(), refused), ambiguous, "{refused}");
    }
}
