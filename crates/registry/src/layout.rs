//! Where things are in shared memory.
//!
//! Every key begins with the format number, and that is the whole rule of compatibility: filters of the same format in
//! one process share one registry, whatever their versions, and filters of different formats never meet. During an
//! upgrade from one format to another both sync on their own, side by side, and a roll-back finds the older registry as
//! its last VM left it: not decided by until it is known to be the newest again, unless that was a few seconds ago.
//! Whatever changes the meaning of a byte below these keys raises [`FORMAT`]; nothing else does. What the older format
//! occupies is given back when Envoy restarts.

use portcullis_engine::limit::LimitId;
use portcullis_engine::quota::QuotaId;
use portcullis_feed::{CollectionId, Digest, ProfileId};

use crate::page::Key;

/// The number of this layout.
pub const FORMAT: u8 = 9;

/// A key: what every one begins with, and what else it says.
macro_rules! key {
    ($rest:literal) => {
        concat!("pc9/", $rest)
    };
}

/// How many pages hold records. More pages are smaller, and a page is copied whole for each lookup that misses the
/// cache; but every page that was ever written keeps its key.
pub const RECORD_PAGES: u32 = 262_144;

/// How many pages tell on which pages the records of a profile stand. Only the leader reads them.
pub const PROFILE_PAGES: u32 = 16_384;

/// How many pages hold collections. Every VM reads all of them when a collection has changed.
pub const COLLECTION_PAGES: u32 = 64;

/// How many pages hold how far the slots of rate limits are given out: see [`limiter`](crate::limiter). One is read and
/// written for most requests of those who call rarely: with fewer pages more of them stay in the processor's caches, but
/// each is longer where limits are so low that their slots are hours apart.
pub const LIMIT_PAGES: u32 = 4_096;

/// How many pages hold how much of quotas is given out: see [`quotas`](crate::quotas).
pub const QUOTA_PAGES: u32 = 16_384;

/// No key is longer.
const KEY: usize = 16;

/// Which VM leads: see [`lease`](crate::lease).
pub const LEASE: &str = key!("lease");

/// What is live: see [`ledger`](crate::ledger).
pub const LEDGER: &str = key!("ledger");

/// When what is live was known to be the newest: see [`contact`](crate::contact).
pub const CONTACT: &str = key!("contact");

/// Which start of Envoy this is: see [`contact`](crate::contact).
pub const INSTANCE: &str = key!("instance");

/// What is to be told of requests: see [`usage`](crate::usage).
pub const OUTBOX: &str = key!("outbox");

/// Whether there is much to tell of quotas: see [`quotas`](crate::quotas).
pub const HURRIES: &str = key!("hurries");

/// What metrics tell apart: see [`labels`](crate::labels).
pub const LABELS: &str = key!("labels");

/// One of two sets of pages. While one is live, the other may be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "they are alike")]
pub enum Side {
    A,
    B,
}

impl Side {
    /// The one that is not this.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::A => 'a',
            Self::B => 'b',
        }
    }
}

/// The page on which records for a digest stand.
#[must_use]
pub fn record_page(digest: &Digest) -> u32 {
    let [a, b, c, d, ..] = digest.0;
    u32::from_be_bytes([a, b, c, d]) & (RECORD_PAGES.saturating_sub(1))
}

/// What a record is found by on its page: 16 of the 32 bytes of its digest, and not those that lead to the page. Nobody
/// can make a second key that agrees with a known one in 144 bits.
#[must_use]
pub fn record_entry(digest: &Digest) -> Key {
    let mut key = [0; 16];
    for (byte, of_digest) in key.iter_mut().zip(digest.0.iter().skip(4)) {
        *byte = *of_digest;
    }
    key
}

/// The key of a page of records.
#[must_use]
pub fn record_key(side: Side, page: u32) -> String {
    on_side(key!("r"), side, page)
}

/// The page that tells on which pages the records of a profile stand.
#[must_use]
pub fn profile_page(profile: &ProfileId) -> u32 {
    // The last bytes of an id are the random ones.
    page_of_id(profile.as_bytes(), PROFILE_PAGES)
}

/// The key of a page that tells on which pages the records of a profile stand.
#[must_use]
pub fn profile_key(side: Side, page: u32) -> String {
    on_side(key!("p"), side, page)
}

/// The page on which a collection stands.
#[must_use]
pub fn collection_page(collection: &CollectionId) -> u32 {
    page_of_id(collection.as_bytes(), COLLECTION_PAGES)
}

/// The key of a page of collections.
#[must_use]
pub fn collection_key(side: Side, page: u32) -> String {
    on_side(key!("c"), side, page)
}

/// The key of the page on which a rate limit is counted.
#[must_use]
pub fn limit_key(limit: &LimitId) -> String {
    numbered(key!("l/"), page_of_count(limit.as_bytes(), LIMIT_PAGES))
}

/// The key of the page on which a quota is counted.
#[must_use]
pub fn quota_key(quota: &QuotaId) -> String {
    numbered(key!("q/"), page_of_count(quota.as_bytes(), QUOTA_PAGES))
}

/// The key of a place in the roster, which is also the name of its queue.
#[must_use]
pub fn roster_key(place: u32) -> String {
    numbered(key!("v/"), place)
}

/// The key of the box in which a VM leaves what it has counted, by its place in the roster.
#[must_use]
pub fn mailbox_key(place: u32) -> String {
    numbered(key!("u/"), place)
}

fn on_side(kind: &'static str, side: Side, page: u32) -> String {
    let mut key = String::with_capacity(KEY);
    key.push_str(kind);
    key.push(side.letter());
    key.push('/');
    push_number(&mut key, page);
    key
}

fn numbered(kind: &'static str, number: u32) -> String {
    let mut key = String::with_capacity(KEY);
    key.push_str(kind);
    push_number(&mut key, number);
    key
}

/// In hexadecimal: the formatting of the standard library takes several times as long, on the way of many requests.
fn push_number(key: &mut String, number: u32) {
    let digits = 8_u32.saturating_sub(number.leading_zeros() / 4).max(1);
    for place in (0..digits).rev() {
        let digit = number.wrapping_shr(place.wrapping_mul(4)) & 0xf;
        key.extend(char::from_digit(digit, 16));
    }
}

fn page_of_id(id: &[u8; 16], pages: u32) -> u32 {
    let [.., a, b, c, d] = *id;
    u32::from_be_bytes([a, b, c, d]) & (pages.saturating_sub(1))
}

/// What is random in a count's name comes first.
fn page_of_count(id: &[u8; 16], pages: u32) -> u32 {
    let [_, _, _, _, a, b, c, d, ..] = *id;
    u32::from_be_bytes([a, b, c, d]) & (pages.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_begin_with_the_number_of_the_layout() {
        assert_eq!(LEDGER, format!("pc{FORMAT}/ledger"));
        assert_eq!(profile_key(Side::B, 0), format!("pc{FORMAT}/pb/0"));
    }

    #[test]
    fn keys_end_with_their_number_in_hexadecimal() {
        for number in (0..300).chain([0x3_ffff, 0x10_0000, u32::MAX]) {
            let key = record_key(Side::A, number);
            assert_eq!(key, format!("pc{FORMAT}/ra/{number:x}"));
            assert!(key.len() <= KEY);
            assert_eq!(roster_key(number), format!("pc{FORMAT}/v/{number:x}"));
        }
    }
}
