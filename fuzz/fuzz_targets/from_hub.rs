//! See `leasehold_fuzz::targets::from_hub`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| leasehold_fuzz::targets::from_hub(bytes));
