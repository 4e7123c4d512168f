use std::{fs, path::Path};

use leasehold_core::{
    Attempt, AttemptEnding, Death, Incarnation, Lease, LeaseId, Node, PoolId, State,
};

use super::*;
use crate::conformance::sample;

mod notes;

const KEY: &[u8] = b"L\x00\x00\x00\x01";

#[test]
fn header_bytes_are_for_ever() {
    let header = Header { generation: 300 };
    let golden = check_golden("v1-header.hex", &seal_header(KEY, &header));
    assert_eq!(Sealed::open(KEY, &golden).unwrap().header(), Ok(header));
}

#[test]
fn pool_bytes_are_for_ever() {
    let pool = PoolRecord {
        name: "images.resize-2".parse().unwrap(),
        epoch: Epoch(70_000),
    };
    let golden = check_golden("v1-pool.hex", &seal_pool(KEY, &pool, None));
    assert_eq!(
        Sealed::open(KEY, &golden).unwrap().pool(),
        Ok((pool.clone(), None))
    );
    let golden = check_golden("v3-pool.hex", &seal_pool(KEY, &pool, Some(300)));
    assert_eq!(golden[0], 3);
    assert_eq!(
        Sealed::open(KEY, &golden).unwrap().pool(),
        Ok((pool, Some(300)))
    );
}

#[test]
fn blob_bytes_are_for_ever() {
    let golden = check_golden("v1-blob.hex", &seal_blob(KEY, b"opaque \x00\xff"));
    assert_eq!(Sealed::open(KEY, &golden).unwrap().body, b"opaque \x00\xff");
}

#[test]
fn log_bytes_are_for_ever() {
    let golden = check_golden("v1-log.hex", &sealed_log());
    let (head, entries) = Sealed::open(KEY, &golden).unwrap().log().unwrap();
    assert_eq!(head, log_head());
    let (state, others) = entries.split_first().unwrap();
    assert_eq!(state.task, full_task().id);
    let What::State(bytes) = state.what else {
        panic!("{state:?} is first")
    };
    assert_eq!(decode_task(bytes), Ok(full_task()));
    assert_eq!(others, log_entries());
}

#[test]
fn joined_log_bytes_are_for_ever() {
    let head = LogHead {
        first: Some(1 << 33),
        ..log_head()
    };
    let mut completed = full_task();
    completed.state = State::Completed {
        at: Timestamp::from_millis(1_700_000_003_000),
    };
    completed.lease = None;
    let mut draft = LogDraft::with_capacity(1024);
    draft.push_task(&completed).unwrap();
    draft.push(&log_entries()[4]);
    let golden = check_golden("v2-log.hex", &draft.seal(KEY, &head));
    let (found, entries) = Sealed::open(KEY, &golden).unwrap().log().unwrap();
    assert_eq!(found, head);
    let [first, forget] = entries[..] else {
        panic!("{entries:?}")
    };
    assert_eq!((first.task, forget), (completed.id, log_entries()[4]));
    let What::Completed(state) = first.what else {
        panic!("{first:?}")
    };
    assert_eq!(decode_task(state), Ok(completed));
}

#[test]
fn a_joined_record_that_ends_too_soon_is_refused() {
    let body = [0; LOG_HEAD_BYTES + 7];
    let value = close(KEY, JOINED, [&[0; SEAL_BYTES][..], &body].concat());
    assert!(Sealed::open(KEY, &value).unwrap().log().is_err());
    let value = close(KEY, PLAIN, [&[0; SEAL_BYTES][..], &body].concat());
    assert!(
        Sealed::open(KEY, &value).unwrap().log().is_err(),
        "no entry"
    );
}

#[test]
fn states_are_for_ever() {
    let states = [
        State::Scheduled {
            run_at: Timestamp::from_millis(5),
        },
        State::Ready,
        State::Claimed,
        State::Completed {
            at: Timestamp::from_millis(6),
        },
        State::Cancelled {
            at: Timestamp::from_millis(7),
        },
        State::Dead {
            at: Timestamp::from_millis(8),
            cause: Death::AttemptsSpent,
        },
        State::Dead {
            at: Timestamp::from_millis(9),
            cause: Death::LostTooOften,
        },
        State::Dead {
            at: Timestamp::from_millis(9),
            cause: Death::InterruptedTooOften,
        },
    ];
    let mut bytes = Vec::new();
    states.iter().for_each(|state| encode(state, &mut bytes));
    check_golden("v1-states.hex", &bytes);
}

