//! Feeds [`portcullis_fuzz::request`] with what libFuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::request::check(input));
