//! The calls to Envoy that the SDK does not offer in a fit form: it decodes header names and values into strings, which
//! panics on bytes that any caller can send, takes a copy of each, panics on an unexpected status, and has no place for
//! response code details. Everything that is unsafe in the filter is here.
//!
//! Source: proxy-wasm ABI 0.2.1, as the SDK declares it.

#![expect(unsafe_code, reason = "the host is reached through C functions")]

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::{IpAddr, SocketAddr};
use std::ptr;

use portcullis_registry::memory::QueueId;
use portcullis_registry::{Expect, SharedMemory, Version, WriteConflict};

const OK: u32 = 0;
const HTTP_REQUEST_HEADERS: u32 = 0;
const HTTP_RESPONSE_HEADERS: u32 = 2;
const COUNTER: u32 = 0;
const GAUGE: u32 = 1;
const MONOTONIC: u32 = 1;
/// A compare-and-swap with a version that no value ever has: Envoy creates a key whatever the version, but replaces a
/// value only when it fits. Versions count up from 1 through all keys of a VM id.
const NEVER_A_VERSION: u32 = u32::MAX;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, size: usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        value: *const u8,
        size: usize,
        version: u32,
    ) -> u32;
    fn proxy_register_shared_queue(name: *const u8, name_size: usize, queue: *mut u32) -> u32;
    fn proxy_enqueue_shared_queue(queue: u32, value: *const u8, size: usize) -> u32;
    fn proxy_dequeue_shared_queue(queue: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        size: usize,
    ) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        argument: *const u8,
        argument_size: usize,
        result: *mut *mut u8,
        result_size: *mut usize,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_get_metric(id: u32, value: *mut u64) -> u32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> u32;
}

/// All headers of one side as the host gives them: to be read with [`HeaderPairs::iter`].
pub(crate) struct HeaderPairs(Vec<u8>);

impl HeaderPairs {
    /// The headers of the request of the current callback, in one call.
    pub(crate) fn of_request() -> Self {
        Self::of(HTTP_REQUEST_HEADERS)
    }

    /// The headers of the answer of the current callback, in one call.
    pub(crate) fn of_response() -> Self {
        Self::of(HTTP_RESPONSE_HEADERS)
    }

    /// As if the host had given these.
    #[cfg(test)]
    pub(crate) fn written(pairs: &[(&str, &str)]) -> Self {
        Self(serialize(pairs))
    }

    fn of(map: u32) -> Self {
        let (mut data, mut size) = (ptr::null_mut(), 0);
        // SAFETY: both pointers are to live variables.
        let status = unsafe { proxy_get_header_map_pairs(map, &raw mut data, &raw mut size) };
        Self(if status == OK {
            owned(data, size)
        } else {
            vec![]
        })
    }

    /// Names and values. Ends early where the bytes do, which they do not.
    ///
    /// Form: the number of pairs, the two lengths of each (all 32 bits, little-endian), then each name and value, with
    /// a zero byte after each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (count, rest) = self.0.split_first_chunk().unwrap_or((&[0; 4], &[]));
        let lengths_size = length(count).saturating_mul(8);
        let (lengths, mut rest) = rest.split_at_checked(lengths_size).unwrap_or_default();
        let mut next = move |size: &[u8; 4]| {
            let (text, after) = rest.split_at_checked(length(size))?;
            rest = after.get(1..)?;
            Some(text)
        };
        lengths
            .as_chunks()
            .0
            .iter()
            .map_while(move |sizes: &[u8; 8]| {
                let [a, b, c, d, e, f, g, h] = *sizes;
                Some((next(&[a, b, c, d])?, next(&[e, f, g, h])?))
            })
    }
}

fn length(bytes: &[u8; 4]) -> usize {
    usize::try_from(u32::from_le_bytes(*bytes)).unwrap_or(usize::MAX)
}

/// Adds a request header.
pub(crate) fn add_request_header(name: &str, value: &[u8]) {
    add_header(HTTP_REQUEST_HEADERS, name, value);
}

/// Adds a response header, in the callback for them.
pub(crate) fn add_response_header(name: &str, value: &[u8]) {
    add_header(HTTP_RESPONSE_HEADERS, name, value);
}

/// Puts another target (`:path`) in place of the request's.
pub(crate) fn set_request_target(target: &[u8]) {
    let name = b":path";
    // SAFETY: the pointers are to live bytes of the given lengths. A failure would be the host's.
    unsafe {
        proxy_replace_header_map_value(
            HTTP_REQUEST_HEADERS,
            name.as_ptr(),
            name.len(),
            target.as_ptr(),
            target.len(),
        );
    }
}