#[test]
fn endings_are_for_ever() {
    let endings = [
        AttemptEnding::Completed,
        AttemptEnding::Failed,
        AttemptEnding::Expired,
        AttemptEnding::Cut,
        AttemptEnding::Silence,
        AttemptEnding::Released,
        AttemptEnding::Interrupted,
        AttemptEnding::Cancelled,
    ];
    let mut bytes = Vec::new();
    endings.iter().for_each(|ending| encode(ending, &mut bytes));
    check_golden("v1-endings.hex", &bytes);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let value = sealed_log();
    for bit in 0..value.len() * 8 {
        let mut flipped = value.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let opened = Sealed::open(KEY, &flipped);
        assert!(
            matches!(opened, Err(Unreadable::Damaged(_))),
            "bit {bit}: {opened:?}"
        );
    }
}

#[test]
fn every_cut_is_noticed() {
    let value = sealed_log();
    for len in 0..value.len() {
        assert!(Sealed::open(KEY, &value[..len]).is_err(), "cut to {len}");
    }
    assert!(Sealed::open(KEY, &[&value[..], b"x"].concat()).is_err());
}

#[test]
fn a_record_under_the_key_of_another_is_noticed() {
    assert!(Sealed::open(b"L\x00\x00\x00\x02", &sealed_log()).is_err());
}

#[test]
fn an_unknown_version_is_named() {
    let mut value = sealed_log();
    value[0] = VERSION + 1;
    let crc = checksum(KEY, VERSION + 1, &value[SEAL_BYTES..]);
    value[1..SEAL_BYTES].copy_from_slice(&crc.to_le_bytes());
    let opened = Sealed::open(KEY, &value);
    assert_eq!(opened.err(), Some(Unreadable::Version(VERSION + 1)));
}

#[test]
fn what_is_sealed_but_no_record_is_refused() {
    for body in [&b""[..], b"\xff", &[0xfd; 8], &[0xff; 64]] {
        let value = seal_blob(KEY, body);
        let sealed = Sealed::open(KEY, &value).unwrap();
        assert!(sealed.header().is_err() && sealed.pool().is_err() && sealed.log().is_err());
        assert!(decode_task(StateBytes::plain(body)).is_err());
    }
}

#[test]
fn a_body_longer_than_its_record_is_refused() {
    let mut bytes = Vec::new();
    encode(&full_task(), &mut bytes);
    assert_eq!(decode_task(StateBytes::plain(&bytes)), Ok(full_task()));
    assert!(decode_task(StateBytes::with_extras(&bytes)).is_err());
    bytes.push(0);
    assert!(decode_task(StateBytes::plain(&bytes)).is_err());
    assert!(decode_task(StateBytes::with_extras(&bytes)).is_ok());
    bytes.push(0);
    assert!(decode_task(StateBytes::with_extras(&bytes)).is_err());
}

#[test]
fn a_length_that_nobody_could_have_written_allocates_nothing() {
    // A name of 2^60 bytes, in bincode's nine.
    let mut body = vec![253];
    body.extend_from_slice(&(1_u64 << 60).to_le_bytes());
    let value = seal_blob(KEY, &body);
    assert!(Sealed::open(KEY, &value).unwrap().pool().is_err());
}

#[test]
fn the_largest_task_there_may_be_is_read_back() {
    let mut task = largest_task();
    task.extras = Some(Arc::new(largest_extras()));
    let mut draft = LogDraft::with_capacity(0);
    let len = draft.push_task(&task).unwrap();
    assert!(len < DECODE_BYTES_MAX / 2, "{len} leaves no room to grow");
    let value = draft.seal(KEY, &log_head());
    let (_, entries) = Sealed::open(KEY, &value).unwrap().log().unwrap();
    let What::State(state) = entries[0].what else {
        panic!("{entries:?}")
    };
    assert_eq!(decode_task(state), Ok(task));
}

#[test]
fn a_task_that_could_not_be_read_back_is_not_written() {
    let mut task = full_task();
    task.history[0].reason = "x".repeat(DECODE_BYTES_MAX);
    let mut draft = LogDraft::with_capacity(0);
    assert_eq!(draft.push_task(&task), None);
    assert!(draft.is_empty());
}

