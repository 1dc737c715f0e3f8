//! JSON Web Tokens: who is permitted with one, who is refused, what the service is told, and how fast a change counts.

use anyhow::Result;
use portcullis_tests::{Play, Signer, bearer, outcome, seconds_from_now, set, until};
use serde_json::{Value, json};
use xtask::stage::Caller;

const SECRET: &str = "a secret of the end-to-end tests: 256 bits and more";

fn until_bearer(caller: &mut Caller, token: &str, expected: &str) -> Result<()> {
    let what = format!("the outcome is {expected}");
    until(caller, &what, |caller| {
        Ok(bearer(caller, token)? == expected)
    })
}

#[test]
fn a_token_of_every_kind_of_key_is_permitted_and_none_of_another_key_is() {
    let play = Play::begin(1).unwrap();
    let signers = [
        (
            Signer::hs256(SECRET),
            Signer::hs256("another secret of 256 bits, or even more"),
        ),
        (Signer::rs256().unwrap(), Signer::ps256().unwrap()),
        (Signer::ps256().unwrap(), Signer::rs256().unwrap()),
        (Signer::es256().unwrap(), Signer::es256().unwrap()),
        (Signer::eddsa().unwrap(), Signer::eddsa().unwrap()),
    ];
    for (signer, other) in signers {
        let name = signer.algorithm();
        let member = play.token_member(name, &signer, &json!({})).unwrap();
        let claims = member.claims();
        let mut caller = play.caller().unwrap();
        play.service.forget();

        let token = signer.token(&claims).unwrap();
        for _ in 0..3 {
            assert_eq!(bearer(&mut caller, &token).unwrap(), "permitted", "{name}");
        }
        for seen in play.service.seen() {
            assert_eq!(seen.values("x-client-id"), [member.client.as_str()]);
            assert_eq!(
                seen.values("x-access-profile-id"),
                [member.profile.id.as_str()]
            );
            assert!(seen.values("authorization").is_empty(), "{seen:?}");
        }

        let header = json!({"alg": name, "typ": "JWT"});
        let (signed, _) = token.rsplit_once('.').unwrap();
        for (what, wrong) in [
            ("another key", other.token(&claims).unwrap()),
            (
                "another key under our name",
                other.token_with(&header, &claims).unwrap(),
            ),
            (
                "alg: none",
                signer.token_with(&json!({"alg": "none"}), &claims).unwrap(),
            ),
            (
                "alg: HS384",
                signer
                    .token_with(&json!({"alg": "HS384"}), &claims)
                    .unwrap(),
            ),
            ("no signature", format!("{signed}.")),
            ("half a token", signed.to_owned()),
            ("one more part", format!("{token}.e30")),
            ("padding", format!("{token}=")),
        ] {
            let answer = caller
                .get("/orders/1")
                .header("authorization", format!("Bearer {wrong}"))
                .send()
                .unwrap();
            assert_eq!(outcome(&answer), "credential_invalid", "{name}, {what}");
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(challenge.contains("invalid_token"), "{challenge}");
        }
    }
}

