//! The life of root contexts: configuration, ticks, wake-ups. They come and go with listener updates while their VM stays,
//! so only the newest speaks for the VM.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, RootContext};
use proxy_wasm::types::BufferType;

use crate::callbacks;
use crate::exchange::Exchange;
use crate::host;
use crate::poller::Poller;
use crate::settings::{FEED_KEYS_VARIABLE, Settings, TOKEN_VARIABLE};
use crate::vm::{Filter, Vm};

/// Between two ticks, in milliseconds: the safety net under the wake-ups, and the grain of leadership.
const TICK_MS: u64 = 400;
/// By how much VMs spread their ticks, which Envoy would otherwise fire at the same moment.
const TICK_SPREAD_MS: u64 = 200;
/// The first tick comes sooner. Nothing is shared before it: a VM that Envoy makes only to try a configuration has none.
const FIRST_TICK_MS: u64 = 10;

thread_local! {
    static VM: RefCell<Option<Rc<Vm>>> = const { RefCell::new(None) };
    /// Which root context speaks for the VM. Older ones, whose listeners drain, fall silent.
    static SPEAKER: Cell<u32> = const { Cell::new(0) };
}

/// Does something with the VM, if it has been configured.
pub(crate) fn with_vm(act: impl FnOnce(&Vm)) {
    let vm = VM.with_borrow(Option::clone);
    if let Some(vm) = vm {
        act(&vm);
    }
}

/// A root context: one configuration of the filter in one VM.
pub(crate) struct Root {
    context_id: u32,
    vm: Option<Rc<Vm>>,
    has_ticked: bool,
}

impl Root {
    pub(crate) fn new(context_id: u32) -> Self {
        Self {
            context_id,
            vm: None,
            has_ticked: false,
        }
    }

    fn configure(&mut self, configuration: &[u8]) -> Result<(), String> {
        let unusable = |invalid| format!("the plugin configuration cannot be used: {invalid}");
        let settings = Settings::parse(configuration).map_err(unusable)?;
        let token = std::env::var(TOKEN_VARIABLE).unwrap_or_default();
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "the environment variable `{TOKEN_VARIABLE}` holds no gateway token: set it for Envoy and name it in \
                 `vm_config.environment_variables.host_env_keys`"
            ));
        }
        let feed_keys = std::env::var(FEED_KEYS_VARIABLE).ok();
        let feed_keys = settings
            .control_plane
            .feed_keys(feed_keys.as_deref())
            .map_err(unusable)?;
        let vm = VM.with_borrow_mut(|vm| {
            Rc::clone(vm.get_or_insert_with(|| Rc::new(Vm::new(settings.cache_bytes))))
        });
        vm.look();
        vm.usage.tell_apart(settings.told_apart);
        let exchange = Exchange::new(settings.control_plane, &token, feed_keys);
        vm.poll_with(Poller::new(exchange));
        let tokens_bytes = settings.cache_bytes / 4;
        let filter = Filter::new(
            settings.gate,
            tokens_bytes,
            settings.choices,
            Rc::clone(&vm),
        );
        callbacks::serve_with(self.context_id, Rc::new(filter));
        SPEAKER.set(self.context_id);
        set_tick(FIRST_TICK_MS);
        self.has_ticked = false;
        self.vm = Some(vm);
        Ok(())
    }

    /// The VM, when this is the context that speaks for it.
    fn speaks_for(&self) -> Option<&Vm> {
        self.vm
            .as_deref()
            .filter(|_| SPEAKER.get() == self.context_id)
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
        if let Some(vm) = self.speaks_for() {
            vm.receive(call, header_count, body_size);
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
        let Some(vm) = self.speaks_for() else {
            set_tick(0);
            return;
        };
        vm.tick();
        if !self.has_ticked {
            // Envoy wakes the context that opened the queue, and the one before this may be gone.
            vm.listen();
            set_tick(TICK_MS.saturating_add(vm.member % TICK_SPREAD_MS));
            self.has_ticked = true;
        }
    }

    fn on_queue_ready(&mut self, queue: u32) {
        host::drain_queue(queue);
        if let Some(vm) = &self.vm {
            vm.wake();
        }
    }
}

fn set_tick(period_ms: u64) {
    // A host that cannot tick has no way to say so later either.
    let _ = hostcalls::set_tick_period(Duration::from_millis(period_ms));
}
