//! The life of a VM: configuration, ticks, wake-ups. A VM outlives the filter configurations that come and go with
//! listener updates, so what it knows belongs to the VM, and only its newest root context speaks for it.

use std::cell::{Cell, RefCell};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;
use std::time::Duration;

use portcullis_engine::{Decision, Gate, IdentityHeaders, Request};
use portcullis_registry::{Lease, Roster, View};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, RootContext};
use proxy_wasm::types::BufferType;

use crate::callbacks;
use crate::host::{self, Shared};
use crate::poller::Poller;
use crate::settings::{Settings, TOKEN_VARIABLE};

/// Between two ticks, in milliseconds: the safety net under the wake-ups, and the grain of leadership.
const TICK_MS: u64 = 400;
/// By how much VMs spread their ticks, which Envoy would otherwise fire at the same moment.
const TICK_SPREAD_MS: u64 = 200;
/// The first tick comes sooner. Nothing is shared before it: a VM that Envoy makes only to try a configuration has none.
const FIRST_TICK_MS: u64 = 10;

thread_local! {
    static MEMBERSHIP: RefCell<Option<Rc<Membership>>> = const { RefCell::new(None) };
}

/// One configuration of the filter in one VM.
pub(crate) struct Root {
    context_id: u32,
    vm: Option<Rc<Vm>>,
}

/// What the requests of one configuration need.
pub(crate) struct Vm {
    gate: Gate,
    membership: Rc<Membership>,
}

/// What a VM is among the VMs of its process, whatever configurations it has.
struct Membership {
    view: View<Shared>,
    roster: RefCell<Roster<Shared>>,
    lease: RefCell<Lease<Shared>>,
    poller: RefCell<Option<Poller>>,
    /// Which root context ticks. Older ones, whose listeners drain, have fallen silent.
    speaker: Cell<u32>,
    serves_requests: Cell<bool>,
    tick_ms: u64,
    has_ticked: Cell<bool>,
}

impl Vm {
    /// Decides on a request by the records that this VM has.
    pub(crate) fn decide<'a>(&self, request: &Request<'a>) -> Decision<'a> {
        self.membership.serves_requests.set(true);
        self.gate
            .decide(request, &self.membership.view, &host::now_ms)
    }

    /// How services are told who calls.
    pub(crate) fn identity_headers(&self) -> &IdentityHeaders {
        self.gate.identity_headers()
    }
}

impl Membership {
    fn new(cache_bytes: usize) -> Self {
        // Seeded by the host's random bytes.
        let member = RandomState::new().build_hasher().finish();
        Self {
            view: View::new(Shared, cache_bytes),
            roster: RefCell::new(Roster::new(Shared, member)),
            lease: RefCell::new(Lease::new(Shared, member)),
            poller: RefCell::new(None),
            speaker: Cell::new(0),
            serves_requests: Cell::new(false),
            tick_ms: TICK_MS.saturating_add(member % TICK_SPREAD_MS),
            has_ticked: Cell::new(false),
        }
    }

    fn tick(&self) {
        if !self.has_ticked.replace(true) {
            set_tick(self.tick_ms);
        }
        let now_ms = host::now_ms();
        self.catch_up(now_ms);
        let term = self
            .lease
            .borrow_mut()
            .tend(now_ms, self.serves_requests.get());
        if let Some(poller) = self.poller.borrow_mut().as_mut() {
            poller.tend(term, now_ms);
        }
    }

    fn catch_up(&self, now_ms: u64) {
        self.view.refresh();
        self.roster
            .borrow_mut()
            .report(self.view.revision(), now_ms);
    }

    fn receive(&self, call: u32, header_count: usize, body_size: usize) {
        let now_ms = host::now_ms();
        let term = self
            .lease
            .borrow_mut()
            .tend(now_ms, self.serves_requests.get());
        let mut poller = self.poller.borrow_mut();
        let Some(poller) = poller.as_mut() else {
            return;
        };
        match poller.receive(call, header_count, body_size, term, now_ms) {
            crate::poller::Outcome::Nothing => {}
            crate::poller::Outcome::Applied => {
                self.roster.borrow().wake_others(now_ms);
                self.catch_up(now_ms);
            }
            crate::poller::Outcome::LeadershipLost => self.lease.borrow_mut().release(),
        }
        poller.tend(
            self.lease
                .borrow_mut()
                .tend(now_ms, self.serves_requests.get()),
            now_ms,
        );
    }
}

impl Root {
    pub(crate) fn new(context_id: u32) -> Self {
        Self {
            context_id,
            vm: None,
        }
    }

    fn configure(&mut self, configuration: &[u8]) -> Result<(), String> {
        let settings = Settings::parse(configuration)
            .map_err(|invalid| format!("the plugin configuration cannot be used: {invalid}"))?;
        let token = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "the environment variable `{TOKEN_VARIABLE}` holds no gateway token: set it for Envoy and name it in \
                 `vm_config.environment_variables.host_env_keys`"
            ));
        }
        let membership = MEMBERSHIP.with_borrow_mut(|membership| {
            Rc::clone(
                membership.get_or_insert_with(|| Rc::new(Membership::new(settings.cache_bytes))),
            )
        });
        membership.view.refresh();
        membership.speaker.set(self.context_id);
        *membership.poller.borrow_mut() = Some(Poller::new(settings.control_plane, token));
        membership.has_ticked.set(false);
        set_tick(FIRST_TICK_MS);
        let vm = Rc::new(Vm {
            gate: settings.gate,
            membership,
        });
        callbacks::serve_with(self.context_id, Rc::clone(&vm));
        self.vm = Some(vm);
        Ok(())
    }

    /// The VM's membership, when this is the context that speaks for it.
    fn speaks_for(&self) -> Option<&Membership> {
        let membership = self.vm.as_ref().map(|vm| vm.membership.as_ref())?;
        (membership.speaker.get() == self.context_id).then_some(membership)
    }
}

impl Context for Root {
    fn on_http_call_response(
        &mut self,
        call: u32,
        header_count: usize,
        body_size: usize,
        _: usize,
    ) {
        if let Some(membership) = self.speaks_for() {
            membership.receive(call, header_count, body_size);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let configuration = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, size)
            .ok()
            .flatten();
        match self.configure(&configuration.unwrap_or_default()) {
            Ok(()) => true,
            Err(sentence) => {
                log::error!("portcullis: {sentence}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        match self.speaks_for() {
            Some(membership) => membership.tick(),
            None => set_tick(0),
        }
    }

    fn on_queue_ready(&mut self, queue: u32) {
        host::drain_queue(queue);
        if let Some(vm) = &self.vm {
            vm.membership.catch_up(host::now_ms());
        }
    }
}

fn set_tick(period_ms: u64) {
    // A host that cannot tick has no way to say so later either.
    let _ = hostcalls::set_tick_period(Duration::from_millis(period_ms));
}
