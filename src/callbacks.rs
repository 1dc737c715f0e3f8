//! The callbacks that Envoy makes for each request, answered without the SDK: it would keep a boxed context for each
//! stream, and have to be called once more to forget it. Here a request leaves nothing behind, but where its caller is still to be told
//! something with the answer.
//!
//! They are exported as `portcullis_on_…`; after linking they take the place of the SDK's `proxy_on_…`, which go on to
//! answer for root contexts.

#![expect(
    unsafe_code,
    reason = "callbacks are exported by name, and the SDK's is reached by its name"
)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use proxy_wasm::types::Action;

use crate::announcement::Announcement;
use crate::request::pass_or_refuse;
use crate::root;
use crate::spreading::Spreading;
use crate::vm::Filter;

/// How many streams may be created after one before its headers arrive. Usually there is none: Envoy creates a stream's
/// context as it hands over the headers, unless an earlier filter holds them back.
const STREAMS: usize = 4_096;

/// A stream and the root context that it belongs to. Neither is ever 0.
type Stream = (u32, u32);

thread_local! {
    /// What is to be done with the answers of the service.
    static ANNOUNCED: RefCell<HashMap<u32, Announcement, Spreading>> = RefCell::default();
    static STREAMS_BY_ID: [Cell<Stream>; STREAMS] = const { [const { Cell::new((0, 0)) }; STREAMS] };
    /// The configurations by root context. A root context is never used again after its end, of which nothing is said
    /// here: what remains of it is one entry.
    static CONFIGURATIONS: RefCell<Vec<(u32, Rc<Filter>)>> = const { RefCell::new(Vec::new()) };
}

unsafe extern "C" {
    /// The SDK's.
    fn proxy_on_context_create(context_id: u32, parent_id: u32);
}

/// Serves the streams of a root context with a configuration from now on.
pub(crate) fn serve_with(root_id: u32, filter: Rc<Filter>) {
    CONFIGURATIONS.with_borrow_mut(|configurations| {
        configurations.retain(|(known, _)| *known != root_id);
        configurations.push((root_id, filter));
    });
}

/// Envoy has created a root context (`root_id` is 0) or a stream of one.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub extern "C" fn portcullis_on_context_create(context_id: u32, root_id: u32) {
    if root_id == 0 {
        // SAFETY: it takes two numbers, and the host calls it just so.
        unsafe { proxy_on_context_create(context_id, root_id) };
        return;
    }
    note_stream(context_id, root_id);
}

/// The headers of a request have arrived. The answer says whether it goes on.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub extern "C" fn portcullis_on_request_headers(
    context_id: u32,
    header_count: usize,
    _end_of_stream: u32,
) -> Action {
    match root_of(context_id).and_then(configuration) {
        Some(filter) => pass_or_refuse(&filter, context_id, header_count),
        None => crate::request::refuse_unknown(),
    }
}

/// The headers of the answer are on their way to the caller.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub extern "C" fn portcullis_on_response_headers(
    context_id: u32,
    _header_count: usize,
    _end_of_stream: u32,
) -> Action {
    if let Some(announcement) = announced(context_id) {
        root::with_vm(|vm| announcement.act(vm));
    }
    Action::Continue
}

/// Has something done with the answer.
pub(crate) fn announce(context_id: u32, announcement: Announcement) {
    ANNOUNCED.with_borrow_mut(|announced| {
        // Nobody says when a stream ends without an answer. What has gathered is forgotten now and then.
        if announced.len() >= STREAMS {
            announced.clear();
        }
        announced.insert(context_id, announcement);
    });
}

fn announced(context_id: u32) -> Option<Announcement> {
    ANNOUNCED.with_borrow_mut(|announced| {
        if announced.is_empty() {
            return None;
        }
        announced.remove(&context_id)
    })
}

fn note_stream(context_id: u32, root_id: u32) {
    with_place(context_id, |place| place.set((context_id, root_id)));
}

fn root_of(context_id: u32) -> Option<u32> {
    let (known, root_id) = with_place(context_id, Cell::get)?;
    (known == context_id).then_some(root_id)
}

fn with_place<T>(context_id: u32, act: impl FnOnce(&Cell<Stream>) -> T) -> Option<T> {
    let place = usize::try_from(context_id).ok()? % STREAMS;
    STREAMS_BY_ID.with(|streams| streams.get(place).map(act))
}

fn configuration(root_id: u32) -> Option<Rc<Filter>> {
    CONFIGURATIONS.with_borrow(|configurations| {
        // The newest is last, and nearly always the one.
        configurations
            .iter()
            .rev()
            .find(|(known, _)| *known == root_id)
            .map(|(_, filter)| Rc::clone(filter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_known_until_many_later_ones_have_come() {
        note_stream(7, 2);
        note_stream(8, 3);
        assert_eq!(
            (root_of(7), root_of(8), root_of(9)),
            (Some(2), Some(3), None)
        );
        note_stream(7 + 4_096, 3);
        assert_eq!((root_of(7), root_of(7 + 4_096)), (None, Some(3)));
    }
}
