//! How often somebody may try to log in: after some failures an account, and an address, have to wait, and each further
//! failure doubles that. In memory, of one process, and bounded.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many accounts and how many addresses are remembered.
const MOST: usize = 10_000;

/// After how long without a failure they are forgotten.
const FORGOTTEN_MS: u64 = 60 * 60 * 1000;

/// How many failures an account has before it waits, and how long at most: others may try on purpose to keep its owner
/// out.
const ACCOUNT: Rule = Rule {
    free: 5,
    longest_ms: 5 * 60 * 1000,
};

/// The same of an address, behind which there may be many people.
const ADDRESS: Rule = Rule {
    free: 20,
    longest_ms: 15 * 60 * 1000,
};

/// Counts failures to log in.
#[derive(Default)]
pub(super) struct Throttle(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    accounts: HashMap<String, Count>,
    addresses: HashMap<IpAddr, Count>,
}

#[derive(Clone, Copy)]
struct Count {
    failures: u32,
    last_ms: u64,
}

#[derive(Clone, Copy)]
struct Rule {
    free: u32,
    longest_ms: u64,
}

/// Somebody has to wait for so many milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait(pub(super) u64);

impl Throttle {
    /// Lets an attempt begin, and counts it as a failure until it has succeeded: of many at the same time, no more are let
    /// through than of many in a row.
    pub(super) fn begin(
        &self,
        account: &str,
        address: Option<IpAddr>,
        now_ms: u64,
    ) -> Result<(), Wait> {
        let mut counts = self.lock();
        let address = address.map(network);
        let account_wait = ACCOUNT.wait_ms(counts.accounts.get(account), now_ms);
        let address_count = address.and_then(|address| counts.addresses.get(&address));
        let wait_ms = account_wait.max(ADDRESS.wait_ms(address_count, now_ms));
        if wait_ms > 0 {
            return Err(Wait(wait_ms));
        }
        count(&mut counts.accounts, account.to_owned(), now_ms);
        if let Some(address) = address {
            count(&mut counts.addresses, address, now_ms);
        }
        Ok(())
    }

    /// The attempt succeeded: the account begins anew, and the address has a failure less.
    pub(super) fn succeed(&self, account: &str, address: Option<IpAddr>) {
        let mut counts = self.lock();
        counts.accounts.remove(account);
        let address = address.map(network);
        if let Some(count) = address.and_then(|address| counts.addresses.get_mut(&address)) {
            count.failures = count.failures.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rule {
    /// For how long it has to wait still: a second after the first failure too many, and twice as long after each further.
    fn wait_ms(self, count: Option<&Count>, now_ms: u64) -> u64 {
        let Some(count) = count.filter(|count| !count.is_over(now_ms)) else {
            return 0;
        };
        let Some(excess) = count.failures.checked_sub(self.free) else {
            return 0;
        };
        let pause_ms = 1_000_u64.saturating_mul(2_u64.saturating_pow(excess));
        let until_ms = count.last_ms.saturating_add(pause_ms.min(self.longest_ms));
        until_ms.saturating_sub(now_ms)
    }
}

impl Count {
    const fn is_over(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.last_ms) >= FORGOTTEN_MS
    }
}

fn count<K: Eq + Hash + Clone>(counts: &mut HashMap<K, Count>, key: K, now_ms: u64) {
    if counts.len() >= MOST && !counts.contains_key(&key) {
        counts.retain(|_, count| !count.is_over(now_ms));
    }
    if counts.len() >= MOST && !counts.contains_key(&key) {
        // Whoever fails often stays remembered.
        let least = counts
            .iter()
            .min_by_key(|(_, count)| (count.failures, count.last_ms));
        if let Some(least) = least.map(|(key, _)| key.clone()) {
            counts.remove(&least);
        }
    }
    let count = counts.entry(key).or_insert(Count {
        failures: 0,
        last_ms: now_ms,
    });
    if count.is_over(now_ms) {
        count.failures = 0;
    }
    count.failures = count.failures.saturating_add(1);
    count.last_ms = now_ms;
}

/// Whoever has an IPv6 address has a whole network of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));

    #[test]
    fn an_account_waits_twice_as_long_after_each_failure_up_to_a_bound() {
        let throttle = Throttle::default();
        let mut now_ms = 1_000_000;
        for _ in 0..5 {
            assert_eq!(throttle.begin("ann", None, now_ms), Ok(()));
        }
        for expected_s in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert_eq!(
                throttle.begin("ann", None, now_ms),
                Err(Wait(expected_s * 1_000))
            );
            assert_eq!(
                throttle.begin("bob", None, now_ms),
                Ok(()),
                "others need not"
            );
            throttle.succeed("bob", None);
            now_ms += expected_s * 1_000;
            assert_eq!(throttle.begin("ann", None, now_ms), Ok(()));
        }
    }

    #[test]
    fn who_succeeds_and_who_waits_an_hour_begins_anew() {
        let throttle = Throttle::default();
        for attempt in 0..40 {
            assert_eq!(
                throttle.begin("ann", Some(HERE), attempt),
                Ok(()),
                "{attempt}"
            );
            throttle.succeed("ann", Some(HERE));
        }
        for _ in 0..5 {
            assert_eq!(throttle.begin("ann", Some(HERE), 0), Ok(()));
        }
        assert!(throttle.begin("ann", Some(HERE), 0).is_err());
        assert_eq!(throttle.begin("ann", Some(HERE), FORGOTTEN_MS), Ok(()));
        assert_eq!(throttle.begin("ann", Some(HERE), FORGOTTEN_MS), Ok(()));
    }

    #[test]
    fn an_address_waits_whatever_accounts_it_tries() {
        let throttle = Throttle::default();
        for attempt in 0..20 {
            let account = format!("somebody {attempt}");
            assert_eq!(throttle.begin(&account, Some(HERE), 0), Ok(()));
        }
        assert_eq!(throttle.begin("another", Some(HERE), 0), Err(Wait(1_000)));
        let mapped = "::ffff:203.0.113.7".parse().unwrap();
        assert!(throttle.begin("another", Some(mapped), 0).is_err());
        assert_eq!(throttle.begin("another", None, 0), Ok(()));

        let neighbours = ["2001:db8::1", "2001:db8::ffff"].map(|text| text.parse().unwrap());
        assert_eq!(network(neighbours[0]), network(neighbours[1]));
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_and_those_who_fail_often_stay() {
        let throttle = Throttle::default();
        for _ in 0..6 {
            let _ = throttle.begin("ann", None, 0);
        }
        for attempt in 0..MOST + 100 {
            let _ = throttle.begin(&format!("somebody {attempt}"), None, 1);
        }
        assert_eq!(throttle.lock().accounts.len(), MOST);
        assert!(throttle.begin("ann", None, 1).is_err());
    }
}
