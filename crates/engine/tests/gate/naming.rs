//! Which profile a token is about, and that no other profile's key signs for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_engine::jwt::record::named_by_profile;
use portcullis_engine::{DenialReason, GateSettings, api_key};
use portcullis_feed::{Algorithm, ApiKey, Jwt, KeyState, Profile, TokenIdentity};
use serde_json::{Value, json};

use crate::keys;
use crate::scene::{
    NOW_S, Outcome, Scene, claims, id, jwt, key_record, keyed, orders, tokens_like,
};

const HS256: Algorithm = Algorithm::HS256;
const INVALID: Outcome = Err(DenialReason::CredentialInvalid);

/// The secret of a profile.
fn secret(number: u128) -> [u8; 32] {
    [number as u8; 32]
}

/// A profile with a secret of its own.
fn own(number: u128, change: impl FnOnce(&mut Jwt)) -> Profile {
    let mut method = jwt(HS256, vec![keys::secret(&secret(number))]);
    change(&mut method);
    tokens_like(number, method)
}

/// A token by the secret of a profile.
fn by(number: u128, header: &Value, claims: &Value) -> String {
    let part = |json: &Value| keys::encode(json.to_string());
    let unsigned = format!("{}.{}", part(header), part(claims));
    format!(
        "{unsigned}.{}",
        keys::sign_with(&secret(number), HS256, &unsigned)
    )
}

fn plain(number: u128, names: &Value) -> String {
    let mut claims = names.clone();
    claims["exp"] = json!(NOW_S + 300);
    by(number, &json!({"alg": "HS256"}), &claims)
}

fn identity(issuer: &str, client: &str) -> Option<TokenIdentity> {
    Some(TokenIdentity {
        issuer: issuer.into(),
        client: client.into(),
    })
}

#[test]
fn a_token_with_the_name_of_another_profile_is_refused() {
    let member = |number| {
        own(number, |method| {
            method.identity = identity("https://idp.example", &format!("c{number}"));
            method.named_by_keys = vec![key_record(&format!("name{number}"))];
        })
    };
    let scene = Scene::of(&[member(1), member(2)]);
    let names = |number: u128| {
        [
            json!({"sub": id(number).to_string()}),
            json!({"iss": "https://idp.example", "sub": format!("c{number}")}),
            json!({"iss": "https://idp.example", "sub": format!("name{number}")}),
        ]
    };
    // A profile with an identity is not called by its own name.
    assert_eq!(scene.bearer(&plain(1, &names(1)[0])), INVALID);
    for at in 1..3 {
        assert_eq!(scene.bearer(&plain(1, &names(1)[at])), Ok(Some(id(1))));
        assert_eq!(scene.bearer(&plain(2, &names(2)[at])), Ok(Some(id(2))));
    }
    for at in 0..3 {
        assert_eq!(scene.bearer(&plain(1, &names(2)[at])), INVALID);
        assert_eq!(scene.bearer(&plain(2, &names(1)[at])), INVALID);
    }
}

#[test]
fn a_name_that_leads_nowhere_is_not_made_good_by_a_later_one() {
    let scene = Scene::of(&[own(1, |_| {})]);
    let right = id(1).to_string();
    for first in [
        json!(id(9).to_string()),
        json!("nobody"),
        json!(" "),
        json!(7),
        json!([right]),
        json!({"id": right}),
        json!(true),
        json!(format!("{right} ")),
        json!(right.to_uppercase()),
    ] {
        let names = json!({"urn:portcullis:profile": first, "sub": right, "azp": right});
        assert_eq!(scene.bearer(&plain(1, &names)), INVALID, "{names}");
    }
    for nothing in [json!(null), json!("")] {
        let names = json!({"urn:portcullis:profile": nothing, "sub": nothing, "client_id": right});
        assert_eq!(scene.bearer(&plain(1, &names)), Ok(Some(id(1))), "{names}");
    }
}

#[test]
fn the_name_of_the_key_names_the_profile_only_where_no_claim_does_and_it_may() {
    let header = json!({"alg": "HS256", "kid": id(1).to_string()});
    let unnamed = by(1, &header, &json!({"exp": NOW_S + 300}));
    let named = by(1, &header, &json!({"sub": "nobody", "exp": NOW_S + 300}));
    let scene = Scene::of(&[own(1, |_| {})]);
    assert_eq!(scene.bearer(&unnamed), Ok(Some(id(1))));
    assert_eq!(scene.bearer(&named), INVALID);
    let settings = GateSettings {
        names_by_key_id: false,
        ..GateSettings::default()
    };
    let scene = Scene::with(settings, &[own(1, |_| {})], &[orders()]);
    assert_eq!(scene.bearer(&unnamed), INVALID);
}

