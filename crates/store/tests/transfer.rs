//! What a store holds goes to another one whole, or not at all.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use bytes::Bytes;
use leasehold_core::{
    Change, Epoch, Incarnation, PoolId, PoolName, State, Task, TaskId, Timestamp,
};
use leasehold_store::{
    Blob, LogEngine, LogOptions, LogStore, MemoryStore, PoolBatch, Store, StoreError, StoredTasks,
    conformance::sample,
    transfer::{self, Tally, TransferError},
};

/// As it is written for ever: an old export stays readable.
const GOLDEN: &str = include_str!("golden/export-1.jsonl");

/// The same, since a completed task keeps no payload.
const GOLDEN_NEW: &str = include_str!("golden/export-1-completed.jsonl");

/// The same with a task that has all extras there are, and one whose extras say nothing.
const GOLDEN_EXTRAS: &str = include_str!("golden/export-2.jsonl");

/// The same with the notes of a pool.
const GOLDEN_NOTES: &str = include_str!("golden/export-2-notes.jsonl");

#[test]
fn everything_goes_from_each_engine_to_each_other() {
    for from in LogEngine::ALL {
        for to in LogEngine::ALL {
            let [from_folder, to_folder] = [(); 2].map(|()| tempfile::tempdir().unwrap());
            let mut source = open(from_folder.path(), from);
            let mut target = open(to_folder.path(), to);
            fill(&mut source);
            let (text, written) = export(&mut source);
            let read = import(&text, &mut target).unwrap();
            assert_eq!(read, written);
            drop(target);
            let mut target = open(to_folder.path(), to);
            assert_same(&mut source, &mut target);
        }
    }
}

#[test]
fn an_export_of_an_import_is_the_same_but_for_epochs() {
    let mut source = MemoryStore::new();
    fill(&mut source);
    let (first, _) = export(&mut source);
    let mut target = MemoryStore::new();
    import(&first, &mut target).unwrap();
    let (second, _) = export(&mut target);
    let but_for_epochs = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with("{\"pool\":"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(but_for_epochs(&first), but_for_epochs(&second));
}

#[test]
fn no_lease_is_issued_again() {
    let mut source = MemoryStore::new();
    let name: PoolName = "pool".parse().unwrap();
    let last = (0..41)
        .map(|_| source.open_pool(&name).unwrap().epoch)
        .last();
    assert_eq!(last, Some(Epoch(41)));
    let (text, _) = export(&mut source);
    let mut target = MemoryStore::new();
    import(&text, &mut target).unwrap();
    let opened = target.open_pool(&name).unwrap();
    assert_eq!(opened.id, PoolId(1));
    assert!(opened.epoch > source.open_pool(&name).unwrap().epoch);
}

#[test]
fn an_old_export_stays_readable() {
    let mut store = MemoryStore::new();
    let tally = import(GOLDEN, &mut store).unwrap();
    assert_eq!((tally.pools, tally.tasks), (2, 8));
    assert_eq!(export(&mut store).0.lines().count(), GOLDEN.lines().count());
    let mut expected = MemoryStore::new();
    fill_small(&mut expected);
    assert_same(&mut expected, &mut store);
}

#[test]
fn what_is_written_is_what_stands_in_the_golden_file() {
    let mut store = MemoryStore::new();
    fill_small(&mut store);
    let (text, _) = export(&mut store);
    let version_2 = GOLDEN_NEW.replacen("\"version\":1,", "\"version\":2,", 1);
    assert_eq!(
        text, version_2,
        "a plain store's lines are those of version 1"
    );
    let mut store = MemoryStore::new();
    fill_extras(&mut store);
    assert_eq!(export(&mut store).0, GOLDEN_EXTRAS);
    let mut store = MemoryStore::new();
    fill_notes(&mut store);
    assert_eq!(export(&mut store).0, GOLDEN_NOTES);
}

#[test]
fn notes_come_back_as_they_were() {
    let mut expected = MemoryStore::new();
    fill_notes(&mut expected);
    let mut store = MemoryStore::new();
    let tally = import(GOLDEN_NOTES, &mut store).unwrap();
    assert_eq!((tally.tasks, tally.notes), (10, 3));
    assert_same(&mut expected, &mut store);
}

#[test]
fn a_note_that_is_none_is_refused() {
    let note = GOLDEN_NOTES
        .lines()
        .find(|line| line.starts_with("{\"note\""))
        .unwrap();
    for (from, to, why) in [
        (note.to_owned() + "\n", String::new(), "10 and 2"),
        (format!("{note}\n"), format!("{note}\n{note}\n"), "10 and 4"),
        (
            "\"made_at_ms\"".to_owned(),
            "\"made_at\"".to_owned(),
            "made_at",
        ),
        (
            "\"note\":{\"pool\":\"print\"".to_owned(),
            "\"note\":{\"pool\":\"none\"".to_owned(),
            "before it",
        ),
        (
            "\"nightly\"".to_owned(),
            "\"not a name\"".to_owned(),
            "line",
        ),
    ] {
        let wrong = GOLDEN_NOTES.replacen(&from, &to, 1);
        assert_ne!(wrong, GOLDEN_NOTES, "{from}");
        let told = import(&wrong, &mut MemoryStore::new())
            .unwrap_err()
            .to_string();
        assert!(told.contains(why), "{to}: {told}");
    }
    let twice = GOLDEN_NOTES
        .replacen(note, &format!("{note}\n{note}"), 1)
        .replacen("\"notes\":3", "\"notes\":4", 1);
    let error = import(&twice, &mut MemoryStore::new()).unwrap_err();
    assert!(matches!(error, TransferError::Miscounted { .. }), "{error}");
}

#[test]
fn extras_come_back_as_they_were() {
    let mut expected = MemoryStore::new();
    fill_extras(&mut expected);
    let mut store = MemoryStore::new();
    import(GOLDEN_EXTRAS, &mut store).unwrap();
    assert_same(&mut expected, &mut store);
}

#[test]
fn extras_that_are_none_are_refused_with_their_line() {
    for (from, to, why) in [
        (
            "{\"losses\":2}",
            "{\"losses\":2},{\"losses\":2}",
            "two of one kind",
        ),
        ("{\"losses\":2}", "{\"gains\":2}", "gains"),
        ("\"any_end\":true", "\"no_end\":true", "no_end"),
        (
            "{\"max_runtime_ms\":100}",
            "{\"max_runtime_ms\":\"100\"}",
            "u64",
        ),
    ] {
        let wrong = GOLDEN_EXTRAS.replacen(from, to, 1);
        assert_ne!(wrong, GOLDEN_EXTRAS, "{from}");
        let error = import(&wrong, &mut MemoryStore::new()).unwrap_err();
        let told = error.to_string();
        assert!(matches!(error, TransferError::Line { .. }), "{to}: {told}");
        assert!(
            told.contains("line 12 ") && told.contains(why),
            "{to}: {told}"
        );
    }
}

#[test]
fn what_an_old_export_says_of_a_completed_task_is_kept_but_for_its_payload() {
    assert_ne!(GOLDEN, GOLDEN_NEW);
    let mut store = MemoryStore::new();
    import(GOLDEN, &mut store).unwrap();
    let text = export(&mut store).0;
    let tasks = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("{\"task\""));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(tasks(&text), tasks(GOLDEN_NEW));
}

