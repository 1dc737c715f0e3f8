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
use std::collections::BinaryHeap;

use crate::layout::{self, Side};
use crate::memory::{Expect, SharedMemory, Version, WriteConflict};
use crate::page::{Draft, Key, Page};
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

/// An entry to be written.
type Entry = (Key, Vec<u8>);

/// A page as it was read.
type Read = (Vec<u8>, Version);

/// The numbers of pages of records, in order and each once.
type Numbers = Vec<u32>;

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
        let placed = |(digest, record): &(Digest, Record)| {
            let value = postcard::to_allocvec(record).map_err(|_| WriteConflict)?;
            let entry = (layout::record_entry(digest), value);
            Ok((layout::record_page(digest), entry))
        };
        let records: Result<Vec<_>, WriteConflict> = records.iter().map(placed).collect();
        self.file(&profile.id, &records?)
    }

    /// Makes these all records of a profile. It is written first on which pages they stand and stood, and last where
    /// they stand now, so that a leader who falls in between leaves nothing that the next one cannot find.
    fn file(&mut self, id: &ProfileId, records: &[(u32, Entry)]) -> Result<(), RefusedPage> {
        let key = layout::profile_key(self.side, layout::profile_page(id));
        let read = self.memory.read(&key);
        let (filed, is_fenced) = self.filed(read.as_ref(), id);
        let numbers = in_order(records.iter().map(|(number, _)| *number));
        let all = in_order(filed.iter().chain(&numbers).copied());
        if !is_fenced || all != filed {
            self.list(&key, read, id, &all)?;
        }
        for &number in &all {
            let on_page = records.iter().filter(|(page, _)| *page == number);
            let entries: Vec<&Entry> = on_page.map(|(_, entry)| entry).collect();
            self.put_records(number, id, &entries)?;
        }
        if all != numbers {
            self.list(&key, self.memory.read(&key), id, &numbers)?;
        }
        let sizes = &mut self.sizes;
        sizes.profiles = sizes
            .profiles
            .saturating_add(u64::from(!numbers.is_empty()))
            .saturating_sub(u64::from(!filed.is_empty()));
        Ok(())
    }

    /// On which pages the records of a profile stand, and whether that was written in this term.
    fn filed(&self, read: Option<&Read>, id: &ProfileId) -> (Numbers, bool) {
        let Some((bytes, _)) = read else {
            return (vec![], false);
        };
        let page = Page::open(bytes);
        let numbers = page.find_in(self.generation, id.as_bytes());
        let is_fenced = (page.term, page.generation) == (self.term, self.generation);
        (numbers.map(read_numbers).unwrap_or_default(), is_fenced)
    }

    /// Writes on which pages the records of a profile stand.
    fn list(
        &mut self,
        key: &str,
        read: Option<Read>,
        id: &ProfileId,
        numbers: &[u32],
    ) -> Result<(), RefusedPage> {
        let value = numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        let entry = (*id.as_bytes(), value);
        let entries = (!numbers.is_empty()).then_some(&entry);
        let entries = entries.as_slice();
        self.rewrite(key, read, entries, |known, _| known != id.as_bytes())?;
        Ok(())
    }

    /// Makes these all records of a profile that stand on a page. A key that has gone over to another profile, whose
    /// change came earlier, is that one's.
    fn put_records(
        &mut self,
        number: u32,
        id: &ProfileId,
        entries: &[&Entry],
    ) -> Result<(), RefusedPage> {
        self.touched.push(number);
        let key = layout::record_key(self.side, number);
        let gone = self.edit(&key, entries, |known, value| {
            // A record begins with the id of its profile.
            !value.starts_with(id.as_bytes()) && entries.iter().all(|(key, _)| key != known)
        })?;
        let counted = |number: usize| u64::try_from(number).unwrap_or_default();
        let credentials = self
            .sizes
            .credentials
            .saturating_add(counted(entries.len()));
        self.sizes.credentials = credentials.saturating_sub(counted(gone));
        Ok(())
    }

    fn put_collection(&mut self, collection: &Collection) -> Result<(), RefusedPage> {
        let stored = StoredCollection::from(collection);
        let value = postcard::to_allocvec(&stored).map_err(|_| WriteConflict)?;
        self.edit_collection(collection.id, Some(value))
    }

    fn edit_collection(
        &mut self,
        id: CollectionId,
        value: Option<Vec<u8>>,
    ) -> Result<(), RefusedPage> {
        self.routes_changed = true;
        let key = layout::collection_key(self.side, layout::collection_page(&id));
        let entry = value.map(|it| (*id.as_bytes(), it));
        let entries = entry.as_ref();
        self.edit(&key, entries.as_slice(), |known, _| known != id.as_bytes())?;
        Ok(())
    }

    /// Replaces those entries of a page that do not `stay`, and tells how many they were.
    fn edit(
        &mut self,
        page_key: &str,
        entries: &[&Entry],
        stay: impl Fn(&Key, &[u8]) -> bool,
    ) -> Result<usize, RefusedPage> {
        self.rewrite(page_key, self.memory.read(page_key), entries, stay)
    }

    /// The same of a page as it was read.
    fn rewrite(
        &mut self,
        page_key: &str,
        read: Option<Read>,
        entries: &[&Entry],
        stay: impl Fn(&Key, &[u8]) -> bool,
    ) -> Result<usize, RefusedPage> {
        let page = read
            .as_ref()
            .map_or(Page::open(&[]), |(bytes, _)| Page::open(bytes));
        if page.term > self.term {
            return Err(RefusedPage::LeadershipLost);
        }
        let is_of_generation = page.generation == self.generation;
        let (mut draft, gone) = Draft::new(&page, self.generation, self.term, stay);
        if gone == 0 && entries.is_empty() && is_of_generation && page.term == self.term {
            return Ok(0);
        }
        for (key, value) in entries {
            draft.put(key, value);
        }
        let bytes = draft.into_bytes();
        self.memory
            .write(page_key, &bytes, Expect::as_read(read.as_ref()))?;
        let counted = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or_default();
        let before = read.as_ref().filter(|_| is_of_generation);
        let before = before.map_or(0, |(bytes, _)| counted(bytes));
        let grown = self.sizes.bytes.saturating_add(counted(&bytes));
        self.sizes.bytes = grown.saturating_sub(before);
        Ok(gone)
    }
}

fn in_order(numbers: impl Iterator<Item = u32>) -> Numbers {
    // By a heap: what sorts slices takes several kilobytes of a module that every worker compiles.
    let mut numbers = numbers.collect::<BinaryHeap<u32>>().into_sorted_vec();
    numbers.dedup();
    numbers
}

fn read_numbers(value: &[u8]) -> Numbers {
    let numbers = value.as_chunks().0.iter();
    numbers.map(|number| u32::from_le_bytes(*number)).collect()
}
