//! The vectors that the engine's tests judge natively, judged inside Envoy: in pure Rust by the VM, and by the host that
//! the filter asks first.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails may fall over, in its vocabulary too"
)]

#[path = "../crates/engine/tests/standards/vectors.rs"]
mod vectors;

use std::collections::BTreeMap;
use std::thread;

use portcullis_feed::{Algorithm, KeyMaterial, Octets};
use portcullis_tests::Play;
use serde_json::json;
use vectors::{Known, Vector};
use xtask::stage::Caller;

/// As many as Envoy has workers.
const CALLERS: usize = 2;

/// Who judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Judge {
    PureRust,
    Host,
}

/// Every judgement that is asked for, so that none is lost unnoticed: by whom, with which answer, how many.
const EXPECTED: [((Judge, u16), usize); 5] = [
    ((Judge::PureRust, 200), 1_642),
    ((Judge::PureRust, 400), 4_671),
    ((Judge::PureRust, 422), 6),
    ((Judge::Host, 200), 686),
    ((Judge::Host, 400), 3_280),
];

/// What Envoy's `verify_signature` knows.
fn is_for_hosts(algorithm: Algorithm) -> bool {
    ["RS", "ES"]
        .iter()
        .any(|family| algorithm.name().starts_with(family))
}

/// The answer that a vector deserves: see the doors of the filter.
fn expected(vector: &Vector) -> u16 {
    let is_short = matches!(&vector.key.material, KeyMaterial::Oct { k } if k.0.len() < 32);
    match vector.known {
        _ if is_short => 422,
        Known::Good => 200,
        Known::Bad | Known::OtherPss | Known::WithoutNull => 400,
    }
}

fn ask(caller: &mut Caller, judge: Judge, vector: &Vector) -> u16 {
    let question = json!({
        "algorithm": vector.algorithm,
        "key": vector.key,
        "message": Octets(vector.message.clone()),
        "signature": Octets(vector.signature.clone()),
        "host": judge == Judge::Host,
    });
    let request = caller
        .get("/")
        .header("x-portcullis-verify", question.to_string());
    request.send().unwrap().status
}

#[test]
fn the_filter_and_its_host_judge_every_signature_as_the_engine_does_natively() {
    let play = Play::begin_with_doors(CALLERS).unwrap();
    let all = vectors::all();
    let asked: Vec<(Judge, &Vector)> = all
        .iter()
        .flat_map(|vector| {
            let host = is_for_hosts(vector.algorithm).then_some((Judge::Host, vector));
            [(Judge::PureRust, vector)].into_iter().chain(host)
        })
        .collect();
    let answers: Vec<u16> = thread::scope(|scope| {
        // Every so many, so that those that take long are shared out.
        let callers: Vec<_> = (0..CALLERS)
            .map(|first| {
                let asked = asked.iter().skip(first).step_by(CALLERS);
                let mut caller = play.caller().unwrap();
                scope.spawn(move || {
                    asked
                        .map(|(judge, vector)| ask(&mut caller, *judge, vector))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let answers: Vec<Vec<u16>> = callers.into_iter().map(|it| it.join().unwrap()).collect();
        (0..asked.len())
            .map(|at| answers[at % CALLERS][at / CALLERS])
            .collect()
    });

    let mut tally = BTreeMap::new();
    let mut wrong = vec![];
    for ((judge, vector), status) in asked.iter().zip(answers) {
        *tally.entry((*judge, status)).or_insert(0) += 1;
        if status != expected(vector) {
            wrong.push(format!("{judge:?} answers {status} to {}", vector.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{tally:?}");
    assert_eq!(tally, BTreeMap::from(EXPECTED));
}
