//! Signatures are verified by the host where it can: natively, that takes a small part of the time. Whatever it cannot do,
//! pure Rust does in the VM.
//!
//! Source: the foreign function `verify_signature` of Envoy's proxy-wasm host.

use portcullis_engine::jwt::signature::{HostQuestion, NotForHosts, host_question};
use portcullis_engine::jwt::{PureRust, Signatures, VerificationKey};
use portcullis_feed::Algorithm;

use crate::host;
use crate::protobuf::put_bytes;

/// What the host answers when a signature is good: a message whose first field is true.
const GOOD: [u8; 2] = [0x08, 0x01];

/// Verifies signatures by the host, or else in pure Rust.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostOrPureRust;

impl Signatures for HostOrPureRust {
    fn is_good(
        &self,
        algorithm: Algorithm,
        key: &VerificationKey,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let by_host = match host_question(algorithm, key, signature) {
            Ok(Some(question)) => ask(&question, message),
            Ok(None) => return false,
            Err(NotForHosts) => None,
        };
        by_host.unwrap_or_else(|| PureRust.is_good(algorithm, key, message, signature))
    }
}

/// None when the host has no such function.
pub(crate) fn ask(question: &HostQuestion<'_>, message: &[u8]) -> Option<bool> {
    let fields = [
        (1, question.hash.as_bytes()),
        (2, question.spki),
        (3, question.signature.as_ref()),
        (4, message),
    ];
    let mut argument = Vec::with_capacity(message.len().saturating_add(1_024));
    for (number, bytes) in fields {
        put_bytes(&mut argument, number, bytes);
    }
    let answer = host::call_foreign_function("verify_signature", &argument)?;
    Some(answer == GOOD)
}
