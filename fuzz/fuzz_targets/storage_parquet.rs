//! Fuzzes `parsers::storage_parquet`; what must hold stands there.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::storage_parquet(bytes));
