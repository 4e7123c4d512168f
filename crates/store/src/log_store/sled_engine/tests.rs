use tempfile::TempDir;

use super::*;

const LONG: usize = 20_000;

#[test]
fn long_values_are_written_once() {
    let (folder, engine) = engine();
    let value = |n: u32| n.to_be_bytes().repeat(LONG / 4);
    let key = |n: u32| n.to_be_bytes();
    for n in 0..2_000 {
        let mut writes = Writes::default();
        writes.put(&key(n), value(n));
        if let Some(old) = n.checked_sub(200) {
            writes.remove(&key(old), LONG);
        }
        engine.apply(writes).unwrap();
        engine.sync().unwrap();
    }
    let (live, disk) = (
        200 * LONG as u64,
        fs::metadata(folder.path().join("db")).unwrap().len(),
    );
    assert!(disk < 3 * live, "{disk} bytes on disk of {live}");
    for n in 1_800..2_000 {
        assert_eq!(engine.get(&key(n), LONG).unwrap(), Some(value(n)));
    }
    let found: Vec<_> = engine.scan(&[]).map(|found| found.unwrap().0).collect();
    let long: Vec<_> = found.into_iter().filter(|key| key[0] == 0).collect();
    assert!(
        long.into_iter().eq((1_800..2_000).map(|n| key(n).to_vec())),
        "in their order"
    );
    assert_no_blob_files(&folder);
}

#[test]
fn a_slot_that_was_half_made_is_made_again() {
    let (folder, engine) = engine();
    put(&engine, 1);
    let last = engine
        .db
        .scan_prefix(slots::SLOTS)
        .next_back()
        .unwrap()
        .unwrap()
        .0;
    let last = slots::slot_of(&last).unwrap();
    for spacer in slots::spacers(last).skip(3) {
        engine.db.remove(spacer).unwrap();
    }
    Box::new(engine).close();
    let engine = SledEngine::open(folder.path(), 1024 * 1024).unwrap();
    let made = slots::spacers(last).filter(|spacer| engine.db.contains_key(spacer).unwrap());
    assert_eq!(made.count(), 8);
    for n in 1..100 {
        put(&engine, n);
    }
    assert_eq!(engine.get(&[1], LONG).unwrap(), Some(vec![1; LONG]));
    assert_no_blob_files(&folder);
}

#[test]
fn what_a_peak_left_in_slots_is_emptied() {
    let (_folder, engine) = engine();
    (0..200).for_each(|n| put(&engine, n));
    for n in 1..200 {
        let mut writes = Writes::default();
        writes.remove(&[n], LONG);
        engine.apply(writes).unwrap();
    }
    let values = engine
        .db
        .scan_prefix(slots::SLOTS)
        .values()
        .map(Result::unwrap);
    let held = values.filter(|value| value.len() == LONG).count();
    assert!(held < 50, "{held} slots hold on to what was in them");
}

fn engine() -> (TempDir, SledEngine) {
    let folder = tempfile::tempdir().unwrap();
    let engine = SledEngine::open(folder.path(), 1024 * 1024).unwrap();
    (folder, engine)
}

fn put(engine: &SledEngine, n: u8) {
    let mut writes = Writes::default();
    writes.put(&[n], vec![n; LONG]);
    engine.apply(writes).unwrap();
}

/// sled would put pages of more than 128 KiB there, and never sync them.
fn assert_no_blob_files(folder: &TempDir) {
    let blobs = folder.path().join("blobs");
    assert!(!blobs.exists() || fs::read_dir(blobs).unwrap().next().is_none());
}
