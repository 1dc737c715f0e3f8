//! Address rules: which addresses a profile may be used from. Parsing is strict, lookups are two binary searches.

mod cover;
mod verdict;

use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use portcullis_feed::AddressLists;
use serde::{Deserialize, Serialize};

pub use verdict::Verdict;

/// Compiled address rules. Deny wins; an empty allow list allows all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRules {
    allow: AddressSet,
    deny: AddressSet,
}

/// An entry of an address list is not an address, a block or a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{entry}` is not an address, a CIDR block such as `10.0.0.0/8` or a range such as `10.0.0.1-10.0.0.9`"
)]
pub struct InvalidAddress {
    /// Which list: `allow` or `deny`.
    pub list: &'static str,
    /// Its place in the list, from 0.
    pub index: usize,
    /// The entry as written.
    pub entry: String,
}

impl AddressRules {
    /// No rules: every address may pass.
    pub const NONE: Self = Self {
        allow: AddressSet::EMPTY,
        deny: AddressSet::EMPTY,
    };

    /// Compiles the lists that operators write.
    ///
    /// CIDR blocks may have host bits set. IPv4-mapped IPv6 (`::ffff:192.0.2.1`) is IPv4. An IPv6 block never covers
    /// IPv4 addresses, `::/0` included.
    ///
    /// # Errors
    /// Names the first entry that is not exactly an address, a block or a range.
    pub fn parse(lists: &AddressLists) -> Result<Self, InvalidAddress> {
        Ok(Self {
            allow: AddressSet::parse("allow", &lists.allow)?,
            deny: AddressSet::parse("deny", &lists.deny)?,
        })
    }

    /// Whether there is any rule: without one the address need not be known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether a caller from `address` may pass. An unknown address passes only where there are no rules.
    #[must_use]
    pub fn allows(&self, address: Option<IpAddr>) -> bool {
        if self.is_empty() {
            return true;
        }
        let Some(address) = address.map(|address| address.to_canonical()) else {
            return false;
        };
        !self.deny.contains(address) && (self.allow.is_empty() || self.allow.contains(address))
    }
}

/// What an entry covers, in its usual form, if it is written in another way: a block with host bits set, or IPv4 as
/// IPv6. `None` too for what is no entry.
#[must_use]
pub fn normalised(entry: &str) -> Option<String> {
    let has_mapped = |text: &str| {
        let address = text.trim().parse::<IpAddr>();
        address.is_ok_and(|address| address != address.to_canonical())
    };
    let (first, last) = parse_entry(entry)?;
    if let Some((from, to)) = entry.split_once('-') {
        return (has_mapped(from) || has_mapped(to)).then(|| format!("{first}-{last}"));
    }
    let Some(block) = parse_block(entry) else {
        return has_mapped(entry).then(|| first.to_string());
    };
    let prefix = match (block, first) {
        (IpNet::V6(block), IpAddr::V4(_)) => block.prefix_len().checked_sub(96)?,
        (block, _) if block.addr() != block.network() => block.prefix_len(),
        _ => return None,
    };
    Some(format!("{first}/{prefix}"))
}

/// Addresses as sorted ranges that neither overlap nor touch, both ends included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct AddressSet {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl AddressSet {
    const EMPTY: Self = Self {
        v4: vec![],
        v6: vec![],
    };

    fn parse(list: &'static str, entries: &[String]) -> Result<Self, InvalidAddress> {
        let mut set = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            let (first, last) = parse_entry(entry).ok_or_else(|| InvalidAddress {
                list,
                index,
                entry: entry.clone(),
            })?;
            match (first, last) {
                (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
                    set.v4.push((first.to_bits(), last.to_bits()));
                }
                (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
                    set.v6.push((first.to_bits(), last.to_bits()));
                }
                _ => {
                    return Err(InvalidAddress {
                        list,
                        index,
                        entry: entry.clone(),
                    });
                }
            }
        }
        set.v4 = merge(set.v4, |end| end.checked_add(1));
        set.v6 = merge(set.v6, |end| end.checked_add(1));
        Ok(set)
    }

    fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => covers(&self.v4, address.to_bits()),
            IpAddr::V6(address) => covers(&self.v6, address.to_bits()),
        }
    }
}

