//! The writing side: the leader's. Applies pages of the feed to the live generation, or fills a new one beside it.
//!
//! A page is applied as a whole or, when the leader falls in the middle, again by the next one: every step may be
//! repeated. What a VM reads in between is the newest state of each object, some of it a little early.

use portcullis_engine::Record;
use portcullis_engine::holder::InvalidProfile;
use portcullis_feed::{
    Change, ChangePage, ChangedObject, Collection, CollectionId, Digest, Epoch, FORMAT, Profile,
    ProfileId, Revision,
};

use crate::layout::{self, Side};
use crate::memory::{Expect, SharedMemory, WriteConflict};
use crate::page::{Draft, Page};
use crate::state::State;
use crate::view::StoredCollection;

/// Applies changes on behalf of one term of leadership.
#[derive(Debug)]
pub struct Writer<M> {
    memory: M,
    term: u64,
    attempts: u64,
    build: Option<Build>,
    /// Whether the live pages may hold changes of a leader that fell before it could note them.
    inherits: bool,
}

/// A generation that is being filled.
#[derive(Debug, Clone)]
struct Build {
    generation: u64,
    side: Side,
    epoch: Option<Epoch>,
    revision: Revision,
}

/// What a page of the feed led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Whether the VMs have to look again.
    pub is_visible: bool,
    /// Whether there is more to ask for at once.
    pub is_behind: bool,
    /// Profiles that open nothing because their address rules or keys cannot be used.
    pub unreadable: Vec<(ProfileId, InvalidProfile)>,
}

/// A page of the feed was not applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedPage {
    /// It is written in a newer language.
    #[error("the page has format {found}, but this filter reads up to {FORMAT}: update the filter")]
    UnknownFormat {
        /// The number it has.
        found: u32,
    },
    /// It answers another question than was asked.
    #[error("the page is of epoch `{epoch}` after {after}, which was not asked for")]
    NotAskedFor {
        /// Its epoch.
        epoch: Epoch,
        /// The revision that it follows.
        after: Revision,
    },
    /// Its revisions are not in order.
    #[error("the revisions of the page are out of order at {revision}")]
    OutOfOrder {
        /// The first that is wrong.
        revision: Revision,
    },
    /// Another VM leads now.
    #[error("another leader has taken over")]
    LeadershipLost,
}

impl From<WriteConflict> for RefusedPage {
    fn from(_: WriteConflict) -> Self {
        Self::LeadershipLost
    }
}

impl<M: SharedMemory> Writer<M> {
    /// A writer for a term, which no other writer may share: see [`Lease`](crate::Lease).
    pub fn new(memory: M, term: u64) -> Self {
        Self {
            memory,
            term,
            attempts: 0,
            build: None,
            inherits: true,
        }
    }

    /// What to ask the control plane for: what changed after this revision of this epoch.
    pub fn position(&mut self) -> (Option<Epoch>, Revision) {
        if let Some(build) = &self.build {
            return (build.epoch.clone(), build.revision);
        }
        match State::read(&self.memory) {
            Some((state, _)) => (Some(state.epoch), state.revision),
            None => {
                self.start_over();
                (None, 0)
            }
        }
    }

    /// Begins a new generation from nothing, beside the live one.
    pub fn start_over(&mut self) {
        let side = State::read(&self.memory).map_or(Side::A, |(state, _)| state.side.other());
        self.attempts = self.attempts.saturating_add(1);
        // Larger than any that was begun in an earlier term or attempt.
        let generation = (self.term << 20).saturating_add(self.attempts);
        self.build = Some(Build {
            generation,
            side,
            epoch: None,
            revision: 0,
        });
    }

    /// Applies a page.
    ///
    /// # Errors
    /// When the page must not be applied. What is live is then as it was, and can be asked about again.
    pub fn apply(&mut self, page: &ChangePage) -> Result<Progress, RefusedPage> {
        let (epoch, after) = self.position();
        check(page, epoch.as_ref(), after)?;
        match self.build.take() {
            Some(build) => self.fill(build, page),
            None => self.update(page),
        }
    }

