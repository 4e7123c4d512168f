//! See `leasehold_fuzz::targets::transfer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| leasehold_fuzz::targets::transfer(bytes));