#[test]
fn what_a_token_says_has_to_hold() {
    let play = Play::begin(1).unwrap();
    let signer = Signer::hs256(SECRET);
    let strict = json!({
        "issuers": ["https://id.test"], "audiences": ["orders", "billing"],
        "required_claims": {"scope": "orders:read", "email": null}, "max_lifetime_s": 3_600,
    });
    let mut jwt = signer.jwt();
    portcullis_tests::merge(&mut jwt, &strict);
    let member = play
        .stranger("Acme", &json!({"access_method": "jwt", "jwt": jwt}))
        .unwrap();
    let good = json!({
        "sub": member.profile.id, "iss": "https://id.test", "aud": ["else", "billing"],
        "scope": "other orders:read", "email": "a@b.test",
        "iat": seconds_from_now(-5), "exp": seconds_from_now(600),
    });
    let mut caller = play.caller().unwrap();
    until_bearer(&mut caller, &signer.token(&good).unwrap(), "permitted").unwrap();

    for (claim, value, expected) in [
        ("exp", json!(seconds_from_now(-30)), "permitted"),
        ("exp", json!(seconds_from_now(-90)), "credential_expired"),
        ("exp", json!(null), "credential_invalid"),
        ("exp", json!("tomorrow"), "credential_invalid"),
        ("exp", json!(-1), "credential_expired"),
        ("exp", json!(seconds_from_now(5_000)), "credential_invalid"),
        ("exp", json!(1e300), "credential_invalid"),
        ("iat", json!(null), "credential_invalid"),
        ("nbf", json!(seconds_from_now(30)), "permitted"),
        ("nbf", json!(seconds_from_now(90)), "credential_invalid"),
        ("iss", json!("https://id.test/"), "credential_invalid"),
        ("iss", json!(null), "credential_invalid"),
        ("aud", json!("orders"), "permitted"),
        ("aud", json!("else"), "credential_invalid"),
        ("aud", json!([]), "credential_invalid"),
        ("scope", json!("orders:read2"), "credential_invalid"),
        ("scope", json!(["orders:read"]), "permitted"),
        ("email", json!(null), "credential_invalid"),
        (
            "sub",
            json!("ap_00000000000000000000000000"),
            "credential_invalid",
        ),
        ("sub", json!(""), "credential_invalid"),
    ] {
        let mut claims = good.clone();
        claims[claim] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(claim);
        }
        let token = signer.token(&claims).unwrap();
        let outcome = bearer(&mut caller, &token).unwrap();
        assert_eq!(outcome, expected, "{claim}: {value}");
    }
}

#[test]
fn a_token_is_refused_on_every_worker_at_once_however_often_it_was_good() {
    let play = Play::begin(3).unwrap();
    let signer = Signer::es256().unwrap();
    let member = play.token_member("Acme", &signer, &json!({})).unwrap();
    let token = signer.token(&member.claims()).unwrap();
    let mut callers = play.envoy.callers_on_every_worker().unwrap();
    let operator = play.operator();
    let profile = member.profile.id.as_str();
    let new = Signer::es256().unwrap();
    let newer = new.token(&member.claims()).unwrap();
    let all = |callers: &mut [Caller], token: &str, expected: &str| {
        for caller in callers {
            until_bearer(caller, token, expected).unwrap();
            // It stays so: nothing remembers the other outcome.
            assert_eq!(bearer(caller, token).unwrap(), expected);
        }
    };

    all(&mut callers, &token, "permitted");
    operator
        .change_profile(profile, &json!({"enabled": false}))
        .unwrap();
    all(&mut callers, &token, "profile_disabled");
    operator
        .change_profile(profile, &json!({"enabled": true}))
        .unwrap();
    all(&mut callers, &token, "permitted");
    operator.enable_client(&member.client, false).unwrap();
    all(&mut callers, &token, "client_disabled");
    operator.enable_client(&member.client, true).unwrap();
    all(&mut callers, &token, "permitted");

    operator
        .change_profile(profile, &json!({"jwt": {"key": new.jwk()}}))
        .unwrap();
    all(&mut callers, &token, "credential_invalid");
    all(&mut callers, &newer, "permitted");
    operator
        .change_profile(profile, &json!({"jwt": {"audiences": ["orders"]}}))
        .unwrap();
    all(&mut callers, &newer, "credential_invalid");
    operator
        .call(
            "DELETE",
            &format!("/access-profiles/{profile}"),
            &json!(null),
        )
        .unwrap();
    all(&mut callers, &token, "credential_invalid");
}

#[test]
fn a_token_that_was_good_is_refused_once_it_has_expired() {
    let play = Play::begin(1).unwrap();
    let signer = Signer::hs256(SECRET);
    let member = play.token_member("Acme", &signer, &json!({})).unwrap();
    let mut caller = play.caller().unwrap();
    // Five seconds before the end of the leeway of 60 s.
    let claims = json!({"sub": member.profile.id, "exp": seconds_from_now(-54)});
    let token = signer.token(&claims).unwrap();
    assert_eq!(bearer(&mut caller, &token).unwrap(), "permitted");
    until_bearer(&mut caller, &token, "credential_expired").unwrap();
}

