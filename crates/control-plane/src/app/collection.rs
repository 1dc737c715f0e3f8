//! API collections: named, versioned groups of endpoints, which are what profiles grant.

use std::collections::HashMap;

use portcullis_engine::route;
use portcullis_feed::{CollectionId, Endpoint};
use portcullis_store::{
    Author, Cascade, Collection, CollectionFilter, CollectionKey, Edit, Window,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client::enabled;
use super::condition::Condition;
use super::draft::{Patch, objects};
use super::once::Once;
use super::page::{Page, one_more};
use super::policy::NAMED_PROFILES;
use super::refusal::refuse_any;
use super::text::{Description, Name, stored_description, stored_name};
use super::world::Identifier as _;
use super::{App, Committed, Refusal, Violation};

/// How many collections are examined at once for what they claim: all of them.
const ALL: u32 = u32::MAX;

/// How many bytes a path template has at most.
const LONGEST_PATH_BYTES: usize = 2_048;

/// A collection as an operator writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CollectionDraft {
    /// What people call it; services receive it. Unique together with the version.
    pub name: Name,
    /// Which version of the API.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "v1")]
    pub version: Name,
    /// More about it.
    #[serde(default)]
    pub description: Option<Description>,
    /// What it consists of: at most 10,000 endpoints. No other collection may claim one of them.
    #[serde(deserialize_with = "objects::<10_000, _, _>")]
    #[schema(max_items = 10_000)]
    pub endpoints: Vec<EndpointDraft>,
    /// Whether anybody may call it, without a credential. False, when absent.
    #[serde(default)]
    pub public: bool,
    /// Whether its service is safe with paths that some services read in another way than Envoy does: path parameters
    /// (`;`), double encoding, encoded control bytes, overlong UTF-8, segments of dots that end in dots or blanks. They
    /// are refused, when absent or false.
    #[serde(default)]
    pub allows_dubious_paths: bool,
}

/// One operation of an API as an operator writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointDraft {
    /// The host it is served on, without port, or `*.` and a parent domain. Any host, when absent.
    #[serde(default)]
    #[schema(max_length = 255, example = "api.example.com")]
    pub host: Option<String>,
    /// An HTTP method in upper case, or `*` for any. `HEAD` goes where `GET` does.
    #[schema(
        min_length = 1,
        max_length = 32,
        pattern = "^([A-Z_-]+|\\*)$",
        example = "GET"
    )]
    pub method: String,
    /// A path template of at most 2,048 bytes: literal segments, `{name}` for one segment, and `/**` at the end for any rest.
    #[schema(
        min_length = 1,
        max_length = 2048,
        pattern = "^/",
        example = "/orders/{id}"
    )]
    pub path: String,
    /// A disabled endpoint answers as if it did not exist. True, when absent.
    #[serde(default = "enabled")]
    #[schema(default = true)]
    pub enabled: bool,
}

