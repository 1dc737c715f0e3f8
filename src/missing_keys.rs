//! Tokens that named a key which nobody here knows yet: the control plane is told, so that it looks for newer keys. Told
//! now and then, not while the request waits.

use std::collections::HashMap;

use portcullis_feed::ProfileId;

/// How long after a profile was told of it is not told of again, in milliseconds.
const TOLD_FOR_MS: u64 = 10_000;
/// Of how many profiles is remembered that they were told of. Callers choose which keys they name, so there is an end.
const MOST: usize = 64;

/// Of which profiles a key is missing.
#[derive(Debug, Default)]
pub(crate) struct MissingKeys {
    /// Since when it has been known, and whether the control plane knows too.
    noted: HashMap<ProfileId, (u64, bool)>,
}

impl MissingKeys {
    /// Takes note that a key of a profile is missing.
    pub(crate) fn note(&mut self, profile: ProfileId, now_ms: u64) {
        self.forget(now_ms);
        if self.noted.len() < MOST {
            self.noted.entry(profile).or_insert((now_ms, false));
        }
    }

    /// The profiles of which the control plane has to be told now.
    pub(crate) fn take(&mut self, now_ms: u64) -> Vec<ProfileId> {
        self.forget(now_ms);
        let untold = self.noted.iter_mut().filter(|(_, (_, told))| !told);
        untold
            .map(|(profile, (_, told))| {
                *told = true;
                *profile
            })
            .collect()
    }

    fn forget(&mut self, now_ms: u64) {
        self.noted
            .retain(|_, (since_ms, told)| !*told || now_ms.abs_diff(*since_ms) < TOLD_FOR_MS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(number: u128) -> ProfileId {
        ProfileId::from_parts(0, number)
    }

    #[test]
    fn a_profile_is_told_of_once_in_ten_seconds() {
        let mut missing = MissingKeys::default();
        missing.note(profile(1), 1_000);
        missing.note(profile(1), 1_001);
        assert_eq!(missing.take(1_100), [profile(1)]);
        missing.note(profile(1), 10_999);
        assert!(missing.take(10_999).is_empty());
        missing.note(profile(1), 11_000);
        assert_eq!(missing.take(11_000), [profile(1)]);
    }

    #[test]
    fn callers_cannot_make_it_grow_without_end() {
        let mut missing = MissingKeys::default();
        (0..1_000).for_each(|number| missing.note(profile(number), 0));
        assert_eq!(missing.take(0).len(), MOST);
        assert_eq!(missing.take(0).len(), 0);
    }
}
