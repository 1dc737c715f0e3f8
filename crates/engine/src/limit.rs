//! Rate limits in time: the generic cell rate algorithm (GCRA, ITU-T I.371) over slots.
//!
//! A limit of so many requests in a window is a row of slots, one each [`interval`](Limit::interval_ns). Every request
//! takes the next slot that nobody has; it may run ahead of its slot by no more than the burst, and never comes after it.
//! Slots are therefore given out in advance, several at once, to whoever will use them: as a [`Lease`]. Slots that pass
//! unused are lost, and with them what would have become of them. So it holds for any span of time, however the slots
//! were given out and to whom:
//!
//! > requests ≤ burst + rate × time

use std::hash::Hasher as _;
use std::time::Duration;

use portcullis_feed::{ClientId, PolicyId, ProfileId, RateScope, RateWindow};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::holder::RateLimitRecord;
use crate::quota::{Quota, Window};

/// What tells one count from all others: whose it is, and what the limit is, so that a limit that is changed begins
/// anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LimitId([u8; 16]);

/// A rate limit as a policy says it, worked out: the same for all who have that policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateRule {
    /// As it was told.
    pub record: RateLimitRecord,
    interval_ns: u64,
    digest: [u8; 16],
    text: Box<str>,
}

/// A rate limit in force, with what it is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Which count.
    pub id: LimitId,
    /// The time between two slots, in nanoseconds; never 0.
    pub interval_ns: u64,
    /// How many requests may come at once; never 0.
    pub burst: u32,
}

/// Slots that were given to somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lease {
    /// The time of the first one, in nanoseconds.
    pub first_ns: u64,
    /// How many.
    pub left: u32,
}

/// How things stand with a count after a request was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How many requests could follow at once.
    pub remaining: u32,
    /// When all of the burst is there again, if nobody calls meanwhile.
    pub full_in: Duration,
}

/// The limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// When it is worth to try again.
    pub retry_in: Duration,
    /// When all of the burst is there again, if nobody calls meanwhile.
    pub full_in: Duration,
}

/// Keeps the counts.
pub trait Limits {
    /// Counts a request, or refuses it.
    ///
    /// # Errors
    /// When the limit is reached.
    fn admit(&self, limit: &Limit) -> Result<Allowance, Exhausted>;

    /// Counts a request in a window of a quota, unless this gateway alone has let as many pass as the quota has. Tells
    /// whether it was counted.
    fn spend(&self, quota: &Quota, window: Window) -> bool;
}

/// Counts nothing and refuses nobody: for those who tell limits instead of judging by them.
#[derive(Debug, Clone, Copy)]
pub struct Uncounted;

impl Limits for Uncounted {
    fn admit(&self, limit: &Limit) -> Result<Allowance, Exhausted> {
        Ok(Allowance {
            remaining: limit.burst,
            full_in: Duration::ZERO,
        })
    }

    fn spend(&self, _: &Quota, _: Window) -> bool {
        true
    }
}

impl RateRule {
    /// A rate limit of a policy.
    #[must_use]
    pub fn of(record: RateLimitRecord, policy: PolicyId) -> Self {
        let window = window(record.per);
        let window_ns = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        let mut digest = SipHasher13::new();
        if record.scope == RateScope::Client {
            digest.write(policy.as_bytes());
        }
        digest.write_u32(record.requests);
        digest.write_u32(record.burst);
        digest.write_u64(window_ns);
        Self {
            // Rounded up: never more often than said.
            interval_ns: window_ns.div_ceil(u64::from(record.requests).max(1)).max(1),
            digest: digest.finish128().as_bytes(),
            text: format!("\"rate\";q={};w={}", record.requests, window.as_secs()).into(),
            record,
        }
    }