fn add_header(map: u32, name: &str, value: &[u8]) {
    // SAFETY: the pointers are to live bytes of the given lengths. A failure would be the host's.
    unsafe {
        proxy_add_header_map_value(map, name.as_ptr(), name.len(), value.as_ptr(), value.len());
    }
}

/// Removes a request header with all its values.
pub(crate) fn remove_request_header(name: &[u8]) {
    // SAFETY: the pointer is to live bytes of the given length. A header that is not there is no failure.
    unsafe {
        proxy_remove_header_map_value(HTTP_REQUEST_HEADERS, name.as_ptr(), name.len());
    }
}

/// Sets filter state: `name` shows in access logs as `%FILTER_STATE(wasm.name:PLAIN)%`.
pub(crate) fn set_filter_state(name: &str, value: &[u8]) {
    // SAFETY: the pointers are to live bytes of the given lengths.
    unsafe {
        proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len());
    }
}

/// The address that Envoy vouches for as the caller's: the peer's, or what the listener is told to trust instead.
pub(crate) fn source_address() -> Option<IpAddr> {
    let text = String::from_utf8(property(b"source\0address")?).ok()?;
    text.parse::<SocketAddr>()
        .map(|address| address.ip())
        .or_else(|_| text.parse())
        .ok()
}

/// A property by its path, whose parts are separated by zero bytes.
pub(crate) fn property(path: &[u8]) -> Option<Vec<u8>> {
    let (mut data, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the pointers are to live bytes of the given length and to live variables.
    let status =
        unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut data, &raw mut size) };
    (status == OK).then(|| owned(data, size))
}

/// Answers the caller instead of the service. `details` shows in access logs as `%RESPONSE_CODE_DETAILS%`.
pub(crate) fn answer(status: u32, details: &str, headers: &[(&str, &str)], body: &str) {
    let headers = serialize(headers);
    // gRPC callers get a status that Envoy derives from the HTTP one.
    const GRPC_STATUS_FROM_HTTP: i32 = -1;
    // SAFETY: the pointers are to live bytes of the given lengths.
    unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            GRPC_STATUS_FROM_HTTP,
        );
    }
}

/// The wall clock, in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let mut nanoseconds = 0;
    // SAFETY: the pointer is to a live variable.
    unsafe {
        proxy_get_current_time_nanoseconds(&raw mut nanoseconds);
    }
    nanoseconds / 1_000_000
}

/// A clock that never jumps, the same for all VMs of this process, in milliseconds since some moment.
pub(crate) fn monotonic_ms() -> u64 {
    monotonic_us() / 1_000
}

/// The same in microseconds.
pub(crate) fn monotonic_us() -> u64 {
    monotonic_ns() / 1_000
}

/// The same in nanoseconds.
pub(crate) fn monotonic_ns() -> u64 {
    let mut nanoseconds = 0;
    // SAFETY: the pointer is to a live variable.
    match unsafe { clock_time_get(MONOTONIC, 0, &raw mut nanoseconds) } {
        OK => nanoseconds,
        // A host without one.
        _ => now_ms().saturating_mul(1_000_000),
    }
}

/// Seeded by the host's random bytes, and different each time.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// What this Envoy is called: the id of its node. Empty when it has none.
pub(crate) fn node_id() -> Vec<u8> {
    property(b"xds\0node\0id").unwrap_or_default()
}

/// A counter of this process. Every definition takes memory of the host: once for each VM is enough.
pub(crate) fn define_counter(name: &str) -> Option<u32> {
    define_metric(COUNTER, name)
}

/// A gauge of this process. The same holds.
pub(crate) fn define_gauge(name: &str) -> Option<u32> {
    define_metric(GAUGE, name)
}

fn define_metric(kind: u32, name: &str) -> Option<u32> {
    let mut id = 0;
    // SAFETY: the pointers are to live bytes of the given length and to a live variable.
    let status = unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) };
    (status == OK).then_some(id)
}

/// Counts some more.
pub(crate) fn count(counter: u32, more: u64) {
    let more = i64::try_from(more).unwrap_or(i64::MAX);
    // SAFETY: no memory is passed. A counter that is gone counts nothing.
    unsafe {
        proxy_increment_metric(counter, more);
    }
}

/// How much a counter has counted in this process, whichever VMs did. 0 for one that is gone.
pub(crate) fn counted(counter: u32) -> u64 {
    let mut value = 0;
    // SAFETY: the pointer is to a live variable.
    let status = unsafe { proxy_get_metric(counter, &raw mut value) };
    if status == OK { value } else { 0 }
}

