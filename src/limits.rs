//! What callers are told of their limit: the fields `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers), and `Retry-After` (RFC 9110 section 10.2.3) with a refusal.

use std::sync::Arc;
use std::time::Duration;

use portcullis_engine::limit::Allowance;
use portcullis_engine::{Denial, DenialReason, Holder, Permit};

use crate::fleet::Standing;
use crate::host;

/// Which limit there is.
const POLICY: &str = "ratelimit-policy";
/// How things stand with it.
const STANDING: &str = "ratelimit";
/// When it is worth to try again.
const RETRY: &str = "retry-after";
/// What the items of both are called.
const RATE: &str = "\"rate\"";
const QUOTA: &str = "\"quota\"";

/// How things stand with the limit of a caller who is let through.
pub(crate) struct ToldLimit {
    holder: Arc<Holder>,
    allowance: Allowance,
    /// Otherwise only where the request is refused behind this filter.
    is_told_anyway: bool,
}

impl ToldLimit {
    /// None where nothing is limited, and where it can be nobody's concern: callers who are let through are not told, and
    /// no service refuses the request behind this filter.
    pub(crate) fn of(
        permit: &Permit<'_>,
        is_told_anyway: bool,
        may_be_refused: bool,
    ) -> Option<Self> {
        if !is_told_anyway && !may_be_refused {
            return None;
        }
        let (holder, allowance) = permit.allowance()?;
        Some(Self {
            holder: Arc::clone(holder),
            allowance,
            is_told_anyway,
        })
    }

    /// Adds the fields to the answer of the current callback. Where a service counts over the whole fleet, whichever leaves
    /// less is told: it, or this Envoy.
    pub(crate) fn announce(&self, fleet: Option<Standing>) {
        let refused = fleet.filter(|standing| standing.is_refused);
        let terms = self.holder.terms();
        let Some(limit) = terms.and_then(|terms| terms.rate.as_ref()) else {
            return;
        };
        if !self.is_told_anyway && refused.is_none() {
            return;
        }
        host::add_response_header(POLICY, limit.text().as_bytes());
        let (remaining, full_in) = self.allowed(fleet);
        let standing = standing(RATE, remaining, full_in);
        host::add_response_header(STANDING, standing.as_bytes());
        if let Some(refused) = refused {
            let retry_s = refused.ends_in.map_or(1, |it| seconds(it).max(1));
            let mut retry = String::new();
            push_number(&mut retry, retry_s);
            host::add_response_header(RETRY, retry.as_bytes());
        }
    }

    fn allowed(&self, fleet: Option<Standing>) -> (u32, Option<Duration>) {
        let Allowance { remaining, full_in } = self.allowance;
        match fleet {
            Some(Standing {
                remaining: Some(left),
                ends_in,
                is_refused,
            }) if is_refused || left <= remaining => (left, ends_in),
            _ => (remaining, Some(full_in)),
        }
    }
}

/// The fields of an answer to a caller who calls too often, or has called too much.
pub(crate) fn of_denial(denial: &Denial<'_>) -> Option<[(&'static str, String); 3]> {
    let exhausted = denial.exhausted.as_deref()?;
    let terms = denial.holder.as_ref()?.terms()?;
    let (item, policy) = if denial.reason == DenialReason::QuotaExceeded {
        (QUOTA, terms.quota.as_ref()?.text())
    } else {
        (RATE, terms.rate.as_ref()?.text())
    };
    // Never 0, which would be an invitation.
    let retry_s = seconds(exhausted.retry_in).max(1);
    Some([
        (RETRY, retry_s.to_string()),
        (POLICY, policy.to_owned()),
        (STANDING, standing(item, 0, Some(exhausted.full_in))),
    ])
}

/// How many requests remain, and in how many seconds there are as many as there can be, where that is known.
fn standing(item: &str, remaining: u32, full_in: Option<Duration>) -> String {
    let mut standing = String::with_capacity(32);
    standing.push_str(item);
    standing.push_str(";r=");
    push_number(&mut standing, u64::from(remaining));
    if let Some(full_in) = full_in {
        standing.push_str(";t=");
        push_number(&mut standing, seconds(full_in));
    }
    standing
}

/// Begun seconds count.
fn seconds(time: Duration) -> u64 {
    time.as_secs()
        .saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// On the way of every limited request: the formatting of the standard library takes several times as long.
fn push_number(text: &mut String, mut number: u64) {
    let mut digits = [0; 20];
    let mut unused = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' | u8::try_from(number % 10).unwrap_or(0);
        unused = place;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    let digits = digits.get(unused..).unwrap_or_default();
    text.extend(digits.iter().map(|&digit| char::from(digit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_in_whole_seconds() {
        for (remaining, full_in, field) in [
            (0, Duration::ZERO, "\"rate\";r=0;t=0"),
            (7, Duration::from_millis(1), "\"rate\";r=7;t=1"),
            (
                1_234_567_890,
                Duration::from_secs(60),
                "\"rate\";r=1234567890;t=60",
            ),
            (
                u32::MAX,
                Duration::MAX,
                "\"rate\";r=4294967295;t=18446744073709551615",
            ),
        ] {
            assert_eq!(standing(RATE, remaining, Some(full_in)), field);
        }
        assert_eq!(standing(RATE, 0, None), "\"rate\";r=0");
    }
}
