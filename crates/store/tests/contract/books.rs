//! The vocabulary of these tests: a store with a few words for what happens to its records.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use portcullis_feed::{
    AddressLists, Change, ChangedObject, ClientId, CollectionId, Digest, Endpoint, KeyState,
    OperatorId, PolicyId, ProfileId, RateLimit, RateScope, RateWindow, Revision,
};
use portcullis_store::{
    AccessMethod, AccessProfile, ApiKey, Author, Client, Collection, Edit, Location, NewLife,
    Policy, SecretKey, Snapshot, Store, StoreError, Who,
};

use crate::ground::Ground;

/// The time of these tests.
pub const NOW_MS: u64 = 1_800_000_000_000;

/// A store in a place of its own.
pub struct Books {
    pub store: Store,
    pub ground: Ground,
}

/// The place of a store that is not open.
pub struct Closed {
    pub ground: Ground,
}

impl Closed {
    pub async fn opened_as(self, epoch: &str) -> Books {
        self.opened_at(epoch, NOW_MS).await
    }

    /// The same at another time.
    pub async fn opened_at(self, epoch: &str, now_ms: u64) -> Books {
        let store = open_at(&self.ground.location(), epoch, now_ms, secret_key(1)).await;
        let store = store.unwrap();
        Books {
            store,
            ground: self.ground,
        }
    }
}

static NEXT: AtomicU64 = AtomicU64::new(1);

