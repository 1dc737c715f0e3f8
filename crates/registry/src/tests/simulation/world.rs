//! The process of the simulation: one thread for each VM, of which one runs at a time. Each access to shared memory is a
//! moment at which another VM may go on, this one may be held up or fall, time passes, and the records change.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

use super::chance::Chance;
use super::keys::{PROFILE_PAGES, RECORD_PAGES};
use super::model::Model;
use super::{Plan, Weakness};
use crate::layout::{LEDGER, roster_key};
use crate::ledger::Ledger;
use crate::memory::{Expect, QueueId, SharedMemory, Version, WriteConflict};
use crate::roster::{Applied, Census, SILENCE_MS};

/// How long the calm after the trouble may last, in steps.
const LONGEST_CALM: u64 = 200_000;

/// How many VMs there can have been in the last seconds.
const MOST_PLACES: usize = 40;

/// Everything outside the VMs.
#[derive(Debug)]
pub(super) struct World {
    state: Mutex<State>,
    threads: OnceLock<Vec<Thread>>,
}

#[derive(Debug)]
pub(super) struct State {
    plan: Plan,
    pub(super) chance: Chance,
    pub(super) model: Model,
    now_ms: u64,
    steps: u64,
    /// Which VM runs. One more than there are: none does.
    running: usize,
    held_up_until: Vec<u64>,
    values: HashMap<String, (Vec<u8>, u32)>,
    version: u32,
    queues: Vec<String>,
    /// By generation: the revisions at which it was whole, and the points of the history that these were.
    whole: HashMap<u64, Vec<(u64, usize)>>,
    /// What each VM decides by, and when it said so.
    views: Vec<Option<(Applied, u64)>>,
    /// How often each VM has found itself at the newest state since it is calm.
    settled: Vec<u32>,
    ended: bool,
    failure: Option<String>,
}

/// Why a VM runs no further.
pub(super) enum Stop {
    /// It fell.
    Fallen,
    /// The simulation is over.
    Ended,
}

impl World {
    pub(super) fn new(plan: Plan, model: Model) -> Self {
        let vms = plan.vms;
        Self {
            state: Mutex::new(State {
                plan,
                chance: Chance::of(plan.seed),
                model,
                now_ms: 1_000_000,
                steps: 0,
                running: vms,
                held_up_until: vec![0; vms],
                values: HashMap::new(),
                version: 0,
                queues: vec![],
                whole: HashMap::new(),
                views: vec![None; vms],
                settled: vec![0; vms],
                ended: false,
                failure: None,
            }),
            threads: OnceLock::new(),
        }
    }

    /// Lets the VMs run, each in one of these threads.
    pub(super) fn run(&self, threads: Vec<Thread>) {
        let first = threads.first().cloned();
        self.threads.get_or_init(|| threads);
        self.state().running = 0;
        if let Some(first) = first {
            first.unpark();
        }
    }

