//! See `leasehold_fuzz::targets::journal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| leasehold_fuzz::targets::journal(bytes));
