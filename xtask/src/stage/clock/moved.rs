//! Loaded into a process before its libraries: its wall clock is off by what a file says, at every moment anew. Built by
//! `rustc` alone, and by nothing but the stage. It allocates nothing and waits for nobody, since the allocator of the
//! process asks for the time before it is ready.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

#[cfg(target_arch = "x86_64")]
const CLOCK_GETTIME: c_long = 228;
#[cfg(target_arch = "aarch64")]
const CLOCK_GETTIME: c_long = 113;
const REALTIME: c_int = 0;
const REALTIME_COARSE: c_int = 5;
const READ: c_int = 1;
const SHARED: c_int = 1;

/// Seconds and nanoseconds.
#[repr(C)]
pub struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

/// Seconds and microseconds.
#[repr(C)]
pub struct Timeval {
    seconds: i64,
    microseconds: i64,
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn getenv(name: *const c_char) -> *const c_char;
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn mmap(
        at: *mut c_void,
        length: usize,
        protection: c_int,
        flags: c_int,
        file: c_int,
        from: i64,
    ) -> *mut c_void;
}

static OFFSET: AtomicPtr<AtomicI64> = AtomicPtr::new(ptr::null_mut());

/// By how many seconds the clock is off: the first eight bytes of the file.
fn offset() -> i64 {
    let mut offset = OFFSET.load(Ordering::Acquire);
    if offset.is_null() {
        // SAFETY: the texts end with a zero, and the file is as long as what is read of it.
        unsafe {
            let path = getenv(c"PORTCULLIS_TEST_CLOCK".as_ptr());
            if path.is_null() {
                return 0;
            }
            let file = open(path, 0);
            let mapped = mmap(ptr::null_mut(), 8, READ, SHARED, file, 0);
            if mapped.addr() == usize::MAX {
                return 0;
            }
            offset = mapped.cast();
        }
        OFFSET.store(offset, Ordering::Release);
    }
    // SAFETY: it was mapped above, and stays so.
    unsafe { &*offset }.load(Ordering::Relaxed)
}

/// See clock_gettime(2).
///
/// # Safety
/// `time` is a place for a time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int {
    // SAFETY: as of the caller.
    unsafe {
        let outcome = syscall(CLOCK_GETTIME, clock, time);
        if outcome == 0 && matches!(clock, REALTIME | REALTIME_COARSE) {
            (*time).seconds += offset();
        }
        outcome as c_int
    }
}

/// See gettimeofday(2).
///
/// # Safety
/// `time` is a place for a time, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(time: *mut Timeval, _zone: *mut c_void) -> c_int {
    let mut now = Timespec {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: as of the caller.
    unsafe {
        let outcome = clock_gettime(REALTIME, &mut now);
        if outcome == 0 && !time.is_null() {
            (*time).seconds = now.seconds;
            (*time).microseconds = now.nanoseconds / 1_000;
        }
        outcome
    }
}

/// See time(2).
///
/// # Safety
/// `seconds` is a place for a number, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn time(seconds: *mut i64) -> i64 {
    let mut now = Timespec {
        seconds: 0,
        nanoseconds: 0,
    };
    // SAFETY: as of the caller.
    unsafe {
        clock_gettime(REALTIME, &mut now);
        if !seconds.is_null() {
            *seconds = now.seconds;
        }
    }
    now.seconds
}
