//! The keys of the simulation: few, and so chosen that they meet on few pages.

use std::sync::OnceLock;

use portcullis_engine::api_key::digest;
use portcullis_feed::Digest;

use super::model::Version;
use crate::layout::{self, record_page};

/// How many profiles there are at most.
pub(super) const PROFILES: usize = 6;
/// The profiles, and one collection.
pub(super) const OBJECTS: usize = PROFILES + 1;
/// On so many pages all records stand.
pub(super) const RECORD_PAGES: usize = 4;
/// On so many pages all lists of digests stand.
pub(super) const PROFILE_PAGES: usize = 2;

/// Two keys for each profile.
#[derive(Debug)]
pub(super) struct Keys(Vec<[(String, Digest); 2]>);

impl Keys {
    /// The keys, which take a moment to find.
    pub(super) fn all() -> &'static Self {
        static KEYS: OnceLock<Keys> = OnceLock::new();
        KEYS.get_or_init(|| {
            let mut found = (0..)
                .map(|number| format!("k{number}"))
                .map(|text| (digest(text.as_bytes()), text))
                .filter(|(digest, _)| (record_page(digest) as usize) < RECORD_PAGES)
                .map(|(digest, text)| (text, digest));
            let pairs = std::iter::from_fn(|| Some([found.next()?, found.next()?]));
            Self(pairs.take(PROFILES).collect())
        })
    }

    /// The number of a profile: three of them stand on each of two pages.
    pub(super) fn profile(&self, object: usize) -> u128 {
        let pages = PROFILE_PAGES as u128;
        let (page, place) = (object as u128 % pages, object as u128 / pages);
        1 + page + place * u128::from(layout::PROFILE_PAGES)
    }

    /// Which keys a profile has in a version: the first, the second, or both.
    pub(super) fn of(&self, object: usize, version: Version) -> Vec<&str> {
        let both = self.0[object].iter();
        both.filter(|(_, digest)| self.opens(object, version, digest))
            .map(|(text, _)| text.as_str())
            .collect()
    }

    /// Whether a key opens a profile in a version.
    pub(super) fn opens(&self, object: usize, version: Version, key: &Digest) -> bool {
        let place = self.0[object].iter().position(|(_, digest)| digest == key);
        match (place, version) {
            (Some(place), Some(version)) => version % 3 != place as u64,
            _ => false,
        }
    }

    /// All keys, with the profile that each may open.
    pub(super) fn each(&self) -> impl Iterator<Item = (usize, &Digest)> {
        let profiles = self.0.iter().enumerate();
        profiles.flat_map(|(object, keys)| keys.iter().map(move |(_, digest)| (object, digest)))
    }
}