#[test]
fn an_export_that_was_cut_short_is_refused_wherever_it_was() {
    let ends = GOLDEN.char_indices().filter(|(_, c)| *c == '\n');
    let last = GOLDEN.len() - 1;
    let cuts = ends.map(|(at, _)| at + 1).filter(|at| *at <= last);
    for at in cuts.chain([1, 100, last]) {
        let error = import(&GOLDEN[..at], &mut MemoryStore::new()).unwrap_err();
        assert!(
            matches!(error, TransferError::CutShort(_)),
            "cut at {at}: {error}"
        );
    }
}

#[test]
fn what_is_no_export_is_refused_with_its_line() {
    for (line, from, to, why) in [
        (1, "leasehold export", "something else", "something else"),
        (1, "\"header\"", "\"haeder\"", "unknown variant"),
        (2, "\"id\":1", "\"id\":2", "1, 2, 3"),
        (2, "\"name\":\"mail\"", "\"name\":\"no name\"", "pool name"),
        (3, "\"pool\":\"mail\"", "\"pool\":\"other\"", "before it"),
        (3, "\"priority\":3", "\"colour\":3", "colour"),
        (3, "\"priority\":3,", "", "priority"),
        (3, "aGVsbG8=", "aGVsbG8", "adding"),
        (3, "aGVsbG8=", "aGVsbG8h", "length"),
        (3, "-0000-", "-00zz-", "UUID"),
        (4, "\"id\":\"1-2-42\"", "\"id\":\"1-77-42\"", "epoch"),
        (4, "\"id\":\"1-2-42\"", "\"id\":\"2-2-42\"", "its pool"),
        (12, "\"tasks\":8", "\"tasks\":9", "9 tasks"),
    ] {
        let lines: Vec<_> = GOLDEN.lines().collect();
        assert!(
            lines[line - 1].contains(from),
            "{from} in {}",
            lines[line - 1]
        );
        let wrong = lines[line - 1].replacen(from, to, 1);
        let before = lines[..line - 1].iter().copied();
        let all = before.chain([&*wrong]).chain(lines[line..].iter().copied());
        let text: String = all.map(|line| format!("{line}\n")).collect();
        let error = import(&text, &mut MemoryStore::new()).unwrap_err();
        let told = error.to_string();
        assert!(matches!(error, TransferError::Line { .. }), "{to}: {told}");
        assert!(told.contains(&format!("line {line} ")), "{to}: {told}");
        assert!(told.contains(why), "{to}: {told}");
    }
}

