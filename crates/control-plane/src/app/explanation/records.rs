//! The records that a decision asks for, as gateways are told them: all collections, and of the profiles those that the
//! request leads to.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use portcullis_engine::gate::trace::Name;
use portcullis_engine::route::Routes;
use portcullis_engine::{Holder, Record, Registry, SharedTerms, api_key};
use portcullis_feed::{
    AccessMethod, Collection, CollectionId, Digest, Profile, ProfileId, Revision, TokenIdentity,
};
use portcullis_store::Snapshot;

use super::asked::stand_in;
use crate::app::Refusal;

/// The records of one moment, as far as they were asked for.
pub(super) struct Records {
    pub(super) revision: Revision,
    now_ms: u64,
    routes: Arc<Routes>,
    collections: HashMap<CollectionId, Collection>,
    profiles: HashMap<ProfileId, KnownProfile>,
    holders: HashMap<Digest, Arc<Holder>>,
    searched: HashSet<Digest>,
}

/// A profile, and what people call it.
pub(super) struct KnownProfile {
    pub(super) name: String,
    pub(super) policy_name: Option<String>,
    pub(super) told: Profile,
}

/// Who was asked for, without the key that may have named them.
#[derive(Debug, Clone)]
pub(super) struct Sought {
    digest: Digest,
    way: Way,
}

/// How they are found in the database.
#[derive(Debug, Clone)]
enum Way {
    Key,
    Profile(ProfileId),
    Identity(TokenIdentity),
}

impl From<Name<'_>> for Sought {
    fn from(name: Name<'_>) -> Self {
        Self {
            digest: name.digest(),
            way: match name {
                Name::Key(_) => Way::Key,
                Name::Profile(id) => Way::Profile(id),
                Name::Identity { issuer, client } => Way::Identity(TokenIdentity {
                    issuer: issuer.to_owned(),
                    client: client.to_owned(),
                }),
            },
        }
    }
}

impl Records {
    /// The collections, and nobody who may call them yet.
    pub(super) async fn read(snapshot: &mut Snapshot, now_ms: u64) -> Result<Self, Refusal> {
        let collections = snapshot.told_collections().await?;
        Ok(Self {
            revision: snapshot.head().await?,
            now_ms,
            routes: Arc::new(Routes::compile(&collections)),
            collections: collections.into_iter().map(|it| (it.id, it)).collect(),
            profiles: HashMap::new(),
            holders: HashMap::new(),
            searched: HashSet::new(),
        })
    }

    /// Lets what stands in for a key be known as that key is, if it is.
    pub(super) async fn admit_key(
        &mut self,
        snapshot: &mut Snapshot,
        id: &str,
    ) -> Result<(), Refusal> {
        let placeholder = api_key::digest(stand_in(id).as_bytes());
        if !self.searched.insert(placeholder) {
            return Ok(());
        }
        let Some(key) = snapshot.key(id).await? else {
            return Ok(());
        };
        self.admit(snapshot, key.profile_id).await?;
        if let Some(holder) = self.holders.get(&key.digest).cloned() {
            self.holders.insert(placeholder, holder);
        }
        Ok(())
    }

    /// Looks for whom a decision asked for.
    pub(super) async fn look_up(
        &mut self,
        snapshot: &mut Snapshot,
        sought: Sought,
    ) -> Result<(), Refusal> {
        self.searched.insert(sought.digest);
        let found = match sought.way {
            Way::Key => {
                let key = snapshot.key_digested(sought.digest).await?;
                key.map(|key| key.profile_id)
            }
            Way::Profile(id) => Some(id),
            Way::Identity(identity) => {
                let profile = snapshot.profile_identified(&identity).await?;
                profile.map(|profile| profile.id)
            }
        };
        match found {
            Some(id) => self.admit(snapshot, id).await,
            None => Ok(()),
        }
    }

    /// Whether it was looked for already.
    pub(super) fn has_searched(&self, sought: &Sought) -> bool {
        self.searched.contains(&sought.digest)
    }

    /// A profile that was found.
    pub(super) fn profile(&self, id: ProfileId) -> Option<&KnownProfile> {
        self.profiles.get(&id)
    }

    /// A collection.
    pub(super) fn collection(&self, id: CollectionId) -> Option<&Collection> {
        self.collections.get(&id)
    }

    /// The methods that endpoints have.
    pub(super) fn methods(&self) -> Vec<&str> {
        let endpoints = self.collections.values().flat_map(|it| &it.endpoints);
        let mut methods: Vec<&str> = endpoints.map(|it| it.method.as_str()).collect();
        methods.sort_unstable();
        methods.dedup();
        methods
    }

    async fn admit(&mut self, snapshot: &mut Snapshot, id: ProfileId) -> Result<(), Refusal> {
        let (Some(told), Some(stored)) = (
            snapshot.told_profile(id, self.now_ms).await?,
            snapshot.profile(id).await?,
        ) else {
            return Ok(());
        };
        let policy_name = match stored.policy_id {
            Some(id) => snapshot.policy(id).await?.map(|policy| policy.name),
            None => None,
        };
        // A gateway that cannot read a profile knows none of its credentials.
        let records = Record::of(&told).unwrap_or_default();
        let shared = &mut SharedTerms::default();
        let holders = records.into_iter();
        self.holders.extend(
            holders.map(|(digest, record)| (digest, Arc::new(Holder::new(record, shared)))),
        );
        let known = KnownProfile {
            name: stored.name,
            policy_name,
            told,
        };
        self.profiles.insert(id, known);
        Ok(())
    }
}

impl KnownProfile {
    /// What its tokens have to be like, if it has tokens.
    pub(super) fn jwt(&self) -> Option<&portcullis_feed::Jwt> {
        match &self.told.access {
            AccessMethod::Jwt(jwt) => Some(jwt),
            AccessMethod::ApiKey { .. } => None,
        }
    }
}

impl Registry for Records {
    fn routes(&self) -> Option<Arc<Routes>> {
        Some(Arc::clone(&self.routes))
    }

    fn cached(&self, _: &Digest) -> Option<Arc<Holder>> {
        None
    }

    fn stored(&self, digest: &Digest) -> Option<Arc<Holder>> {
        self.holders.get(digest).cloned()
    }
}
