//! What is thrown at all that reads strangers' bytes and words: one function a target, each of any
//! bytes. It returns, or panics: then something does not hold. `scripts/fuzz` searches for inputs
//! with which it does not; `tests/corpus.rs` replays those that are kept.

mod bytes;
mod words;

/// Whatever is given is looked at, and must not end badly.
pub type Target = fn(&[u8]);

/// Each target, as the files in `fuzz_targets` and the folders in `corpus` are called.
pub const TARGETS: [(&str, Target); 10] = [
    ("frames", targets::frames),
    ("from_node", targets::from_node),
    ("from_hub", targets::from_hub),
    ("records", targets::records),
    ("journal", targets::journal),
    ("transfer", targets::transfer),
    ("config", targets::config),
    ("knobs", targets::knobs),
    ("schedules", targets::schedules),
    ("names", targets::names),
];

/// The targets, by name.
pub mod targets {
    pub use crate::bytes::{frames, from_hub, from_node, journal, records, transfer};
    pub use crate::words::{config, knobs, names, schedules};
}
