//! Fuzzes `parsers::search_codes`; what must hold stands there.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::search_codes(bytes));