#[test]
fn only_the_claims_of_the_settings_name_a_profile() {
    let settings = GateSettings {
        token_claims: vec!["who".into()],
        names_by_key_id: false,
        ..GateSettings::default()
    };
    let scene = Scene::with(settings, &[own(1, |_| {})], &[orders()]);
    let right = id(1).to_string();
    assert_eq!(
        scene.bearer(&plain(1, &json!({"who": right}))),
        Ok(Some(id(1)))
    );
    for names in [
        json!({"sub": right}),
        json!({"WHO": right}),
        json!({"a": {"who": right}}),
    ] {
        assert_eq!(scene.bearer(&plain(1, &names)), INVALID, "{names}");
    }
}

#[test]
fn an_api_key_names_a_profile_as_long_as_it_is_good_and_opens_nothing_itself() {
    let named_by = |key: ApiKey| own(1, |method| method.named_by_keys = vec![key]);
    let token = plain(1, &json!({"sub": "name"}));
    let at_ms = |seconds: u64| Some(seconds * 1_000);
    for (key, expected) in [
        (key_record("name"), Ok(Some(id(1)))),
        (key_record("other"), INVALID),
        (
            ApiKey {
                state: KeyState::Revoked,
                ..key_record("name")
            },
            Err(DenialReason::CredentialRevoked),
        ),
        (
            ApiKey {
                expires_at_ms: at_ms(NOW_S),
                ..key_record("name")
            },
            Err(DenialReason::CredentialExpired),
        ),
        (
            ApiKey {
                expires_at_ms: at_ms(NOW_S + 1),
                ..key_record("name")
            },
            Ok(Some(id(1))),
        ),
    ] {
        let scene = Scene::of(&[named_by(key)]);
        assert_eq!(scene.bearer(&token), expected);
        assert_eq!(
            scene.bearer(&plain(2, &json!({"sub": "name"}))),
            INVALID,
            "a foreign secret"
        );
        assert_eq!(scene.call(&[("api-token", "name")]), INVALID);
        assert_eq!(scene.bearer("name"), INVALID);
    }
}

#[test]
fn no_name_of_a_profile_with_tokens_opens_anything_as_a_key() {
    let member = own(1, |method| {
        method.identity = identity("https://idp.example", "c1");
    });
    let scene = Scene::of(&[member]);
    let public = id(1).to_string();
    for name in [
        public.as_str(),
        "c1",
        "\0profile",
        "https://idp.example",
        "identity",
    ] {
        assert_eq!(scene.call(&[("api-token", name)]), INVALID);
        assert_eq!(scene.bearer(name), INVALID);
    }
    // The very text under whose digest the profile is found. No header can carry it, but an encoding can.
    let text = [b"\0profile", id(1).as_bytes().as_slice()].concat();
    let found = named_by_profile(&id(1));
    assert_eq!(api_key::digest(&text), found);
    let basic = STANDARD.encode([b"api-token:", text.as_slice()].concat());
    assert_eq!(
        scene.call(&[("authorization", &format!("Basic {basic}"))]),
        INVALID
    );
    assert_eq!(scene.lookups().last(), Some(&found));
}

#[test]
fn a_key_that_opens_a_profile_does_not_name_it_for_tokens() {
    let scene = Scene::of(&[keyed(1, "key"), own(2, |_| {})]);
    assert_eq!(scene.call(&[("api-token", "key")]), Ok(Some(id(1))));
    assert_eq!(scene.bearer(&plain(2, &json!({"sub": "key"}))), INVALID);
    assert_eq!(
        scene.bearer(&plain(2, &json!({"sub": id(1).to_string()}))),
        INVALID
    );
}