impl App {
    /// Adds a collection.
    ///
    /// # Errors
    /// When its name and version are taken, an endpoint cannot be matched, or one belongs to another collection.
    pub async fn create_collection<A: Serialize + DeserializeOwned>(
        &self,
        author: &Author,
        once: Once<Collection, A>,
        draft: CollectionDraft,
    ) -> Result<A, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let id = CollectionId::new(&self.world)?;
        let collection = draft.into_collection(id, now_ms, now_ms)?;
        let mut edit = self.edit(author).await?;
        if let Some(answer) = once.earlier(&mut edit, now_ms).await? {
            return Ok(answer);
        }
        refuse_claimed(&mut edit, &collection).await?;
        edit.put_collection(&collection).await?;
        once.commit(edit, collection, Vec::new(), now_ms).await
    }

    /// A collection.
    ///
    /// # Errors
    /// When there is none.
    pub async fn collection(&self, id: CollectionId) -> Result<Collection, Refusal> {
        let found = self.store.read().await?.collection(id).await?;
        found.ok_or_else(|| unknown(id))
    }

    /// A page of the collections.
    ///
    /// # Errors
    /// When the records are out of reach.
    pub async fn collections(
        &self,
        filter: &CollectionFilter,
        window: &Window<CollectionKey>,
    ) -> Result<Page<Collection>, Refusal> {
        let mut snapshot = self.store.read().await?;
        let found = snapshot.find_collections(filter, &one_more(window)).await?;
        Ok(Page::cut(found, window))
    }

    /// Makes a collection different. A list of endpoints replaces the whole list.
    ///
    /// # Errors
    /// When there is none, it is not what the condition asks for, or the outcome could not be created either.
    pub async fn change_collection(
        &self,
        author: &Author,
        id: CollectionId,
        condition: Condition<Collection>,
        patch: Patch,
    ) -> Result<Committed<Collection>, Refusal> {
        let mut edit = self.edit(author).await?;
        let before = edit
            .read()
            .collection(id)
            .await?
            .ok_or_else(|| unknown(id))?;
        condition.examine("collection", &before)?;
        let draft = patch.applied_to(&CollectionDraft::from(&before))?;
        let collection =
            draft.into_collection(id, before.created_at_ms, self.world.clock.now_ms())?;
        refuse_claimed(&mut edit, &collection).await?;
        edit.put_collection(&collection).await?;
        Committed::by(edit, collection).await
    }

    /// Enables or disables one endpoint of a collection, whatever became of the others meanwhile.
    ///
    /// # Errors
    /// When there is no such collection, or it has no such endpoint.
    pub async fn enable_endpoint(
        &self,
        author: &Author,
        id: CollectionId,
        named: &Endpoint,
    ) -> Result<Committed<Collection>, Refusal> {
        let mut edit = self.edit(author).await?;
        let mut collection = edit
            .read()
            .collection(id)
            .await?
            .ok_or_else(|| unknown(id))?;
        let is_named = |known: &&mut Endpoint| {
            known.method == named.method && known.host == named.host && known.path == named.path
        };
        let endpoint = collection.endpoints.iter_mut().find(is_named);
        let endpoint = endpoint.ok_or_else(|| Refusal::NotFound {
            kind: "endpoint",
            id: written(named),
        })?;
        endpoint.enabled = named.enabled;
        collection.updated_at_ms = self.world.clock.now_ms();
        edit.put_collection(&collection).await?;
        Committed::by(edit, collection).await
    }

    /// Removes a collection. With `cascade`, it is taken out of the profiles that grant it, and those that grant nothing
    /// else go with it.
    ///
    /// # Errors
    /// When there is none, it is not what the condition asks for, or a profile grants it and it is not to cascade.
    pub async fn delete_collection(
        &self,
        author: &Author,
        id: CollectionId,
        condition: Condition<Collection>,
        cascade: bool,
    ) -> Result<Committed<Cascade>, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let mut edit = self.edit(author).await?;
        let collection = edit
            .read()
            .collection(id)
            .await?
            .ok_or_else(|| unknown(id))?;
        condition.examine("collection", &collection)?;
        let mut removed = Cascade::default();
        if cascade {
            removed = edit.take_out_collection(id, now_ms).await?;
        }
        let profiles = edit.read().profiles_granting(id, NAMED_PROFILES).await?;
        if !profiles.is_empty() {
            let kind = "collection";
            return Err(Refusal::InUse { kind, profiles });
        }
        edit.delete_collection(id, now_ms).await?;
        Committed::by(edit, removed).await
    }
}

/// Holds a collection against all others, while nobody else can change them.
pub(super) async fn refuse_claimed(
    edit: &mut Edit,
    collection: &Collection,
) -> Result<(), Refusal> {
    let mut others = edit.read().collections(None, ALL).await?;
    others.retain(|other| other.id != collection.id);
    refuse_overlap(others.iter().chain([collection]))
}