    fn fill(&mut self, mut build: Build, page: &ChangePage) -> Result<Progress, RefusedPage> {
        let mut target = self.target(build.generation, build.side);
        for change in &page.changes {
            target.apply(change)?;
        }
        build.revision = page.revision;
        build.epoch = Some(page.epoch.clone());
        let unreadable = std::mem::take(&mut target.unreadable);
        let is_complete = page.revision >= page.head;
        if is_complete {
            let live = State::read(&self.memory);
            let expect = live.map_or(Expect::Absent, |(_, version)| Expect::Unchanged(version));
            State::begin(
                build.generation,
                build.side,
                page.epoch.clone(),
                page.revision,
            )
            .write(&self.memory, expect)?;
            self.inherits = false;
        } else {
            self.build = Some(build);
        }
        Ok(Progress {
            is_visible: is_complete,
            is_behind: !is_complete,
            unreadable,
        })
    }

    fn update(&mut self, page: &ChangePage) -> Result<Progress, RefusedPage> {
        let (mut state, version) = State::read(&self.memory).ok_or(RefusedPage::LeadershipLost)?;
        if self.inherits {
            state.note_unknown_changes();
        }
        let mut target = self.target(state.generation, state.side);
        for change in &page.changes {
            target.apply(change)?;
        }
        target
            .touched
            .iter()
            .for_each(|&number| state.note_changed(number));
        if target.routes_changed {
            state.note_routes_changed();
        }
        let unreadable = std::mem::take(&mut target.unreadable);
        let is_visible = state.revision != page.revision;
        state.revision = page.revision;
        if is_visible {
            state.write(&self.memory, Expect::Unchanged(version))?;
            self.inherits = false;
        }
        Ok(Progress {
            is_visible,
            is_behind: page.revision < page.head,
            unreadable,
        })
    }

    fn target(&self, generation: u64, side: Side) -> Target<'_, M> {
        Target {
            memory: &self.memory,
            term: self.term,
            generation,
            side,
            touched: vec![],
            routes_changed: false,
            unreadable: vec![],
        }
    }
}

fn check(page: &ChangePage, epoch: Option<&Epoch>, after: Revision) -> Result<(), RefusedPage> {
    if page.format > FORMAT {
        return Err(RefusedPage::UnknownFormat { found: page.format });
    }
    if epoch.is_some_and(|epoch| *epoch != page.epoch) || page.after != after {
        return Err(RefusedPage::NotAskedFor {
            epoch: page.epoch.clone(),
            after: page.after,
        });
    }
    let mut last = after;
    for revision in page.changes.iter().map(|change| change.revision) {
        if revision <= last {
            return Err(RefusedPage::OutOfOrder { revision });
        }
        last = revision;
    }
    if page.revision < last || page.head < page.revision {
        return Err(RefusedPage::OutOfOrder {
            revision: page.revision,
        });
    }
    if page.revision == after && page.head > after {
        // Nothing in it and more to come: asking again would never end.
        return Err(RefusedPage::OutOfOrder {
            revision: page.revision,
        });
    }
    Ok(())
}

/// One generation, open for writing.
struct Target<'m, M> {
    memory: &'m M,
    term: u64,
    generation: u64,
    side: Side,
    touched: Vec<u32>,
    routes_changed: bool,
    unreadable: Vec<(ProfileId, InvalidProfile)>,
}

