//! Feeds [`portcullis_fuzz::page`] with what libFuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| portcullis_fuzz::page::check(input));
