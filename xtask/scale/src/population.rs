//! Made-up records, as a large installation has them: any number of profiles, the same ones each time, each of which can
//! be made without the others. Only addresses of this machine are ever allowed to call, so that callers here may.

pub mod catalogue;
mod names;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_engine::api_key::ApiKey as Key;
use portcullis_feed::{
    AddressLists, Algorithm, ClientId, FeedSigningKey, Jwk, KeyMaterial, Octets, ProfileId,
    SecretOctets,
};
use portcullis_store::{AccessMethod, AccessProfile, ApiKey, Client, Jwt, JwtKeys};

use crate::chance::{Chance, Kind};
use catalogue::{COLLECTIONS, POLICIES};

/// When the first record was made: the first moment of 2025.
pub(crate) const START_MS: u64 = 1_735_689_600_000;
/// How much later each further one was.
const STEP_MS: u64 = 1_000;
/// When what expires does so: in 2100, so that the records mean the same whenever they are used.
const EXPIRY_MS: u64 = 4_102_444_800_000;

/// To which of its eight clients each profile of a block of twelve belongs: 1.5 profiles a client, not evenly.
const CLIENT_OF_PLACE: [usize; 12] = [0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7];
const CLIENTS_OF_BLOCK: usize = 8;

/// How many of a thousand are so.
const DISABLED_CLIENTS: usize = 10;
const DISABLED_PROFILES: usize = 20;
const EXPIRING: usize = 200;
const OBSERVED: usize = 10;
const WITH_TOKENS: usize = 30;
const WITH_TWO_KEYS: usize = 30;
const WITH_ADDRESSES: usize = 100;
const WITH_DENIED_ADDRESSES: usize = 300;
const WITH_POLICY: usize = 600;

/// Records that do not exist until they are asked for. Two with the same numbers are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Population {
    /// From which all chance comes.
    pub seed: u64,
    /// How many profiles there are.
    pub profiles: usize,
}

impl Population {
    /// How many clients there are.
    #[must_use]
    pub const fn clients(&self) -> usize {
        let blocks = self.profiles / CLIENT_OF_PLACE.len();
        let rest = self.profiles % CLIENT_OF_PLACE.len();
        let mut clients = blocks * CLIENTS_OF_BLOCK;
        if rest > 0 {
            clients += CLIENT_OF_PLACE[rest - 1] + 1;
        }
        clients
    }

    /// A client, by its number below [`clients`](Self::clients).
    #[must_use]
    pub fn client(&self, number: usize) -> Client {
        let mut chance = Chance::of(self.seed, Kind::Client, number as u64);
        let created_at_ms = START_MS + number as u64 * STEP_MS;
        Client {
            id: ClientId::from_parts(created_at_ms, chance.id()),
            enabled: !chance.in_thousand(DISABLED_CLIENTS),
            name: names::client(&mut chance, number),
            description: chance
                .in_thousand(500)
                .then(|| "Contract of last year; see the register of partners".into()),
            logo: None,
            created_at_ms,
            updated_at_ms: created_at_ms,
        }
    }

    /// Whose a profile is.
    #[must_use]
    pub fn client_of(&self, profile: usize) -> usize {
        let (block, place) = (
            profile / CLIENT_OF_PLACE.len(),
            profile % CLIENT_OF_PLACE.len(),
        );
        block * CLIENTS_OF_BLOCK + CLIENT_OF_PLACE.get(place).copied().unwrap_or(0)
    }

    /// A profile, by its number below `profiles`.
    #[must_use]
    pub fn profile(&self, number: usize) -> AccessProfile {
        let mut chance = Chance::of(self.seed, Kind::Profile, number as u64);
        let created_at_ms = START_MS + number as u64 * STEP_MS;
        AccessProfile {
            id: ProfileId::from_parts(created_at_ms, chance.id()),
            enabled: !chance.in_thousand(DISABLED_PROFILES),
            access: access(&mut chance),
            client_id: self.client(self.client_of(number)).id,
            name: names::profile(&mut chance),
            description: None,
            collections: self
                .granted(number)
                .map(|it| catalogue::collection_id(self.seed, it))
                .collect(),
            policy_id: chance
                .in_thousand(WITH_POLICY)
                .then(|| catalogue::policy_id(self.seed, chance.below(POLICIES))),
            addresses: addresses(&mut chance),
            observe: chance.in_thousand(OBSERVED),
            expires_at_ms: chance.in_thousand(EXPIRING).then_some(EXPIRY_MS),
            created_at_ms,
            updated_at_ms: created_at_ms,
        }
    }

