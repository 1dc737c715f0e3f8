//! Public keys for which anybody can sign.

use portcullis_engine::jwt::{InvalidKey, VerificationKey};
use portcullis_feed::{Algorithm, Jwk, KeyMaterial, Octets};

/// The points of Ed25519 whose order divides 8, in every encoding that is read as one of them. With such a key, a
/// signature that says nothing is good for one message in eight at least.
const OF_SMALL_ORDER: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

#[test]
fn a_point_of_small_order_is_no_key() {
    for text in OF_SMALL_ORDER {
        let point: portcullis_feed::Digest = text.parse().unwrap();
        let key = Jwk {
            kid: None,
            material: KeyMaterial::Okp {
                crv: "Ed25519".into(),
                x: Octets(point.0.to_vec()),
            },
        };
        let outcome = VerificationKey::new(&key, Algorithm::EdDSA);
        assert_eq!(outcome, Err(InvalidKey::SmallOrder), "{text}");
    }
}
