//! Fuzzes `parsers::storage_log`; what must hold stands there.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::storage_log(bytes));
