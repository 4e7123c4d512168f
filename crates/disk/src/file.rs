//! A file: what of it is durable, and what was written to it since.

use std::{collections::BTreeMap, ops::Range};

use crate::Chance;

/// What was done to a file since its last sync.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// When, among all deeds.
    pub(crate) when: usize,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Bytes { at: usize, bytes: Vec<u8> },
    Length(usize),
    AtLeast(usize),
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct File {
    kept: Vec<u8>,
    changes: Vec<Change>,
}

impl File {
    /// A file that is durable as it is.
    pub(crate) fn of(kept: Vec<u8>) -> Self {
        let changes = Vec::new();
        Self { kept, changes }
    }

    pub(crate) fn write(&mut self, when: usize, at: u64, bytes: &[u8]) {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let bytes = bytes.to_vec();
        self.add(when, Kind::Bytes { at, bytes });
    }

    pub(crate) fn truncate(&mut self, when: usize, len: u64) {
        self.add(when, Kind::Length(usize::try_from(len).unwrap_or(0)));
    }

    pub(crate) fn allocate(&mut self, when: usize, len: u64) {
        self.add(when, Kind::AtLeast(usize::try_from(len).unwrap_or(0)));
    }

    fn add(&mut self, when: usize, kind: Kind) {
        self.changes.push(Change { when, kind });
    }

    /// Makes durable what was done before.
    pub(crate) fn sync(&mut self, before: usize) {
        let (kept, changes) = (&mut self.kept, std::mem::take(&mut self.changes));
        for change in changes {
            if change.when < before {
                change.kind.apply(kept);
            } else {
                self.changes.push(change);
            }
        }
    }

    /// Makes one write durable, as many bytes of it as were written, and what stood in its blocks.
    pub(crate) fn sync_write(&mut self, when: usize, written: usize) {
        let Some(place) = self.changes.iter().position(|change| change.when == when) else {
            return;
        };
        let mut this = self.changes.remove(place);
        if let Kind::Bytes { bytes, .. } = &mut this.kind {
            bytes.truncate(written);
        }
        let (kept, mut later) = (&mut self.kept, Vec::new());
        for (at, change) in std::mem::take(&mut self.changes).into_iter().enumerate() {
            if at < place && change.kind.touches(&this.kind) {
                change.kind.apply(kept);
            } else {
                later.push(change);
            }
        }
        this.kind.apply(kept);
        self.changes = later;
    }

    /// Takes back a write that failed.
    pub(crate) fn take_back(&mut self, when: usize) {
        self.changes.retain(|change| change.when != when);
    }

    /// Whether anything of it is not durable.
    pub(crate) fn is_behind(&self) -> bool {
        !self.changes.is_empty()
    }

    /// What is durable.
    pub(crate) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// What whoever reads it reads.
    pub(crate) fn now(&self) -> Vec<u8> {
        let mut now = self.kept.clone();
        for change in &self.changes {
            change.kind.apply(&mut now);
        }
        now
    }

    /// What the disk may have: each block as it was at some moment since the last sync, and so the
    /// length. Each change came there so often out of a thousand times.
    pub(crate) fn mixed(&self, unit: usize, per_mille: u64, chance: &mut Chance) -> Vec<u8> {
        let mut len = self.kept.len();
        let mut now = Blocks::of(&self.kept, unit);
        let mut there = BTreeMap::new();
        for change in &self.changes {
            let changed = now.apply(&change.kind);
            if chance.happens(per_mille) {
                len = now.len;
            }
            for block in changed {
                if chance.happens(per_mille) {
                    there.insert(block, now.block(block).clone());
                }
            }
        }
        let mut mixed = self.kept.clone();
        mixed.resize(len, 0);
        for (block, bytes) in there {
            let begin = (block * unit).min(len);
            let end = (begin + bytes.len()).min(len);
            mixed[begin..end].copy_from_slice(&bytes[..end - begin]);
        }
        mixed
    }
}

/// Those blocks of a file that differ from what is durable of it.
struct Blocks<'a> {
    kept: &'a [u8],
    unit: usize,
    len: usize,
    changed: BTreeMap<usize, Vec<u8>>,
}

impl<'a> Blocks<'a> {
    fn of(kept: &'a [u8], unit: usize) -> Self {
        let (len, changed) = (kept.len(), BTreeMap::new());
        Self {
            kept,
            unit,
            len,
            changed,
        }
    }

    fn block(&mut self, block: usize) -> &mut Vec<u8> {
        let (kept, unit) = (self.kept, self.unit);
        self.changed.entry(block).or_insert_with(|| {
            let begin = (block * unit).min(kept.len());
            let end = (begin + unit).min(kept.len());
            let mut bytes = kept[begin..end].to_vec();
            bytes.resize(unit, 0);
            bytes
        })
    }

    /// Returns the blocks that are others now.
    fn apply(&mut self, kind: &Kind) -> Range<usize> {
        let unit = self.unit;
        match kind {
            Kind::Bytes { at, bytes } => {
                let mut done = 0;
                while done < bytes.len() {
                    let (block, from) = ((at + done) / unit, (at + done) % unit);
                    let len = (unit - from).min(bytes.len() - done);
                    self.block(block)[from..from + len].copy_from_slice(&bytes[done..done + len]);
                    done += len;
                }
                self.len = self.len.max(at + bytes.len());
                at / unit..(at + bytes.len()).div_ceil(unit)
            }
            Kind::Length(len) => {
                // What was cut off reads as zeros if the file grows again.
                let cut = *len..self.len.max(*len);
                let blocks = cut.start / unit..cut.end.div_ceil(unit);
                for block in blocks.clone() {
                    let from = cut.start.saturating_sub(block * unit);
                    self.block(block)[from..].fill(0);
                }
                self.len = *len;
                blocks
            }
            Kind::AtLeast(len) => {
                self.len = self.len.max(*len);
                0..0
            }
        }
    }
}

impl Kind {
    fn apply(&self, contents: &mut Vec<u8>) {
        match self {
            Self::Bytes { at, bytes } => {
                let end = at + bytes.len();
                if contents.len() < end {
                    contents.resize(end, 0);
                }
                contents[*at..end].copy_from_slice(bytes);
            }
            Self::Length(len) => contents.resize(*len, 0),
            Self::AtLeast(len) => contents.resize(contents.len().max(*len), 0),
        }
    }

    fn touches(&self, other: &Self) -> bool {
        let Self::Bytes { at, bytes } = self else {
            return true;
        };
        let Self::Bytes {
            at: from,
            bytes: of,
        } = other
        else {
            return true;
        };
        let block = crate::BLOCK_BYTES;
        let first = from / block * block;
        let end = (from + of.len()).next_multiple_of(block);
        *at < end && at + bytes.len() > first
    }
}
