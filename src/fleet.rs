//! Rate limits over the whole fleet, which a service counts that Envoy's own `ratelimit` filter asks: what that filter is
//! told of a request, and what becomes of its answer.
//!
//! It is told in a header, since a Wasm filter can write no dynamic metadata. Envoy's `header_to_metadata` filter takes the
//! header away and keeps what it says: see `envoy/fleet-limits.yaml`.

use std::time::Duration;

use portcullis_engine::{Denial, DenialReason, Holder, Permit, Subject};
use portcullis_feed::{RateScope, RateWindow};

use crate::host::{self, HeaderPairs};
use crate::protobuf::{put_bytes, put_double};
use crate::usage::number;
use crate::vm::Vm;

/// What Envoy gives as the reason of its answer when the service has refused a request.
const REFUSED: &[u8] = b"request_rate_limited";

/// A request of which Envoy's filter is told, until its answer.
pub(crate) struct ToldRequest {
    subject: Subject,
    method: Box<[u8]>,
    path: Box<[u8]>,
}

/// How the service says that things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether it has refused the request.
    pub(crate) is_refused: bool,
    /// How many requests could follow. None when it does not say.
    pub(crate) remaining: Option<u32>,
    /// When its window ends. None when it does not say.
    pub(crate) ends_in: Option<Duration>,
}

/// What is told of a request that counts against this limit: whose count, under which policy, and what the policy allows.
///
/// Form: a `google.protobuf.Value` that is a struct with `caller`, `policy`, `requests_per_unit` and `unit`, in base64. The
/// last two have the names that Envoy looks for when a limit is to travel with the question (`RateLimit.Override`).
#[inline(never)]
pub(crate) fn told(holder: &Holder) -> Option<String> {
    // Of google/protobuf/struct.proto.
    const NUMBER_VALUE: u8 = 2;
    const STRING_VALUE: u8 = 3;
    const STRUCT_VALUE: u8 = 5;
    const FIELDS: u8 = 1;
    const KEY: u8 = 1;
    const VALUE: u8 = 2;
    let terms = holder.terms()?;
    let limit = &terms.rate.as_ref()?.record;
    let caller = match limit.scope {
        RateScope::AccessProfile => holder.profile_id(),
        RateScope::Client => holder.client_id(),
    };
    let unit = match limit.per {
        RateWindow::Second => "SECOND",
        RateWindow::Minute => "MINUTE",
        RateWindow::Hour => "HOUR",
        RateWindow::Day => "DAY",
    };
    let policy = terms.policy.to_string();
    let texts = [
        ("caller", Some(caller)),
        ("policy", Some(&policy)),
        ("unit", Some(unit)),
        ("requests_per_unit", None),
    ];
    let (mut fields, mut field, mut value) = (vec![], vec![], vec![]);
    for (name, text) in texts {
        value.clear();
        match text {
            Some(text) => put_bytes(&mut value, STRING_VALUE, text.as_bytes()),
            None => put_double(&mut value, NUMBER_VALUE, limit.requests.into()),
        }
        field.clear();
        put_bytes(&mut field, KEY, name.as_bytes());
        put_bytes(&mut field, VALUE, &value);
        put_bytes(&mut fields, FIELDS, &field);
    }
    value.clear();
    put_bytes(&mut value, STRUCT_VALUE, &fields);
    Some(base64(&value))
}

/// RFC 4648 section 4, without padding. Written out, since an encoder that is made for speed takes two kilobytes of a module
/// that every worker compiles.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for group in bytes.chunks(3) {
        let byte = |place: usize| group.get(place).copied().unwrap_or(0);
        let bits = u32::from_be_bytes([0, byte(0), byte(1), byte(2)]);
        let sixths = [bits >> 18, bits >> 12, bits >> 6, bits];
        let used = group.len().saturating_add(1);
        text.extend(sixths.iter().take(used).map(|sixth| {
            let place = usize::try_from(sixth & 63).unwrap_or(0);
            char::from(ALPHABET.get(place).copied().unwrap_or(b'A'))
        }));
    }
    text
}

