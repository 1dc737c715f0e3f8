//! What gateways ask for: the changes after a revision, with all that they need to know of each. So many statements for
//! each call, however many changes there are.

use std::collections::HashMap;

use portcullis_feed::{
    AccessMethod, Change, ChangedObject, Client, Collection, CollectionId, Policy, PolicyId,
    Profile, ProfileId, Quota, QuotaCounts, Revision,
};

use crate::statement::{Row, query};
use crate::zone::utc_offsets;
use crate::{
    ApiKey, Jwt, JwtKeys, KeySet, KeySetSource, QuotaStanding, Snapshot, Standing, StoreError,
    carried, collection, jwt, key, policy, quota, row,
};

/// What changed: `$1` and `$2` say after which revision, and which removals are none to the reader. The columns are read
/// by their order, in [`Told::from_row`].
const TOLD: &str = "\
SELECT m.revision, m.kind, m.object_id, m.removed_at_ms IS NOT NULL, \
p.client_id, c.name, c.enabled, p.enabled, p.observe, p.expires_at_ms, p.addresses, \
p.policy_id, p.access_method = 'jwt', \
(SELECT STRING_AGG(collection_id, ' ' ORDER BY position) FROM profile_collections \
WHERE profile_id = p.id) \
FROM (SELECT * FROM changes WHERE revision > $1 AND (removed_at_ms IS NULL OR revision > $2) \
ORDER BY revision LIMIT $3) m \
LEFT JOIN access_profiles p ON m.kind = 'profile' AND p.id = m.object_id \
LEFT JOIN clients c ON c.id = p.client_id";

/// A statement about the objects of some revisions, which `$1` and `$2` enclose. That they are of the right kind, their
/// identifiers say: SQLite would begin with all of the kind where it is named. `CROSS JOIN` keeps it from beginning with
/// the other table.
macro_rules! of_changed {
    ($columns:literal, $joined:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM changes m CROSS JOIN ",
            $joined,
            " AND m.revision > $1 AND m.revision <= $2"
        )
    };
}

const KEYS: &str = of_changed!(
    "k.*",
    "api_keys k WHERE k.profile_id = m.object_id AND k.revoked_at_ms IS NULL"
);

/// Those that were revoked last, but not before `$3`. Where several were revoked at the same time as the twentieth, all
/// of them.
const REVOKED_KEYS: &str = of_changed!(
    "k.*",
    "api_keys k WHERE k.profile_id = m.object_id AND k.revoked_at_ms >= COALESCE((\
     SELECT r.revoked_at_ms FROM api_keys r WHERE r.profile_id = m.object_id \
     AND r.revoked_at_ms >= $3 ORDER BY r.revoked_at_ms DESC LIMIT 1 OFFSET 19), $3)"
);

const JWTS: &str = of_changed!(
    "p.id, p.access_method, p.jwt, p.jwt_secret, p.key_set, p.token_issuer, p.token_client",
    "access_profiles p WHERE p.id = m.object_id AND p.access_method = 'jwt'"
);

/// What was judged of quotas that are used up.
const USED_UP: &str = of_changed!(
    "q.*",
    "quota_standings q WHERE q.profile_id = m.object_id AND q.percent >= 100"
);

const COLLECTIONS: &str = of_changed!("c.*", "collections c WHERE c.id = m.object_id");

/// Some revisions: after the first, up to the last.
#[derive(Clone, Copy)]
struct Range(Revision, Revision);

/// A change with what stands in its own row.
struct Told {
    revision: Revision,
    object: Object,
}

enum Object {
    Profile(Box<Bare>),
    ProfileRemoved(ProfileId),
    Collection(CollectionId),
    CollectionRemoved(CollectionId),
}

/// A profile without what it shares with others and what it has several of.
struct Bare {
    profile: Profile,
    policy_id: Option<PolicyId>,
    has_jwt: bool,
}

/// A policy as it is told with each profile that has it, and the quota by which those were judged.
struct ToldPolicy {
    carried: Policy,
    quota: Option<Quota>,
}

/// The rest, of all that changed.
#[derive(Default)]
struct Rest {
    keys: HashMap<ProfileId, Vec<ApiKey>>,
    jwts: HashMap<ProfileId, Jwt>,
    key_sets: HashMap<KeySetSource, KeySet>,
    policies: HashMap<PolicyId, ToldPolicy>,
    used_up: HashMap<ProfileId, QuotaStanding>,
    collections: HashMap<CollectionId, Collection>,
}

