//! Whether some rules let pass all that others do: for operators who change them, never for requests.

use super::{AddressRules, AddressSet, merge};

impl AddressRules {
    /// Whether every caller that may pass by `other` may pass by these too.
    #[must_use]
    pub fn cover(&self, other: &Self) -> bool {
        // Callers whose address is not known pass only where there are no rules.
        if self.is_empty() || other.is_empty() {
            return self.is_empty();
        }
        let (ours, theirs) = (self.permitted(), other.permitted());
        contain(&ours.v4, &theirs.v4) && contain(&ours.v6, &theirs.v6)
    }

    /// The addresses that may pass.
    fn permitted(&self) -> AddressSet {
        let all = || AddressSet {
            v4: vec![(0, u32::MAX)],
            v6: vec![(0, u128::MAX)],
        };
        let allow = if self.allow.is_empty() {
            all()
        } else {
            self.allow.clone()
        };
        let step_4 = (|it: u32| it.checked_sub(1), |it: u32| it.checked_add(1));
        let step_6 = (|it: u128| it.checked_sub(1), |it: u128| it.checked_add(1));
        AddressSet {
            v4: without(&allow.v4, &self.deny.v4, step_4),
            v6: without(&allow.v6, &self.deny.v6, step_6),
        }
    }
}

/// What is left of ranges without others.
fn without<A: Ord + Copy>(
    ranges: &[(A, A)],
    holes: &[(A, A)],
    (previous, next): (impl Fn(A) -> Option<A>, impl Fn(A) -> Option<A>),
) -> Vec<(A, A)> {
    let mut left = Vec::new();
    for (first, last) in ranges {
        let mut rest = Some(*first);
        for (hole_first, hole_last) in holes {
            let Some(begin) = rest.filter(|begin| begin <= last) else {
                break;
            };
            if *hole_last < begin || hole_first > last {
                continue;
            }
            if let Some(end) = previous(*hole_first).filter(|end| *end >= begin) {
                left.push((begin, end));
            }
            rest = next(*hole_last);
        }
        if let Some(begin) = rest.filter(|begin| begin <= last) {
            left.push((begin, *last));
        }
    }
    merge(left, next)
}

/// Whether each of the inner ranges lies within an outer one. Both are sorted, and neither overlap nor touch.
fn contain<A: Ord + Copy>(outer: &[(A, A)], inner: &[(A, A)]) -> bool {
    inner.iter().all(|(first, last)| {
        let after = outer.partition_point(|range| range.0 <= *first);
        let range = after.checked_sub(1).and_then(|at| outer.get(at));
        range.is_some_and(|range| last <= &range.1)
    })
}

#[cfg(test)]
mod tests {
    use portcullis_feed::AddressLists;

    use super::*;

    fn rules((allow, deny): (&[&str], &[&str])) -> AddressRules {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        AddressRules::parse(&AddressLists {
            allow: owned(allow),
            deny: owned(deny),
        })
        .unwrap()
    }

    #[test]
    fn rules_cover_others_when_nobody_is_refused_by_them_alone() {
        type Lists = (&'static [&'static str], &'static [&'static str]);
        let cases: [(Lists, Lists, bool); 12] = [
            ((&[], &[]), (&["10.0.0.0/8"], &[]), true),
            ((&["10.0.0.0/8"], &[]), (&[], &[]), false),
            ((&["0.0.0.0/0", "::/0"], &[]), (&[], &[]), false),
            ((&["10.0.0.0/7"], &[]), (&["10.0.0.0/8"], &[]), true),
            ((&["10.0.0.0/9"], &[]), (&["10.0.0.0/8"], &[]), false),
            (
                (&["10.0.0.0/9", "10.128.0.0/9"], &[]),
                (&["10.0.0.0/8"], &[]),
                true,
            ),
            (
                (&["10.0.0.0/8"], &["10.0.0.7"]),
                (&["10.0.0.0/8"], &[]),
                false,
            ),
            (
                (&["10.0.0.0/8"], &["10.0.0.7"]),
                (&["10.0.0.0/8"], &["10.0.0.0/29"]),
                true,
            ),
            (
                (&[], &["192.0.2.1"]),
                (&[], &["192.0.2.1", "192.0.2.2"]),
                true,
            ),
            ((&[], &["192.0.2.1", "::1"]), (&[], &["192.0.2.1"]), false),
            (
                (&["2001:db8::/32"], &[]),
                (&["2001:db8::1-2001:db8::9"], &[]),
                true,
            ),
            ((&["10.0.0.1"], &[]), (&["10.0.0.1"], &["10.0.0.0/8"]), true),
        ];
        for (ours, theirs, covered) in cases {
            assert_eq!(
                rules(ours).cover(&rules(theirs)),
                covered,
                "{ours:?} {theirs:?}"
            );
        }
    }

    #[test]
    fn the_ends_of_the_address_space_are_addresses_like_others() {
        let all_but_the_ends = rules((&[], &["0.0.0.0", "255.255.255.255"]));
        let all_but_the_first = rules((&[], &["0.0.0.0"]));
        assert!(all_but_the_first.cover(&all_but_the_ends));
        assert!(!all_but_the_ends.cover(&all_but_the_first));
    }
}