    /// Waits for the turn of a VM.
    pub(super) fn await_turn(&self, vm: usize) -> MutexGuard<'_, State> {
        loop {
            let state = self.state();
            if state.running == vm || state.is_over() {
                return state;
            }
            drop(state);
            std::thread::park();
        }
    }

    /// The simulation is over for one VM, and so for all.
    pub(super) fn end(&self) {
        self.state().ended = true;
        for thread in self.threads.get().into_iter().flatten() {
            thread.unpark();
        }
    }

    /// A moment at which anything may happen.
    pub(super) fn step(&self, vm: usize) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.steps += 1;
        state.pass_time();
        let is_calm = state.is_calm();
        if !is_calm {
            if state.chance.once_in(500) {
                let until = state.steps + state.chance.below(400);
                state.held_up_until[vm] = until;
                state.views[vm] = None;
                drop(state);
                resume_unwind(Box::new(Stop::Fallen));
            }
            if state.chance.once_in(300) {
                let until = state.steps + state.chance.below(2_000);
                state.held_up_until[vm] = until;
            }
        }
        let next = state.choose(vm);
        if next != vm && !state.is_over() {
            state.running = next;
            drop(state);
            if let Some(thread) = self.threads.get().and_then(|all| all.get(next)) {
                thread.unpark();
            }
            state = self.await_turn(vm);
        }
        if state.is_over() {
            drop(state);
            resume_unwind(Box::new(Stop::Ended));
        }
        state
    }

    /// Looks, at no moment at which anything happens.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pass_time(&mut self) {
        self.now_ms += self.chance.below(4);
        if self.is_calm() {
            if self.steps > self.plan.trouble_steps + LONGEST_CALM {
                self.fail("the VMs do not come to rest".into());
            }
            return;
        }
        if self.chance.once_in(600) {
            self.now_ms += self.chance.below(4_000);
        }
        if self.chance.once_in(self.plan.steps_between_changes) {
            let mut chance = self.chance.clone();
            self.model.act(&mut chance, self.plan.restores);
            self.chance = chance;
        }
    }

    fn choose(&mut self, vm: usize) -> usize {
        let is_held_up = self.held_up_until[vm] > self.steps;
        if !is_held_up && !self.chance.once_in(6) {
            return vm;
        }
        let steps = self.steps;
        let ready: Vec<usize> = (0..self.plan.vms)
            .filter(|&other| self.held_up_until[other] <= steps)
            .collect();
        if ready.is_empty() {
            // Time stands still for nobody: the first to go on does so now.
            let first = (0..self.plan.vms).min_by_key(|&other| self.held_up_until[other]);
            let first = first.unwrap_or(vm);
            self.steps = self.held_up_until[first];
            return first;
        }
        ready[self.chance.below(ready.len() as u64) as usize]
    }

    /// Whether the trouble is over.
    pub(super) const fn is_calm(&self) -> bool {
        self.steps >= self.plan.trouble_steps
    }

    fn is_over(&self) -> bool {
        self.ended || self.failure.is_some()
    }

    pub(super) const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Something is not as it has to be.
    pub(super) fn fail(&mut self, sentence: String) {
        let steps = self.steps;
        self.failure
            .get_or_insert_with(|| format!("after {steps} steps: {sentence}"));
    }

    pub(super) fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// No key depends on how much has happened: two sides of the few pages that there are, the lease, the ledger, and a
    /// place for each VM of the last seconds.
    pub(super) fn check_keys(&mut self) {
        let pages = 2 * (RECORD_PAGES + PROFILE_PAGES + 1);
        let place = roster_key(0);
        let is_of_vm = |key: &&String| key.starts_with(place.trim_end_matches('0'));
        let of_vms = self.values.keys().filter(is_of_vm).count();
        let others = self.values.len() - of_vms;
        if others > pages + 2 || of_vms > MOST_PLACES {
            self.fail(format!("{others} keys, and {of_vms} of VMs"));
        }
    }

    /// The generation that is live is whole at a revision, which is this point of the history. To be said by who has
    /// just made it so.
    pub(super) fn note_whole(&mut self, revision: u64, point: usize) {
        let ledger = self.values.get(LEDGER);
        let ledger = ledger.and_then(|(bytes, _)| postcard::from_bytes::<Ledger>(bytes).ok());
        if let Some(live) = ledger.and_then(|ledger| ledger.live) {
            let whole = self.whole.entry(live.generation).or_default();
            whole.push((revision, point));
        }
    }

    /// The latest point at which a generation is known to have been whole, up to a revision.
    pub(super) fn whole_at(&self, applied: Applied) -> Option<usize> {
        let known = self.whole.get(&applied.generation)?.iter();
        known
            .filter(|(revision, _)| *revision <= applied.revision)
            .max()
            .map(|(_, point)| *point)
    }

    /// A VM decides by this from now on. It never goes back.
    pub(super) fn note_view(&mut self, vm: usize, applied: Option<Applied>, now_ms: u64) {
        if let (Some((before, _)), true) = (self.views[vm], applied < self.views[vm].map(|it| it.0))
        {
            self.fail(format!("VM {vm} went back from {before:?} to {applied:?}"));
        }
        self.views[vm] = applied.map(|applied| (applied, now_ms));
    }

    /// Which VMs have been heard of lately.
    pub(super) fn heard(&self) -> Vec<usize> {
        let is_recent =
            |vm: &usize| self.views[*vm].is_some_and(|(_, at)| self.now_ms - at < SILENCE_MS / 2);
        (0..self.views.len()).filter(is_recent).collect()
    }

    /// What all are said to have applied, all have that were heard of before they were asked, and still are.
    pub(super) fn check_census(&mut self, census: &Census, before: &[usize]) {
        let heard = self.heard();
        let heard = heard.iter().filter(|vm| before.contains(vm));
        let views = heard.filter_map(|vm| self.views[*vm]);
        let least = views.map(|(applied, _)| applied).min();
        if let (Some(least), Some(said)) = (least, census.applied)
            && said > least
        {
            self.fail(format!(
                "all are said to have {said:?}, but one has {least:?}"
            ));
        }
    }

    /// A VM has found itself at the newest state, or not. When all have twice, whoever was held up has done what it was
    /// about to: the simulation ends.
    pub(super) fn note_settled(&mut self, vm: usize, is_settled: bool) {
        if self.is_calm() {
            self.settled[vm] = if is_settled { self.settled[vm] + 1 } else { 0 };
            self.ended = self.settled.iter().all(|times| *times >= 2);
        }
    }
}

/// The shared memory as one VM sees it.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    pub(super) world: Arc<World>,
    pub(super) vm: usize,
}

impl SharedMemory for Memory {
    fn read(&self, key: &str) -> Option<(Vec<u8>, Version)> {
        let state = if self.world.state().values.contains_key(key) {
            self.world.step(self.vm)
        } else {
            // Most of the many pages that there may be were never written: to look there is no news.
            self.world.state()
        };
        let (mut bytes, version) = state.values.get(key)?.clone();
        let is_page = ["/r", "/p", "/c"]
            .iter()
            .any(|kind| key[3..].starts_with(kind));
        if state.plan.weakness == Some(Weakness::NoTerms)
            && is_page
            && let Some(term) = bytes.get_mut(8..16)
        {
            term.fill(0);
        }
        Some((bytes, Version(version)))
    }

    fn write(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), WriteConflict> {
        let mut state = self.world.step(self.vm);
        let found = state.values.get(key).map(|(_, version)| Version(*version));
        let is_as_expected = match expect {
            Expect::Absent => found.is_none(),
            Expect::Unchanged(version) => found == Some(version),
        };
        let is_careless = state.plan.weakness == Some(Weakness::NoVersions) && key == LEDGER;
        if !is_as_expected && !is_careless {
            return Err(WriteConflict);
        }
        state.version += 1;
        let version = state.version;
        state.values.insert(key.into(), (value.to_vec(), version));
        Ok(())
    }

    fn open_queue(&self, name: &str) -> Option<QueueId> {
        let mut state = self.world.step(self.vm);
        let known = state.queues.iter().position(|known| known == name);
        let place = known.unwrap_or_else(|| {
            state.queues.push(name.into());
            state.queues.len() - 1
        });
        QueueId::try_from(place).ok()
    }

    /// Nobody needs to be woken: who runs looks.
    fn ring(&self, _: QueueId) {
        drop(self.world.step(self.vm));
    }
}