/// No two collections have the same name and version, or claim the same.
///
/// # Errors
/// When two do: which.
pub(super) fn refuse_overlap<'a>(
    all: impl IntoIterator<Item = &'a Collection>,
) -> Result<(), Refusal> {
    let all: Vec<_> = all.into_iter().collect();
    let mut named = HashMap::new();
    for collection in &all {
        let name = (&collection.name, &collection.version);
        if let Some(holder) = named.insert(name, collection.id) {
            return Err(Refusal::NameTaken {
                name: collection.name.clone(),
                version: collection.version.clone(),
                holder,
            });
        }
    }
    let all: Vec<_> = all.into_iter().map(Collection::as_carried).collect();
    let Some(conflict) = route::conflict(&all) else {
        return Ok(());
    };
    let holder = |id| {
        let name = all.iter().find(|known| known.id == id);
        let name = name.map(|known| format!("{} {}", known.name, known.version));
        (id, name.unwrap_or_default())
    };
    Err(Refusal::EndpointClaimed {
        holders: [holder(conflict.first), holder(conflict.second)],
        endpoint: conflict.endpoint,
    })
}

impl CollectionDraft {
    pub(super) fn into_collection(
        self,
        id: CollectionId,
        created_at_ms: u64,
        updated_at_ms: u64,
    ) -> Result<Collection, Refusal> {
        let endpoints: Vec<Endpoint> = self.endpoints.into_iter().map(Endpoint::from).collect();
        refuse_any(endpoint_flaws(&endpoints))?;
        Ok(Collection {
            id,
            name: self.name.into(),
            version: self.version.into(),
            description: self.description.map(String::from),
            endpoints,
            public: self.public,
            allows_dubious_paths: self.allows_dubious_paths,
            created_at_ms,
            updated_at_ms,
        })
    }
}

/// An endpoint on one line: `GET api.example.com/orders/{id}`.
#[must_use]
pub fn written(endpoint: &Endpoint) -> String {
    let host = endpoint.host.as_deref().unwrap_or_default();
    format!("{} {host}{}", endpoint.method, endpoint.path)
}

/// What is wrong with endpoints of a collection, each on its own.
#[must_use]
pub fn endpoint_flaws(endpoints: &[Endpoint]) -> Vec<Violation> {
    let flaws = endpoints
        .iter()
        .enumerate()
        .filter_map(|(index, endpoint)| {
            let (field, detail) = flaw(endpoint)?;
            Some(Violation::new(
                format!("/endpoints/{index}/{field}"),
                detail,
            ))
        });
    flaws.collect()
}

/// What is wrong with an endpoint, if anything is: in which field.
pub(super) fn flaw(endpoint: &Endpoint) -> Option<(&'static str, String)> {
    if endpoint.path.len() > LONGEST_PATH_BYTES {
        let detail = format!("a path template has at most {LONGEST_PATH_BYTES} bytes");
        return Some(("path", detail));
    }
    let invalid = route::check_endpoint(endpoint).err()?;
    Some((invalid.field, invalid.to_string()))
}

impl From<&Collection> for CollectionDraft {
    fn from(collection: &Collection) -> Self {
        let endpoints = collection.endpoints.iter().cloned();
        Self {
            name: stored_name(&collection.name),
            version: stored_name(&collection.version),
            description: stored_description(collection.description.as_deref()),
            endpoints: endpoints.map(EndpointDraft::from).collect(),
            public: collection.public,
            allows_dubious_paths: collection.allows_dubious_paths,
        }
    }
}

impl From<EndpointDraft> for Endpoint {
    fn from(draft: EndpointDraft) -> Self {
        Self {
            host: draft.host,
            method: draft.method,
            path: draft.path,
            enabled: draft.enabled,
        }
    }
}

impl From<Endpoint> for EndpointDraft {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            host: endpoint.host,
            method: endpoint.method,
            path: endpoint.path,
            enabled: endpoint.enabled,
        }
    }
}

pub(super) fn unknown(id: CollectionId) -> Refusal {
    Refusal::NotFound {
        kind: "collection",
        id: id.to_string(),
    }
}
