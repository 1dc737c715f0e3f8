//! Address rules: what is read agrees with an oracle that reads and compares in the most simple way.
//!
//! A line is `allow ENTRY`, `deny ENTRY`, or an address to be judged.

use std::net::{IpAddr, Ipv6Addr};

use portcullis_engine::address::{AddressRules, normalised};
use portcullis_feed::AddressLists;

/// What one entry covers, both ends included, as IPv6; IPv4 is mapped.
type Covered = (u128, u128);

/// Checks the rules in an input.
///
/// # Panics
/// When they do not mean what they should.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let mut lists = AddressLists::default();
    let mut judged = vec![];
    for line in text.split('\n').take(64) {
        if let Some(entry) = line.strip_prefix("allow ") {
            lists.allow.push(entry.to_owned());
        } else if let Some(entry) = line.strip_prefix("deny ") {
            lists.deny.push(entry.to_owned());
        } else if let Ok(address) = line.parse::<IpAddr>() {
            judged.push(address);
        }
    }
    let rules = AddressRules::parse(&lists);
    let oracle = read_all(&lists.allow).zip(read_all(&lists.deny));
    assert_eq!(rules.is_ok(), oracle.is_some(), "{lists:?}");
    let (Ok(rules), Some((allow, deny))) = (rules, oracle) else {
        return;
    };

    for (first, last) in allow.iter().chain(&deny) {
        let beside = [first.wrapping_sub(1), *first, *last, last.wrapping_add(1)];
        judged.extend(beside.map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))));
    }
    for address in judged {
        let bits = bits(address);
        let is_in = |list: &[Covered]| {
            list.iter()
                .any(|(first, last)| (*first..=*last).contains(&bits))
        };
        let is_mapped = is_ipv4(bits);
        // A block of IPv6 never covers IPv4, however wide it is.
        let same_kind = |list: &[Covered]| -> Vec<Covered> {
            let ends = |it: &&Covered| is_ipv4(it.0) && is_ipv4(it.1);
            list.iter()
                .filter(|it| ends(it) == is_mapped)
                .copied()
                .collect()
        };
        let expected = !is_in(&same_kind(&deny)) && (allow.is_empty() || is_in(&same_kind(&allow)));
        assert_eq!(rules.allows(Some(address)), expected, "{address} {lists:?}");
    }
    assert_eq!(rules.allows(None), rules.is_empty());

    for entry in lists.allow.iter().chain(&lists.deny) {
        let Some(normal) = normalised(entry) else {
            continue;
        };
        assert_eq!(normalised(&normal), None, "{entry}");
        assert_eq!(read(&normal), read(entry), "{entry}");
    }
}

fn read_all(entries: &[String]) -> Option<Vec<Covered>> {
    entries.iter().map(|entry| read(entry)).collect()
}

fn read(entry: &str) -> Option<Covered> {
    let address = |text: &str| text.parse::<IpAddr>().ok();
    let (first, last) = if let Some((first, last)) = entry.split_once('-') {
        (bits(address(first.trim())?), bits(address(last.trim())?))
    } else if let Some((block, prefix)) = entry.split_once('/') {
        let address = address(block)?;
        let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain = prefix == "0" || !prefix.starts_with('0');
        let prefix: u32 = prefix.parse().ok().filter(|_| is_number && is_plain)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let host_bits = width - Some(prefix).filter(|prefix| *prefix <= width)?;
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        (bits(address) & mask, bits(address) | !mask)
    } else {
        let address = bits(address(entry)?);
        (address, address)
    };
    // A range is of one kind; a block that is wider than all of IPv4 is of IPv6 alone.
    let is_range = entry.contains('-');
    let is_of_one_kind = !is_range || is_ipv4(first) == is_ipv4(last);
    (first <= last && is_of_one_kind).then_some((first, last))
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn is_ipv4(bits: u128) -> bool {
    bits >> 32 == 0xffff
}
