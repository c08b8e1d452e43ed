//! The target `name` of `integration::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| integration::fuzz::run("name", bytes));
