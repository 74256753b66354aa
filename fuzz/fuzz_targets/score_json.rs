//! Fuzzes `parsers::score_json`; what must hold stands there.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::score_json(bytes));
