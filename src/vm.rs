//! What a VM is among the VMs of its process, whatever filter configurations come and go in it: its view of the records,
//! its place in the roster, its claim to leadership.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use portcullis_engine::jwt::VerifiedTokens;
use portcullis_engine::limit::{Allowance, Exhausted, Limit, Limits};
use portcullis_engine::quota::{Quota, Window};
use portcullis_engine::route::Routes;
use portcullis_engine::{
    Decision, Denial, Gate, Holder, IdentityHeaders, Permit, Registry, Request, World,
};
use portcullis_feed::{Digest, Position};
use portcullis_registry::ledger::Ledger;
use portcullis_registry::memory::QueueId;
use portcullis_registry::roster::Applied;
use portcullis_registry::{
    Lease, Limiter, Quotas, Report, Roster, SharedMemory as _, View, contact, lease, quotas,
};

use crate::host::{self, Shared};
use crate::metrics::VmMetrics;
use crate::missing_keys::MissingKeys;
use crate::poller::{Outcome, Poller, Standing};
use crate::refusals::Refusals;
use crate::settings::Choices;
use crate::signatures::HostOrPureRust;
use crate::usage::Usage;

/// One configuration of the filter: what its requests need.
pub(crate) struct Filter {
    gate: Gate,
    verified: VerifiedTokens,
    pub(crate) choices: Choices,
    pub(crate) vm: Rc<Vm>,
}

/// This VM.
pub(crate) struct Vm {
    /// Tells this VM from all others of the process.
    pub(crate) member: u64,
    view: View<Shared>,
    limiter: Limiter<Shared>,
    quotas: Quotas<Shared>,
    roster: RefCell<Roster<Shared>>,
    lease: RefCell<Lease<Shared>>,
    poller: RefCell<Option<Poller>>,
    serves_requests: Cell<bool>,
    /// The term in which this VM leads, as far as it has noticed.
    leads: Cell<Option<u64>>,
    /// What the others were last told that this VM has applied.
    told: Cell<Option<Applied>>,
    contact_ms: Cell<Option<u64>>,
    missing_keys: RefCell<MissingKeys>,
    metrics: VmMetrics,
    pub(crate) refusals: Refusals,
    pub(crate) usage: Usage,
}

/// Records that are too old to decide by.
struct Stale;

/// When a request came, by a clock that never jumps: asked for once, and only when somebody wants to know.
#[derive(Default)]
pub(crate) struct Moment(Cell<Option<u64>>);

/// What limits a request that came at that moment.
struct LimitsAt<'v>(&'v Vm, &'v Moment);

impl Filter {
    /// A configuration in force. Its verified tokens stay below about `bytes`.
    pub(crate) fn new(gate: Gate, bytes: usize, choices: Choices, vm: Rc<Vm>) -> Self {
        Self {
            gate,
            verified: VerifiedTokens::new(bytes, (host::random(), host::random())),
            choices,
            vm,
        }
    }

    /// Decides on a request by the records that this VM has.
    pub(crate) fn decide<'a>(&self, request: &Request<'a>, moment: &Moment) -> Decision<'a> {
        self.vm.serves_requests.set(true);
        let world = World {
            now_ms: &host::now_ms,
            signatures: &HostOrPureRust,
            verified: &self.verified,
            limits: &LimitsAt(&self.vm, moment),
        };
        let most_ms = self.choices.max_staleness_ms;
        if most_ms.is_some_and(|most| self.vm.is_older_than(most)) {
            return self.gate.decide(request, &Stale, &world);
        }
        self.gate.decide(request, &self.vm.view, &world)
    }

    /// The counts that requests go into, if they are counted.
    pub(crate) fn usage(&self) -> Option<&Usage> {
        self.choices.counts_usage.then_some(&self.vm.usage)
    }

    /// In which header Envoy's own rate limit filter is told of a permit, and whose limit it counts against.
    pub(crate) fn told_limit<'p>(
        &'p self,
        permit: &'p Permit<'_>,
    ) -> Option<(&'p str, &'p Holder)> {
        self.gate.told_limit(permit)
    }

    /// How services are told who calls.
    pub(crate) fn identity_headers(&self) -> &IdentityHeaders {
        self.gate.identity_headers()
    }
}

impl Moment {
    /// Nanoseconds since some moment that is the same for all VMs of this process.
    pub(crate) fn ns(&self) -> u64 {
        let ns = self.0.get().unwrap_or_else(host::monotonic_ns);
        self.0.set(Some(ns));
        ns
    }
}

