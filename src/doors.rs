//! Doors for the end-to-end tests, in a module that never ships: a request may bring its VM down, or have a signature
//! verified where the filter verifies them; and the VM that applies changes may fall in the middle of it.

use portcullis_engine::jwt::signature::host_question;
use portcullis_engine::jwt::{PureRust, Signatures, VerificationKey};
use portcullis_feed::{Algorithm, Jwk, Octets};
use proxy_wasm::types::Action;
use serde::Deserialize;

use std::cell::Cell;

use portcullis_registry::{Expect, SharedMemory as _};

use crate::host::{self, Shared};
use crate::signatures;

/// After how many writes of records the VM that leads falls, once in the life of an Envoy.
const TRAP_VARIABLE: &str = "PORTCULLIS_TRAP_AFTER_WRITES";
const TRAPPED: &str = "test-doors/trapped";

thread_local! {
    static WRITES: Cell<u64> = const { Cell::new(0) };
}

/// A signature to be verified.
#[derive(Deserialize)]
struct Question {
    algorithm: Algorithm,
    key: Jwk,
    message: Octets,
    signature: Octets,
    /// Whether the host is asked, else pure Rust.
    host: bool,
}

/// Acts on a request for a door. The header `x-portcullis-verify` holds a question as JSON: the answer is 200 when the
/// signature is good, 400 when it is not, 422 when the key cannot be used, 501 when the host cannot tell.
#[expect(clippy::panic, reason = "this is what the door is for")]
pub(crate) fn enter(headers: &[(&[u8], &[u8])]) -> Option<Action> {
    let value = |wanted: &[u8]| {
        let found = headers.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| *value)
    };
    if value(b"x-portcullis-trap").is_some() {
        panic!("a test asked for this");
    }
    let status = match serde_json::from_slice::<Question>(value(b"x-portcullis-verify")?) {
        Ok(question) => verify(&question),
        Err(_) => 500,
    };
    host::answer(status, "door", &[], "");
    Some(Action::Pause)
}

/// Takes note of a write to shared memory, and lets the VM fall when a test wants that.
#[expect(clippy::panic, reason = "this is what the door is for")]
pub(crate) fn note_write(key: &str) {
    let is_record = key.contains("/ra/") || key.contains("/rb/");
    let Some(most) = std::env::var(TRAP_VARIABLE).ok().filter(|_| is_record) else {
        return;
    };
    WRITES.set(WRITES.get().saturating_add(1));
    let is_due = most.parse().is_ok_and(|most: u64| WRITES.get() > most);
    if is_due && Shared.write(TRAPPED, b"1", Expect::Absent).is_ok() {
        panic!("a test asked for this after {most} writes");
    }
}

fn verify(question: &Question) -> u32 {
    let (algorithm, message) = (question.algorithm, &question.message.0);
    let Ok(key) = VerificationKey::new(&question.key, algorithm) else {
        return 422;
    };
    let is_good = if question.host {
        match host_question(algorithm, &key, &question.signature.0) {
            Ok(Some(question)) => signatures::ask(&question, message),
            Ok(None) => Some(false),
            Err(_) => None,
        }
    } else {
        Some(PureRust.is_good(algorithm, &key, message, &question.signature.0))
    };
    match is_good {
        Some(true) => 200,
        Some(false) => 400,
        None => 501,
    }
}
