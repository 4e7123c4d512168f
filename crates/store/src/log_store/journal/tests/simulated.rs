//! A disk and an engine whose power can be cut.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use super::super::{
    super::engine::{Engine, Scan, Write, Writes, failed},
    disk::{Disk, DiskFile, Making},
};
use crate::StoreError;

/// What is written whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What the engine cuts values into: short, so that they have several.
pub(super) const PART_BYTES: usize = 16;

/// Numbers that only look random.
#[derive(Debug, Clone)]
pub(super) struct Random(pub(super) u64);

impl Random {
    /// Less than this.
    pub(super) fn below(&mut self, end: usize) -> usize {
        // splitmix64, by Sebastiano Vigna, in the public domain.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap()
    }
}

/// What of that which was not synced is there after a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Nothing.
    Worst,
    /// Some blocks of so many sectors.
    Some(usize),
    /// Everything: only the process died.
    Kill,
}

/// What is wrong with the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Full,
    Panic,
}

/// A machine: what is in it outlives the power.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine(Arc<Mutex<State>>);

#[derive(Debug, Clone, Default)]
struct State {
    files: BTreeMap<String, File>,
    /// Those that were removed, and may be there again after a cut.
    ghosts: BTreeMap<String, File>,
    engine: Keys,
    /// What was applied since the last sync, with what was there before each.
    unsynced: Vec<Keys>,
    /// Calls until the power goes.
    fuse: usize,
    fault: Option<Fault>,
}

#[derive(Debug, Clone, Default)]
struct File {
    now: Vec<u8>,
    synced: Vec<u8>,
    /// Sectors that were written since.
    dirty: BTreeSet<usize>,
}

/// Parts by key and number.
pub(super) type Keys = BTreeMap<(Vec<u8>, usize), Vec<u8>>;

impl Machine {
    /// Lets the power go after so many calls.
    pub(super) fn light(&self, fuse: usize) {
        self.lock().fuse = fuse;
    }

    /// Lets the engine, and nothing else, fail from now on, or no longer.
    pub(super) fn spoil(&self, fault: Option<Fault>) {
        self.lock().fault = fault;
    }

    /// What is in the engine.
    pub(super) fn keys(&self) -> Keys {
        self.lock().engine.clone()
    }

    /// What a cut leaves.
    pub(super) fn cut(&self, cut: Cut, random: &mut Random) -> Self {
        let mut state = self.lock().clone();
        for (name, file) in std::mem::take(&mut state.ghosts) {
            if random.below(2) == 0 {
                state.files.entry(name).or_insert(file);
            }
        }
        for file in state.files.values_mut() {
            file.cut(cut, random);
        }
        let batches = state.unsynced.len();
        let lost = match cut {
            Cut::Worst => batches,
            Cut::Some(_) => random.below(batches + 1),
            Cut::Kill => 0,
        };
        if lost > 0 {
            state.engine = state.unsynced.swap_remove(batches - lost);
        }
        state.unsynced.clear();
        Self(Arc::new(Mutex::new(state)))
    }

    /// Flips a bit of the journal, if there is one.
    pub(super) fn flip(&self, random: &mut Random) {
        let mut state = self.lock();
        let number = random.below(state.files.len().max(1));
        let Some(file) = state.files.values_mut().nth(number) else {
            return;
        };
        let at = random.below(file.now.len());
        file.now[at] ^= 1 << random.below(8);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Whether there is still power for this call.
    fn call(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        state.fuse = state
            .fuse
            .checked_sub(1)
            .ok_or_else(|| io::Error::other("the power is gone"))?;
        Ok(state)
    }
}

impl File {
    fn cut(&mut self, cut: Cut, random: &mut Random) {
        let mut left = self.synced.clone();
        let blocks: BTreeSet<_> = match cut {
            Cut::Worst => BTreeSet::new(),
            Cut::Some(sectors) => self.dirty.iter().map(|sector| sector / sectors).collect(),
            Cut::Kill => (0..self.now.len() / SECTOR_BYTES).collect(),
        };
        let sectors = if let Cut::Some(sectors) = cut {
            sectors
        } else {
            1
        };
        for block in blocks {
            if cut == Cut::Kill || random.below(2) == 0 {
                let at = block * sectors * SECTOR_BYTES;
                let end = (at + sectors * SECTOR_BYTES).min(left.len());
                left[at..end].copy_from_slice(&self.now[at..end]);
            }
        }
        *self = Self {
            now: left.clone(),
            synced: left,
            dirty: BTreeSet::new(),
        };
    }
}

impl Disk for Machine {
    type File = (Machine, String);