impl Limits for LimitsAt<'_> {
    fn admit(&self, limit: &Limit) -> Result<Allowance, Exhausted> {
        let Self(vm, moment) = self;
        vm.limiter.admit(limit, moment.ns())
    }

    fn spend(&self, quota: &Quota, window: Window) -> bool {
        let Self(vm, _) = self;
        vm.quotas.spend(quota, window)
    }
}

impl Registry for Stale {
    fn routes(&self) -> Option<Arc<Routes>> {
        None
    }

    fn cached(&self, _: &Digest) -> Option<Arc<Holder>> {
        None
    }

    fn stored(&self, _: &Digest) -> Option<Arc<Holder>> {
        None
    }
}

impl Vm {
    /// A VM that has taken no part in anything yet. Its cache stays below about `cache_bytes`.
    pub(crate) fn new(cache_bytes: usize) -> Self {
        let member = host::random();
        Self {
            member,
            view: View::new(Shared, cache_bytes),
            limiter: Limiter::new(Shared),
            quotas: Quotas::new(Shared),
            roster: RefCell::new(Roster::new(Shared, member)),
            lease: RefCell::new(Lease::new(Shared, member)),
            poller: RefCell::new(None),
            serves_requests: Cell::new(false),
            leads: Cell::new(None),
            told: Cell::new(None),
            contact_ms: Cell::new(None),
            missing_keys: RefCell::default(),
            metrics: VmMetrics::default(),
            refusals: Refusals::new(host::random()),
            usage: Usage::default(),
        }
    }

    /// Polls with another configuration from now on.
    pub(crate) fn poll_with(&self, poller: Poller) {
        *self.poller.borrow_mut() = Some(poller);
    }

    /// Has this VM woken through the root context of the current callback from now on.
    pub(crate) fn listen(&self) {
        self.catch_up();
        self.roster.borrow_mut().reopen();
    }

    /// Does what is due now and then: catches up, in case a wake-up was lost, and sees to leadership.
    pub(crate) fn tick(&self) {
        self.catch_up();
        self.apply();
        self.metrics.count_lookups(self.view.take_cache_counts());
        let place = self.roster.borrow().place();
        let is_urgent = self.quotas.is_urgent();
        if self.usage.tick(place, is_urgent, host::monotonic_ms()) {
            self.quotas.told();
            if is_urgent {
                quotas::hurry(&Shared);
            }
        }
        let standing = self.tend();
        let is_waiting = self
            .poller
            .borrow()
            .as_ref()
            .is_some_and(Poller::is_waiting);
        if let (Some(heir), false) = (standing.heir, is_waiting) {
            self.give_way(heir, standing.now_ms);
        }
        if let Some(poller) = self.poller.borrow_mut().as_mut() {
            poller.tidy(&standing);
            if poller.sends_usage(&standing) {
                let fallen = self.roster.borrow().fallen(standing.now_ms);
                poller.send_usage(&self.usage.fallen(fallen), &standing);
            }
            let missing = self.missing_keys.borrow_mut().take(standing.now_ms);
            missing
                .into_iter()
                .for_each(|profile| poller.tell_of_missing_key(profile));
        }
    }

    /// Does what another VM wants: looks again, or leads; or what this one has left for later.
    pub(crate) fn wake(&self) {
        self.catch_up();
        self.apply();
        self.tend();
    }

    /// Looks at what is live, says so in the roster, and tells the leader when it is something new.
    fn catch_up(&self) {
        self.view.refresh();
        self.contact_ms.set(contact::last_contact_ms(&Shared));
        let applied = self.view.applied();
        let report = Report {
            applied,
            serves_requests: self.serves_requests.get(),
        };
        self.roster
            .borrow_mut()
            .report(report, host::monotonic_ms());
        if self.told.replace(applied) != applied {
            self.lease.borrow().ring_leader();
        }
    }

    /// Looks at what is live, and says nothing: for a VM that may only be made to try a configuration. Nothing that was
    /// left behind long ago is decided by.
    pub(crate) fn look(&self) {
        if lease::is_deserted(&Shared, host::monotonic_ms()) {
            Ledger::desert(&Shared);
        }
        self.view.refresh();
    }

