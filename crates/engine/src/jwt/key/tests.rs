//! Sentences about keys.

use portcullis_feed::{Octets, SecretOctets};

use super::*;

fn check(material: KeyMaterial, algorithm: Algorithm, expected: Result<(), &str>) {
    let key = Jwk {
        kid: None,
        material,
    };
    let outcome = VerificationKey::new(&key, algorithm);
    let outcome = outcome.map(drop).map_err(|invalid| invalid.to_string());
    assert_eq!(outcome, expected.map_err(str::to_owned));
}

fn oct(bytes: usize) -> KeyMaterial {
    KeyMaterial::Oct {
        k: SecretOctets(vec![7; bytes]),
    }
}

fn rsa(bytes: usize, first: u8, last: u8) -> KeyMaterial {
    let mut n = vec![0xa5; bytes];
    (n[0], n[bytes - 1]) = (first, last);
    KeyMaterial::Rsa {
        n: Octets(n),
        e: Octets(vec![1, 0, 1]),
    }
}

#[test]
fn weak_keys_are_refused_with_their_size() {
    check(oct(32), Algorithm::HS256, Ok(()));
    check(
        oct(31),
        Algorithm::HS256,
        Err("a secret has 256 to 8192 bits, and this one has 248"),
    );
    check(rsa(256, 0x80, 1), Algorithm::RS256, Ok(()));
    check(
        rsa(256, 0x7f, 1),
        Algorithm::PS512,
        Err("an RSA key has 2048 to 8192 bits, and this one has 2047"),
    );
    check(
        rsa(1025, 0x01, 1),
        Algorithm::RS256,
        Err("an RSA key has 2048 to 8192 bits, and this one has 8193"),
    );
}

#[test]
fn an_even_modulus_or_exponent_is_refused() {
    let refusal = Err("the exponent of an RSA key is odd, at least 3 and at most 33 bits long");
    check(rsa(256, 0x80, 2), Algorithm::RS256, refusal);
    for e in [vec![1], vec![4], vec![], vec![1, 0, 0, 0, 0, 1, 1]] {
        let KeyMaterial::Rsa { n, .. } = rsa(256, 0x80, 1) else {
            unreachable!("it is one");
        };
        let key = KeyMaterial::Rsa { n, e: Octets(e) };
        check(key, Algorithm::RS256, refusal);
    }
}

#[test]
fn leading_zeros_do_not_lengthen_a_key() {
    let KeyMaterial::Rsa { n, e } = rsa(255, 0x80, 1) else {
        unreachable!("it is one");
    };
    let padded = KeyMaterial::Rsa {
        n: Octets([&[0, 0], n.0.as_slice()].concat()),
        e,
    };
    check(
        padded,
        Algorithm::RS256,
        Err("an RSA key has 2048 to 8192 bits, and this one has 2040"),
    );
}

#[test]
fn a_key_of_another_kind_is_refused_with_both_names() {
    check(
        rsa(256, 0x80, 1),
        Algorithm::HS256,
        Err("HS256 needs a secret, and this is an RSA key"),
    );
    check(
        oct(32),
        Algorithm::ES384,
        Err("ES384 needs a public key on P-384, and this is a secret"),
    );
    let ec = |crv: &str, bytes| KeyMaterial::Ec {
        crv: crv.into(),
        x: Octets(vec![1; bytes]),
        y: Octets(vec![1; bytes]),
    };
    check(
        ec("P-384", 48),
        Algorithm::ES256,
        Err("ES256 needs a public key on P-256, and this is a key on P-384"),
    );
    check(
        ec("P-256", 31),
        Algorithm::ES256,
        Err("the coordinates of a key on P-256 have 32 bytes each"),
    );
    for (crv, algorithm, bytes) in [
        ("P-256", Algorithm::ES256, 32),
        ("P-384", Algorithm::ES384, 48),
        ("P-521", Algorithm::ES512, 66),
    ] {
        let refusal = format!("this is not a point on {crv}");
        check(ec(crv, bytes), algorithm, Err(&refusal));
    }
}

#[test]
fn a_key_does_not_show_itself_in_debug_output() {
    let key = Jwk {
        kid: Some("k".into()),
        material: oct(32),
    };
    let key = VerificationKey::new(&key, Algorithm::HS512).unwrap();
    assert_eq!(
        format!("{key:?}"),
        r#"VerificationKey { kid: Some("k"), material: Secret }"#
    );
}
