//! What comes to the engine while somebody goes on committing.

use super::super::{
    super::engine::{Write, Writes},
    format::{Nonce, RecordHead, Unsealed},
    overlay::{Chunk, ChunkBounds, Overlay},
};

const ALL: ChunkBounds = ChunkBounds {
    upto: u64::MAX,
    bytes: usize::MAX,
    writes: usize::MAX,
};

#[test]
fn what_is_removed_on_its_way_to_the_engine_is_removed_there() {
    let mut overlay = Overlay::default();
    insert(&mut overlay, 1, |writes| writes.put(b"key", vec![1; 30]));
    let chunk = take(&mut overlay, ALL);
    insert(&mut overlay, 2, |writes| writes.remove(b"key", 30));
    assert_eq!(overlay.get(b"key"), Some(None));
    overlay.cover(&chunk);
    assert_eq!(said(&take(&mut overlay, ALL)), ["remove 30"]);
}

#[test]
fn what_is_put_anew_on_its_way_to_the_engine_leaves_nothing_of_what_was_longer() {
    let mut overlay = Overlay::default();
    insert(&mut overlay, 1, |writes| writes.put(b"key", vec![1; 30]));
    let chunk = take(&mut overlay, ALL);
    insert(&mut overlay, 2, |writes| {
        writes.remove(b"key", 30);
        writes.put(b"key", vec![2; 10]);
    });
    overlay.cover(&chunk);
    assert_eq!(overlay.get(b"key"), Some(Some(vec![2; 10].into())));
    assert_eq!(said(&take(&mut overlay, ALL)), ["remove 30", "put 10"]);
}

#[test]
fn what_is_in_the_engine_is_asked_of_the_engine() {
    let mut overlay = Overlay::default();
    insert(&mut overlay, 1, |writes| writes.put(b"key", vec![1; 30]));
    let chunk = take(&mut overlay, ALL);
    assert_eq!(said(&chunk), ["put 30"]);
    assert_eq!(overlay.get(b"key"), Some(Some(vec![1; 30].into())));
    overlay.cover(&chunk);
    assert_eq!(overlay.get(b"key"), None);
    assert_eq!((overlay.bytes(), overlay.covered()), (0, 1));
    insert(&mut overlay, 2, |writes| writes.remove(b"key", 30));
    assert_eq!(said(&take(&mut overlay, ALL)), ["remove 30"]);
}

#[test]
fn what_was_put_and_removed_comes_to_nothing() {
    let mut overlay = Overlay::default();
    insert(&mut overlay, 1, |writes| writes.put(b"key", vec![1; 30]));
    insert(&mut overlay, 2, |writes| writes.remove(b"key", 30));
    assert_eq!(overlay.get(b"key"), None);
    let chunk = take(&mut overlay, ALL);
    assert!(chunk.is_empty());
    assert_eq!((chunk.upto, chunk.newest), (2, 2));
}

#[test]
fn a_part_of_the_records_says_what_is_to_be_removed_by_then() {
    let mut overlay = Overlay::default();
    insert(&mut overlay, 1, |writes| writes.remove(b"key", 30));
    insert(&mut overlay, 2, |writes| writes.put(b"key", vec![1; 10]));
    let first = ChunkBounds { upto: 1, ..ALL };
    let chunk = take(&mut overlay, first);
    assert_eq!(said(&chunk), ["remove 30"]);
    overlay.cover(&chunk);
    assert_eq!(overlay.get(b"key"), Some(Some(vec![1; 10].into())));
}

#[test]
fn the_excess_is_what_has_to_go() {
    let mut overlay = Overlay::default();
    for seq in 1..=10 {
        insert(&mut overlay, seq, |writes| writes.put(b"key", vec![1; 51]));
    }
    assert_eq!(overlay.bytes(), 1040);
    assert_eq!(overlay.excess(1040), 0);
    assert_eq!(overlay.excess(1039), 1);
    assert_eq!(overlay.excess(500), 6);
    assert_eq!(overlay.excess(0), 10);
}

fn take(overlay: &mut Overlay, bounds: ChunkBounds) -> Chunk {
    let mut chunk = overlay.begin();
    while overlay.take(&mut chunk, bounds) {}
    chunk
}

fn insert(overlay: &mut Overlay, seq: u64, write: impl FnOnce(&mut Writes)) {
    let mut writes = Writes::default();
    write(&mut writes);
    let head = RecordHead {
        seq,
        covered: 0,
        marked: 0,
    };
    overlay.insert(Unsealed::new(&writes).unwrap().seal(Nonce(1), head));
}

fn said(chunk: &Chunk) -> Vec<String> {
    let say = |write| match write {
        Write::Put(_, value) => format!("put {}", value.len()),
        Write::Remove(_, len) => format!("remove {len}"),
    };
    chunk.writes().into_iter().map(say).collect()
}