    /// The keys of a profile that has keys: the one that its callers present, and perhaps an older one.
    #[must_use]
    pub fn keys(&self, number: usize, profile: &AccessProfile) -> Vec<ApiKey> {
        if profile.access != AccessMethod::ApiKey {
            return Vec::new();
        }
        let has_older =
            Chance::of(self.seed, Kind::ApiKey, number as u64).in_thousand(WITH_TWO_KEYS);
        let record = |which: u64| {
            let key = self.key(number, which)?;
            let is_older = which > 0;
            Some(ApiKey {
                id: key.id().to_owned(),
                profile_id: profile.id,
                digest: key.digest(),
                created_at_ms: profile.created_at_ms,
                expires_at_ms: is_older.then_some(EXPIRY_MS),
                deprecated_at_ms: is_older.then_some(profile.created_at_ms),
                revoked_at_ms: None,
                imported: false,
            })
        };
        (0..=u64::from(has_older)).filter_map(record).collect()
    }

    /// The key that the callers of a profile present.
    #[must_use]
    pub fn presented_key(&self, number: usize) -> String {
        self.key(number, 0)
            .map(|key| key.reveal().to_owned())
            .unwrap_or_default()
    }

    /// A path that a profile grants for GET.
    #[must_use]
    pub fn path(&self, number: usize) -> String {
        catalogue::path(self.granted(number).next().unwrap_or(0), number)
    }

    /// Whether the key of a profile opens its path: it has keys, and neither it nor its client is disabled.
    #[must_use]
    pub fn is_callable(&self, number: usize) -> bool {
        let mut chance = Chance::of(self.seed, Kind::Profile, number as u64);
        chance.id();
        let is_enabled = !chance.in_thousand(DISABLED_PROFILES);
        let has_keys = access(&mut chance) == AccessMethod::ApiKey;
        let mut chance = Chance::of(self.seed, Kind::Client, self.client_of(number) as u64);
        chance.id();
        is_enabled && has_keys && !chance.in_thousand(DISABLED_CLIENTS)
    }

    /// The numbers of the collections that a profile grants: one to three, the first ones of the catalogue more often.
    fn granted(&self, number: usize) -> impl Iterator<Item = usize> + use<> {
        let mut chance = Chance::of(self.seed, Kind::Collection, (COLLECTIONS + number) as u64);
        let mut granted = Vec::with_capacity(3);
        for _ in 0..=chance.below(3) {
            let collection = chance.below(COLLECTIONS).min(chance.below(COLLECTIONS));
            if !granted.contains(&collection) {
                granted.push(collection);
            }
        }
        granted.into_iter()
    }

    fn key(&self, number: usize, which: u64) -> Option<Key> {
        // Two streams for each profile, behind those that say how many keys it has.
        let stream = (1 << 40) + number as u64 * 2 + which;
        let mut chance = Chance::of(self.seed, Kind::ApiKey, stream);
        Key::compose("live", chance.bytes(), chance.bytes()).ok()
    }
}

fn access(chance: &mut Chance) -> AccessMethod {
    if !chance.in_thousand(WITH_TOKENS) {
        return AccessMethod::ApiKey;
    }
    let bytes = chance.bytes();
    let (algorithm, keys) = if chance.in_thousand(500) {
        (
            Algorithm::HS256,
            JwtKeys::Secret(SecretOctets(bytes.to_vec())),
        )
    } else {
        let public = FeedSigningKey::from_seed(&bytes).public().to_string();
        let x = Octets(URL_SAFE_NO_PAD.decode(public).unwrap_or_default());
        let material = KeyMaterial::Okp {
            crv: "Ed25519".into(),
            x,
        };
        (
            Algorithm::EdDSA,
            JwtKeys::Pasted(vec![Jwk {
                kid: None,
                material,
            }]),
        )
    };
    AccessMethod::Jwt(Box::new(Jwt {
        algorithm,
        keys,
        identity: None,
        issuers: vec!["https://login.example".into()],
        audiences: vec!["portcullis".into()],
        required_claims: BTreeMap::new(),
        max_lifetime_s: None,
        allows_no_expiry: false,
    }))
}

/// Networks of an office or two, and always that of this machine.
fn addresses(chance: &mut Chance) -> AddressLists {
    let mut lists = AddressLists::default();
    if !chance.in_thousand(WITH_ADDRESSES) {
        return lists;
    }
    lists.allow.push("127.0.0.0/8".into());
    for _ in 0..chance.below(6) {
        let [a, b, c] = chance.bytes();
        lists.allow.push(match a % 3 {
            0 => format!("10.{b}.{c}.0/24"),
            1 => format!("192.0.2.{}", b % 250),
            _ => format!("2001:db8:{b:x}{c:02x}::/48"),
        });
    }
    if chance.in_thousand(WITH_DENIED_ADDRESSES) {
        let [a, b] = chance.bytes();
        lists.deny.push(format!("10.{a}.{b}.7-10.{a}.{b}.9"));
    }
    lists
}

#[cfg(test)]
mod tests;