#[test]
fn a_later_version_is_told_from_damage() {
    let later = GOLDEN.replacen("\"version\":1,", "\"version\":3,\"news\":true,", 1);
    let error = import(&later, &mut MemoryStore::new()).unwrap_err();
    assert!(matches!(error, TransferError::Version(3)), "{error}");
}

#[test]
fn more_after_the_end_is_refused() {
    let error = import(&format!("{GOLDEN}{GOLDEN}"), &mut MemoryStore::new()).unwrap_err();
    assert!(error.to_string().contains("after the end"), "{error}");
}

#[test]
fn a_task_that_comes_twice_is_refused() {
    let task = GOLDEN.lines().nth(2).unwrap();
    let twice = GOLDEN
        .replacen(task, &format!("{task}\n{task}"), 1)
        .replacen("\"tasks\":8", "\"tasks\":9", 1);
    let error = import(&twice, &mut MemoryStore::new()).unwrap_err();
    assert!(matches!(error, TransferError::Miscounted { .. }), "{error}");
}

#[test]
fn a_store_that_holds_something_is_left_alone() {
    let mut store = MemoryStore::new();
    fill_small(&mut store);
    let error = import(GOLDEN, &mut store).unwrap_err();
    assert!(matches!(error, TransferError::NotEmpty(_)), "{error}");
}

#[test]
fn an_import_is_there_whole_or_not_at_all() {
    for engine in LogEngine::ALL {
        let folder = tempfile::tempdir().unwrap();
        let mut store = LogStore::begin(folder.path(), options(engine)).unwrap();
        import(GOLDEN, &mut store).unwrap();
        drop(store);
        let none = LogStore::open_existing(folder.path()).unwrap_err();
        assert!(matches!(none, StoreError::NotAStore { .. }), "{none}");
        // An empty store in its place would be taken for what was imported.
        let cut_off = LogStore::open(folder.path(), options(engine)).unwrap_err();
        assert!(cut_off.to_string().contains("was cut off"), "{cut_off}");
        transfer::import_folder(folder.path(), engine, &mut GOLDEN.as_bytes(), &mut |_| {})
            .unwrap();
        assert_ne!(open(folder.path(), engine).pools(), []);

        let folder = tempfile::tempdir().unwrap();
        let import = |text: &str| {
            transfer::import_folder(folder.path(), engine, &mut text.as_bytes(), &mut |_| {})
        };
        import(&GOLDEN[..GOLDEN.len() / 2]).unwrap_err();
        let left = folder.path().read_dir().unwrap().count();
        assert_eq!(left, 2, "the marker and the lock");
        import(GOLDEN).unwrap();
        let mut store = LogStore::open_existing(folder.path()).unwrap();
        assert_eq!(store.stats().engine, engine.name());
        let mut expected = MemoryStore::new();
        fill_small(&mut expected);
        assert_same(&mut expected, &mut store);
        drop(store);
        let taken = import(GOLDEN).unwrap_err();
        assert!(
            matches!(taken, TransferError::Store(StoreError::Taken(_))),
            "{taken}"
        );
    }
}

#[test]
fn a_folder_without_a_store_is_not_made_one() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    for path in [folder.path(), &missing] {
        let error = LogStore::open_existing(path).unwrap_err();
        assert!(matches!(error, StoreError::NotAStore { .. }), "{error}");
    }
    assert!(!missing.exists());
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

/// Thousands of tasks in two pools: each state, and payloads and results of all lengths.
fn fill(store: &mut dyn Store) {
    fill_notes(store);
    let opened = store.open_pool(&"mail".parse().unwrap()).unwrap();
    for hundred in 1..=25_u32 {
        let changes = (0..100).flat_map(|n| several(hundred * 100 + n));
        commit(store, opened.id, opened.epoch, changes.collect());
    }
}

fn several(n: u32) -> Vec<Change> {
    let id = TaskId::from_u128(u128::from(n) << 64 | 5);
    let payload = vec![u8::try_from(n % 251).unwrap(); (n as usize * 37) % 9000];
    let mut changes = vec![sample::enqueued(id, &payload)];
    let kept = u32::try_from(payload.len()).unwrap();
    let mut then = match n % 7 {
        0 => vec![sample::claimed(id)],
        1 => vec![
            sample::claimed(id),
            sample::completed(id, &payload[..payload.len() / 2]),
        ],
        2 => vec![sample::failed(id, "the \"paper\" is out\n")],
        3 => vec![sample::died(id)],
        4 => vec![sample::cancelled(id)],
        5 => vec![Change::Forget(id)],
        _ => Vec::new(),
    };
    if n.is_multiple_of(3)
        && let Some(last) = then.pop()
    {
        then.push(sample::with_extras(last, sample::all_extras()));
    }
    for change in &mut then {
        if let Change::Put { task, .. } = change {
            task.payload_len = kept;
            task.place = u64::from(n);
        }
    }
    changes.append(&mut then);
    changes
}