fn next() -> u128 {
    u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The key for secrets of these tests, or another one.
pub fn secret_key(byte: u8) -> SecretKey {
    SecretKey::new(&[byte; 32], || {
        let mut nonce = [0; 24];
        nonce[..16].copy_from_slice(&next().to_be_bytes());
        Some(nonce)
    })
}

/// Who changes records here.
pub fn author() -> Author {
    Author {
        who: Who::Operator {
            id: OperatorId::from_parts(NOW_MS, 1),
            name: "Ann".to_owned(),
        },
        request_id: Some("request-1".to_owned()),
    }
}

pub async fn open() -> Books {
    let ground = Ground::new().await;
    Closed { ground }.opened_as("epoch-1").await
}

/// Opens a store whose first life has this name: any further ones have it with a number.
pub async fn open_at(
    location: &Location,
    epoch: &str,
    now_ms: u64,
    secret_key: SecretKey,
) -> Result<Store, StoreError> {
    let (epoch, begun) = (epoch.to_owned(), AtomicU64::new(0));
    let new_life = move || {
        Some(NewLife {
            epoch: match begun.fetch_add(1, Ordering::Relaxed) {
                0 => epoch.clone(),
                number => format!("{epoch}-{number}"),
            },
            begun_at_ms: now_ms,
        })
    };
    Store::open(location, new_life, secret_key).await
}

pub fn client(name: &str) -> Client {
    Client {
        id: ClientId::from_parts(NOW_MS, next()),
        name: name.into(),
        description: None,
        enabled: true,
        logo: None,
        created_at_ms: NOW_MS,
        updated_at_ms: NOW_MS,
    }
}

pub fn collection(name: &str) -> Collection {
    Collection {
        id: CollectionId::from_parts(NOW_MS, next()),
        name: name.into(),
        version: "v1".into(),
        description: Some("what it is for".into()),
        endpoints: vec![Endpoint {
            host: Some("api.example.com".into()),
            method: "GET".into(),
            path: format!("/{name}/{{id}}"),
            enabled: true,
        }],
        public: false,
        allows_dubious_paths: false,
        created_at_ms: NOW_MS,
        updated_at_ms: NOW_MS,
    }
}

pub fn policy(requests: u32) -> Policy {
    Policy {
        id: PolicyId::from_parts(NOW_MS, next()),
        name: "partners".into(),
        description: None,
        rate_limit: Some(RateLimit {
            requests,
            per: RateWindow::Minute,
            burst: None,
            scope: RateScope::default(),
        }),
        quota: None,
        created_at_ms: NOW_MS,
        updated_at_ms: NOW_MS,
    }
}

pub fn profile(client: &Client, collections: &[&Collection]) -> AccessProfile {
    AccessProfile {
        id: ProfileId::from_parts(NOW_MS, next()),
        client_id: client.id,
        name: "production".into(),
        description: None,
        collections: collections.iter().map(|granted| granted.id).collect(),
        policy_id: None,
        access: AccessMethod::ApiKey,
        addresses: AddressLists::default(),
        enabled: true,
        observe: false,
        expires_at_ms: None,
        created_at_ms: NOW_MS,
        updated_at_ms: NOW_MS,
    }
}

pub fn key(profile: &AccessProfile) -> ApiKey {
    let number = next();
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(&number.to_be_bytes());
    ApiKey {
        id: format!("key{number}"),
        profile_id: profile.id,
        digest: Digest(digest),
        created_at_ms: NOW_MS,
        expires_at_ms: None,
        deprecated_at_ms: None,
        revoked_at_ms: None,
        imported: false,
    }
}

impl Books {
    /// Opens the same place again.
    pub async fn reopened(self) -> Self {
        self.reopened_as("epoch-2").await
    }

    /// The same with another name for its new life.
    pub async fn reopened_as(self, epoch: &str) -> Self {
        self.closed().await.opened_as(epoch).await
    }

    /// Ends the work on the database.
    pub async fn closed(self) -> Closed {
        self.store.close().await;
        Closed {
            ground: self.ground,
        }
    }

    /// Does something to the records, and tells its revision.
    pub async fn edit(&self, work: impl AsyncFnOnce(&mut Edit)) -> Revision {
        let mut edit = self.store.edit(&author(), NOW_MS).await.unwrap();
        work(&mut edit).await;
        edit.commit().await.unwrap()
    }

    pub async fn put_client(&self, client: &Client) -> Revision {
        self.edit(async |edit| edit.put_client(client).await.unwrap())
            .await
    }

    pub async fn put_collection(&self, collection: &Collection) -> Revision {
        self.edit(async |edit| edit.put_collection(collection).await.unwrap())
            .await
    }

    pub async fn put_policy(&self, policy: &Policy) -> Revision {
        self.edit(async |edit| edit.put_policy(policy).await.unwrap())
            .await
    }

    pub async fn put_profile(&self, profile: &AccessProfile) -> Revision {
        self.edit(async |edit| edit.put_profile(profile).await.unwrap())
            .await
    }

    /// A client with a profile that grants one collection.
    pub async fn with_profile(&self, name: &str) -> (Client, Collection, AccessProfile) {
        let client = client(name);
        let collection = collection(name);
        let profile = profile(&client, &[&collection]);
        self.put_client(&client).await;
        self.put_collection(&collection).await;
        self.put_profile(&profile).await;
        (client, collection, profile)
    }

    pub async fn head(&self) -> Revision {
        self.store.read().await.unwrap().head().await.unwrap()
    }

    pub async fn changes_after(&self, after: Revision) -> Vec<Change> {
        self.changes_at(after, NOW_MS).await
    }

    /// The same at another time.
    pub async fn changes_at(&self, after: Revision, now_ms: u64) -> Vec<Change> {
        let mut snapshot = self.store.read().await.unwrap();
        first_changes(&mut snapshot, after, 10_000, now_ms).await
    }

    /// The profile as gateways see it.
    pub async fn carried(&self, id: ProfileId) -> portcullis_feed::Profile {
        let changes = self.changes_after(0).await;
        changes
            .into_iter()
            .find_map(|change| match change.object {
                ChangedObject::Profile(profile) if profile.id == id => Some(*profile),
                _ => None,
            })
            .unwrap()
    }

    /// The keys of a profile as gateways see them.
    pub async fn carried_keys(&self, id: ProfileId) -> Vec<(String, KeyState)> {
        let portcullis_feed::AccessMethod::ApiKey { keys } = self.carried(id).await.access else {
            unreachable!("these profiles have keys");
        };
        keys.into_iter().map(|key| (key.id, key.state)).collect()
    }
}

/// What a reader in step with a revision is told after it: the first changes.
pub async fn first_changes(
    snapshot: &mut Snapshot,
    after: Revision,
    limit: u32,
    now_ms: u64,
) -> Vec<Change> {
    let newest = snapshot.standing(None, 0).await.unwrap().unwrap();
    let epoch = newest.epoch_at(newest.head);
    let standing = snapshot.standing(Some(&epoch), after).await.unwrap();
    let standing = standing.unwrap();
    snapshot.changes(&standing, limit, now_ms).await.unwrap()
}

/// What changed, in order, as identifiers; what was removed with a minus.
pub fn names(changes: &[Change]) -> Vec<String> {
    changes
        .iter()
        .map(|change| match &change.object {
            ChangedObject::Profile(profile) => profile.id.to_string(),
            ChangedObject::ProfileRemoved(id) => format!("-{id}"),
            ChangedObject::Collection(collection) => collection.id.to_string(),
            ChangedObject::CollectionRemoved(id) => format!("-{id}"),
        })
        .collect()
}

/// What comes of some work that is given up when it has been polled once and so many times more, if it ends before.
pub async fn polled<T>(work: impl Future<Output = T>, further_times: usize) -> Option<T> {
    let mut work = pin!(work);
    let mut left = further_times;
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}