fn parse_entry(entry: &str) -> Option<(IpAddr, IpAddr)> {
    if let Some((first, last)) = entry.split_once('-') {
        let first: IpAddr = first.trim().parse().ok()?;
        let last: IpAddr = last.trim().parse().ok()?;
        return Some((first.to_canonical(), last.to_canonical()));
    }
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Some((address.to_canonical(), address.to_canonical()));
    }
    match parse_block(entry)? {
        IpNet::V4(block) => Some((block.network().into(), block.broadcast().into())),
        IpNet::V6(block) => {
            let (first, last) = (block.network(), block.broadcast());
            // A block inside ::ffff:0:0/96 is a block of IPv4 addresses; a wider one is IPv6 throughout.
            match (mapped(first), mapped(last)) {
                (Some(first), Some(last)) => Some((first.into(), last.into())),
                _ => Some((first.into(), last.into())),
            }
        }
    }
}

/// Stricter than `ipnet`, which takes `010.0.0.0/8` for `10.0.0.0/8`, where others read an octal number.
fn parse_block(entry: &str) -> Option<IpNet> {
    let (address, prefix) = entry.split_once('/')?;
    let is_plain = prefix == "0" || prefix.starts_with(|first| matches!(first, '1'..='9'));
    let prefix = prefix.parse().ok().filter(|_| is_plain)?;
    IpNet::new(address.parse().ok()?, prefix).ok()
}

fn mapped(address: Ipv6Addr) -> Option<Ipv4Addr> {
    address.to_ipv4_mapped()
}

