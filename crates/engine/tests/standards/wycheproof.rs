//! The vectors of Project Wycheproof, verified natively in pure Rust.

use std::collections::BTreeMap;
use std::thread;

use portcullis_engine::jwt::{PureRust, Signatures, VerificationKey};

use crate::vectors::{self, Known, Vector};

/// What became of the vectors of an algorithm: how many were good, were bad, had a key that is refused.
type Tally = (usize, usize, usize);

/// All that there are, so that none is lost unnoticed. The keys that are refused are secrets of less than 256 bits.
const EXPECTED: [(&str, Tally); 13] = [
    ("ES256", (173, 89, 0)),
    ("ES384", (193, 87, 0)),
    ("ES512", (231, 87, 0)),
    ("EdDSA", (88, 63, 0)),
    ("HS256", (30, 54, 3)),
    ("HS384", (30, 54, 3)),
    ("HS512", (33, 54, 0)),
    ("PS256", (317, 468, 0)),
    ("PS384", (192, 150, 0)),
    ("PS512", (266, 548, 0)),
    ("RS256", (31, 1_003, 0)),
    ("RS384", (28, 1_007, 0)),
    ("RS512", (30, 1_007, 0)),
];

/// Whether a signature is good, or nothing where its key is refused.
fn verdict(vector: &Vector) -> Option<bool> {
    let key = VerificationKey::new(&vector.key, vector.algorithm).ok()?;
    Some(PureRust.is_good(vector.algorithm, &key, &vector.message, &vector.signature))
}

#[test]
fn what_others_were_found_to_get_wrong_is_judged_rightly() {
    let vectors = vectors::all();
    let half = vectors.len().div_ceil(2);
    let verdicts: Vec<_> = thread::scope(|scope| {
        let judge =
            |part| scope.spawn(move || <[Vector]>::iter(part).map(verdict).collect::<Vec<_>>());
        let judges: Vec<_> = vectors.chunks(half).map(judge).collect();
        judges
            .into_iter()
            .flat_map(|judge| judge.join().unwrap())
            .collect()
    });
    let mut tally: BTreeMap<&str, Tally> = BTreeMap::new();
    for (vector, verdict) in vectors.iter().zip(verdicts) {
        let counts = tally.entry(vector.algorithm.name()).or_default();
        match verdict {
            Some(true) => counts.0 += 1,
            Some(false) => counts.1 += 1,
            None => counts.2 += 1,
        }
        let expected = vector.known == Known::Good;
        assert!(
            verdict.is_none_or(|is_good| is_good == expected),
            "{}: {verdict:?}",
            vector.name
        );
    }
    assert_eq!(tally, BTreeMap::from(EXPECTED));
}