#[test]
fn log_bytes_with_extras_are_for_ever() {
    let mut completed = task_with_extras();
    completed.state = State::Completed {
        at: Timestamp::from_millis(1_700_000_003_000),
    };
    completed.lease = None;
    let mut hopeless = full_task();
    hopeless.lease = None;
    hopeless.history[0].ending = AttemptEnding::Overran;
    let at = Timestamp::from_millis(1_700_000_003_000);
    let cause = Death::Hopeless;
    hopeless.state = State::Dead { at, cause };
    let tasks = [task_with_extras(), completed, hopeless, full_task()];
    for (name, first) in [("v3-log.hex", None), ("v3-log-joined.hex", Some(1 << 33))] {
        let head = LogHead {
            first,
            ..log_head()
        };
        let mut draft = LogDraft::with_capacity(1024);
        for task in &tasks {
            draft.push_task(task).unwrap();
        }
        draft.push(&log_entries()[4]);
        let golden = check_golden(name, &draft.seal(KEY, &head));
        assert_eq!(golden[0], 3);
        let (found, entries) = Sealed::open(KEY, &golden).unwrap().log().unwrap();
        assert_eq!(found, head);
        let found = states_of(&entries);
        assert_eq!(found[..2], tasks[..2]);
        let empty = Some(Arc::new(Extras::default()));
        assert_eq!(found[2].extras, empty, "an older hub does not read it");
        assert_eq!(found[3..], tasks[3..]);
        assert_eq!(entries[4], log_entries()[4]);
        // Whoever carries them over says the same.
        let mut carried = LogDraft::with_capacity(0);
        entries.iter().for_each(|entry| carried.push(entry));
        assert_eq!(carried.seal(KEY, &head), golden);
    }
}

#[test]
fn a_record_is_of_the_least_version_that_can_say_it() {
    let of = |tasks: &[Task]| {
        let mut draft = LogDraft::with_capacity(0);
        for task in tasks {
            draft.push_task(task).unwrap();
        }
        draft
    };
    let [plain, with] = [full_task(), task_with_extras()];
    let version = |draft: LogDraft| draft.seal(KEY, &log_head())[0];
    let head = ENTRIES_AT + ENTRY_HEAD_BYTES;
    let [len, long] = [&plain, &with].map(|task| of(std::slice::from_ref(task)).len() - head);
    let [entry, longer] = [len, long].map(|len| ENTRY_HEAD_BYTES + len);
    assert_eq!(version(of(std::slice::from_ref(&plain))), 1);
    for (tasks, at, versions) in [
        ([&plain, &with], entry, [1, 3]),
        ([&with, &plain], longer, [3, 1]),
        ([&with, &with], longer, [3, 3]),
        ([&plain, &plain], entry, [1, 1]),
    ] {
        let mut whole = of(&tasks.map(Task::clone));
        let rest = whole.split_off(ENTRIES_AT + at);
        assert_eq!([whole, rest].map(version), versions);
    }
}

#[test]
fn a_task_with_extras_that_could_not_be_read_back_leaves_no_trace() {
    let mut task = task_with_extras();
    task.history[0].reason = "x".repeat(DECODE_BYTES_MAX);
    let mut draft = LogDraft::with_capacity(0);
    assert_eq!(draft.push_task(&task), None);
    assert!(draft.is_empty());
    assert_eq!(draft.seal(KEY, &log_head())[0], 1);
}

#[test]
fn a_split_draft_holds_the_same() {
    let mut whole = LogDraft::with_capacity(0);
    let (first, second) = (log_entries()[0], log_entries()[1]);
    whole.push(&first);
    let at = whole.len();
    whole.push(&second);
    let rest = whole.split_off(at);
    for (draft, entry) in [(whole, first), (rest, second)] {
        let value = draft.seal(KEY, &log_head());
        let (_, entries) = Sealed::open(KEY, &value).unwrap().log().unwrap();
        assert_eq!(entries, [entry]);
    }
}

