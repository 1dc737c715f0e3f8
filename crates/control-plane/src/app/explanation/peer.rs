//! From where a request comes, as Envoy reckons it: its peer, or what trusted proxies say of theirs
//! (`xff_num_trusted_hops` with `use_remote_address`).

use std::net::IpAddr;

/// Where an address was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is the peer's own.
    Peer,
    /// In `x-forwarded-for`, so many places from its end.
    Forwarded(u8),
}

/// The address that address rules are about. `forwarded` are the values of `x-forwarded-for`.
pub(super) fn judged<'v>(
    peer: Option<IpAddr>,
    trusted_hops: u8,
    forwarded: impl Iterator<Item = &'v str>,
) -> (Option<IpAddr>, Origin) {
    let place = usize::from(trusted_hops).checked_sub(1);
    let joined = forwarded.collect::<Vec<_>>().join(",");
    let found = place.and_then(|place| joined.rsplit(',').nth(place)?.trim().parse().ok());
    match found {
        Some(address) => (Some(address), Origin::Forwarded(trusted_hops)),
        None => (peer, Origin::Peer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_trusted_proxies_wrote_is_believed() {
        let peer: IpAddr = "127.0.0.1".parse().unwrap();
        for (hops, forwarded, expected) in [
            (0, &["203.0.113.5"][..], "127.0.0.1"),
            (1, &["198.51.100.7, 203.0.113.5"], "203.0.113.5"),
            (1, &["203.0.113.5, 198.51.100.7"], "198.51.100.7"),
            (2, &["203.0.113.5, 198.51.100.7"], "203.0.113.5"),
            (2, &["203.0.113.5", "198.51.100.7"], "203.0.113.5"),
            (3, &["203.0.113.5, 198.51.100.7"], "127.0.0.1"),
            (1, &["203.0.113.5, unknown"], "127.0.0.1"),
            (1, &[], "127.0.0.1"),
            (1, &["2001:db8::1"], "2001:db8::1"),
        ] {
            let (address, origin) = judged(Some(peer), hops, forwarded.iter().copied());
            assert_eq!(address, expected.parse().ok(), "{hops} {forwarded:?}");
            assert_eq!(origin == Origin::Peer, expected == "127.0.0.1");
        }
    }
}
