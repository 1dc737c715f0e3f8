//! The reading side, one in each VM: a bounded cache over the shared pages, and the compiled routes.
//! A hit asks the shared memory nothing; a miss, known or not, reads one page.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use portcullis_engine::route::Routes;
use portcullis_engine::{Holder, Record, Registry, SharedTerms};
use portcullis_feed::{Collection, CollectionId, Digest, Endpoint};
use serde::{Deserialize, Serialize};

use crate::cache::Cache;
use crate::layout::{self, COLLECTION_PAGES};
use crate::ledger::Ledger;
use crate::memory::SharedMemory;
use crate::page::Page;
use crate::roster::Applied;
use crate::state::State;

/// What a VM knows of the records.
#[derive(Debug)]
pub struct View<M> {
    memory: M,
    seen: RefCell<Option<Seen>>,
    cache: RefCell<Cache>,
    terms: RefCell<SharedTerms>,
    hits: Cell<u64>,
    misses: Cell<u64>,
}

#[derive(Debug)]
struct Seen {
    state: State,
    routes: Arc<Routes>,
}

impl<M: SharedMemory> View<M> {
    /// A view that knows nothing yet. Its cache stays below about `cache_bytes`.
    pub fn new(memory: M, cache_bytes: usize) -> Self {
        Self {
            memory,
            seen: RefCell::new(None),
            cache: RefCell::new(Cache::new(cache_bytes)),
            terms: RefCell::default(),
            hits: Cell::new(0),
            misses: Cell::new(0),
        }
    }

    /// Catches up with what is live. To be called whenever this VM is woken, and now and then.
    pub fn refresh(&self) {
        let Some(state) = Ledger::read(&self.memory).and_then(|(ledger, _)| ledger.in_force())
        else {
            return;
        };
        let mut seen = self.seen.borrow_mut();
        let routes = match seen.as_ref() {
            Some(seen) if seen.state == state => return,
            Some(seen) if seen.state.has_routes_of(&state) => Arc::clone(&seen.routes),
            _ => Arc::new(self.compile_routes(&state)),
        };
        let changed = seen
            .as_ref()
            .and_then(|seen| state.changed_since(&seen.state));
        match changed {
            Some(pages) => self.cache.borrow_mut().forget(pages),
            None => self.cache.borrow_mut().clear(),
        }
        *seen = Some(Seen { state, routes });
    }

    /// What this VM decides by. None before the first sync was complete.
    #[must_use]
    pub fn applied(&self) -> Option<Applied> {
        self.state(|state| Applied {
            generation: state.generation,
            revision: state.revision,
        })
    }

    /// Tells something of the state that this VM decides by. None before the first sync was complete.
    pub fn state<T>(&self, tell: impl FnOnce(&State) -> T) -> Option<T> {
        self.seen.borrow().as_ref().map(|seen| tell(&seen.state))
    }

    /// How often a record was found in the cache, and how often it was not, since this was asked last.
    pub fn take_cache_counts(&self) -> (u64, u64) {
        (self.hits.take(), self.misses.take())
    }

    #[cfg(test)]
    pub(crate) fn cached_count(&self) -> usize {
        self.cache.borrow().len()
    }

    fn compile_routes(&self, state: &State) -> Routes {
        let collections: Vec<Collection> = (0..COLLECTION_PAGES)
            .filter_map(|page| self.memory.read(&layout::collection_key(state.side, page)))
            .flat_map(|(bytes, _)| collections_on(&bytes, state.generation))
            .collect();
        Routes::compile(&collections)
    }

    fn look_up(&self, digest: &Digest) -> Lookup {
        let seen = self.seen.borrow();
        let Some(state) = seen.as_ref().map(|seen| &seen.state) else {
            return Lookup::Absent;
        };
        let number = layout::record_page(digest);
        let Some((bytes, _)) = self.memory.read(&layout::record_key(state.side, number)) else {
            return Lookup::Absent;
        };
        let page = Page::open(&bytes);
        if page.generation > state.generation {
            return Lookup::Outdated;
        }
        if page.generation < state.generation {
            return Lookup::Absent;
        }
        let Some(value) = page.find(&layout::record_entry(digest)) else {
            return Lookup::Absent;
        };
        let Ok(record) = postcard::from_bytes::<Record>(value) else {
            return Lookup::Absent;
        };
        let holder = Arc::new(Holder::new(record, &mut self.terms.borrow_mut()));
        self.cache
            .borrow_mut()
            .insert(*digest, Arc::clone(&holder), value.len());
        Lookup::Found(holder)
    }
}

enum Lookup {
    Found(Arc<Holder>),
    Absent,
    /// The page has been taken for a newer generation: this VM was not woken yet.
    Outdated,
}

impl<M: SharedMemory> Registry for View<M> {
    fn routes(&self) -> Option<Arc<Routes>> {
        self.seen
            .borrow()
            .as_ref()
            .map(|seen| Arc::clone(&seen.routes))
    }

    fn cached(&self, digest: &Digest) -> Option<Arc<Holder>> {
        let found = self.cache.borrow().find(digest);
        let counter = if found.is_some() {
            &self.hits
        } else {
            &self.misses
        };
        counter.set(counter.get().saturating_add(1));
        found
    }

    fn stored(&self, digest: &Digest) -> Option<Arc<Holder>> {
        match self.look_up(digest) {
            Lookup::Found(holder) => Some(holder),
            Lookup::Absent => None,
            Lookup::Outdated => {
                self.refresh();
                match self.look_up(digest) {
                    Lookup::Found(holder) => Some(holder),
                    Lookup::Absent | Lookup::Outdated => None,
                }
            }
        }
    }
}

/// A collection as it stands on a page.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredCollection {
    id: CollectionId,
    name: String,
    version: String,
    endpoints: Vec<StoredEndpoint>,
    public: bool,
    allows_dubious_paths: bool,
}
/// Host, method, path and whether it is enabled. A format without names needs every field in its place, so the
/// structures of the feed, which leave out what is absent, cannot be stored as they are.
pub(crate) type StoredEndpoint = (Option<String>, String, String, bool);

fn collections_on(bytes: &[u8], generation: u64) -> Vec<Collection> {
    let page = Page::open(bytes);
    if page.generation != generation {
        return vec![];
    }
    page.entries()
        .filter_map(|(_, value)| postcard::from_bytes::<StoredCollection>(value).ok())
        .map(Collection::from)
        .collect()
}

impl From<&Collection> for StoredCollection {
    fn from(collection: &Collection) -> Self {
        let stored = |it: &Endpoint| {
            let (method, path) = (it.method.clone(), it.path.clone());
            (it.host.clone(), method, path, it.enabled)
        };
        Self {
            id: collection.id,
            name: collection.name.clone(),
            version: collection.version.clone(),
            endpoints: collection.endpoints.iter().map(stored).collect(),
            public: collection.public,
            allows_dubious_paths: collection.allows_dubious_paths,
        }
    }
}

impl From<StoredCollection> for Collection {
    fn from(stored: StoredCollection) -> Self {
        let endpoint = |(host, method, path, enabled)| Endpoint {
            host,
            method,
            path,
            enabled,
        };
        Self {
            id: stored.id,
            name: stored.name,
            version: stored.version,
            endpoints: stored.endpoints.into_iter().map(endpoint).collect(),
            public: stored.public,
            allows_dubious_paths: stored.allows_dubious_paths,
        }
    }
}
