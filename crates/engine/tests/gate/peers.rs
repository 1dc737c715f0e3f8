//! What gates like this one were found to get wrong, each as the sentence that holds here. Those that only a real Envoy
//! can show are among the end-to-end tests.

use std::net::IpAddr;

use portcullis_engine::DenialReason::{
    self, AddressNotAllowed, CredentialInvalid, CredentialMissing,
};
use portcullis_engine::{GateSettings, Record, api_key};
use portcullis_feed::Profile;

use crate::scene::{Scene, id, keyed, orders};

fn settings() -> GateSettings {
    GateSettings {
        query_parameter: Some("api-key".into()),
        ..GateSettings::default()
    }
}

fn stripped(scene: &Scene, headers: &[(&str, &str)]) -> Vec<String> {
    scene.ask("/orders/7", headers, |decision| {
        let permit = decision.unwrap();
        let names = permit.stripped().iter();
        names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect()
    })
}

fn from(scene: &Scene, address: Option<&str>) -> Result<(), DenialReason> {
    let address: Option<IpAddr> = address.map(|text| text.parse().unwrap());
    let headers = [
        ("api-token", "key"),
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
    ];
    scene.ask_from(address, "GET", "/orders/7", &headers, |decision| {
        decision.map(drop).map_err(|denial| denial.reason)
    })
}

fn allowing(entries: &[&str]) -> Profile {
    let mut profile = keyed(1, "key");
    profile.addresses.allow = entries.iter().map(ToString::to_string).collect();
    profile
}

#[test]
fn a_forged_identity_is_replaced_and_not_kept_beside_ours() {
    let scene = Scene::of(&[keyed(1, "key")]);
    let forged = [
        "x-client-id",
        "x-client-name",
        "x-access-profile-id",
        "x-api-collection",
    ];
    let mut headers = vec![("api-token", "key")];
    headers.extend(forged.map(|name| (name, "root")));
    headers.extend(forged.map(|name| (name, "admin")));
    let stripped = stripped(&scene, &headers);
    assert!(
        forged
            .iter()
            .all(|name| stripped.iter().any(|it| it == name)),
        "{stripped:?}"
    );
}

#[test]
fn a_key_is_read_from_the_query_although_it_may_be_in_a_header_too() {
    let scene = Scene::with(settings(), &[keyed(1, "key")], &[orders()]);
    let by_query = scene.ask("/orders/7?api-key=key", &[], |it| it.is_ok());
    assert!(by_query);
    assert_eq!(scene.call(&[("api-token", "key")]), Ok(Some(id(1))));
}

#[test]
fn an_ipv4_address_in_the_clothes_of_ipv6_is_the_ipv4_address() {
    for entry in ["1.2.3.4", "1.2.3.0/24", "1.2.3.1-1.2.3.9", "::ffff:1.2.3.4"] {
        let scene = Scene::of(&[allowing(&[entry])]);
        for address in ["1.2.3.4", "::ffff:1.2.3.4", "::ffff:102:304"] {
            assert_eq!(from(&scene, Some(address)), Ok(()), "{entry} {address}");
        }
        assert_eq!(
            from(&scene, Some("::ffff:1.2.9.4")),
            Err(AddressNotAllowed),
            "{entry}"
        );
    }
}

#[test]
fn an_address_comes_from_nowhere_but_the_connection() {
    let scene = Scene::of(&[allowing(&["10.0.0.1"])]);
    assert_eq!(from(&scene, Some("10.0.0.1")), Ok(()));
    assert_eq!(from(&scene, Some("192.0.2.1")), Err(AddressNotAllowed));
    assert_eq!(from(&scene, None), Err(AddressNotAllowed));
}

#[test]
fn what_is_no_address_is_an_error_and_never_matches_what_is_not_known() {
    for entry in [
        "",
        " ",
        "10.0.0",
        "10.0.0.0/33",
        "10.0.0.9-10.0.0.1",
        "example.com",
        "null",
        "*",
    ] {
        let refusal = Record::of(&allowing(&["10.0.0.1", entry])).unwrap_err();
        assert!(
            refusal.to_string().contains(&format!("`{entry}`")),
            "{refusal}"
        );
    }
    for list in [vec!["10.0.0.1"], vec!["::/0"], vec!["0.0.0.0/0"]] {
        assert_eq!(
            from(&Scene::of(&[allowing(&list)]), None),
            Err(AddressNotAllowed),
            "{list:?}"
        );
    }
}

