//! The writing side: the leader's. Applies pages of the feed to the live generation, or fills a new one beside it.
//!
//! A page is applied as a whole or, when the leader falls in the middle, again by the next one: every step may be
//! repeated, and the [`Ledger`] is written last. What a VM reads in between is the newest state of each object, some of
//! it a little early.

use portcullis_engine::holder::InvalidProfile;
use portcullis_feed::{ChangePage, Epoch, FORMAT, ProfileId, Revision};

use crate::doubt::Doubt;
use crate::layout::{self, COLLECTION_PAGES, PROFILE_PAGES, RECORD_PAGES, Side};
use crate::ledger::{Build, Ledger};
use crate::memory::{Expect, SharedMemory, Version, WriteConflict};
use crate::page::{Draft, Page};
use crate::state::{Sizes, State};
use crate::target::Target;

/// Applies changes on behalf of one term of leadership.
#[derive(Debug)]
pub struct Writer<M> {
    memory: M,
    term: u64,
    /// The generation beside which everything older is being cleared away, and how far that is.
    tidied: (u64, u32),
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
    #[error("the page follows revision {after}, which was not asked for")]
    NotAskedFor {
        /// The revision that it follows.
        after: Revision,
    },
    /// Its revisions are not in order.
    #[error("the revisions of the page are out of order at {revision}")]
    OutOfOrder {
        /// The first that is wrong.
        revision: Revision,
    },
    /// It goes on in another life of the database, which may not know what an earlier leader has applied half of.
    #[error(
        "the control plane's database was opened again while pages were in doubt: all is asked for anew"
    )]
    InDoubt,
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
            tidied: (0, 0),
        }
    }

    /// What to ask the control plane for: what changed after this revision of this epoch. Goes on with what an earlier
    /// leader has begun.
    ///
    /// # Errors
    /// When another VM leads now.
    pub fn position(&mut self) -> Result<(Option<Epoch>, Revision), RefusedPage> {
        let (mut ledger, version) = self.ledger()?;
        if ledger.begin_if_empty() {
            ledger.write(&self.memory, Expect::Unchanged(version))?;
        }
        Ok(ledger.position())
    }

    /// Begins a new generation from nothing, beside the live one.
    ///
    /// # Errors
    /// When another VM leads now.
    pub fn start_over(&mut self) -> Result<(), RefusedPage> {
        let (mut ledger, version) = self.ledger()?;
        ledger.start_over();
        Ok(ledger.write(&self.memory, Expect::Unchanged(version))?)
    }

    /// Takes note that nothing follows what is live, and tells whether the VMs have to look again.
    ///
    /// # Errors
    /// When another VM leads now.
    pub fn note_current(&mut self) -> Result<bool, RefusedPage> {
        let (mut ledger, version) = self.ledger()?;
        let was_deserted = std::mem::take(&mut ledger.deserted);
        if std::mem::take(&mut ledger.doubt) != Doubt::None || was_deserted {
            ledger.write(&self.memory, Expect::Unchanged(version))?;
        }
        Ok(was_deserted)
    }

    /// Applies a page.
    ///
    /// # Errors
    /// When the page must not be applied. What is live is then as it was, and can be asked about again.
    pub fn apply(&mut self, page: &ChangePage) -> Result<Progress, RefusedPage> {
        let (mut ledger, version) = self.ledger()?;
        ledger.begin_if_empty();
        let (epoch, after) = ledger.position();
        check(page, after)?;
        if ledger.doubt.is_fatal(epoch.as_ref(), page) {
            ledger.start_over();
            ledger.write(&self.memory, Expect::Unchanged(version))?;
            return Err(RefusedPage::InDoubt);
        }
        if let (true, Some(live)) = (ledger.doubt != Doubt::None, &mut ledger.live) {
            live.note_unknown_changes();
        }
        let mut progress = match (ledger.build.take(), &mut ledger.live) {
            (Some(build), _) => self.fill(&mut ledger, build, page)?,
            (None, Some(live)) => self.update(live, page)?,
            (None, None) => return Err(RefusedPage::LeadershipLost),
        };
        ledger.doubt = ledger.doubt.after(page);
        if !progress.is_behind {
            progress.is_visible |= std::mem::take(&mut ledger.deserted);
        }
        ledger.write(&self.memory, Expect::Unchanged(version))?;
        Ok(progress)
    }

    /// Clears away what is left of older generations, `count` pages at a time, so that a resync does not leave twice as
    /// much behind. To be called now and then while `all_follow`: every VM looks at the live generation.
    pub fn tidy(&mut self, count: u32, all_follow: bool) {
        let Ok((ledger, _)) = self.ledger() else {
            return;
        };
        let (Some(live), None, true) = (&ledger.live, &ledger.build, all_follow) else {
            return;
        };
        if ledger.begun < 2 {
            // Nothing was ever written on the other side.
            return;
        }
        let (generation, from) = self.tidied;
        let from = if generation == live.generation {
            from
        } else {
            0
        };
        let to = from.saturating_add(count).min(ALL_PAGES);
        let is_cleared = (from..to)
            .all(|number| self.clear(&page_key(live.side.other(), number), live.generation));
        // Where someone else has written meanwhile, it is begun again.
        self.tidied = (live.generation, if is_cleared { to } else { 0 });
    }

    /// Leaves nothing on a page but a header, by which a VM that is late sees that it is.
    fn clear(&self, key: &str, generation: u64) -> bool {
        let Some((bytes, version)) = self.memory.read(key) else {
            return true;
        };
        let page = Page::open(&bytes);
        if page.generation >= generation {
            return true;
        }
        if page.term > self.term {
            return false;
        }
        let (header, _) = Draft::new(&page, generation, self.term, |_, _| true);
        self.memory
            .write(key, &header.into_bytes(), Expect::Unchanged(version))
            .is_ok()
    }

    /// The ledger in this writer's term. The first time it takes it over, so that whoever led before can write it no
    /// more, and has every VM forget its cache: that leader may have changed pages without saying so.
    fn ledger(&self) -> Result<(Ledger, Version), RefusedPage> {
        let (mut ledger, expect) = match Ledger::read(&self.memory) {
            Some((ledger, version)) if ledger.term == self.term => return Ok((ledger, version)),
            Some((ledger, _)) if ledger.term > self.term => {
                return Err(RefusedPage::LeadershipLost);
            }
            Some((ledger, version)) => (ledger, Expect::Unchanged(version)),
            None => (Ledger::default(), Expect::Absent),
        };
        (ledger.term, ledger.doubt) = (self.term, Doubt::New);
        if ledger.build.as_ref().is_some_and(|it| it.epoch.is_none()) {
            // Of what it may hold of a first page, nobody would hear again that it is gone.
            ledger.start_over();
        }
        if let Some(live) = &mut ledger.live {
            live.note_unknown_changes();
        }
        ledger.write(&self.memory, expect)?;
        Ledger::read(&self.memory)
            .filter(|(it, _)| it.term == self.term)
            .ok_or(RefusedPage::LeadershipLost)
    }

    fn fill(
        &self,
        ledger: &mut Ledger,
        mut build: Build,
        page: &ChangePage,
    ) -> Result<Progress, RefusedPage> {
        let target = self.written(page, build.generation, build.side, build.sizes)?;
        build.sizes = target.sizes;
        let is_complete = page.revision >= page.head;
        if is_complete {
            ledger.live = Some(State::begin(&build, page.epoch.clone(), page.revision));
        } else {
            (build.revision, build.epoch) = (page.revision, Some(page.epoch.clone()));
            ledger.build = Some(build);
        }
        Ok(Progress {
            is_visible: is_complete,
            is_behind: !is_complete,
            unreadable: target.unreadable,
        })
    }

    fn update(&self, live: &mut State, page: &ChangePage) -> Result<Progress, RefusedPage> {
        let target = self.written(page, live.generation, live.side, live.sizes)?;
        live.sizes = target.sizes;
        target
            .touched
            .iter()
            .for_each(|&number| live.note_changed(number));
        if target.routes_changed {
            live.note_routes_changed();
        }
        let is_visible = live.revision != page.revision || live.epoch != page.epoch;
        (live.revision, live.epoch) = (page.revision, page.epoch.clone());
        Ok(Progress {
            is_visible,
            is_behind: page.revision < page.head,
            unreadable: target.unreadable,
        })
    }

    /// A generation with all changes of a page written to it.
    fn written(
        &self,
        page: &ChangePage,
        generation: u64,
        side: Side,
        sizes: Sizes,
    ) -> Result<Target<'_, M>, RefusedPage> {
        let mut target = Target {
            memory: &self.memory,
            term: self.term,
            generation,
            side,
            sizes,
            touched: vec![],
            routes_changed: false,
            unreadable: vec![],
        };
        for change in &page.changes {
            target.apply(change)?;
        }
        Ok(target)
    }
}

/// How many pages one side has, of all kinds.
const ALL_PAGES: u32 = RECORD_PAGES + PROFILE_PAGES + COLLECTION_PAGES;

/// The key of a page, where pages of all kinds are counted through.
fn page_key(side: Side, number: u32) -> String {
    let of_profiles = number.checked_sub(RECORD_PAGES);
    let of_collections = number.checked_sub(RECORD_PAGES + PROFILE_PAGES);
    match (of_profiles, of_collections) {
        (_, Some(number)) => layout::collection_key(side, number),
        (Some(number), None) => layout::profile_key(side, number),
        (None, None) => layout::record_key(side, number),
    }
}

/// Whether a page leads on from the revision that was asked about.
///
/// # Errors
/// When it does not: it must not be applied.
pub fn check(page: &ChangePage, after: Revision) -> Result<(), RefusedPage> {
    if page.format > FORMAT {
        return Err(RefusedPage::UnknownFormat { found: page.format });
    }
    if page.after != after {
        return Err(RefusedPage::NotAskedFor { after: page.after });
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