    /// Takes an answer of the control plane, and asks again.
    pub(crate) fn receive(&self, call: u32, header_count: usize, body_size: usize) {
        self.apply();
        let standing = self.standing();
        let outcome = match self.poller.borrow_mut().as_mut() {
            Some(poller) => poller.receive(call, header_count, body_size, &standing),
            None => Outcome::Nothing,
        };
        self.follow(outcome, &standing);
        match (standing.heir, outcome) {
            (None, _) | (_, Outcome::Nothing | Outcome::LeadershipLost) => drop(self.tend()),
            (Some(heir), _) => self.give_way(heir, standing.now_ms),
        }
    }

    /// Applies what was left for later.
    fn apply(&self) {
        let is_due = |poller: &Poller| poller.has_unapplied();
        if !self.poller.borrow().as_ref().is_some_and(is_due) {
            return;
        }
        let standing = self.standing();
        let outcome = match self.poller.borrow_mut().as_mut() {
            Some(poller) => poller.apply(&standing),
            None => Outcome::Nothing,
        };
        self.follow(outcome, &standing);
    }

    /// Does what an outcome asks for.
    fn follow(&self, outcome: Outcome, standing: &Standing) {
        match outcome {
            Outcome::Nothing => {}
            Outcome::Later => {
                // Its own queue wakes this VM when the callback is over.
                if let Some(queue) = self.roster.borrow().queue() {
                    Shared.ring(queue);
                }
            }
            Outcome::Current => contact::note_contact(&Shared, standing.now_ms),
            Outcome::Applied { is_current } => {
                if is_current {
                    contact::note_contact(&Shared, standing.now_ms);
                }
                self.roster.borrow().wake_others(standing.now_ms);
                self.catch_up();
            }
            Outcome::LeadershipLost => self.lease.borrow_mut().release(standing.now_ms),
        }
    }

    /// Sees to leadership, and to the conversation with the control plane while this VM leads.
    fn tend(&self) -> Standing {
        let standing = self.standing();
        let outcome = match self.poller.borrow_mut().as_mut() {
            Some(poller) => poller.tend(&standing),
            None => Outcome::Nothing,
        };
        self.follow(outcome, &standing);
        standing
    }

    /// Leaves the lead to a VM whose requests do not wait for it, because it has none, and wakes that one.
    fn give_way(&self, heir: QueueId, now_ms: u64) {
        self.lease.borrow_mut().release(now_ms);
        if let Some(poller) = self.poller.borrow_mut().as_mut() {
            poller.stop();
        }
        Shared.ring(heir);
    }

    fn standing(&self) -> Standing {
        let now_ms = host::monotonic_ms();
        let serves_requests = self.serves_requests.get();
        let bell = self.roster.borrow().queue();
        let term = self.lease.borrow_mut().tend(now_ms, serves_requests, bell);
        let mut standing = Standing {
            now_ms,
            term,
            serves_requests,
            heir: None,
            members: 0,
            applied: None,
            all_follow: false,
        };
        let led = self.leads.replace(term);
        let Some(term) = term else {
            return standing;
        };
        if led != Some(term) {
            self.metrics.leadership_changes.count(1);
            log::info!("portcullis: this VM asks the control plane from now on (term {term})");
        }
        let census = self.roster.borrow().census(now_ms);
        standing.members = census.members;
        standing.heir = census.idle.filter(|_| serves_requests);
        let live = self
            .view
            .state(|live| (live.generation, live.epoch.clone()));
        if let (Some((generation, epoch)), Some(applied)) = (live, census.applied)
            && applied.generation == generation
        {
            standing.all_follow = true;
            standing.applied = Some(Position {
                epoch,
                revision: applied.revision,
            });
        }
        standing
    }

    /// Whether what is live was last known to be the newest longer ago than this.
    fn is_older_than(&self, most_ms: u64) -> bool {
        let now_ms = host::monotonic_ms();
        let is_old = |contact_ms: Option<u64>| {
            contact_ms.is_none_or(|at| now_ms.saturating_sub(at) > most_ms)
        };
        // What this VM has noted may be as old as its last tick.
        is_old(self.contact_ms.get()) && is_old(contact::last_contact_ms(&Shared))
    }

    /// Takes note of what a refusal may have been for the lack of.
    pub(crate) fn note_missing_key(&self, denial: &Denial<'_>) {
        if let Some(profile) = denial.missing_key_of {
            let mut missing = self.missing_keys.borrow_mut();
            missing.note(profile, host::monotonic_ms());
        }
    }
}
