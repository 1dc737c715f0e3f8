//! What a VM is among the VMs of its process, whatever filter configurations come and go in it: its view of the records,
//! its place in the roster, its claim to leadership.

use std::cell::{Cell, RefCell};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;

use portcullis_engine::jwt::VerifiedTokens;
use portcullis_engine::{Decision, Denial, Gate, IdentityHeaders, Request, World};
use portcullis_registry::{Lease, Roster, View};

use crate::host::{self, Shared};
use crate::missing_keys::MissingKeys;
use crate::poller::{Outcome, Poller};
use crate::refusals::Refusals;
use crate::signatures::HostOrPureRust;

/// One configuration of the filter: what its requests need.
pub(crate) struct Filter {
    gate: Gate,
    verified: VerifiedTokens,
    pub(crate) vm: Rc<Vm>,
}

/// This VM.
pub(crate) struct Vm {
    /// Tells this VM from all others of the process.
    pub(crate) member: u64,
    view: View<Shared>,
    roster: RefCell<Roster<Shared>>,
    lease: RefCell<Lease<Shared>>,
    poller: RefCell<Option<Poller>>,
    serves_requests: Cell<bool>,
    missing_keys: RefCell<MissingKeys>,
    pub(crate) refusals: Refusals,
}

impl Filter {
    /// A configuration in force. Its verified tokens stay below about `bytes`.
    pub(crate) fn new(gate: Gate, bytes: usize, vm: Rc<Vm>) -> Self {
        Self {
            gate,
            verified: VerifiedTokens::new(bytes, (random(), random())),
            vm,
        }
    }

    /// Decides on a request by the records that this VM has.
    pub(crate) fn decide<'a>(&self, request: &Request<'a>) -> Decision<'a> {
        self.vm.serves_requests.set(true);
        let world = World {
            now_ms: &host::now_ms,
            signatures: &HostOrPureRust,
            verified: &self.verified,
        };
        self.gate.decide(request, &self.vm.view, &world)
    }

    /// How services are told who calls.
    pub(crate) fn identity_headers(&self) -> &IdentityHeaders {
        self.gate.identity_headers()
    }
}

impl Vm {
    /// A VM that has taken no part in anything yet. Its cache stays below about `cache_bytes`.
    pub(crate) fn new(cache_bytes: usize) -> Self {
        let member = random();
        Self {
            member,
            view: View::new(Shared, cache_bytes),
            roster: RefCell::new(Roster::new(Shared, member)),
            lease: RefCell::new(Lease::new(Shared, member)),
            poller: RefCell::new(None),
            serves_requests: Cell::new(false),
            missing_keys: RefCell::default(),
            refusals: Refusals::new(random()),
        }
    }

    /// Polls with another configuration from now on.
    pub(crate) fn poll_with(&self, poller: Poller) {
        *self.poller.borrow_mut() = Some(poller);
    }

    /// Has this VM woken through the root context of the current callback from now on.
    pub(crate) fn listen(&self) {
        let now_ms = host::now_ms();
        self.catch_up(now_ms);
        self.roster.borrow_mut().reopen();
    }

    /// Does what is due now and then: catches up, in case a wake-up was lost, and sees to leadership.
    pub(crate) fn tick(&self) {
        let now_ms = host::now_ms();
        self.catch_up(now_ms);
        self.tend(now_ms);
        if let Some(poller) = self.poller.borrow().as_ref() {
            let missing = self.missing_keys.borrow_mut().take(now_ms);
            missing
                .into_iter()
                .for_each(|profile| poller.tell_of_missing_key(profile));
        }
    }

    /// Looks at what is live, and says so in the roster.
    pub(crate) fn catch_up(&self, now_ms: u64) {
        self.view.refresh();
        let revision = self.view.revision();
        self.roster.borrow_mut().report(revision, now_ms);
    }

    /// Looks at what is live, and says nothing: for a VM that may only be made to try a configuration.
    pub(crate) fn look(&self) {
        self.view.refresh();
    }

    /// Takes an answer of the control plane, and asks again.
    pub(crate) fn receive(&self, call: u32, header_count: usize, body_size: usize) {
        let now_ms = host::now_ms();
        let term = self.term(now_ms);
        let outcome = match self.poller.borrow_mut().as_mut() {
            Some(poller) => poller.receive(call, header_count, body_size, term, now_ms),
            None => Outcome::Nothing,
        };
        match outcome {
            Outcome::Nothing => {}
            Outcome::Applied => {
                self.roster.borrow().wake_others(now_ms);
                self.catch_up(now_ms);
            }
            Outcome::LeadershipLost => self.lease.borrow_mut().release(),
        }
        self.tend(now_ms);
    }

    fn tend(&self, now_ms: u64) {
        let term = self.term(now_ms);
        if let Some(poller) = self.poller.borrow_mut().as_mut() {
            poller.tend(term, now_ms);
        }
    }

    /// Takes note of what a refusal may have been for the lack of.
    pub(crate) fn note_missing_key(&self, denial: &Denial<'_>) {
        if let Some(profile) = denial.missing_key_of {
            let mut missing = self.missing_keys.borrow_mut();
            missing.note(profile, host::now_ms());
        }
    }

    fn term(&self, now_ms: u64) -> Option<u64> {
        let serves_requests = self.serves_requests.get();
        self.lease.borrow_mut().tend(now_ms, serves_requests)
    }
}

/// Seeded by the host's random bytes, and different each time.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