fn states_of(entries: &[Entry<'_>]) -> Vec<Task> {
    let states = entries.iter().filter_map(|entry| match entry.what {
        What::State(state) | What::Completed(state) => Some(decode_task(state).unwrap()),
        What::Inline(..) | What::Apart(..) | What::Forget => None,
    });
    states.collect()
}

/// Holds these bytes against the ones that were written once, and returns those.
fn check_golden(name: &str, bytes: &[u8]) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let hex: String = bytes
        .chunks(32)
        .map(|line| {
            line.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
                + "\n"
        })
        .collect();
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        hex, golden,
        "what is written has changed: see the head of record.rs ({name})"
    );
    bytes.to_vec()
}

fn sealed_log() -> Vec<u8> {
    let mut draft = LogDraft::with_capacity(1024);
    draft.push_task(&full_task()).unwrap();
    log_entries().iter().for_each(|entry| draft.push(entry));
    draft.seal(KEY, &log_head())
}

fn log_head() -> LogHead {
    LogHead {
        head: 17,
        at: Timestamp::from_millis(1_700_000_000_123),
        epoch: Epoch(3),
        first: None,
    }
}

fn log_entries() -> [Entry<'static>; 5] {
    [
        What::Inline(Blob::Payload, b"payload"),
        What::Inline(Blob::Result, b""),
        What::Apart(Blob::Payload, 4_000_000),
        What::Apart(Blob::Result, 5000),
        What::Forget,
    ]
    .map(|what| Entry {
        task: TaskId::from_u128(0x0123_4567_89ab_cdef),
        what,
    })
}

fn full_task() -> Task {
    let lease = LeaseId {
        pool: PoolId(1),
        epoch: Epoch(3),
        number: 1 << 40,
    };
    let node = Node {
        name: "worker-7@host.example:9000/a".parse().unwrap(),
        incarnation: Incarnation(u64::MAX),
    };
    let attempt = Attempt {
        attempt: 1,
        lease,
        node: node.clone(),
        started_at: Timestamp::from_millis(1_700_000_000_000),
        ended_at: Timestamp::from_millis(1_700_000_001_000),
        ending: AttemptEnding::Failed,
        reason: "no such file: \u{e9}\u{20ac}\u{1f980}".to_owned(),
    };
    Task {
        id: TaskId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057),
        place: 1 << 33,
        priority: u32::MAX,
        attempts_max: 5,
        enqueued_at: Timestamp::from_millis(1_700_000_000_000),
        ready_at: Timestamp::from_millis(1_700_000_000_500),
        attempt: 2,
        interruptions: 1,
        losses_in_a_row: 3,
        payload_len: 1234,
        result_len: Some(0),
        state: State::Claimed,
        lease: Some(Lease {
            id: lease,
            node,
            granted_at: Timestamp::from_millis(1_700_000_002_000),
            lease_ms: 30_000,
        }),
        history: vec![attempt],
        extras: None,
    }
}

fn task_with_extras() -> Task {
    let mut task = full_task();
    let extras = Extras::try_from(sample::all_extras()).unwrap();
    task.extras = Some(Arc::new(extras));
    task
}

fn largest_extras() -> Extras {
    use leasehold_core::limits::{AFTER_MAX, KEY_BYTES_MAX, NOTE_BYTES_MAX, TRACE_BYTES_MAX};
    let mut extras = Extras::try_from(sample::all_extras()).unwrap();
    let text = |len| "t".repeat(len);
    extras.key.as_mut().unwrap().key = text(KEY_BYTES_MAX).into();
    extras.group = Some(text(KEY_BYTES_MAX).into());
    extras.trace = Some(text(TRACE_BYTES_MAX).into());
    extras.schedule = Some(text(64).into());
    extras.progress.as_mut().unwrap().note = text(NOTE_BYTES_MAX);
    extras.after.as_mut().unwrap().left = vec![TaskId::from_u128(u128::MAX); AFTER_MAX];
    extras
}

fn largest_task() -> Task {
    use leasehold_core::limits::{HISTORY_MAX, REASON_BYTES_MAX};
    let mut task = full_task();
    let mut attempt = task.history.remove(0);
    attempt.reason = "r".repeat(REASON_BYTES_MAX);
    attempt.node.name = "n"
        .repeat(leasehold_core::NodeName::BYTES_MAX)
        .parse()
        .unwrap();
    task.history = vec![attempt; HISTORY_MAX];
    task
}