fn merge<A: Ord + Copy>(ranges: Vec<(A, A)>, following: impl Fn(A) -> Option<A>) -> Vec<(A, A)> {
    // By a heap: what sorts slices takes several kilobytes of a module that every worker compiles.
    let ranges = BinaryHeap::from(ranges).into_sorted_vec();
    let mut merged: Vec<(A, A)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if following(before.1).is_none_or(|next| first <= next) => {
                before.1 = before.1.max(last);
            }
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn covers<A: Ord + Copy>(ranges: &[(A, A)], address: A) -> bool {
    let after = ranges.partition_point(|range| range.0 <= address);
    after
        .checked_sub(1)
        .and_then(|at| ranges.get(at))
        .is_some_and(|range| address <= range.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allow: &[&str], deny: &[&str]) -> AddressRules {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        AddressRules::parse(&AddressLists {
            allow: owned(allow),
            deny: owned(deny),
        })
        .unwrap()
    }

    fn check(rules: &AddressRules, address: &str, allowed: bool) {
        assert_eq!(
            rules.allows(Some(address.parse().unwrap())),
            allowed,
            "{address}"
        );
    }

    #[test]
    fn without_rules_every_address_may_pass_known_or_not() {
        assert!(rules(&[], &[]).allows(None));
        check(&rules(&[], &[]), "203.0.113.9", true);
    }

    #[test]
    fn an_unknown_address_is_refused_where_there_are_rules() {
        assert!(!rules(&["0.0.0.0/0"], &[]).allows(None));
        assert!(!rules(&[], &["10.0.0.1"]).allows(None));
    }

    #[test]
    fn an_allow_list_shuts_out_all_others() {
        let rules = rules(
            &["10.2.0.0/16", "192.0.2.7", "198.51.100.5-198.51.100.9"],
            &[],
        );
        for inside in [
            "10.2.0.0",
            "10.2.255.255",
            "192.0.2.7",
            "198.51.100.5",
            "198.51.100.9",
        ] {
            check(&rules, inside, true);
        }
        for outside in [
            "10.1.255.255",
            "10.3.0.0",
            "192.0.2.8",
            "198.51.100.10",
            "2001:db8::1",
        ] {
            check(&rules, outside, false);
        }
    }

    #[test]
    fn deny_wins_over_allow() {
        let rules = rules(&["10.0.0.0/8"], &["10.0.0.1"]);
        check(&rules, "10.0.0.1", false);
        check(&rules, "10.0.0.2", true);
    }

    #[test]
    fn a_deny_list_alone_lets_all_others_pass() {
        let rules = rules(&[], &["2001:db8::/32"]);
        check(&rules, "2001:db8::1", false);
        check(&rules, "2001:db9::1", true);
        check(&rules, "192.0.2.1", true);
    }

    #[test]
    fn host_bits_in_a_block_are_ignored() {
        check(&rules(&["8.8.8.8/24"], &[]), "8.8.8.200", true);
    }

    #[test]
    fn ipv4_mapped_ipv6_is_ipv4_in_rules_and_callers() {
        check(&rules(&["192.0.2.0/24"], &[]), "::ffff:192.0.2.9", true);
        check(&rules(&["::ffff:192.0.2.0/120"], &[]), "192.0.2.9", true);
        check(&rules(&["::ffff:192.0.2.1"], &[]), "192.0.2.1", true);
    }

    #[test]
    fn the_whole_of_ipv6_does_not_cover_ipv4() {
        check(&rules(&["::/0"], &[]), "192.0.2.1", false);
        check(&rules(&["::/0"], &[]), "::ffff:192.0.2.1", false);
        check(&rules(&["::/0"], &[]), "2001:db8::1", true);
    }

    #[test]
    fn ranges_that_touch_or_overlap_become_one() {
        let rules = rules(
            &[
                "10.0.0.0/25",
                "10.0.0.128/25",
                "10.0.0.5",
                "255.255.255.255",
            ],
            &[],
        );
        assert_eq!(rules.allow.v4.len(), 2);
        check(&rules, "10.0.0.255", true);
        check(&rules, "255.255.255.255", true);
    }

    #[test]
    fn an_entry_is_normalised_where_its_form_hides_what_it_covers() {
        for (entry, normal) in [
            ("8.8.8.8/24", Some("8.8.8.0/24")),
            ("8.8.8.0/24", None),
            ("8.8.8.8/32", None),
            ("8.8.8.8/0", Some("0.0.0.0/0")),
            ("2001:db8::1/32", Some("2001:db8::/32")),
            ("2001:DB8::/32", None),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("::ffff:192.0.2.9/120", Some("192.0.2.0/24")),
            ("::ffff:192.0.2.0/128", Some("192.0.2.0/32")),
            ("::/0", None),
            ("::ffff:10.0.0.1-10.0.0.9", Some("10.0.0.1-10.0.0.9")),
            ("10.0.0.1 - 10.0.0.9", None),
            ("10.0.0.1", None),
            ("2001:db8::1", None),
            ("nonsense", None),
        ] {
            assert_eq!(normalised(entry).as_deref(), normal, "{entry}");
        }
    }

    #[test]
    fn what_is_not_exactly_an_entry_is_an_error_that_names_it() {
        for entry in [
            "",
            " ",
            "10.0.0.0/33",
            "10.0.0",
            "10.0.0.1 ",
            "10.0.0.9-10.0.0.1",
            "localhost",
            "10.0.0.0/-1",
            "010.0.0.1",
            "010.0.0.0/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "1.2.3.4-::1",
            "*",
            "10.0.0.1/8/8",
            "::1%eth0",
            "10.0.0.1,10.0.0.2",
        ] {
            let lists = AddressLists {
                allow: vec!["10.0.0.1".into(), entry.into()],
                deny: vec![],
            };
            let invalid = AddressRules::parse(&lists).unwrap_err();
            assert_eq!((invalid.list, invalid.index), ("allow", 1), "{entry}");
            assert!(
                invalid
                    .to_string()
                    .starts_with(&format!("`{entry}` is not"))
            );
        }
    }
}