impl Snapshot {
    /// The first `limit` changes that a reader has not seen, in order: the newest state of each object only.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn changes(
        &mut self,
        standing: &Standing,
        limit: u32,
        now_ms: u64,
    ) -> Result<Vec<Change>, StoreError> {
        let rows = query(TOLD)
            .bind(row::stored(standing.after))
            .bind(row::stored(standing.removals_known()))
            .bind(i64::from(limit))
            .fetch_all(&mut self.transaction)
            .await?;
        let told: Result<Vec<Told>, StoreError> = rows.iter().map(Told::from_row).collect();
        let mut told = told?;
        told.sort_unstable_by_key(|one| one.revision);
        let Some(last) = told.last() else {
            return Ok(Vec::new());
        };
        let range = Range(standing.after, last.revision);
        let mut rest = self.rest(&told, range, now_ms).await?;
        told.into_iter()
            .map(|one| rest.complete(one, now_ms))
            .collect()
    }

    async fn rest(&mut self, told: &[Told], range: Range, now_ms: u64) -> Result<Rest, StoreError> {
        let mut rest = Rest::default();
        let profiles = || told.iter().filter_map(Told::profile);
        if profiles().next().is_some() {
            rest.keys = self.keys_within(range, now_ms).await?;
        }
        if profiles().any(|profile| profile.has_jwt) {
            for row in &self.within(JWTS, range).await? {
                let jwt = jwt::from_row(row, &self.secret_key)?;
                rest.jwts.insert(row::parsed(row, "id")?, jwt);
            }
            let sources = rest.jwts.values().filter_map(|jwt| match &jwt.keys {
                JwtKeys::Followed(source) => Some(source.clone()),
                JwtKeys::Pasted(_) | JwtKeys::Secret(_) => None,
            });
            rest.key_sets = self.key_sets(&distinct(sources)).await?;
        }
        let policies = distinct(profiles().filter_map(|profile| profile.policy_id));
        for row in &self
            .rows("SELECT * FROM policies WHERE id", &policies)
            .await?
        {
            let policy = policy::from_row(row)?.as_carried();
            let id = policy.id;
            rest.policies.insert(id, ToldPolicy::of(policy, now_ms));
        }
        if rest.policies.values().any(|told| told.quota.is_some()) {
            for row in &self.within(USED_UP, range).await? {
                let standing = quota::from_row(row)?;
                rest.used_up
                    .insert(row::parsed(row, "profile_id")?, standing);
            }
        }
        if told
            .iter()
            .any(|one| matches!(one.object, Object::Collection(_)))
        {
            for row in &self.within(COLLECTIONS, range).await? {
                let collection = collection::from_row(row)?;
                rest.collections
                    .insert(collection.id, collection.as_carried());
            }
        }
        Ok(rest)
    }

    async fn keys_within(
        &mut self,
        range: Range,
        now_ms: u64,
    ) -> Result<HashMap<ProfileId, Vec<ApiKey>>, StoreError> {
        let mut keys: HashMap<_, Vec<_>> = HashMap::new();
        let mut found = self.within(KEYS, range).await?;
        let revoked = query(REVOKED_KEYS)
            .bind(row::stored(range.0))
            .bind(row::stored(range.1))
            .bind(row::stored(carried::told_since_ms(now_ms)))
            .fetch_all(&mut self.transaction);
        found.extend(revoked.await?);
        for row in &found {
            let key = key::from_row(row)?;
            keys.entry(key.profile_id).or_default().push(key);
        }
        Ok(keys)
    }

    async fn within(
        &mut self,
        statement: &'static str,
        Range(after, last): Range,
    ) -> Result<Vec<Row>, StoreError> {
        query(statement)
            .bind(row::stored(after))
            .bind(row::stored(last))
            .fetch_all(&mut self.transaction)
            .await
    }
}

impl Told {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let id: &str = row.try_get(2)?;
        let object = match (row.try_get(1)?, row.try_get(3)?) {
            ("profile", false) => Object::Profile(Box::new(Bare::from_row(row, id)?)),
            ("profile", true) => Object::ProfileRemoved(row::read(id, "object_id")?),
            ("collection", false) => Object::Collection(row::read(id, "object_id")?),
            ("collection", true) => Object::CollectionRemoved(row::read(id, "object_id")?),
            _ => return Err(StoreError::Unreadable { column: "kind" }),
        };
        let revision = row::unsigned(row.try_get(0)?, "revision")?;
        Ok(Self { revision, object })
    }

    fn profile(&self) -> Option<&Bare> {
        match &self.object {
            Object::Profile(profile) => Some(profile),
            Object::ProfileRemoved(_) | Object::Collection(_) | Object::CollectionRemoved(_) => {
                None
            }
        }
    }
}

