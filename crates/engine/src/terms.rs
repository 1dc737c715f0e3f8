//! What policies allow, worked out once for all profiles that have them: there are a few policies, and perhaps a million
//! profiles.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_feed::PolicyId;

use crate::holder::PolicyRecord;
use crate::limit::RateRule;
use crate::quota::QuotaRule;

/// How many policies are remembered. More than that are worked out again now and then.
const MOST_SHARED: usize = 1_024;

/// What a policy allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Which policy says it.
    pub policy: PolicyId,
    /// How often.
    pub rate: Option<RateRule>,
    /// How much.
    pub quota: Option<QuotaRule>,
}

/// Terms that several profiles have.
#[derive(Debug, Default)]
pub struct SharedTerms(HashMap<PolicyId, Arc<Terms>>);

impl Terms {
    /// What a policy allows.
    #[must_use]
    pub fn of(record: PolicyRecord) -> Self {
        let PolicyRecord {
            id: policy,
            rate_limit,
            quota,
        } = record;
        Self {
            policy,
            rate: rate_limit.map(|record| RateRule::of(record, policy)),
            quota: quota.map(QuotaRule::of),
        }
    }

    fn are_of(&self, record: &PolicyRecord) -> bool {
        let rate = self.rate.as_ref().map(|rule| &rule.record);
        let quota = self.quota.as_ref().map(|rule| &rule.record);
        (self.policy, rate, quota) == (record.id, record.rate_limit.as_ref(), record.quota.as_ref())
    }

    /// Whether they say something that is true of one profile only.
    fn are_of_one(&self) -> bool {
        let quota = self.quota.as_ref();
        quota.is_some_and(|rule| rule.record.used_up_until_ms.is_some())
    }
}

impl SharedTerms {
    /// What a policy allows, as it was worked out for somebody else, where it was.
    pub fn of(&mut self, record: PolicyRecord) -> Arc<Terms> {
        let known = self.0.get(&record.id);
        if let Some(known) = known.filter(|known| known.are_of(&record)) {
            return Arc::clone(known);
        }
        let terms = Arc::new(Terms::of(record));
        if !terms.are_of_one() {
            if self.0.len() >= MOST_SHARED {
                self.0.clear();
            }
            self.0.insert(terms.policy, Arc::clone(&terms));
        }
        terms
    }
}

#[cfg(test)]
mod tests {
    use portcullis_feed::{QuotaWindow, RateScope, RateWindow};

    use super::*;
    use crate::holder::{QuotaRecord, RateLimitRecord};

    fn policy(number: u128, requests: u32, used_up_until_ms: Option<u64>) -> PolicyRecord {
        PolicyRecord {
            id: PolicyId::from_parts(0, number),
            rate_limit: Some(RateLimitRecord {
                requests,
                per: RateWindow::Second,
                burst: requests,
                scope: RateScope::AccessProfile,
            }),
            quota: Some(QuotaRecord {
                requests: 1_000,
                per: QuotaWindow::Day,
                used_up_until_ms,
                offsets: Vec::new(),
            }),
        }
    }

    #[test]
    fn what_is_alike_is_worked_out_once() {
        let mut shared = SharedTerms::default();
        let first = shared.of(policy(1, 5, None));
        assert!(Arc::ptr_eq(&first, &shared.of(policy(1, 5, None))));
        assert_eq!(*first, Terms::of(policy(1, 5, None)));
    }

    #[test]
    fn each_profile_has_the_terms_that_its_own_record_says() {
        let mut shared = SharedTerms::default();
        for record in [
            policy(1, 5, None),
            // The record of a page that is not read again yet, beside a newer one.
            policy(1, 6, None),
            policy(1, 5, None),
            policy(1, 5, Some(9)),
            policy(2, 5, None),
        ] {
            assert_eq!(*shared.of(record.clone()), Terms::of(record));
        }
    }

    #[test]
    fn a_quota_that_one_has_used_up_takes_nothing_from_the_others() {
        let mut shared = SharedTerms::default();
        let first = shared.of(policy(1, 5, None));
        shared.of(policy(1, 5, Some(9)));
        assert!(Arc::ptr_eq(&first, &shared.of(policy(1, 5, None))));
    }

    #[test]
    fn no_more_are_remembered_than_may_be() {
        let mut shared = SharedTerms::default();
        for number in 0..MOST_SHARED * 2 + 5 {
            shared.of(policy(u128::try_from(number).unwrap(), 5, None));
            assert!(shared.0.len() <= MOST_SHARED);
        }
    }
}