/// What the golden file holds.
fn fill_small(store: &mut dyn Store) {
    let name = "mail".parse().unwrap();
    store.open_pool(&name).unwrap();
    let opened = store.open_pool(&name).unwrap();
    let changes = (0..7).flat_map(kind);
    commit(store, opened.id, opened.epoch, changes.collect());
    let opened = store.open_pool(&"print".parse().unwrap()).unwrap();
    let changes = vec![sample::enqueued(TaskId::from_u128(99), b"")];
    commit(store, opened.id, opened.epoch, changes);
}

/// What the golden file with extras holds.
fn fill_extras(store: &mut dyn Store) {
    fill_small(store);
    let opened = store.open_pool(&"print".parse().unwrap()).unwrap();
    let [one, other] = [100, 101].map(|n| sample::enqueued(TaskId::from_u128(n), b""));
    let changes = vec![
        sample::with_extras(one, sample::all_extras()),
        sample::with_extras(other, []),
    ];
    commit(store, opened.id, opened.epoch, changes);
}

/// What the golden file with notes holds.
fn fill_notes(store: &mut dyn Store) {
    fill_extras(store);
    let opened = store.open_pool(&"print".parse().unwrap()).unwrap();
    let notes = sample::notes().map(Change::from);
    commit(store, opened.id, opened.epoch, notes.to_vec());
}

fn kind(n: u128) -> Vec<Change> {
    let id = TaskId::from_u128(n + 1);
    let mut changes = vec![sample::enqueued(id, b"hello")];
    let mut then = match n {
        1 => sample::claimed(id),
        2 => sample::completed(id, b"done"),
        3 => sample::failed(id, "no \"paper\""),
        4 => sample::died(id),
        5 => sample::cancelled(id),
        _ => return changes,
    };
    if let Change::Put { task, .. } = &mut then {
        task.payload_len = 5;
        if let Some(lease) = &mut task.lease {
            lease.node.incarnation = Incarnation(u64::MAX);
        }
    }
    changes.push(then);
    changes
}

fn commit(store: &mut dyn Store, pool: PoolId, epoch: Epoch, changes: Vec<Change>) {
    let at = Timestamp::from_millis(1_700_000_009_000);
    let batch = PoolBatch {
        pool,
        epoch,
        at,
        changes,
    };
    store.commit(&[batch]).unwrap();
}

fn export(store: &mut dyn Store) -> (String, Tally) {
    let mut text = Vec::new();
    let mut told = Tally::default();
    let tally = transfer::export(store, &mut text, &mut |so_far| told = *so_far).unwrap();
    assert_eq!(told, tally);
    (String::from_utf8(text).unwrap(), tally)
}

fn import(text: &str, store: &mut dyn Store) -> Result<Tally, TransferError> {
    transfer::import(&mut text.as_bytes(), store, &mut |_| {})
}

fn assert_same(one: &mut dyn Store, other: &mut dyn Store) {
    assert_eq!(one.pools(), other.pools());
    assert_eq!(one.latest(), other.latest());
    for name in one.pools() {
        let (left, right) = (
            one.open_pool(&name).unwrap(),
            other.open_pool(&name).unwrap(),
        );
        assert_eq!(left.id, right.id);
        assert_eq!(left.notes, right.notes);
        let [expected, found] = [left.tasks, right.tasks].map(by_id);
        assert_eq!(expected, found);
        assert!(expected.iter().any(|task| task.state == State::Ready));
        for task in expected {
            for kind in [Blob::Payload, Blob::Result] {
                let blob = |store: &dyn Store| -> Option<Bytes> {
                    store.blob(left.id, task.id, kind).unwrap()
                };
                assert_eq!(blob(one), blob(other), "the {kind:?} of {}", task.id);
            }
        }
    }
}

fn by_id(tasks: StoredTasks) -> Vec<Task> {
    let mut tasks = tasks.all().unwrap();
    tasks.sort_by_key(|task| task.id);
    tasks
}

fn open(folder: &Path, engine: LogEngine) -> LogStore {
    LogStore::open(folder, options(engine)).unwrap()
}

fn options(engine: LogEngine) -> LogOptions {
    LogOptions {
        engine,
        ..LogOptions::default()
    }
}