#[test]
fn a_profile_is_named_by_its_id_by_its_api_key_or_by_whom_the_issuer_means() {
    let play = Play::begin(1).unwrap();
    let signer = Signer::hs256(SECRET);
    let member = play.token_member("Acme", &signer, &json!({})).unwrap();
    let id = member.profile.id.as_str();
    let legacy = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let keys = format!("/access-profiles/{id}/keys");
    let imported = play.operator().call("POST", &keys, &json!({"key": legacy}));
    assert_eq!(imported.unwrap().status, 201);
    let mut caller = play.caller().unwrap();
    let exp = seconds_from_now(600);
    let by_key = signer.token(&json!({"sub": legacy, "exp": exp})).unwrap();
    until_bearer(&mut caller, &by_key, "permitted").unwrap();
    let check = |caller: &mut Caller, claims: &Value, expected| {
        let mut said = claims.clone();
        said["exp"] = json!(exp);
        let token = signer.token(&said).unwrap();
        assert_eq!(bearer(caller, &token).unwrap(), expected, "{claims}");
    };

    for (claims, expected) in [
        (
            json!({"urn:portcullis:profile": id, "sub": "somebody"}),
            "permitted",
        ),
        (json!({"client_id": id}), "permitted"),
        (json!({"azp": id}), "permitted"),
        (json!({"sub": "", "client_id": id}), "permitted"),
        (
            json!({"sub": "somebody", "client_id": id}),
            "credential_invalid",
        ),
        (
            json!({"iss": "https://id.test", "client_id": "acme"}),
            "credential_invalid",
        ),
        (json!({}), "credential_invalid"),
    ] {
        check(&mut caller, &claims, expected);
    }
    let header = json!({"alg": "HS256", "kid": id});
    let by_kid = signer.token_with(&header, &json!({"exp": exp})).unwrap();
    assert_eq!(bearer(&mut caller, &by_kid).unwrap(), "permitted");
    // The key names the profile, and proves nothing.
    let answer = caller.get("/orders/1").key(legacy).send().unwrap();
    assert_eq!(outcome(&answer), "credential_invalid");

    let identity = json!({"issuer": "https://id.test", "client": "acme"});
    let change = json!({"jwt": {"identity": identity}});
    play.operator().change_profile(id, &change).unwrap();
    let claims = json!({"iss": "https://id.test", "client_id": "acme", "exp": exp});
    until_bearer(&mut caller, &signer.token(&claims).unwrap(), "permitted").unwrap();
    // The new name may be found before the worker has forgotten what the old one led to.
    let by_id = signer.token(&json!({"sub": id, "exp": exp})).unwrap();
    until_bearer(&mut caller, &by_id, "credential_invalid").unwrap();
    for (claims, expected) in [
        // The provider signs for others too: whom it means it says by its own name for them.
        (
            json!({"iss": "https://id.test", "sub": id}),
            "credential_invalid",
        ),
        (
            json!({"iss": "https://other.test", "client_id": "acme"}),
            "credential_invalid",
        ),
        (json!({"client_id": "acme"}), "credential_invalid"),
        (json!({"sub": id}), "credential_invalid"),
    ] {
        check(&mut caller, &claims, expected);
    }
}

#[test]
fn the_service_is_told_chosen_claims_and_never_those_that_a_caller_made_up() {
    let play = Play::begin(1).unwrap();
    let signer = Signer::hs256(SECRET);
    let member = play.token_member("Acme", &signer, &json!({})).unwrap();
    let claims =
        json!({"claim_headers": {"x-mail": "email", "x-roles": "roles", "x-none": "none"}});
    let envoy = play
        .another_envoy(|bootstrap| set(bootstrap, &claims))
        .unwrap();
    let mut caller = Caller::connect(envoy.gateway().unwrap()).unwrap();
    let mut said = member.claims();
    portcullis_tests::merge(
        &mut said,
        &json!({"email": "jürgen@b.test", "roles": ["a", "b"]}),
    );
    let token = signer.token(&said).unwrap();
    until_bearer(&mut caller, &token, "permitted").unwrap();

    for _ in 0..2 {
        play.service.forget();
        let answer = caller
            .get("/orders/1")
            .header("authorization", format!("Bearer {token}"))
            .header("x-mail", "forged@b.test")
            .header("X-None", "forged")
            .send()
            .unwrap();
        assert_eq!(answer.status, 200);
        let seen = &play.service.seen()[0];
        assert_eq!(seen.values("x-mail"), ["j%C3%BCrgen@b.test"]);
        assert_eq!(seen.values("x-roles"), [r#"["a","b"]"#]);
        assert!(seen.values("x-none").is_empty(), "{seen:?}");
    }
}
