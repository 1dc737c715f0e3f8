//! Which rule decides about an address, in the words of whoever wrote it: for explanations. What counts is
//! [`AddressRules::allows`](super::AddressRules::allows), which says the same.

use std::net::IpAddr;
use std::slice;

use portcullis_feed::AddressLists;

use super::{AddressSet, InvalidAddress};

/// What address lists say of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'l> {
    /// There is no rule.
    Unruled,
    /// The address is not known, and there are rules.
    Unknown,
    /// This entry denies it.
    Denied(&'l str),
    /// There is an allow list, and it is not on it.
    Unlisted,
    /// This entry allows it.
    Allowed(&'l str),
    /// No entry denies it, and there is no allow list.
    Undenied,
}

impl<'l> Verdict<'l> {
    /// What the lists say of an address: the first entry that decides.
    ///
    /// # Errors
    /// When an entry before that is none.
    pub fn of(lists: &'l AddressLists, address: Option<IpAddr>) -> Result<Self, InvalidAddress> {
        if lists.allow.is_empty() && lists.deny.is_empty() {
            return Ok(Self::Unruled);
        }
        let Some(address) = address.map(|address| address.to_canonical()) else {
            return Ok(Self::Unknown);
        };
        if let Some(entry) = covering("deny", &lists.deny, address)? {
            return Ok(Self::Denied(entry));
        }
        if lists.allow.is_empty() {
            return Ok(Self::Undenied);
        }
        let entry = covering("allow", &lists.allow, address)?;
        Ok(entry.map_or(Self::Unlisted, Self::Allowed))
    }

    /// Whether a caller from there may pass.
    #[must_use]
    pub const fn allows(&self) -> bool {
        match self {
            Self::Unruled | Self::Allowed(_) | Self::Undenied => true,
            Self::Unknown | Self::Denied(_) | Self::Unlisted => false,
        }
    }
}

/// The first entry of a list that covers an address.
fn covering<'l>(
    list: &'static str,
    entries: &'l [String],
    address: IpAddr,
) -> Result<Option<&'l str>, InvalidAddress> {
    for entry in entries {
        if AddressSet::parse(list, slice::from_ref(entry))?.contains(address) {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::AddressRules;

    fn lists(allow: &[&str], deny: &[&str]) -> AddressLists {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        AddressLists {
            allow: owned(allow),
            deny: owned(deny),
        }
    }

    #[test]
    fn the_first_entry_that_decides_is_named() {
        let address = |text: &str| Some(text.parse().unwrap());
        let both = lists(
            &["192.0.2.0/24", "10.0.0.0/8"],
            &["10.0.0.1", "10.0.0.0/24"],
        );
        for (lists, address, verdict) in [
            (&lists(&[], &[]), None, Verdict::Unruled),
            (&lists(&[], &[]), address("10.0.0.1"), Verdict::Unruled),
            (&both, None, Verdict::Unknown),
            (&both, address("10.0.0.1"), Verdict::Denied("10.0.0.1")),
            (
                &both,
                address("::ffff:10.0.0.1"),
                Verdict::Denied("10.0.0.1"),
            ),
            (&both, address("10.0.0.2"), Verdict::Denied("10.0.0.0/24")),
            (&both, address("10.1.0.1"), Verdict::Allowed("10.0.0.0/8")),
            (&both, address("203.0.113.1"), Verdict::Unlisted),
            (&lists(&[], &["::1"]), address("::2"), Verdict::Undenied),
        ] {
            assert_eq!(Verdict::of(lists, address), Ok(verdict), "{address:?}");
        }
    }

    #[test]
    fn the_verdict_is_that_of_the_compiled_rules() {
        const ENTRIES: [&str; 8] = [
            "10.0.0.0/8",
            "10.0.0.1",
            "10.0.0.5-10.0.1.9",
            "::ffff:10.0.0.0/120",
            "0.0.0.0/0",
            "::/0",
            "2001:db8::/32",
            "2001:db8::1-2001:db8::9",
        ];
        const ADDRESSES: [&str; 8] = [
            "10.0.0.1",
            "10.0.1.9",
            "10.0.1.10",
            "11.0.0.0",
            "::ffff:10.0.0.7",
            "2001:db8::5",
            "2001:db8::a",
            "::1",
        ];
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..2_000 {
            let mut some = |most: usize| {
                let count = rng.usize(..=most);
                rng.choose_multiple(ENTRIES, count)
            };
            let lists = lists(&some(3), &some(2));
            let rules = AddressRules::parse(&lists).unwrap();
            for address in ADDRESSES
                .map(|it| it.parse().ok())
                .into_iter()
                .chain([None])
            {
                let verdict = Verdict::of(&lists, address).unwrap();
                assert_eq!(
                    verdict.allows(),
                    rules.allows(address),
                    "{lists:?} {address:?}"
                );
            }
        }
    }

    #[test]
    fn an_entry_that_is_none_is_named() {
        let lists = lists(&[], &["10.0.0.0/8", "x"]);
        let invalid = Verdict::of(&lists, "::1".parse().ok());
        assert_eq!(invalid.unwrap_err().entry, "x");
    }
}