impl Bare {
    fn from_row(row: &Row, id: &str) -> Result<Self, StoreError> {
        let column = "object_id";
        let client_id: Option<&str> = row.try_get(4)?;
        let client_id = client_id.ok_or(StoreError::Unreadable { column })?;
        let expires_at_ms: Option<i64> = row.try_get(9)?;
        let policy_id: Option<&str> = row.try_get(11)?;
        let collections: Option<&str> = row.try_get(13)?;
        let collections = collections.unwrap_or_default().split_ascii_whitespace();
        Ok(Self {
            profile: Profile {
                id: row::read(id, column)?,
                client: Client {
                    id: row::read(client_id, "client_id")?,
                    name: row.try_get(5)?,
                    enabled: row.try_get(6)?,
                },
                enabled: row.try_get(7)?,
                expires_at_ms: expires_at_ms
                    .map(|at_ms| row::unsigned(at_ms, "expires_at_ms"))
                    .transpose()?,
                access: AccessMethod::ApiKey { keys: Vec::new() },
                addresses: row::read_json(row.try_get(10)?, "addresses")?,
                collections: collections
                    .map(|id| row::read(id, "collection_id"))
                    .collect::<Result<_, _>>()?,
                policy: None,
                observe: row.try_get(8)?,
            },
            policy_id: policy_id.map(|id| row::read(id, "policy_id")).transpose()?,
            has_jwt: row.try_get(12)?,
        })
    }
}

impl ToldPolicy {
    /// Clocks are asked for once for all profiles that have it.
    fn of(mut carried: Policy, now_ms: u64) -> Self {
        let quota = carried.quota.clone();
        if let Some(quota) = &mut carried.quota {
            quota.counts = QuotaCounts::default();
            let zone = quota.time_zone.take();
            let offsets = zone.and_then(|zone| utc_offsets(&zone, now_ms));
            carried.quota_offsets = offsets.unwrap_or_default();
        }
        Self { carried, quota }
    }

    /// With what was judged of a profile: by another quota, it says nothing of this one.
    fn with(&self, used_up: Option<&QuotaStanding>) -> Policy {
        let used_up = used_up.filter(|standing| self.quota.as_ref() == Some(&standing.quota));
        Policy {
            quota_used_up_until_ms: used_up.map(|standing| standing.until_ms),
            ..self.carried.clone()
        }
    }
}

impl Rest {
    fn complete(&mut self, told: Told, now_ms: u64) -> Result<Change, StoreError> {
        let object = match told.object {
            Object::Profile(bare) => {
                ChangedObject::Profile(Box::new(self.complete_profile(*bare, now_ms)))
            }
            Object::ProfileRemoved(id) => ChangedObject::ProfileRemoved(id),
            Object::CollectionRemoved(id) => ChangedObject::CollectionRemoved(id),
            Object::Collection(id) => {
                let column = "object_id";
                let found = self.collections.remove(&id);
                ChangedObject::Collection(Box::new(found.ok_or(StoreError::Unreadable { column })?))
            }
        };
        let revision = told.revision;
        Ok(Change { revision, object })
    }

    fn complete_profile(&mut self, bare: Bare, now_ms: u64) -> Profile {
        let mut profile = bare.profile;
        let mut keys = self.keys.remove(&profile.id).unwrap_or_default();
        key::cut(&mut keys);
        let keys = carried::keys(keys, now_ms);
        profile.access = match self.jwts.remove(&profile.id) {
            Some(stored) => AccessMethod::Jwt(Box::new(self.complete_jwt(stored, keys))),
            None => AccessMethod::ApiKey { keys },
        };
        let told = bare.policy_id.and_then(|id| self.policies.get(&id));
        profile.policy = told.map(|told| {
            let used_up = self.used_up.get(&profile.id);
            told.with(used_up)
        });
        profile
    }

    fn complete_jwt(
        &self,
        stored: Jwt,
        keys: Vec<portcullis_feed::ApiKey>,
    ) -> portcullis_feed::Jwt {
        let set = match &stored.keys {
            JwtKeys::Followed(source) => self.key_sets.get(source),
            JwtKeys::Pasted(_) | JwtKeys::Secret(_) => None,
        };
        let mut jwt = carried::jwt(stored, keys);
        if let Some(set) = set {
            jwt.keys = set.keys_for(jwt.algorithm);
        }
        jwt
    }
}

fn distinct<T: Ord>(ids: impl Iterator<Item = T>) -> Vec<T> {
    let mut ids: Vec<T> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
