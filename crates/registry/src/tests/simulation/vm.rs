//! One VM of the simulation: what the filter does with the registry, over and over, and what has to be true of it.

use std::sync::Arc;

use portcullis_engine::Registry as _;
use portcullis_engine::path::Path;
use portcullis_feed::Digest;

use super::keys::{Keys, PROFILES};
use super::model::{Answer, Seen, path};
use super::world::{Memory, World};
use crate::lease::Lease;
use crate::roster::{Report, Roster};
use crate::view::View;
use crate::writer::{RefusedPage, Writer};

/// A VM from its start to its fall.
pub(super) struct Vm {
    memory: Memory,
    serves_requests: bool,
    tidies: bool,
    view: View<Memory>,
    roster: Roster<Memory>,
    lease: Lease<Memory>,
    writer: Option<(u64, Writer<Memory>)>,
    /// What was asked, as it is going to be answered.
    open: Option<Answer>,
}

impl Vm {
    pub(super) fn new(world: &Arc<World>, vm: usize, tidies: bool) -> Self {
        let memory = Memory {
            world: Arc::clone(world),
            vm,
        };
        let member = 1 + world.state().chance.below(u64::MAX);
        Self {
            view: View::new(memory.clone(), 1 << 20),
            roster: Roster::new(memory.clone(), member),
            lease: Lease::new(memory.clone(), member),
            memory,
            serves_requests: vm > 0,
            tidies,
            writer: None,
            open: None,
        }
    }

    /// What a tick or a wake-up leads to, and some requests.
    pub(super) fn turn(&mut self) {
        drop(self.memory.world.step(self.memory.vm));
        self.catch_up();
        self.serve();
        let now_ms = self.now_ms();
        let term = self
            .lease
            .tend(now_ms, self.serves_requests, self.roster.queue());
        match term {
            None => (self.writer, self.open) = (None, None),
            Some(term) => {
                if self.writer.as_ref().is_none_or(|(known, _)| *known != term) {
                    self.writer = Some((term, Writer::new(self.memory.clone(), term)));
                    self.open = None;
                }
                let is_lead_lost = match self.open.take() {
                    Some(answer) => self.receive(answer),
                    None => self.ask(),
                };
                if is_lead_lost.is_err() {
                    (self.writer, self.open) = (None, None);
                    self.lease.release(self.now_ms());
                }
                self.tidy();
            }
        }
        self.settle();
    }

    fn catch_up(&mut self) {
        self.view.refresh();
        let applied = self.view.applied();
        let now_ms = self.now_ms();
        let report = Report {
            applied,
            serves_requests: self.serves_requests,
        };
        self.roster.report(report, now_ms);
        // It is heard of from now on.
        if self.roster.queue().is_some() {
            let mut state = self.memory.world.state();
            state.note_view(self.memory.vm, applied, now_ms);
        }
    }

    fn ask(&mut self) -> Result<(), RefusedPage> {
        if let Some((_, writer)) = &mut self.writer {
            let (epoch, after) = writer.position()?;
            let mut state = self.memory.world.step(self.memory.vm);
            let limit = 1 + state.chance.below(4) as usize;
            self.open = Some(state.model.answer(epoch.as_ref(), after, limit));
        }
        Ok(())
    }

    fn receive(&mut self, answer: Answer) -> Result<(), RefusedPage> {
        let Some((_, writer)) = &mut self.writer else {
            return Ok(());
        };
        match answer {
            Answer::Nothing => writer.note_current()?,
            Answer::StartOver => match writer.position()? {
                (None, 0) => {}
                _ => writer.start_over()?,
            },
            Answer::Page(page, point) => {
                if page.revision < page.head {
                    // The next one is asked for before this one is applied.
                    let mut state = self.memory.world.step(self.memory.vm);
                    let limit = 1 + state.chance.below(4) as usize;
                    let next = state.model.answer(Some(&page.epoch), page.revision, limit);
                    self.open = Some(next);
                }
                match writer.apply(&page) {
                    Ok(_) => {
                        if let Some(point) = point {
                            self.memory.world.state().note_whole(page.revision, point);
                        }
                        self.catch_up();
                    }
                    Err(RefusedPage::LeadershipLost) => return Err(RefusedPage::LeadershipLost),
                    Err(_) => self.open = None,
                }
            }
        }
        Ok(())
    }

