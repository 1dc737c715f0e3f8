//! What a VM keeps in mind, and for how long.

use std::sync::Arc;

use portcullis_engine::{Holder, Record, SharedTerms};
use portcullis_feed::Digest;

use super::sync::profile;
use crate::cache::{Cache, MOST_CHANGED};

/// Two of them stand on each page: 0 and 1 on the first one.
fn digest(number: u32) -> Digest {
    let mut digest = Digest([0; 32]);
    digest.0[..4].copy_from_slice(&(number / 2).to_be_bytes());
    digest.0[4..8].copy_from_slice(&number.to_be_bytes());
    digest
}

fn holder() -> Arc<Holder> {
    let mut records = Record::of(&profile(1, &["key"])).unwrap();
    Arc::new(Holder::new(
        records.remove(0).1,
        &mut SharedTerms::default(),
    ))
}

fn known(cache: &Cache, numbers: std::ops::Range<u32>) -> Vec<u32> {
    numbers
        .filter(|&number| cache.find(&digest(number)).is_some())
        .collect()
}

#[test]
fn what_came_from_a_changed_page_is_forgotten_until_it_is_read_again() {
    let mut cache = Cache::new(1 << 20);
    let holder = holder();
    for number in 0..6 {
        cache.insert(digest(number), Arc::clone(&holder), 100);
    }
    cache.forget(&[0, 2]);
    assert_eq!(known(&cache, 0..6), [2, 3]);
    cache.insert(digest(0), Arc::clone(&holder), 100);
    assert_eq!(known(&cache, 0..6), [0, 2, 3]);
    cache.forget(&[0]);
    assert_eq!(known(&cache, 0..6), [2, 3]);
}

#[test]
fn after_many_changes_what_is_outdated_takes_no_room() {
    let mut cache = Cache::new(1 << 20);
    let holder = holder();
    let pages = u32::try_from(MOST_CHANGED).unwrap() + 10;
    for page in 0..pages {
        cache.insert(digest(2 * page), Arc::clone(&holder), 100);
    }
    for page in 0..pages - 1 {
        cache.forget(&[page]);
        assert_eq!(
            known(&cache, 0..2 * pages),
            (page + 1..pages).map(|page| 2 * page).collect::<Vec<_>>()
        );
    }
    assert!(cache.len() < 20, "{}", cache.len());
}
