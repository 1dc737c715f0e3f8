//! The vectors of Project Wycheproof for every signature that tokens can have, in the words of the engine. The
//! end-to-end tests read this file too: what is verified natively is verified inside Envoy.

use std::fmt::Debug;

use portcullis_feed::{Algorithm, Jwk, KeyMaterial, Octets, SecretOctets};
use wycheproof::{
    HashFunction, Mgf, TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify, rsa_pss_verify,
};

/// One signature and what is known of it.
#[derive(Debug, Clone)]
pub struct Vector {
    /// Where it stands: its set and its number there.
    pub name: String,
    /// How it is signed.
    pub algorithm: Algorithm,
    /// By whom.
    pub key: Jwk,
    /// What is signed.
    pub message: Vec<u8>,
    /// As it would stand in a token.
    pub signature: Vec<u8>,
    /// What is known of it.
    pub known: Known,
}

/// What is known of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It is good.
    Good,
    /// It is bad.
    Bad,
    /// It is good as a signature, and not in a token: RFC 7518 section 3.5 asks for MGF1 with the same hash, and for a
    /// salt that is as long as the hash.
    OtherPss,
    /// It is PKCS#1 v1.5 whose hash is named without a NULL. RFC 8017 section 9.2 (note 1) lets verifiers take that
    /// form as well as the other. Nobody who makes tokens writes it, and one form fewer is one fewer to get wrong.
    WithoutNull,
}

/// Every vector of every algorithm.
pub fn all() -> Vec<Vector> {
    [hmac(), rsa_pkcs1(), rsa_pss(), ecdsa(), ed25519()].concat()
}

/// A vector as its set writes it. The sets have types of their own, which are alike.
macro_rules! vector {
    ($set:expr, $algorithm:expr, $material:expr, $test:expr, $signature:ident) => {
        Vector {
            name: name(&$set, $test.tc_id),
            algorithm: $algorithm,
            key: Jwk {
                kid: None,
                material: $material,
            },
            message: $test.msg.to_vec(),
            signature: $test.$signature.to_vec(),
            known: known($test.result),
        }
    };
}

fn name(set: &impl Debug, number: usize) -> String {
    format!("{set:?} {number}")
}

fn known(result: TestResult) -> Known {
    match result {
        TestResult::Valid => Known::Good,
        TestResult::Invalid => Known::Bad,
        // The one reason for which these sets call something acceptable, as the vectors are asked below.
        TestResult::Acceptable => Known::WithoutNull,
    }
}

/// Tags of full length only: JWS does not know shorter ones.
fn hmac() -> Vec<Vector> {
    use mac::TestName::{HmacSha256, HmacSha384, HmacSha512};
    let mut vectors = vec![];
    for (set, algorithm, bits) in [
        (HmacSha256, Algorithm::HS256, 256),
        (HmacSha384, Algorithm::HS384, 384),
        (HmacSha512, Algorithm::HS512, 512),
    ] {
        let groups = mac::TestSet::load(set).unwrap().test_groups;
        for group in groups.iter().filter(|group| group.tag_size == bits) {
            vectors.extend(group.tests.iter().map(|test| {
                let k = SecretOctets(test.key.to_vec());
                vector!(set, algorithm, KeyMaterial::Oct { k }, test, tag)
            }));
        }
    }
    vectors
}

fn rsa_pkcs1() -> Vec<Vector> {
    use rsa_pkcs1_verify::{TestFlag, TestName, TestSet};
    let mut vectors = vec![];
    for set in TestName::all() {
        for group in TestSet::load(set).unwrap().test_groups {
            let algorithm = match group.hash {
                HashFunction::Sha2_256 => Algorithm::RS256,
                HashFunction::Sha2_384 => Algorithm::RS384,
                HashFunction::Sha2_512 => Algorithm::RS512,
                _ => continue,
            };
            for test in &group.tests {
                let vector = vector!(set, algorithm, rsa(&group.key), test, sig);
                let is_without_null = test.flags.contains(&TestFlag::MissingNull);
                assert!(
                    vector.known != Known::WithoutNull || is_without_null,
                    "{}",
                    vector.name
                );
                vectors.push(vector);
            }
        }
    }
    vectors
}

fn rsa_pss() -> Vec<Vector> {
    let mut vectors = vec![];
    for set in rsa_pss_verify::TestName::all() {
        for group in rsa_pss_verify::TestSet::load(set).unwrap().test_groups {
            let (algorithm, salt) = match group.hash {
                HashFunction::Sha2_256 => (Algorithm::PS256, 32),
                HashFunction::Sha2_384 => (Algorithm::PS384, 48),
                HashFunction::Sha2_512 => (Algorithm::PS512, 64),
                _ => continue,
            };
            let jws = (Mgf::Mgf1, Some(group.hash), salt);
            let is_jws = (group.mgf, group.mgf_hash, group.salt_size) == jws;
            for test in &group.tests {
                let vector = vector!(set, algorithm, rsa(&group.key), test, sig);
                match vector.known {
                    _ if is_jws => vectors.push(vector),
                    Known::Good => vectors.push(Vector {
                        known: Known::OtherPss,
                        ..vector
                    }),
                    // What is wrong about these may be just what makes them right here.
                    _ => {}
                }
            }
        }
    }
    vectors
}

fn ecdsa() -> Vec<Vector> {
    use ecdsa::TestName::{
        EcdsaSecp256r1Sha256P1363 as P256, EcdsaSecp384r1Sha384P1363 as P384,
        EcdsaSecp521r1Sha512P1363 as P521,
    };
    let mut vectors = vec![];
    for (set, algorithm, crv) in [
        (P256, Algorithm::ES256, "P-256"),
        (P384, Algorithm::ES384, "P-384"),
        (P521, Algorithm::ES512, "P-521"),
    ] {
        for group in ecdsa::TestSet::load(set).unwrap().test_groups {
            let (x, y) = group.key.key[1..].split_at(group.key.key.len() / 2);
            let material = KeyMaterial::Ec {
                crv: crv.into(),
                x: Octets(x.to_vec()),
                y: Octets(y.to_vec()),
            };
            let tests = group.tests.iter();
            vectors.extend(tests.map(|test| vector!(set, algorithm, material.clone(), test, sig)));
        }
    }
    vectors
}

fn ed25519() -> Vec<Vector> {
    let set = eddsa::TestName::Ed25519;
    let mut vectors = vec![];
    for group in eddsa::TestSet::load(set).unwrap().test_groups {
        let material = KeyMaterial::Okp {
            crv: "Ed25519".into(),
            x: Octets(group.key.pk.to_vec()),
        };
        let tests = group.tests.iter();
        vectors
            .extend(tests.map(|test| vector!(set, Algorithm::EdDSA, material.clone(), test, sig)));
    }
    vectors
}

fn rsa(key: &wycheproof::RsaPublic) -> KeyMaterial {
    KeyMaterial::Rsa {
        n: Octets(key.n.to_vec()),
        e: Octets(key.e.to_vec()),
    }
}