    fn tidy(&mut self) {
        let heard = self.memory.world.state().heard();
        let census = self.roster.census(self.now_ms());
        let mut state = self.memory.world.state();
        state.check_census(&census, &heard);
        drop(state);
        let all_follow = census.applied.is_some_and(|applied| {
            self.view.applied().map(|it| it.generation) == Some(applied.generation)
        });
        if let Some((_, writer)) = &mut self.writer {
            writer.tidy(if self.tidies { 100_000 } else { 16 }, all_follow);
        }
    }

    /// Answers some requests.
    fn serve(&self) {
        let mut chosen = vec![];
        {
            let mut state = self.memory.world.state();
            for each in Keys::all().each() {
                if state.chance.once_in(4) {
                    chosen.push(each);
                }
            }
            if state.chance.once_in(20) {
                drop(state);
                self.check(PROFILES, &|| Seen::Collection(self.collection()));
            }
        }
        for (object, key) in chosen {
            self.check(object, &|| Seen::Key(key, self.version_of(key)));
        }
    }

    /// What is seen of an object was so at the point up to which this VM has applied everything, or has become so since.
    fn check<'s>(&self, object: usize, look: &dyn Fn() -> Seen<'s>) {
        let before = self.view.applied();
        let seen = look();
        let after = self.view.applied();
        let mut state = self.memory.world.state();
        let whole: Option<Vec<usize>> = [before, after]
            .into_iter()
            .map(|applied| applied.and_then(|applied| state.whole_at(applied)))
            .collect();
        let Some(whole) = whole else {
            return;
        };
        let is_right = |since: &usize| state.model.has_been(object, seen, *since);
        if !whole.iter().any(is_right) {
            let history = state.model.describe(object);
            let vm = self.memory.vm;
            state.fail(format!(
                "VM {vm} at {before:?} to {after:?} sees {seen:?} of object {object}, which was {history}"
            ));
        }
    }

    fn version_of(&self, key: &Digest) -> Option<u64> {
        let holder = self.view.cached(key).or_else(|| self.view.stored(key))?;
        holder.client_name().parse().ok()
    }

    fn collection(&self) -> Option<u64> {
        let versions = self.memory.world.state().model.versions();
        let routes = self.view.routes()?;
        (1..=versions).find(|version| {
            let path = path(*version);
            Path::parse(path.as_bytes())
                .is_ok_and(|path| routes.find(b"h", b"GET", &path).is_some())
        })
    }

    /// When it is calm and this VM is at the newest state, everything has to be just so.
    fn settle(&self) {
        let live = self.view.state(|live| (live.epoch.clone(), live.revision));
        let is_newest = {
            let state = self.memory.world.state();
            state.is_calm()
                && live.is_some_and(|(epoch, revision)| state.model.is_newest(&epoch, revision))
        };
        if is_newest {
            for (object, key) in Keys::all().each() {
                self.check_newest(object, Seen::Key(key, self.version_of(key)));
            }
            self.check_newest(PROFILES, Seen::Collection(self.collection()));
        }
        let mut state = self.memory.world.state();
        state.note_settled(self.memory.vm, is_newest);
    }

    fn check_newest(&self, object: usize, seen: Seen<'_>) {
        let mut state = self.memory.world.state();
        if !state.model.is(object, seen) {
            let history = state.model.describe(object);
            let (vm, at) = (self.memory.vm, self.view.applied());
            state.fail(format!(
                "VM {vm} rests at {at:?} and sees {seen:?} of object {object}, which was {history}"
            ));
        }
    }

    fn now_ms(&self) -> u64 {
        self.memory.world.state().now_ms()
    }
}
