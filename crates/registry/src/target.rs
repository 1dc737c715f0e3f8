//! One generation, open for writing: profiles and collections become entries of pages.
//!
//! A leader that was paused in the middle of a page may wake up when another one leads and write what it has left of it,
//! which is older by now. So each page that a change concerns is written in the term of who applies it, even when its
//! entries are right already: a page never takes a write of an earlier term than the one that wrote it last.

use portcullis_engine::Record;
use portcullis_engine::holder::InvalidProfile;
use portcullis_feed::{
    Change, ChangedObject, Collection, CollectionId, Digest, Profile, ProfileId,
};

use crate::layout::{self, Side};
use crate::memory::{Expect, SharedMemory, WriteConflict};
use crate::page::{Draft, Page};
use crate::state::Sizes;
use crate::view::StoredCollection;
use crate::writer::RefusedPage;

/// One generation, open for writing.
#[derive(Debug)]
pub(crate) struct Target<'m, M> {
    pub(crate) memory: &'m M,
    pub(crate) term: u64,
    pub(crate) generation: u64,
    pub(crate) side: Side,
    /// What it holds, changes included.
    pub(crate) sizes: Sizes,
    /// Which pages of records have changed.
    pub(crate) touched: Vec<u32>,
    /// Whether a collection has changed.
    pub(crate) routes_changed: bool,
    /// Profiles that open nothing because they cannot be used.
    pub(crate) unreadable: Vec<(ProfileId, InvalidProfile)>,
}

impl<M: SharedMemory> Target<'_, M> {
    /// Makes an object what a change says.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), RefusedPage> {
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
        let key = layout::profile_key(self.side, layout::profile_page(id));
        let (filed, is_fenced) = self.filed(&key, id);
        let digests: Vec<Digest> = records.iter().map(|(digest, _)| *digest).collect();
        let gone: Vec<Digest> = filed
            .iter()
            .filter(|digest| !digests.contains(digest))
            .copied()
            .collect();
        if !is_fenced || digests.iter().any(|digest| !filed.contains(digest)) {
            let all: Vec<Digest> = gone.iter().chain(&digests).copied().collect();
            self.list(&key, id, &all)?;
        }
        for (digest, record) in records {
            let value = postcard::to_allocvec(record).map_err(|_| WriteConflict)?;
            self.edit_record(digest, Some(&value))?;
        }
        for digest in &gone {
            let of_another = self.record_of_another(digest, id);
            self.edit_record(digest, of_another.as_deref())?;
        }
        if !gone.is_empty() {
            self.list(&key, id, &digests)?;
        }
        self.note_sizes(filed.len(), digests.len());
        Ok(())
    }

    /// Which digests are filed for a profile, and whether that was written in this term.
    fn filed(&self, page_key: &str, id: &ProfileId) -> (Vec<Digest>, bool) {
        let Some((bytes, _)) = self.memory.read(page_key) else {
            return (vec![], false);
        };
        let page = Page::open(&bytes);
        let digests = page.find_in(self.generation, id.as_bytes());
        let is_fenced = (page.term, page.generation) == (self.term, self.generation);
        (digests.map(read_digests).unwrap_or_default(), is_fenced)
    }

    /// What a digest opens when that is not this profile: it may have gone over to another one, whose change came
    /// earlier.
    fn record_of_another(&self, digest: &Digest, id: &ProfileId) -> Option<Vec<u8>> {
        let key = layout::record_key(self.side, layout::record_page(digest));
        let (bytes, _) = self.memory.read(&key)?;
        let value = Page::open(&bytes).find_in(self.generation, &digest.0)?;
        let record = postcard::from_bytes::<Record>(value).ok()?;
        (record.profile_id != *id).then(|| value.to_vec())
    }

    fn note_sizes(&mut self, had: usize, has: usize) {
        let counted = |number: usize| u64::try_from(number).unwrap_or_default();
        let sizes = &mut self.sizes;
        sizes.profiles = sizes
            .profiles
            .saturating_add(u64::from(has > 0))
            .saturating_sub(u64::from(had > 0));
        sizes.credentials = sizes
            .credentials
            .saturating_add(counted(has))
            .saturating_sub(counted(had));
    }

    /// Writes which digests are filed for a profile.
    fn list(&mut self, key: &str, id: &ProfileId, digests: &[Digest]) -> Result<(), RefusedPage> {
        let value: Vec<u8> = digests.iter().flat_map(|digest| digest.0).collect();
        let value = (!digests.is_empty()).then_some(value);
        self.edit(key, id.as_bytes(), value.as_deref())
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
        &mut self,
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
        if value.is_none() && page.term == self.term && page.find_in(self.generation, key).is_none()
        {
            return Ok(());
        }
        let counted = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or_default();
        let before = match &read {
            Some((bytes, _)) if page.generation == self.generation => counted(bytes),
            Some(_) | None => 0,
        };
        let mut draft = Draft::new(&page, self.generation, self.term, &[key]);
        if let Some(value) = value {
            draft.put(key, value);
        }
        let bytes = draft.into_bytes();
        self.memory
            .write(page_key, &bytes, Expect::as_read(read.as_ref()))?;
        let grown = self.sizes.bytes.saturating_add(counted(&bytes));
        self.sizes.bytes = grown.saturating_sub(before);
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
