//! Sentences about made-up records: that they are the same each time, and as many of each kind as said.

use std::collections::HashSet;

use super::*;

const POPULATION: Population = Population {
    seed: 7,
    profiles: 2_400,
};

fn share(is_so: impl Fn(usize) -> bool) -> usize {
    (0..POPULATION.profiles)
        .filter(|&number| is_so(number))
        .count()
        * 1_000
        / POPULATION.profiles
}

#[test]
fn the_same_numbers_make_the_same_records() {
    let again = Population {
        profiles: 1_000_000,
        ..POPULATION
    };
    for number in [0, 1, 2_399] {
        let profile = POPULATION.profile(number);
        assert_eq!(profile, again.profile(number));
        assert_eq!(
            POPULATION.keys(number, &profile),
            again.keys(number, &profile)
        );
        assert_eq!(
            POPULATION.presented_key(number),
            again.presented_key(number)
        );
    }
    let other = Population {
        seed: 8,
        ..POPULATION
    };
    assert_ne!(POPULATION.presented_key(0), other.presented_key(0));
    assert_ne!(POPULATION.profile(0).id, other.profile(0).id);
}

#[test]
fn no_two_keys_and_no_two_profiles_are_alike() {
    let mut digests = HashSet::new();
    let mut ids = HashSet::new();
    for number in 0..POPULATION.profiles {
        let profile = POPULATION.profile(number);
        assert!(ids.insert(profile.id), "{number}");
        for key in POPULATION.keys(number, &profile) {
            assert_eq!(key.profile_id, profile.id);
            assert!(digests.insert(key.digest), "{number}");
        }
    }
}

#[test]
fn the_presented_key_is_the_first_of_the_profile_and_well_formed() {
    let profile = POPULATION.profile(0);
    let presented = POPULATION.presented_key(0);
    let digest = portcullis_engine::api_key::digest(presented.as_bytes());
    assert_eq!(POPULATION.keys(0, &profile)[0].digest, digest);
    assert!(!portcullis_engine::api_key::is_mistyped(
        presented.as_bytes()
    ));
}

#[test]
fn there_are_as_many_of_each_kind_as_said() {
    let expect = |name: &str, share: usize, about: usize| {
        let slack = about / 4 + 8;
        assert!(
            (about.saturating_sub(slack)..=about + slack).contains(&share),
            "{name}: {share} of a thousand"
        );
    };
    let profile = |number| POPULATION.profile(number);
    let has_tokens = |number| profile(number).access != AccessMethod::ApiKey;
    expect("tokens", share(has_tokens), WITH_TOKENS);
    let keys = |number| POPULATION.keys(number, &profile(number)).len();
    expect("two keys", share(|number| keys(number) == 2), WITH_TWO_KEYS);
    expect(
        "addresses",
        share(|number| !profile(number).addresses.allow.is_empty()),
        WITH_ADDRESSES,
    );
    expect(
        "policies",
        share(|number| profile(number).policy_id.is_some()),
        WITH_POLICY,
    );
    expect(
        "expiring",
        share(|number| profile(number).expires_at_ms.is_some()),
        EXPIRING,
    );
    expect(
        "callable",
        share(|number| POPULATION.is_callable(number)),
        941,
    );
    for count in 1..=3 {
        assert!(
            share(|number| profile(number).collections.len() == count) > 200,
            "{count}"
        );
    }
}

#[test]
fn who_is_callable_has_a_key_and_nothing_that_is_disabled() {
    for number in 0..POPULATION.profiles {
        let profile = POPULATION.profile(number);
        let client = POPULATION.client(POPULATION.client_of(number));
        let is_callable =
            profile.access == AccessMethod::ApiKey && profile.enabled && client.enabled;
        assert_eq!(POPULATION.is_callable(number), is_callable, "{number}");
    }
}

#[test]
fn a_client_has_one_and_a_half_profiles_on_average() {
    assert_eq!(POPULATION.clients(), 1_600);
    let clients: HashSet<usize> = (0..POPULATION.profiles)
        .map(|number| POPULATION.client_of(number))
        .collect();
    assert_eq!(
        (clients.len(), clients.into_iter().max()),
        (1_600, Some(1_599))
    );
    for profiles in 1..40 {
        let population = Population { seed: 1, profiles };
        assert_eq!(
            population.clients(),
            population.client_of(profiles - 1) + 1,
            "{profiles}"
        );
    }
}

#[test]
fn a_path_is_granted_by_the_collections_of_its_profile() {
    for number in 0..100 {
        let granted = POPULATION.granted(number).next().unwrap();
        let collection = catalogue::collection(POPULATION.seed, granted);
        assert_eq!(POPULATION.profile(number).collections[0], collection.id);
        let begin = POPULATION.path(number);
        let begin = begin.rsplit_once('/').unwrap().0;
        assert!(
            collection
                .endpoints
                .iter()
                .any(|endpoint| endpoint.path == format!("{begin}/{{id}}")),
            "{begin}"
        );
    }
}