#[test]
fn a_key_is_found_by_its_digest_in_one_lookup_however_many_there_are() {
    let many: Vec<Profile> = (1..1_000)
        .map(|number| keyed(number, &format!("key {number}")))
        .collect();
    let scene = Scene::of(&many);
    for key in ["key 1", "key 999", "nobody's"] {
        let _ = scene.call(&[("api-token", key)]);
        assert_eq!(scene.lookups(), [api_key::digest(key.as_bytes())]);
    }
}

#[test]
fn no_key_is_compared_and_no_mac_but_in_constant_time() {
    let credentials = include_str!("../../src/gate/caller.rs");
    assert!(!credentials.contains("key ==") && !credentials.contains("== key"));
    let signatures = include_str!("../../src/jwt/signature.rs");
    assert!(
        signatures.contains("mac.verify_slice(signature)"),
        "hmac compares in constant time"
    );
    assert!(
        !signatures.contains("finalize"),
        "a MAC that is computed could be compared otherwise"
    );
}

#[test]
fn every_header_with_a_credential_is_read_and_none_goes_on() {
    let scene = Scene::of(&[keyed(1, "key")]);
    let basic = "Basic YXBpLXRva2VuOmtleQ==";
    let all = [
        ("api-token", "key"),
        ("api-token", "key"),
        ("authorization", basic),
    ];
    assert_eq!(stripped(&scene, &all), ["api-token", "authorization"]);
    for (first, second) in [
        (("api-token", "key"), ("api-token", "other")),
        (("api-token", "other"), ("api-token", "key")),
        (("api-token", "key"), ("authorization", "Bearer other")),
        (("authorization", "Bearer other"), ("api-token", "key")),
        (("authorization", "Bearer other"), ("authorization", basic)),
    ] {
        let outcome = scene.call(&[first, second]);
        assert_eq!(
            outcome,
            Err(DenialReason::RequestAmbiguous),
            "{first:?} {second:?}"
        );
    }
}

#[test]
fn without_a_key_nothing_is_open_whatever_stands_in_its_place() {
    let scene = Scene::with(settings(), &[keyed(1, "key"), keyed(2, "")], &[orders()]);
    for headers in [
        &[][..],
        &[("api-token", "")],
        &[("api-token", "  ")],
        &[("authorization", "")],
        &[("authorization", "Digest username=x")],
        &[("x-api-key", "key")],
        &[("cookie", "api-token=key")],
    ] {
        assert_eq!(scene.call(headers), Err(CredentialMissing), "{headers:?}");
    }
    for value in [
        "Bearer",
        "Bearer ",
        "Basic",
        "Basic Og==",
        "Basic YXBpLXRva2VuOg==",
    ] {
        let outcome = scene.call(&[("authorization", value)]);
        assert!(
            matches!(outcome, Err(CredentialMissing | CredentialInvalid)),
            "{value}: {outcome:?}"
        );
    }
    for target in [
        "/orders/7?api-key",
        "/orders/7?api-key=",
        "/orders/7?api-key=+",
        "/orders/7?api-key=%20",
    ] {
        let reason = scene.ask(target, &[], |it| it.unwrap_err().reason);
        assert_eq!(reason, CredentialMissing, "{target}");
    }
}

#[test]
fn a_client_that_is_switched_off_is_refused_by_the_very_next_request() {
    let mut profile = keyed(1, "key");
    let scene = Scene::of(std::slice::from_ref(&profile));
    assert_eq!(scene.call(&[("api-token", "key")]), Ok(Some(id(1))));
    profile.client.enabled = false;
    scene.learn(&[profile]);
    assert_eq!(
        scene.call(&[("api-token", "key")]),
        Err(DenialReason::ClientDisabled)
    );
}