impl ToldRequest {
    /// Of a request that goes on. Its headers are gone when the answer comes.
    pub(crate) fn of(permit: &Permit<'_>, headers: &[(&[u8], &[u8])]) -> Self {
        let header = |wanted: &[u8]| {
            let found = headers.iter().find(|(name, _)| *name == wanted);
            found.map_or(&[][..], |(_, value)| *value)
        };
        // What stands in the query may be a credential, and nobody is told it.
        let path = header(b":path").split(|byte| *byte == b'?').next();
        Self {
            subject: permit.subject(),
            method: header(b":method").into(),
            path: path.unwrap_or_default().into(),
        }
    }

    /// Notes that the service has refused it, as if this filter had.
    #[cold]
    pub(crate) fn note_refusal(&self, vm: &Vm, counts_usage: bool) {
        let denial = Denial::behind(DenialReason::RateLimitExceeded, &self.subject);
        let headers = [(&b":method"[..], &*self.method), (b":path", &*self.path)];
        let (_, sampled) = vm.refusals.note(&denial, false, &headers);
        if let Some(refused) = sampled.filter(|_| counts_usage) {
            vm.usage.keep(refused);
        }
    }
}

impl Standing {
    /// What the answer of the current callback says.
    #[inline(never)]
    pub(crate) fn of(answer: &HeaderPairs) -> Self {
        Self::told_by(answer, || {
            host::property(b"response\0code_details").is_some_and(|details| details == REFUSED)
        })
    }

    /// A service may answer with 429 as well: only Envoy knows who it was. What is said twice is the lesser of both.
    fn told_by(answer: &HeaderPairs, is_refused: impl FnOnce() -> bool) -> Self {
        let mut is_429 = false;
        let (mut remaining, mut ends_in_s) = (u64::MAX, u64::MAX);
        for (name, value) in answer.iter() {
            let least = match name {
                b":status" => {
                    is_429 = value == b"429";
                    continue;
                }
                b"x-ratelimit-remaining" => &mut remaining,
                b"x-ratelimit-reset" => &mut ends_in_s,
                _ => continue,
            };
            *least = number(value).unwrap_or(u64::MAX).min(*least);
        }
        let is_refused = is_429 && is_refused();
        if is_refused {
            remaining = 0;
        }
        let said = |least: u64| (least < u64::MAX).then_some(least);
        Self {
            is_refused,
            remaining: said(remaining).map(|it| u32::try_from(it).unwrap_or(u32::MAX)),
            ends_in: said(ends_in_s).map(Duration::from_secs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard_without_padding() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foobar", "Zm9vYmFy"),
            (&[0xfb, 0xff, 0xbf], "+/+/"),
        ] {
            assert_eq!(base64(bytes), text);
        }
    }

    #[test]
    fn a_standing_is_read_from_the_fields_of_the_answer() {
        const OK: (&str, &str) = (":status", "200");
        const TOO_MANY: (&str, &str) = (":status", "429");
        const FIVE: (&str, &str) = ("x-ratelimit-remaining", "5");
        const HUGE: (&str, &str) = ("x-ratelimit-remaining", "99999999999");
        const LIST: (&str, &str) = ("x-ratelimit-remaining", "5, 7");
        const RESET: (&str, &str) = ("x-ratelimit-reset", "42");
        for (fields, is_ours, remaining, ends_in_s, is_refused) in [
            (&[OK][..], true, None, None, false),
            (&[OK, FIVE, RESET], true, Some(5), Some(42), false),
            (&[OK, HUGE, FIVE], true, Some(5), None, false),
            (&[OK, HUGE], true, Some(u32::MAX), None, false),
            (&[OK, LIST], true, None, None, false),
            (&[TOO_MANY, FIVE, RESET], true, Some(0), Some(42), true),
            (&[TOO_MANY], true, Some(0), None, true),
            (&[TOO_MANY, FIVE], false, Some(5), None, false),
        ] {
            let standing = Standing::told_by(&HeaderPairs::written(fields), || is_ours);
            let expected = Standing {
                is_refused,
                remaining,
                ends_in: ends_in_s.map(Duration::from_secs),
            };
            assert_eq!(standing, expected, "{fields:?}");
        }
    }
}
