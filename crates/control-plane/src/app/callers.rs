//! From where a profile is called, as far as that is known: gateways tell the addresses of requests that they refuse, and of
//! no others.

use std::collections::BTreeMap;
use std::net::IpAddr;

use portcullis_engine::address::AddressRules;
use portcullis_engine::decision::DenialReason;
use portcullis_feed::{AddressLists, ProfileId};
use portcullis_store::{Refused, RefusedFilter};

use super::{App, Refusal};

/// How long ago it may have been: 7 days.
const LATELY_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// How many refusals are looked at: the newest.
const MOST: u32 = 500;

/// Somebody who called by a profile from an address, and was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCaller {
    /// The address.
    pub address: IpAddr,
    /// How many refusals of the sample are theirs.
    pub refusals: u64,
    /// When the last of these was: milliseconds since 1970, UTC.
    pub last_ms: u64,
    /// Whether one of them was refused for something else than its address: it may have been let in before that.
    pub was_let_in: bool,
}

impl KnownCaller {
    /// Whether rules for addresses shut them out. None, where they are no rules.
    #[must_use]
    pub fn is_shut_out_by(&self, lists: &AddressLists) -> Option<bool> {
        let rules = AddressRules::parse(lists).ok()?;
        Some(!rules.allows(Some(self.address)))
    }
}

impl App {
    /// Who called by a profile lately, as refusals tell it: those first who were heard last.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn known_callers(&self, profile: ProfileId) -> Result<Vec<KnownCaller>, Refusal> {
        let filter = RefusedFilter {
            profile: Some(profile),
            since_ms: Some(self.now_ms().saturating_sub(LATELY_MS)),
            ..RefusedFilter::default()
        };
        let refused = self.refused(&filter, None, MOST).await?.items;
        Ok(by_address(&refused))
    }
}

/// `refused` is in the order of time, the newest first.
fn by_address(refused: &[Refused]) -> Vec<KnownCaller> {
    let mut callers: BTreeMap<IpAddr, KnownCaller> = BTreeMap::new();
    for Refused { sample, .. } in refused {
        let Some(address) = sample.address.as_ref().and_then(|it| it.parse().ok()) else {
            continue;
        };
        let caller = callers.entry(address).or_insert(KnownCaller {
            address,
            refusals: 0,
            last_ms: sample.at_ms,
            was_let_in: false,
        });
        caller.refusals = caller.refusals.saturating_add(1);
        caller.was_let_in |= sample.reason != DenialReason::AddressNotAllowed.code();
    }
    let mut callers: Vec<_> = callers.into_values().collect();
    callers.sort_by_key(|caller| (std::cmp::Reverse(caller.last_ms), caller.address));
    callers
}

#[cfg(test)]
mod tests {
    use portcullis_feed::RefusalSample;

    use super::*;

    fn refused(at_ms: u64, reason: &str, address: Option<&str>) -> Refused {
        Refused {
            id: at_ms,
            instance: String::new(),
            gateway: String::new(),
            client: None,
            sample: RefusalSample {
                at_ms,
                reason: reason.to_owned(),
                address: address.map(str::to_owned),
                ..RefusalSample::default()
            },
        }
    }

    #[test]
    fn callers_are_told_apart_by_their_addresses_those_first_who_were_heard_last() {
        let found = by_address(&[
            refused(9, "address_not_allowed", Some("192.0.2.1")),
            refused(8, "quota_exceeded", Some("203.0.113.9")),
            refused(7, "quota_exceeded", None),
            refused(6, "quota_exceeded", Some("unknown")),
            refused(5, "address_not_allowed", Some("203.0.113.9")),
        ]);
        let told: Vec<_> = found
            .iter()
            .map(|it| {
                let address = it.address.to_string();
                (address, it.refusals, it.last_ms, it.was_let_in)
            })
            .collect();
        assert_eq!(
            told,
            [
                ("192.0.2.1".to_owned(), 1, 9, false),
                ("203.0.113.9".to_owned(), 2, 8, true),
            ]
        );
    }

    #[test]
    fn rules_shut_out_whom_they_do_not_name_and_no_rules_nobody() {
        let lists = |allow: &[&str]| AddressLists {
            allow: allow.iter().map(|&it| it.to_owned()).collect(),
            deny: Vec::new(),
        };
        let caller = &by_address(&[refused(1, "quota_exceeded", Some("10.1.2.3"))])[0];
        assert_eq!(caller.is_shut_out_by(&lists(&["10.0.0.0/8"])), Some(false));
        assert_eq!(caller.is_shut_out_by(&lists(&["192.0.2.1"])), Some(true));
        assert_eq!(caller.is_shut_out_by(&lists(&[])), Some(false));
        assert_eq!(caller.is_shut_out_by(&lists(&["here"])), None);
    }
}