    fn path(&self) -> &Path {
        Path::new("/simulated/journal")
    }

    /// One thing after the other, so that a seed is one story.
    fn begin_to_create(&self, _: &str, _: Vec<u8>) -> Option<Making<Self::File>> {
        None
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.lock().files.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        Ok(self.lock().files[name].now.clone())
    }

    fn create(&self, name: &str, contents: &[u8]) -> io::Result<Self::File> {
        let (now, synced) = (contents.to_vec(), contents.to_vec());
        let dirty = BTreeSet::new();
        let file = File { now, synced, dirty };
        self.call()?.files.insert(name.to_owned(), file);
        self.open(name)
    }

    fn open(&self, name: &str) -> io::Result<Self::File> {
        Ok((self.clone(), name.to_owned()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.call()?;
        let file = state.files.remove(name).unwrap();
        state.ghosts.insert(name.to_owned(), file);
        Ok(())
    }
}

impl DiskFile for (Machine, String) {
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut state = self.0.call()?;
        let file = state.files.get_mut(&self.1).unwrap();
        let range = usize::try_from(at).unwrap()..usize::try_from(at).unwrap() + bytes.len();
        file.dirty
            .extend(range.start / SECTOR_BYTES..=(range.end - 1) / SECTOR_BYTES);
        file.now[range].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.0.call()?;
        let file = state.files.get_mut(&self.1).unwrap();
        file.dirty.clear();
        file.synced.clone_from(&file.now);
        Ok(())
    }
}

impl Engine for Machine {
    fn path(&self) -> &Path {
        Path::new("/simulated")
    }

    fn apply(&self, writes: Writes) -> Result<(), StoreError> {
        let state = self.call();
        let mut state = state.map_err(|source| failed("write to", Path::new("/"), source))?;
        match state.fault {
            None => {}
            Some(Fault::Full) => {
                let full = io::Error::from(io::ErrorKind::StorageFull);
                return Err(failed("write to", Path::new("/"), full));
            }
            Some(Fault::Panic) => {
                drop(state);
                panic!("on purpose");
            }
        }
        let before = state.engine.clone();
        state.unsynced.push(before);
        for write in writes {
            apply(&mut state.engine, &write);
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        let state = self.call();
        let mut state = state.map_err(|source| failed("sync", Path::new("/"), source))?;
        state.unsynced.clear();
        Ok(())
    }

    fn get(&self, key: &[u8], len: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.lock();
        let part = |number| state.engine.get(&(key.to_vec(), number)).cloned();
        let parts: Option<Vec<_>> = (0..len.div_ceil(PART_BYTES)).map(part).collect();
        Ok(parts.map(|parts| parts.concat()))
    }

    fn scan(&self, prefix: &[u8]) -> Scan<'_> {
        let mut values: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for ((key, _), part) in self.keys() {
            if key.starts_with(prefix) {
                values.entry(key).or_default().extend(part);
            }
        }
        Box::new(values.into_iter().map(Ok))
    }

    fn close(self: Box<Self>) {}
}

/// As sled would: part by part.
pub(super) fn apply(keys: &mut Keys, write: &Write) {
    match write {
        Write::Put(key, value) => {
            for (number, part) in value.chunks(PART_BYTES).enumerate() {
                keys.insert((key.clone(), number), part.to_vec());
            }
        }
        Write::Remove(key, len) => {
            for number in 0..len.div_ceil(PART_BYTES) {
                keys.remove(&(key.clone(), number));
            }
        }
    }
}
