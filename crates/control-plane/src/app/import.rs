//! Collections from the descriptions of APIs (OpenAPI 3): what a document says becomes endpoints, and each refusal names
//! the place in the document.

mod document;
mod endpoints;
mod entries;

use std::collections::{BTreeMap, HashMap};

use portcullis_engine::route::Claim;
use portcullis_feed::{CollectionId, Endpoint};
use portcullis_store::{Author, Collection, Edit};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::collection::{refuse_claimed, unknown};
use super::condition::Condition;
use super::once::Once;
use super::text::{Description, Name};
use super::world::Identifier as _;
use super::{App, Committed, Refusal, Violation};

pub use document::Language;

/// How many bytes a document has at most.
pub const LARGEST_BYTES: usize = 4 * 1024 * 1024;

/// What becomes of the servers that a document names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Servers {
    /// Nothing: endpoints are for any host, and their paths are those of the document.
    #[default]
    Ignore,
    /// Their paths, such as `/v1` of `https://api.example.com/v1`, stand before those of the document.
    Path,
    /// Their paths do, and endpoints are for their hosts alone.
    Host,
}

/// What a document says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// `info.title`, as a name.
    pub name: Result<Name, Violation>,
    /// `info.version`, as a name.
    pub version: Result<Name, Violation>,
    /// `info.summary`, else `info.description`, when it is one for a collection.
    pub description: Option<Description>,
    /// Each method of each path.
    pub endpoints: Vec<Endpoint>,
}

/// Reads a document.
///
/// # Errors
/// When it is none, or describes what no endpoint can be made of: where.
pub fn read(text: &[u8], language: Language, servers: Servers) -> Result<Outline, Refusal> {
    let document = document::read(text, language)?;
    endpoints::outline(document, servers)
}

/// A document without what no endpoint is made of, as JSON: it says the same of endpoints, and is much shorter.
///
/// # Errors
/// When it is none.
pub fn reduced(text: &[u8], language: Language) -> Result<String, Refusal> {
    let document = document::read(text, language)?;
    let reduced = document.reduced();
    reduced.map_err(|error| Refusal::Malformed(error.to_string()))
}

/// How the endpoints of a collection differ from those that it had before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// That it did not have.
    pub added: Vec<Endpoint>,
    /// That it does not have any more.
    pub removed: Vec<Endpoint>,
    /// That it had and has. They stay enabled or disabled.
    pub unchanged: Vec<Endpoint>,
}

/// A collection with the endpoints of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The collection.
    pub collection: Collection,
    /// How its endpoints differ from those before.
    pub difference: Difference,
}

impl App {
    /// Adds a collection as a document describes it, under these names or its own.
    ///
    /// # Errors
    /// When a name is none, the name and the version are taken, or an endpoint belongs to another collection.
    pub async fn import_collection<A: Serialize + DeserializeOwned>(
        &self,
        author: &Author,
        once: Once<Imported, A>,
        outline: Outline,
        [name, version]: [Option<Name>; 2],
    ) -> Result<A, Refusal> {
        let now_ms = self.world.clock.now_ms();
        let imported = self.new_import(outline, [name, version], now_ms)?;
        let mut edit = self.edit(author).await?;
        if let Some(answer) = once.earlier(&mut edit, now_ms).await? {
            return Ok(answer);
        }
        refuse_claimed(&mut edit, &imported.collection).await?;
        edit.put_collection(&imported.collection).await?;
        once.commit(edit, imported, Vec::new(), now_ms).await
    }

    /// What that would add, and nothing else.
    ///
    /// # Errors
    /// When it could not be done.
    pub async fn preview_import(
        &self,
        author: &Author,
        outline: Outline,
        names: [Option<Name>; 2],
    ) -> Result<Imported, Refusal> {
        let imported = self.new_import(outline, names, self.world.clock.now_ms())?;
        let mut edit = self.edit(author).await?;
        refuse_claimed(&mut edit, &imported.collection).await?;
        Ok(imported)
    }