impl<M: SharedMemory> Target<'_, M> {
    fn apply(&mut self, change: &Change) -> Result<(), RefusedPage> {
        match &change.object {
            ChangedObject::Profile(profile) => self.put_profile(profile),
            ChangedObject::ProfileRemoved(id) => self.file(id, &[]),
            ChangedObject::Collection(collection) => self.put_collection(collection),
            ChangedObject::CollectionRemoved(id) => self.edit_collection(*id, None),
        }
    }

    fn put_profile(&mut self, profile: &Profile) -> Result<(), RefusedPage> {
        let records = Record::of(profile).unwrap_or_else(|invalid| {
            // What cannot be read must not open anything.
            self.unreadable.push((profile.id, invalid));
            vec![]
        });
        self.file(&profile.id, &records)
    }

    /// Makes `records` all that is filed for a profile: first what is new, then the list, then what is gone, so that
    /// a leader who falls in between leaves nothing that the next one cannot find.
    fn file(&mut self, id: &ProfileId, records: &[(Digest, Record)]) -> Result<(), RefusedPage> {
        let key = layout::profile_key(self.side, id);
        let filed: Vec<Digest> = self
            .stored(&key, id.as_bytes())
            .map(|value| read_digests(&value))
            .unwrap_or_default();
        let digests: Vec<Digest> = records.iter().map(|(digest, _)| *digest).collect();
        if digests.iter().any(|digest| !filed.contains(digest)) {
            let all: Vec<Digest> = filed.iter().chain(&digests).copied().collect();
            self.list(id, &all)?;
        }
        for (digest, record) in records {
            let value = postcard::to_allocvec(record).map_err(|_| WriteConflict)?;
            self.edit_record(digest, Some(&value))?;
        }
        for gone in filed.iter().filter(|digest| !digests.contains(digest)) {
            if self.is_filed_for(gone, id) {
                self.edit_record(gone, None)?;
            }
        }
        if filed.iter().any(|digest| !digests.contains(digest)) {
            self.list(id, &digests)?;
        }
        Ok(())
    }

    /// Whether a digest opens this profile. It may have gone over to another one, whose change came earlier.
    fn is_filed_for(&self, digest: &Digest, id: &ProfileId) -> bool {
        let key = layout::record_key(self.side, layout::record_page(digest));
        self.stored(&key, &digest.0)
            .and_then(|value| postcard::from_bytes::<Record>(&value).ok())
            .is_none_or(|record| record.profile_id == *id)
    }

    /// The value of one entry of a page of this generation.
    fn stored<const K: usize>(&self, page_key: &str, key: &[u8; K]) -> Option<Vec<u8>> {
        let (bytes, _) = self.memory.read(page_key)?;
        let page = Page::open(&bytes);
        let value = page
            .find(key)
            .filter(|_| page.generation == self.generation)?;
        Some(value.to_vec())
    }

    /// Writes which digests are filed for a profile.
    fn list(&self, id: &ProfileId, digests: &[Digest]) -> Result<(), RefusedPage> {
        let value: Vec<u8> = digests.iter().flat_map(|digest| digest.0).collect();
        let value = (!digests.is_empty()).then_some(value);
        self.edit(
            &layout::profile_key(self.side, id),
            id.as_bytes(),
            value.as_deref(),
        )
    }

    fn edit_record(&mut self, digest: &Digest, value: Option<&[u8]>) -> Result<(), RefusedPage> {
        let number = layout::record_page(digest);
        self.touched.push(number);
        self.edit(&layout::record_key(self.side, number), &digest.0, value)
    }

    fn put_collection(&mut self, collection: &Collection) -> Result<(), RefusedPage> {
        let stored = StoredCollection::from(collection);
        let value = postcard::to_allocvec(&stored).map_err(|_| WriteConflict)?;
        self.edit_collection(collection.id, Some(&value))
    }

    fn edit_collection(
        &mut self,
        id: CollectionId,
        value: Option<&[u8]>,
    ) -> Result<(), RefusedPage> {
        self.routes_changed = true;
        let key = layout::collection_key(self.side, layout::collection_page(&id));
        self.edit(&key, id.as_bytes(), value)
    }

    /// Replaces one entry of a page.
    fn edit<const K: usize>(
        &self,
        page_key: &str,
        key: &[u8; K],
        value: Option<&[u8]>,
    ) -> Result<(), RefusedPage> {
        let read = self.memory.read(page_key);
        let page = read
            .as_ref()
            .map_or(Page::open(&[]), |(bytes, _)| Page::open(bytes));
        if page.term > self.term {
            return Err(RefusedPage::LeadershipLost);
        }
        let mut draft = Draft::new(&page, self.generation, self.term, &[key]);
        if let Some(value) = value {
            draft.put(key, value);
        }
        self.memory.write(
            page_key,
            &draft.into_bytes(),
            Expect::as_read(read.as_ref()),
        )?;
        Ok(())
    }
}

fn read_digests(value: &[u8]) -> Vec<Digest> {
    value
        .as_chunks()
        .0
        .iter()
        .map(|digest| Digest(*digest))
        .collect()
}
