use std::fs;

use tempfile::TempDir;

use super::{
    super::{Engine, FjallEngine, Writes},
    *,
};

const VALUE: usize = 20_000;

/// Three commits, each of a value that only it has.
fn store() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Box::new(FjallEngine::open(folder.path(), 1 << 20).unwrap());
    for byte in 1..=3 {
        let mut writes = Writes::default();
        writes.put(&[byte], vec![byte; VALUE]);
        engine.commit(writes).unwrap();
    }
    engine.close();
    let journal = journals(folder.path()).unwrap().pop().unwrap();
    (folder, journal)
}

/// Leaves a block in the middle of a value as it was before it was written.
fn lose_block(journal: &Path, value: u8) {
    let mut bytes = fs::read(journal).unwrap();
    let begin = find(&bytes, &[value; VALUE]).next_multiple_of(4096);
    bytes[begin..begin + 4096].fill(0);
    fs::write(journal, bytes).unwrap();
}

fn find(bytes: &[u8], what: &[u8]) -> usize {
    let mut windows = bytes.windows(what.len());
    windows.position(|window| window == what).unwrap()
}

fn values(folder: &Path) -> Result<Vec<bool>, StoreError> {
    let engine = Box::new(FjallEngine::open(folder, 1 << 20)?);
    let is_there = |byte: u8| Ok(engine.get(&[byte], VALUE)? == Some(vec![byte; VALUE]));
    let found = (1..=3).map(is_there).collect();
    engine.close();
    found
}

#[test]
fn a_commit_that_the_power_went_in_is_cut_off() {
    let (folder, journal) = store();
    lose_block(&journal, 3);
    assert_eq!(values(folder.path()).unwrap(), [true, true, false]);
    assert_eq!(values(folder.path()).unwrap(), [true, true, false], "again");
}

#[test]
fn a_broken_commit_before_a_whole_one_is_named_and_nothing_is_changed() {
    let (folder, journal) = store();
    lose_block(&journal, 2);
    let before = fs::read(&journal).unwrap();
    let error = values(folder.path()).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, StoreError::Damaged { .. }), "{said}");
    let at = format!("the batch at byte {}", whole(&before).0);
    assert!(said.contains(&at) && said.contains(".jnl"), "{said}");
    assert!(fs::read(&journal).unwrap() == before);
}

#[test]
fn a_head_that_does_not_read_before_whole_commits_is_named() {
    let (folder, journal) = store();
    let mut bytes = fs::read(&journal).unwrap();
    // The key before it is the same byte.
    let at = find(&bytes, &[2; VALUE]) - ITEM_HEAD_BYTES - START_BYTES;
    bytes[at] ^= 0x40;
    fs::write(&journal, bytes).unwrap();
    let said = values(folder.path()).unwrap_err().to_string();
    assert!(said.contains(&format!("the batch at byte {at} ")), "{said}");
}

#[test]
fn what_is_whole_is_left_as_it_is() {
    let (folder, _) = store();
    assert_eq!(values(folder.path()).unwrap(), [true; 3]);
    cut_off(&folder.path().join("not there")).unwrap();
}
