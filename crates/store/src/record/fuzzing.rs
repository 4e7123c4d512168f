//! Records with a seal that is right and a body that may be anything.

use leasehold_core::{Note, Task};

use super::{
    Entry, Header, LogDraft, LogHead, PoolRecord, SEAL_BYTES, Sealed, StateBytes, Unreadable, What,
    close, decode_task, seal_header, seal_note, seal_pool,
};

/// The key under which they stand.
const KEY: &[u8] = b"L\x00\x00\x00\x01";

/// Takes a record apart and puts it together again. The first byte says of what kind it is, the
/// second of which version; the rest is its body. The seal is right, or nothing would come past it:
/// for the last kind it is taken from the body as well.
pub fn record(bytes: &[u8]) {
    let Some((&[kind, version], body)) = bytes.split_first_chunk() else {
        return;
    };
    let value = match kind {
        4.. => body.to_vec(),
        _ => close(KEY, version, [&[0; SEAL_BYTES], body].concat()),
    };
    let Ok(sealed) = Sealed::open(KEY, &value) else {
        return;
    };
    _ = match kind {
        0 => sealed.header().map(|header| again_header(&header)),
        1 => sealed.pool().map(|(pool, notes)| again_pool(&pool, notes)),
        2 => sealed.note().map(|note| again_note(&note)),
        _ => sealed
            .log()
            .map(|(head, entries)| again_log(head, &entries)),
    };
}

fn again_header(header: &Header) {
    let value = seal_header(KEY, header);
    assert_eq!(opened(&value).header().as_ref(), Ok(header));
}

fn again_pool(pool: &PoolRecord, notes: Option<u32>) {
    let value = seal_pool(KEY, pool, notes);
    assert_eq!(opened(&value).pool(), Ok((pool.clone(), notes)));
}

fn again_note(note: &Note) {
    // Longer than any that is written may have been read.
    if let Some(value) = seal_note(KEY, note) {
        assert_eq!(opened(&value).note().as_ref(), Ok(note));
    }
}

fn again_log(head: LogHead, entries: &[Entry<'_>]) {
    let mut draft = LogDraft::with_capacity(0);
    for entry in entries {
        draft.push(entry);
        if let What::State(state) | What::Completed(state) = entry.what {
            _ = again_task(state);
        }
    }
    // With extras, "stands for all from 0" is "stands for itself".
    let is_said = head.first != Some(0) || draft.extras.is_none();
    let value = draft.seal(KEY, &head);
    let (said, same) = opened(&value).log().expect("a record of ours");
    assert_eq!(same, entries);
    assert!(!is_said || said == head, "{head:?} became {said:?}");
}

fn again_task(state: StateBytes<'_>) -> Result<(), Unreadable> {
    let task = decode_task(state)?;
    let mut draft = LogDraft::with_capacity(0);
    // One that is too long is not written.
    if draft.push_task(&task).is_some() {
        let head = LogHead {
            head: 0,
            at: task.ready_at,
            epoch: leasehold_core::Epoch(1),
            first: None,
        };
        let value = draft.seal(KEY, &head);
        let (_, entries) = opened(&value).log().expect("a record of ours");
        let [entry] = entries.as_slice() else {
            panic!("one task became {entries:?}");
        };
        let (What::State(state) | What::Completed(state)) = entry.what else {
            panic!("a task became {entry:?}");
        };
        let same = decode_task(state).expect("a task of ours");
        assert_eq!(with_extras(same), with_extras(task));
    }
    Ok(())
}

/// An empty list of extras says of which version a state is, and nothing of its task.
fn with_extras(mut task: Task) -> Task {
    task.extras.get_or_insert_default();
    task
}

fn opened(value: &[u8]) -> Sealed<'_> {
    Sealed::open(KEY, value).expect("a seal of ours")
}