/// Sets a gauge.
pub(crate) fn record(gauge: u32, value: u64) {
    // SAFETY: no memory is passed. A gauge that is gone shows nothing.
    unsafe {
        proxy_record_metric(gauge, value);
    }
}

/// Calls a function that only some hosts have. None when this one does not, or it could not answer.
pub(crate) fn call_foreign_function(name: &str, argument: &[u8]) -> Option<Vec<u8>> {
    let (mut data, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the pointers are to live bytes of the given lengths and to live variables.
    let status = unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            argument.as_ptr(),
            argument.len(),
            &raw mut data,
            &raw mut size,
        )
    };
    (status == OK).then(|| owned(data, size))
}

/// Takes everything out of a queue.
pub(crate) fn drain_queue(queue: QueueId) {
    // More than any leader sends between two wake-ups.
    for _ in 0..1_024 {
        let (mut data, mut size) = (ptr::null_mut(), 0);
        // SAFETY: both pointers are to live variables.
        if unsafe { proxy_dequeue_shared_queue(queue, &raw mut data, &raw mut size) } != OK {
            return;
        }
        drop(owned(data, size));
    }
}

/// The shared data and queues of this VM id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shared;

impl SharedMemory for Shared {
    fn read(&self, key: &str) -> Option<(Vec<u8>, Version)> {
        let (mut data, mut size, mut version) = (ptr::null_mut(), 0, 0);
        // SAFETY: the pointers are to live bytes of the given length and to live variables.
        let status = unsafe {
            proxy_get_shared_data(
                key.as_ptr(),
                key.len(),
                &raw mut data,
                &raw mut size,
                &raw mut version,
            )
        };
        (status == OK).then(|| (owned(data, size), Version(version)))
    }

    fn write(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), WriteConflict> {
        #[cfg(feature = "test-doors")]
        crate::doors::note_write(key);
        let version = match expect {
            Expect::Unchanged(Version(version)) => version,
            Expect::Absent => NEVER_A_VERSION,
        };
        // SAFETY: the pointers are to live bytes of the given lengths.
        let status = unsafe {
            proxy_set_shared_data(
                key.as_ptr(),
                key.len(),
                value.as_ptr(),
                value.len(),
                version,
            )
        };
        if status == OK {
            Ok(())
        } else {
            Err(WriteConflict)
        }
    }

    fn open_queue(&self, name: &str) -> Option<QueueId> {
        let mut queue = 0;
        // SAFETY: the pointers are to live bytes of the given length and to a live variable.
        let status =
            unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), &raw mut queue) };
        (status == OK).then_some(queue)
    }

    fn ring(&self, queue: QueueId) {
        // SAFETY: nothing is read from a null pointer of length 0. A queue that is gone has nobody to wake.
        unsafe {
            proxy_enqueue_shared_queue(queue, ptr::null(), 0);
        }
    }
}

/// Takes over bytes that the host has placed into memory that it asked `proxy_on_memory_allocate` for.
fn owned(data: *mut u8, size: usize) -> Vec<u8> {
    if data.is_null() {
        return vec![];
    }
    // SAFETY: the SDK's `proxy_on_memory_allocate` gives out boxed slices of exactly `size` bytes, and the host has
    // filled this one and forgotten it.
    unsafe { Vec::from_raw_parts(data, size, size) }
}

fn serialize(pairs: &[(&str, &str)]) -> Vec<u8> {
    let size = |text: &str| u32::try_from(text.len()).unwrap_or(0).to_le_bytes();
    let count = u32::try_from(pairs.len()).unwrap_or(0);
    let mut bytes = count.to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend(size(name));
        bytes.extend(size(value));
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8]) -> Vec<String> {
        HeaderPairs(bytes.to_vec())
            .iter()
            .map(|(name, value)| format!("{}={}", name.escape_ascii(), value.escape_ascii()))
            .collect()
    }

    #[test]
    fn pairs_are_read_as_they_are_written() {
        let bytes = serialize(&[(":path", "/a"), ("x", ""), ("", "y")]);
        assert_eq!(names(&bytes), [":path=/a", "x=", "=y"]);
        assert_eq!(names(&serialize(&[])), Vec::<String>::new());
    }

    #[test]
    fn bytes_cut_or_altered_anywhere_harm_nothing() {
        let bytes = serialize(&[(":path", "/a"), ("x-name", "value")]);
        for length in 0..bytes.len() {
            assert!(names(&bytes[..length]).len() < 2, "{length}");
        }
        for place in 0..20 {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut altered = bytes.clone();
                altered[place] = byte;
                assert!(names(&altered).len() <= 2);
            }
        }
    }
}