    /// Gives a collection the endpoints of a document in place of its own.
    ///
    /// # Errors
    /// When there is no such collection, it is not what the condition asks for, or an endpoint belongs to another one.
    pub async fn replace_endpoints(
        &self,
        author: &Author,
        id: CollectionId,
        condition: Condition<Collection>,
        outline: Outline,
    ) -> Result<Committed<Imported>, Refusal> {
        let (mut edit, imported) = self.replacement(author, id, condition, outline).await?;
        edit.put_collection(&imported.collection).await?;
        Committed::by(edit, imported).await
    }

    /// What that would change, and nothing else.
    ///
    /// # Errors
    /// When it could not be done.
    pub async fn preview_endpoints(
        &self,
        author: &Author,
        id: CollectionId,
        condition: Condition<Collection>,
        outline: Outline,
    ) -> Result<Imported, Refusal> {
        let (_, imported) = self.replacement(author, id, condition, outline).await?;
        Ok(imported)
    }

    /// A collection with the endpoints of a document, which may be put into the edit.
    async fn replacement(
        &self,
        author: &Author,
        id: CollectionId,
        condition: Condition<Collection>,
        outline: Outline,
    ) -> Result<(Edit, Imported), Refusal> {
        let mut edit = self.edit(author).await?;
        let before = edit.read().collection(id).await?;
        let before = before.ok_or_else(|| unknown(id))?;
        condition.examine("collection", &before)?;
        let imported = replaced(before, outline, self.world.clock.now_ms());
        refuse_claimed(&mut edit, &imported.collection).await?;
        Ok((edit, imported))
    }

    fn new_import(
        &self,
        outline: Outline,
        [name, version]: [Option<Name>; 2],
        now_ms: u64,
    ) -> Result<Imported, Refusal> {
        let named = |given: Option<Name>, own: Result<Name, Violation>| given.map_or(own, Ok);
        let (name, version) = match (named(name, outline.name), named(version, outline.version)) {
            (Ok(name), Ok(version)) => (name, version),
            (name, version) => {
                let violations = [name.err(), version.err()];
                return Err(Refusal::Invalid(violations.into_iter().flatten().collect()));
            }
        };
        let collection = Collection {
            id: CollectionId::new(&self.world)?,
            name: name.into(),
            version: version.into(),
            description: outline.description.map(String::from),
            endpoints: outline.endpoints,
            public: false,
            allows_dubious_paths: false,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        let difference = Difference {
            added: collection.endpoints.clone(),
            ..Difference::default()
        };
        Ok(Imported {
            collection,
            difference,
        })
    }
}

fn replaced(mut collection: Collection, outline: Outline, now_ms: u64) -> Imported {
    let before = std::mem::replace(&mut collection.endpoints, outline.endpoints);
    // All of them could be matched when they were written.
    let claimed = |endpoint: Endpoint| Some((Claim::parse(&endpoint).ok()?, endpoint));
    let mut before: BTreeMap<usize, _> =
        before.into_iter().filter_map(claimed).enumerate().collect();
    let places = before
        .iter()
        .map(|(place, (claim, _))| (claim.clone(), *place));
    let places: HashMap<Claim, usize> = places.collect();
    let mut difference = Difference::default();
    for endpoint in &mut collection.endpoints {
        let place = Claim::parse(endpoint).ok();
        let place = place.and_then(|claim| places.get(&claim));
        match place.and_then(|place| before.remove(place)) {
            Some((_, known)) => {
                endpoint.enabled = known.enabled;
                difference.unchanged.push(endpoint.clone());
            }
            None => difference.added.push(endpoint.clone()),
        }
    }
    difference.removed = before.into_values().map(|(_, endpoint)| endpoint).collect();
    collection.updated_at_ms = now_ms;
    Imported {
        collection,
        difference,
    }
}
