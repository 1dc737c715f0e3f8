//! What gateways ask for: the changes after a revision, with all that they need to know of each. So many statements for
//! each call, however many changes there are.

use std::borrow::Cow;
use std::collections::HashMap;

use portcullis_feed::{
    AccessMethod, Change, ChangedObject, Client, ClientId, Collection, CollectionId, Digest,
    Policy, PolicyId, Profile, ProfileId, Quota, QuotaCounts, Revision,
};
use serde::Deserialize;

use crate::statement::{Row, Truth, query};
use crate::zone::utc_offsets;
use crate::{
    ApiKey, Jwt, JwtKeys, KeySet, KeySetSource, QuotaStanding, Snapshot, Standing, StoreError,
    carried, collection, jwt, key, policy, quota, row,
};

/// Rows as one text, as SQLite and as PostgreSQL make it: each a list of JSON, all of them in another. To have rows handed
/// over one by one takes a program longer than it takes a database to find them.
macro_rules! in_lists {
    ($columns:expr, $of:expr) => {
        [
            concat!("SELECT JSON_GROUP_ARRAY(JSON_ARRAY(", $columns, ")) ", $of),
            concat!(
                "SELECT CAST(JSON_AGG(JSON_BUILD_ARRAY(",
                $columns,
                ")) AS TEXT) ",
                $of
            ),
        ]
    };
}

/// What changed: `$1` and `$2` say after which revision, and which removals are none to the reader.
const TOLD: [&str; 2] = in_lists!(
    "m.revision, m.kind, m.object_id, m.removed_at_ms IS NOT NULL, \
     p.client_id, c.name, c.enabled, p.enabled, p.observe, p.expires_at_ms, p.addresses, \
     p.policy_id, p.access_method = 'jwt', \
     (SELECT STRING_AGG(collection_id, ' ' ORDER BY position) FROM profile_collections \
     WHERE profile_id = p.id)",
    "FROM (SELECT * FROM changes WHERE revision > $1 AND (removed_at_ms IS NULL OR revision > $2) \
     ORDER BY revision LIMIT $3) m \
     LEFT JOIN access_profiles p ON m.kind = 'profile' AND p.id = m.object_id \
     LEFT JOIN clients c ON c.id = p.client_id"
);

/// The objects of some revisions, which `$1` and `$2` enclose. That they are of the right kind, their identifiers say:
/// SQLite would begin with all of the kind where it is named. `CROSS JOIN` keeps it from beginning with the other table.
macro_rules! from_changed {
    ($joined:literal) => {
        concat!(
            "FROM changes m CROSS JOIN ",
            $joined,
            " AND m.revision > $1 AND m.revision <= $2"
        )
    };
}

/// A statement about them.
macro_rules! of_changed {
    ($columns:literal, $joined:literal) => {
        concat!("SELECT ", $columns, " ", from_changed!($joined))
    };
}

macro_rules! keys_of_changed {
    ($joined:literal) => {
        in_lists!(
            "k.profile_id, k.id, k.digest, k.created_at_ms, k.expires_at_ms, k.deprecated_at_ms, \
             k.revoked_at_ms, k.imported",
            from_changed!($joined)
        )
    };
}

const KEYS: [&str; 2] =
    keys_of_changed!("api_keys k WHERE k.profile_id = m.object_id AND k.revoked_at_ms IS NULL");

/// Those that were revoked last, but not before `$3`. Where several were revoked at the same time as the twentieth, all
/// of them.
const REVOKED_KEYS: [&str; 2] = keys_of_changed!(
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

/// A row of [`TOLD`].
#[derive(Deserialize)]
struct ToldRow<'a>(
    Revision,
    &'a str,
    &'a str,
    Truth,
    Option<ClientId>,
    Option<String>,
    Option<Truth>,
    Option<Truth>,
    Option<Truth>,
    Option<u64>,
    #[serde(borrow)] Option<Cow<'a, str>>,
    Option<PolicyId>,
    Option<Truth>,
    Option<&'a str>,
);

/// A row of [`KEYS`].
#[derive(Deserialize)]
struct KeyRow(
    ProfileId,
    String,
    Digest,
    u64,
    Option<u64>,
    Option<u64>,
    Option<u64>,
    Truth,
);

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
        let rows = query(self.transaction.own(TOLD))
            .bind(row::stored(standing.after))
            .bind(row::stored(standing.removals_known()))
            .bind(i64::from(limit))
            .fetch_lists(&mut self.transaction)
            .await?;
        let rows = rows.read("changes")?.into_iter();
        let told: Result<Vec<Told>, StoreError> = rows.map(Told::of).collect();
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
        let told_since_ms = carried::told_since_ms(now_ms);
        let statements = [
            query(self.transaction.own(KEYS)),
            query(self.transaction.own(REVOKED_KEYS)),
        ];
        let [unrevoked, revoked] =
            statements.map(|it| it.bind(row::stored(range.0)).bind(row::stored(range.1)));
        for statement in [unrevoked, revoked.bind(row::stored(told_since_ms))] {
            let rows = statement.fetch_lists(&mut self.transaction).await?;
            for key in rows
                .read::<KeyRow>("api_keys")?
                .into_iter()
                .map(ApiKey::from)
            {
                keys.entry(key.profile_id).or_default().push(key);
            }
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
    fn of(row: ToldRow<'_>) -> Result<Self, StoreError> {
        let ToldRow(revision, kind, id, Truth(is_removed), ..) = row;
        let object = match (kind, is_removed) {
            ("profile", false) => Object::Profile(Box::new(Bare::of(row)?)),
            ("profile", true) => Object::ProfileRemoved(row::read(id, "object_id")?),
            ("collection", false) => Object::Collection(row::read(id, "object_id")?),
            ("collection", true) => Object::CollectionRemoved(row::read(id, "object_id")?),
            _ => return Err(StoreError::Unreadable { column: "kind" }),
        };
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
    fn of(row: ToldRow<'_>) -> Result<Self, StoreError> {
        // A profile that is told to be there, and is not.
        let missing = StoreError::Unreadable {
            column: "object_id",
        };
        let ToldRow(
            _,
            _,
            id,
            _,
            Some(client_id),
            Some(client_name),
            Some(Truth(client_enabled)),
            Some(Truth(enabled)),
            Some(Truth(observe)),
            expires_at_ms,
            Some(addresses),
            policy_id,
            Some(Truth(has_jwt)),
            collections,
        ) = row
        else {
            return Err(missing);
        };
        let collections = collections.unwrap_or_default().split_ascii_whitespace();
        Ok(Self {
            profile: Profile {
                id: row::read(id, "object_id")?,
                client: Client {
                    id: client_id,
                    name: client_name,
                    enabled: client_enabled,
                },
                enabled,
                expires_at_ms,
                access: AccessMethod::ApiKey { keys: Vec::new() },
                addresses: row::read_json(&addresses, "addresses")?,
                collections: collections
                    .map(|id| row::read(id, "collection_id"))
                    .collect::<Result<_, _>>()?,
                policy: None,
                observe,
            },
            policy_id,
            has_jwt,
        })
    }
}

impl From<KeyRow> for ApiKey {
    fn from(row: KeyRow) -> Self {
        let KeyRow(
            profile_id,
            id,
            digest,
            created_at_ms,
            expires_at_ms,
            deprecated_at_ms,
            revoked_at_ms,
            Truth(imported),
        ) = row;
        Self {
            id,
            profile_id,
            digest,
            created_at_ms,
            expires_at_ms,
            deprecated_at_ms,
            revoked_at_ms,
            imported,
        }
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