    /// The limit of a profile.
    #[must_use]
    pub fn limit(&self, client: ClientId, profile: ProfileId) -> Limit {
        let whose = match self.record.scope {
            RateScope::AccessProfile => profile.as_bytes(),
            RateScope::Client => client.as_bytes(),
        };
        Limit {
            id: LimitId(count_of(self.digest, whose)),
            interval_ns: self.interval_ns,
            burst: self.record.burst.max(1),
        }
    }

    /// The item of the field `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers): the requests and the window in
    /// seconds.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Which count a rule has for somebody: it takes no place in what is kept of each of a million profiles. What is random in
/// an identifier comes first, so that counts are found by their first bytes.
pub(crate) fn count_of(rule: [u8; 16], whose: &[u8; 16]) -> [u8; 16] {
    let whose = u128::from_be_bytes(*whose).rotate_left(64);
    (u128::from_be_bytes(rule) ^ whose).to_be_bytes()
}

impl Limit {
    /// Gives out slots, one at least and `wanted` at most, and says up to when all are given out then.
    ///
    /// # Errors
    /// When none may be used yet: at which time one may be.
    pub fn lease(
        &self,
        given_until_ns: u64,
        now_ns: u64,
        wanted: u32,
    ) -> Result<(Lease, u64), u64> {
        let first_ns = given_until_ns.max(now_ns);
        let ahead_ns = first_ns.saturating_sub(now_ns);
        let reach_ns = self.span_ns(self.burst.saturating_sub(1));
        let room_ns = reach_ns
            .checked_sub(ahead_ns)
            .ok_or_else(|| first_ns.saturating_sub(reach_ns))?;
        let further = room_ns.checked_div(self.interval_ns).unwrap_or(0);
        let further = u32::try_from(further).unwrap_or(u32::MAX);
        let left = further.saturating_add(1).min(wanted.max(1));
        let until_ns = first_ns.saturating_add(self.span_ns(left));
        Ok((Lease { first_ns, left }, until_ns))
    }

    /// How things stand when slots are given out up to a time, and some more are at hand.
    #[must_use]
    pub fn allowance(&self, given_until_ns: u64, now_ns: u64, at_hand: u32) -> Allowance {
        let ahead_ns = given_until_ns.saturating_sub(now_ns);
        let room_ns = self.span_ns(self.burst).saturating_sub(ahead_ns);
        let free = room_ns.checked_div(self.interval_ns).unwrap_or(0);
        let free = u32::try_from(free).unwrap_or(u32::MAX);
        Allowance {
            remaining: free.saturating_add(at_hand).min(self.burst),
            full_in: Duration::from_nanos(ahead_ns),
        }
    }

    /// The time that so many slots take.
    #[must_use]
    pub fn span_ns(&self, slots: u32) -> u64 {
        self.interval_ns.saturating_mul(u64::from(slots))
    }
}

impl Lease {
    /// Uses a slot that has not passed, if there is one.
    pub fn take(&mut self, limit: &Limit, now_ns: u64) -> bool {
        let late_ns = now_ns.saturating_sub(self.first_ns);
        if late_ns > 0 {
            let passed = late_ns.div_ceil(limit.interval_ns.max(1));
            let passed = u32::try_from(passed).unwrap_or(u32::MAX).min(self.left);
            self.skip(limit, passed);
        }
        if self.left == 0 {
            return false;
        }
        self.skip(limit, 1);
        true
    }

    fn skip(&mut self, limit: &Limit, slots: u32) {
        self.left = self.left.saturating_sub(slots);
        self.first_ns = self.first_ns.saturating_add(limit.span_ns(slots));
    }
}

impl LimitId {
    /// Its bytes, which are as good as random.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// How long a window is.
#[must_use]
pub const fn window(per: RateWindow) -> Duration {
    Duration::from_secs(match per {
        RateWindow::Second => 1,
        RateWindow::Minute => 60,
        RateWindow::Hour => 3_600,
        RateWindow::Day => 86_400,
    })
}

#[cfg(test)]
mod tests;
