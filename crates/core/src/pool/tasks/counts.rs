//! How many there are, and maps by numbers that were counted.

use core::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashMap;

use crate::StateKind;

/// Maps by what the hub counted: no stranger chooses these.
pub(in crate::pool) type Numbered<K, V> = HashMap<K, V, BuildHasherDefault<Spread>>;

/// Spreads numbers that were counted (Fibonacci hashing, Knuth 6.4).
#[derive(Debug, Clone, Default)]
pub(in crate::pool) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        let spread = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }
}

/// How many tasks are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u64; StateKind::ALL.len()]);

impl Counts {
    /// Tasks in this state.
    #[must_use]
    pub const fn of(&self, kind: StateKind) -> u64 {
        self.0[kind as usize]
    }

    /// Tasks that are ready, scheduled or claimed.
    #[must_use]
    pub const fn live(&self) -> u64 {
        self.of(StateKind::Ready) + self.of(StateKind::Scheduled) + self.of(StateKind::Claimed)
    }

    pub(in crate::pool) const fn count(&mut self, kind: StateKind) {
        self.0[kind as usize] += 1;
    }

    pub(super) const fn discount(&mut self, kind: StateKind) {
        self.0[kind as usize] -= 1;
    }
}
