//! A population as the feed tells it to whoever begins from nothing, without a database.

use portcullis_feed::{
    AccessMethod, Change, ChangePage, ChangedObject, Epoch, FORMAT, Jwk, KeyMaterial, KeyState,
    Profile, Revision,
};
use portcullis_store::{ApiKey, JwtKeys};

use crate::population::Population;
use crate::population::catalogue::{self, COLLECTIONS};

/// The pages that tell a population, each of at most `limit` changes.
pub fn pages(
    population: Population,
    epoch: Epoch,
    limit: usize,
) -> impl Iterator<Item = ChangePage> {
    let head = COLLECTIONS + population.profiles;
    let limit = limit.max(1);
    (0..head.div_ceil(limit)).map(move |page| {
        let after = page * limit;
        let end = (after + limit).min(head);
        ChangePage {
            format: FORMAT,
            epoch: epoch.clone(),
            after: after as Revision,
            revision: end as Revision,
            head: head as Revision,
            changes: (after..end)
                .map(|place| change(&population, place))
                .collect(),
        }
    })
}

/// The change at a place: first all collections, then all profiles.
fn change(population: &Population, place: usize) -> Change {
    let object = match place.checked_sub(COLLECTIONS) {
        None => {
            let collection = catalogue::collection(population.seed, place);
            ChangedObject::Collection(Box::new(collection.as_carried()))
        }
        Some(number) => ChangedObject::Profile(Box::new(profile(population, number))),
    };
    Change {
        revision: place as Revision + 1,
        object,
    }
}

/// A profile as the feed carries it.
#[must_use]
pub fn profile(population: &Population, number: usize) -> Profile {
    let profile = population.profile(number);
    let client = population.client(population.client_of(number));
    let keys = population.keys(number, &profile);
    let policies =
        (0..catalogue::POLICIES).map(|number| catalogue::policy(population.seed, number));
    Profile {
        id: profile.id,
        client: portcullis_feed::Client {
            id: client.id,
            name: client.name,
            enabled: client.enabled,
        },
        enabled: profile.enabled,
        expires_at_ms: profile.expires_at_ms,
        access: access(profile.access, keys),
        addresses: profile.addresses,
        collections: profile.collections,
        policy: profile.policy_id.and_then(|id| {
            let policy = policies.into_iter().find(|policy| policy.id == id)?;
            Some(portcullis_feed::Policy {
                id,
                rate_limit: policy.rate_limit,
                quota: policy.quota,
                quota_used_up_until_ms: None,
                quota_offsets: Vec::new(),
            })
        }),
        observe: profile.observe,
    }
}

fn access(method: portcullis_store::AccessMethod, keys: Vec<ApiKey>) -> AccessMethod {
    let jwt = match method {
        portcullis_store::AccessMethod::ApiKey => {
            let keys = keys.into_iter().map(|key| portcullis_feed::ApiKey {
                id: key.id,
                digest: key.digest,
                expires_at_ms: key.expires_at_ms,
                deprecated_at_ms: key.deprecated_at_ms,
                state: KeyState::Active,
            });
            return AccessMethod::ApiKey {
                keys: keys.collect(),
            };
        }
        portcullis_store::AccessMethod::Jwt(jwt) => jwt,
    };
    let keys = match jwt.keys {
        JwtKeys::Pasted(keys) => keys,
        JwtKeys::Secret(k) => vec![Jwk {
            kid: None,
            material: KeyMaterial::Oct { k },
        }],
        JwtKeys::Followed(_) => Vec::new(),
    };
    AccessMethod::Jwt(Box::new(portcullis_feed::Jwt {
        algorithm: jwt.algorithm,
        keys,
        follows_key_set: false,
        named_by_keys: Vec::new(),
        identity: jwt.identity,
        issuers: jwt.issuers,
        audiences: jwt.audiences,
        required_claims: jwt.required_claims,
        max_lifetime_s: jwt.max_lifetime_s,
        allows_no_expiry: jwt.allows_no_expiry,
    }))
}

#[cfg(test)]
mod tests {
    use portcullis_engine::Record;

    use super::*;

    const POPULATION: Population = Population {
        seed: 1,
        profiles: 500,
    };

    #[test]
    fn the_pages_tell_everything_once_and_in_order() {
        let told: Vec<ChangePage> = pages(POPULATION, "e".into(), 97).collect();
        let mut revision = 0;
        for page in &told {
            assert_eq!(page.after, revision);
            for change in &page.changes {
                revision += 1;
                assert_eq!(change.revision, revision);
            }
            assert_eq!((page.revision, page.head), (revision, 548));
        }
        assert_eq!(revision, 548);
    }

    #[test]
    fn every_profile_can_be_read_by_a_gateway() {
        for number in 0..POPULATION.profiles {
            let profile = profile(&POPULATION, number);
            let filed = Record::of(&profile).unwrap();
            assert!(!filed.is_empty(), "{number}");
        }
    }
}
