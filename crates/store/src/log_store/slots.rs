//! Places for long values in sled's tree, laid out so that sled writes each value once.
//!
//! sled writes a leaf anew, whole, when it splits, when it is merged, and with every tenth change
//! to it. Of long values side by side each is so written four to five times. Here a long value has
//! a leaf to itself: a *slot* is eight short keys, the spacers, which are there first and split the
//! tree where they are, and one key for the value. Nine leaf entries are too many to be merged and
//! too few to be split, so the only time that the leaf is written whole is the tenth change: that
//! one is the value, after nine changes of a spacer. Slots are used again, the value in one is only
//! ever replaced, and which slots hold which value stands under a short key of its own, which is
//! what commits a long value and what ends it.

use std::collections::{BTreeMap, BTreeSet};

/// The longest value in a slot, in bytes. Leaves may come to hold three, and must stay below the
/// 128 KiB from which on sled would write a file of its own.
pub(super) const SLOT_BYTES: usize = 40 * 1024;

/// Short keys of a slot.
const SPACERS: u8 = 8;

/// Changes of a spacer before a value, so that the value is the tenth.
const CHANGES: u32 = 9;

/// Slots that are made at once.
const MADE: u32 = 32;

/// Free slots that may hold on to what was in them, beyond a sixteenth of those in use.
const STALE_SLOTS: usize = 16;

/// All slots, behind all other keys.
pub(super) const SLOTS: &[u8] = b"S";

/// What says which slots hold which value.
pub(super) const INDEX: &[u8] = b"I";

/// Which slots there are, and what is in them.
#[derive(Debug, Default)]
pub(super) struct Slots {
    kept: BTreeMap<Vec<u8>, Vec<u32>>,
    /// Free, with an old value in them.
    stale: Vec<u32>,
    /// Free, and empty.
    empty: Vec<u32>,
    /// Slots whose spacers are there.
    made: u32,
    turn: u32,
}

impl Slots {
    /// Slots as they were found: how many there are, and which hold which value.
    pub(super) fn new(made: u32, kept: BTreeMap<Vec<u8>, Vec<u32>>) -> Self {
        let used: BTreeSet<u32> = kept.values().flatten().copied().collect();
        Self {
            stale: (0..made)
                .rev()
                .filter(|slot| !used.contains(slot))
                .collect(),
            kept,
            made,
            ..Self::default()
        }
    }

    /// Which slots hold this value.
    pub(super) fn of(&self, key: &[u8]) -> Option<&[u32]> {
        self.kept.get(key).map(Vec::as_slice)
    }

    /// The first key from this one on of which the value is in slots.
    pub(super) fn key_from(&self, from: &[u8]) -> Option<&[u8]> {
        let from = (std::ops::Bound::Included(from), std::ops::Bound::Unbounded);
        Some(self.kept.range::<[u8], _>(from).next()?.0)
    }

    /// The free slots that hold on to what was in them, or may.
    pub(super) fn unused(&self) -> Vec<u32> {
        self.stale.clone()
    }

    /// A free slot, if there is one.
    pub(super) fn take(&mut self) -> Option<u32> {
        self.stale.pop().or_else(|| self.empty.pop())
    }

    /// The numbers of slots that are not there yet, and are to be made and to be free. Many at
    /// once: the leaf at the end is yet to split, and should have no value in it when it does.
    pub(super) fn make(&mut self) -> std::ops::Range<u32> {
        let made = self.made..self.made + MADE;
        self.made = made.end;
        self.empty.extend(made.clone().rev());
        made
    }

    /// Says which slots hold a value.
    pub(super) fn keep(&mut self, key: Vec<u8>, slots: Vec<u32>) {
        self.kept.insert(key, slots);
    }

    /// Forgets which slots hold a value; they are free once that is written.
    pub(super) fn forget(&mut self, key: &[u8]) -> Option<Vec<u32>> {
        self.kept.remove(key)
    }

    /// Takes slots back.
    pub(super) fn free(&mut self, slots: Vec<u32>) {
        self.stale.extend(slots);
    }

    /// A free slot that should be emptied, if too many hold on to what was in them.
    pub(super) fn too_stale(&mut self) -> Option<u32> {
        if self.stale.len() <= STALE_SLOTS + self.kept.len() / 16 {
            return None;
        }
        let slot = self.stale.pop()?;
        self.empty.push(slot);
        Some(slot)
    }

    /// What to write to the last spacer of a slot, one after the other, before its value is
    /// replaced. The last one, as it is in the value's leaf wherever the tree was split.
    pub(super) fn changes(&mut self, slot: u32) -> impl Iterator<Item = ([u8; 6], [u8; 4])> {
        let turn = self.turn;
        self.turn = self.turn.wrapping_add(CHANGES);
        let spacer = key(slot, SPACERS - 1);
        (0..CHANGES).map(move |n| (spacer, turn.wrapping_add(n).to_be_bytes()))
    }
}

/// Keys of the spacers of a slot.
pub(super) fn spacers(slot: u32) -> impl Iterator<Item = [u8; 6]> {
    (0..SPACERS).map(move |n| key(slot, n))
}

/// Where the value of a slot stands.
pub(super) fn value(slot: u32) -> [u8; 6] {
    key(slot, SPACERS)
}

/// The slot of any of its keys.
pub(super) fn slot_of(key: &[u8]) -> Option<u32> {
    let number = key.strip_prefix(SLOTS)?.first_chunk()?;
    Some(u32::from_be_bytes(*number))
}

/// Where it stands which slots hold the value of this key.
pub(super) fn index(key: &[u8]) -> Vec<u8> {
    [INDEX, key].concat()
}

/// What stands there.
pub(super) fn encode(slots: &[u32]) -> Vec<u8> {
    slots.iter().flat_map(|slot| slot.to_be_bytes()).collect()
}

/// Reads what stands there, if it is that.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<u32>> {
    let (numbers, rest) = bytes.as_chunks();
    let slots = numbers.iter().map(|number| u32::from_be_bytes(*number));
    (rest.is_empty() && !numbers.is_empty()).then(|| slots.collect())
}

fn key(slot: u32, n: u8) -> [u8; 6] {
    let [a, b, c, d] = slot.to_be_bytes();
    [SLOTS[0], a, b, c, d, n]
}