#[test]
fn a_provider_names_a_profile_together_with_its_own_name_only() {
    let scene = Scene::of(&[own(1, |method| {
        method.identity = identity("https://a", "b")
    })]);
    let good = json!({"iss": "https://a", "azp": "b"});
    assert_eq!(scene.bearer(&plain(1, &good)), Ok(Some(id(1))));
    for wrong in [
        json!({"azp": "b"}),
        json!({"iss": "https://a"}),
        json!({"iss": "https://a/", "azp": "b"}),
        json!({"iss": "https://ab", "azp": ""}),
        json!({"iss": "https://", "azp": "ab"}),
        json!({"iss": ["https://a"], "azp": "b"}),
        json!({"iss": null, "azp": "b"}),
        json!({"iss": "https://A", "azp": "b"}),
        json!({"iss": "https://a", "azp": "B"}),
    ] {
        assert_eq!(scene.bearer(&plain(1, &wrong)), INVALID, "{wrong}");
    }
}

#[test]
fn a_client_of_a_provider_cannot_call_itself_by_the_profile_of_another() {
    let named = json!({"iss": "https://a", "urn:portcullis:profile": id(1).to_string()});
    let without = Scene::of(&[own(1, |_| {})]);
    assert_eq!(without.bearer(&plain(1, &named)), Ok(Some(id(1))));
    // The provider signs for all its clients with the same keys.
    let with = Scene::of(&[own(1, |method| {
        method.identity = identity("https://a", "b");
    })]);
    assert_eq!(with.bearer(&plain(1, &named)), INVALID);
}

#[test]
fn the_letters_of_issuer_and_client_are_not_run_together() {
    let scene = Scene::of(&[
        own(1, |method| method.identity = identity("https://a", "bc")),
        own(2, |method| method.identity = identity("https://ab", "c")),
    ]);
    let names = |issuer: &str, client: &str| json!({"iss": issuer, "sub": client});
    assert_eq!(
        scene.bearer(&plain(1, &names("https://a", "bc"))),
        Ok(Some(id(1)))
    );
    assert_eq!(
        scene.bearer(&plain(2, &names("https://ab", "c"))),
        Ok(Some(id(2)))
    );
    assert_eq!(scene.bearer(&plain(1, &names("https://ab", "c"))), INVALID);
}

#[test]
fn a_key_that_is_not_known_is_reported_exactly_where_there_may_be_newer_ones() {
    let named = |kid: &str| {
        let mut key = keys::secret(&secret(1));
        key.kid = Some(kid.into());
        key
    };
    let set = |follows| {
        let mut method = jwt(HS256, vec![named("k1"), named("k2")]);
        method.follows_key_set = follows;
        Scene::of(&[tokens_like(1, method)])
    };
    let of = |signer: u128, kid: Option<&str>, sub: u128| {
        let mut header = json!({"alg": "HS256"});
        if let Some(kid) = kid {
            header["kid"] = json!(kid);
        }
        by(signer, &header, &claims(sub))
    };
    let follower = set(true);
    assert_eq!(follower.bearer(&of(1, Some("k1"), 1)), Ok(Some(id(1))));
    assert_eq!(follower.bearer(&of(1, None, 1)), Ok(Some(id(1))));
    for (token, missing) in [
        (of(1, Some("k3"), 1), Some(id(1))),
        (of(2, Some("k3"), 1), Some(id(1))),
        (of(2, None, 1), Some(id(1))),
        // Its key is known, and did not sign this.
        (of(2, Some("k1"), 1), None),
        // Nobody is called so.
        (of(1, Some("k3"), 9), None),
    ] {
        assert_eq!(follower.bearer(&token), INVALID);
        assert_eq!(follower.missing_key_of(&token), missing);
        assert_eq!(set(false).missing_key_of(&token), None);
    }
    let other_algorithm = by(1, &json!({"alg": "HS512", "kid": "k3"}), &claims(1));
    assert_eq!(follower.missing_key_of(&other_algorithm), None);
    let expired = json!({"sub": id(1).to_string(), "exp": 1});
    let expired = by(1, &json!({"alg": "HS256", "kid": "k1"}), &expired);
    assert_eq!(follower.missing_key_of(&expired), None);
}

#[test]
fn a_token_of_one_profile_is_not_one_of_another_with_the_same_key() {
    let shared = |number| tokens_like(number, jwt(HS256, vec![keys::secret(&secret(1))]));
    let scene = Scene::of(&[shared(1), shared(2)]);
    let token = |number| by(1, &json!({"alg": "HS256"}), &claims(number));
    assert_eq!(scene.bearer(&token(1)), Ok(Some(id(1))));
    assert_eq!(scene.bearer(&token(2)), Ok(Some(id(2))));
}
