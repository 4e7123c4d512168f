//! Planted violations: each kind is found in a history that was clean but for it, and what is
//! clean is found to be.

mod support;

use leasehold_judge::{
    Answer, Entry, Found, History, How, Kind, Life, LogLine, Outcome, What, judge,
};
use support::{Scribe, began, clean, found};

/// The kinds that are found.
fn kinds(history: &History) -> Vec<Kind> {
    judge(history).kinds().into_keys().collect()
}

fn entries_of(scribe: Scribe) -> History {
    History::of(scribe.entries)
}

#[test]
fn a_clean_history_is_clean() {
    let history = clean();
    let verdict = judge(&history);
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(verdict.summary.acknowledged, 1);
    assert_eq!(verdict.summary.completed, 1);
    assert_eq!(verdict.summary.changes, 4);
    assert!(
        verdict.to_string().contains("all promises were kept"),
        "{verdict}"
    );
}

#[test]
fn a_lost_task_is_found() {
    let mut scribe = Scribe::began();
    scribe.enqueue("t");
    scribe.at(9_000, "stage", What::NotFound { task: "t".into() });
    let verdict = judge(&entries_of(scribe));
    assert_eq!(verdict.violations[0].kind, Kind::Lost);
    assert_eq!(verdict.summary.lost, 1);
    let told = verdict.to_string();
    assert!(
        told.contains("BROKEN") && told.contains("acknowledged"),
        "{told}"
    );
    assert!(told.contains("history:3"), "the line is quoted: {told}");
}

#[test]
fn a_task_of_which_nobody_knows_the_end_is_lost() {
    let mut scribe = Scribe::began();
    scribe.enqueue("t");
    assert_eq!(kinds(&entries_of(scribe)), [Kind::Lost]);
}

#[test]
fn what_was_not_acknowledged_may_be_gone() {
    let mut scribe = Scribe::began();
    scribe.asked("t");
    scribe.at(9_000, "stage", What::NotFound { task: "t".into() });
    assert_eq!(kinds(&entries_of(scribe)), []);
}

#[test]
fn a_task_that_never_ends_is_found() {
    let mut scribe = Scribe::began();
    scribe.enqueue("t");
    let still = Found {
        life: Life::Ready,
        completed_by: vec![],
        result: None,
        ..found("t", "1-1-1")
    };
    scribe.at(9_000, "stage", What::Found(still));
    assert_eq!(kinds(&entries_of(scribe)), [Kind::NeverEnded]);
}

#[test]
fn two_completions_are_found() {
    let mut scribe = Scribe::began();
    scribe.enqueue("t");
    scribe.run("t", "1-1-1", "node-1", Outcome::Complete, Answer::Taken);
    scribe.run("t", "1-1-2", "node-2", Outcome::Complete, Answer::Taken);
    scribe.at(9_000, "stage", What::Found(found("t", "1-1-2")));
    let found = kinds(&entries_of(scribe));
    assert!(found.contains(&Kind::CompletedTwice), "{found:?}");
}

#[test]
fn two_completions_in_the_tasks_own_history_are_found() {
    let mut scribe = Scribe::began();
    scribe.enqueue("t");
    let twice = Found {
        completed_by: vec!["1-1-1".into(), "1-1-2".into()],
        result: None,
        ..found("t", "1-1-2")
    };
    scribe.at(9_000, "stage", What::Found(twice));
    assert_eq!(kinds(&entries_of(scribe)), [Kind::CompletedTwice]);
}

#[test]
fn a_stale_completion_that_took_effect_is_found() {
    let mut scribe = Scribe::began();
    scribe.enqueue("t");
    scribe.started("t", "1-1-1", "node-1");
    scribe.started("t", "1-1-2", "node-2");
    scribe.answered("t", "1-1-1", "node-1", Outcome::Complete, Answer::Taken);
    scribe.at(9_000, "stage", What::Found(found("t", "1-1-1")));
    let kinds = kinds(&entries_of(scribe));
    assert!(kinds.contains(&Kind::StaleAnswer), "{kinds:?}");
}

#[test]
fn a_stale_completion_that_was_refused_is_as_it_should_be() {
    let mut scribe = Scribe::began();
    scribe.enqueue("t");
    scribe.started("t", "1-1-1", "node-1");
    scribe.run("t", "1-1-2", "node-2", Outcome::Complete, Answer::Taken);
    scribe.answered("t", "1-1-1", "node-1", Outcome::Complete, Answer::LeaseLost);
    scribe.at(9_000, "stage", What::Found(found("t", "1-1-2")));
    let verdict = judge(&entries_of(scribe));
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(verdict.summary.stale_refused, 1);
}

#[test]
fn a_stale_failure_is_found_and_an_early_one_is_not() {
    for (is_late, expected) in [(true, vec![Kind::StaleAnswer]), (false, vec![])] {
        let mut scribe = Scribe::began();
        scribe.enqueue("t");
        scribe.started("t", "1-1-1", "node-1");
        if !is_late {
            scribe.asks("t", "1-1-1", "node-1", Outcome::Fail);
        }
        scribe.started("t", "1-1-2", "node-2");
        if is_late {
            scribe.asks("t", "1-1-1", "node-1", Outcome::Fail);
        }
        scribe.answered("t", "1-1-1", "node-1", Outcome::Fail, Answer::Taken);
        scribe.answered("t", "1-1-2", "node-2", Outcome::Complete, Answer::Taken);
        scribe.at(9_000, "stage", What::Found(found("t", "1-1-2")));
        assert_eq!(kinds(&entries_of(scribe)), expected);
    }
}

#[test]
fn a_completion_that_vanished_is_found() {
    let ends = [
        Found {
            life: Life::Dead,
            completed_by: vec![],
            result: None,
            ..found("t", "1-1-1")
        },
        Found {
            result: Some("1-1-2".into()),
            ..found("t", "1-1-3")
        },
        Found {
            completed_by: vec!["1-1-2".into()],
            ..found("t", "1-1-3")
        },
    ];
    for end in ends {
        let mut scribe = Scribe::began();
        scribe.enqueue("t");
        scribe.run("t", "1-1-3", "node-1", Outcome::Complete, Answer::Taken);
        scribe.at(9_000, "stage", What::Found(end));
        assert_eq!(kinds(&entries_of(scribe)), [Kind::Vanished]);
    }
}

#[test]
fn a_stale_completion_is_found_where_nobody_saw_the_newer_grant() {
    let mut scribe = Scribe::began();
    scribe.enqueue("t");
    scribe.run("t", "1-1-1", "node-1", Outcome::Complete, Answer::Taken);
    scribe.at(9_000, "stage", What::Found(found("t", "1-1-7")));
    assert_eq!(kinds(&entries_of(scribe)), [Kind::StaleAnswer]);
}

#[test]
fn a_payload_that_changed_is_found() {
    let mut history = clean();
    for recorded in &mut history.entries {
        if let What::Started { is_right, .. } = &mut recorded.entry.what {
            *is_right = false;
        }
    }
    assert_eq!(kinds(&history), [Kind::WrongPayload]);
}

#[test]
fn what_a_scene_found_itself_and_who_fell_is_told() {
    let mut history = clean();
    let checked = What::Checked {
        promise: "memory".into(),
        is_kept: false,
        seen: "2 GiB".into(),
    };
    let fell = What::Down {
        who: "hub".into(),
        how: How::Itself,
    };
    for what in [checked, fell] {
        let mut recorded = history.entries[0].clone();
        recorded.entry.what = what;
        history.entries.push(recorded);
    }
    assert_eq!(kinds(&history), [Kind::Fell, Kind::NotKept]);
}

#[test]
fn a_panic_of_the_hub_is_found() {
    let panic = LogLine::parse("thread 'x' panicked at y").unwrap();
    let history = clean().with_log([panic]);
    assert_eq!(kinds(&history), [Kind::Panicked]);
}

/// A node is killed while it holds a task, which runs again so much later.
fn moved_after(millis: u64, disturbance: Option<What>) -> History {
    let mut scribe = Scribe::began();
    for node in ["node-1", "node-2"] {
        let who = node.to_owned();
        scribe.at(0, "stage", What::Up { who, pid: 1 });
    }
    scribe.enqueue("t");
    scribe.now = 10_000;
    scribe.started("t", "1-1-1", "node-1");
    let killed = What::Down {
        who: "node-1".into(),
        how: How::Killed,
    };
    scribe.at(11_000, "stage", killed);
    if let Some(what) = disturbance {
        scribe.at(11_001, "stage", what);
    }
    scribe.now = 11_000 + millis;
    scribe.started("t", "1-1-2", "node-2");
    scribe.answered("t", "1-1-2", "node-2", Outcome::Complete, Answer::Taken);
    scribe.at(99_000, "stage", What::Calm);
    scribe.at(99_001, "stage", What::Found(found("t", "1-1-2")));
    entries_of(scribe)
}

#[test]
fn a_requeue_that_is_late_is_found() {
    let verdict = judge(&moved_after(600, None));
    assert!(verdict.is_clean(), "{verdict}");
    assert_eq!(verdict.summary.moved, 1);
    assert_eq!(verdict.summary.longest_requeue_ms, Some(600));
    assert_eq!(kinds(&moved_after(6_000, None)), [Kind::LateRequeue]);
}

#[test]
fn a_requeue_is_not_late_where_more_than_the_node_was_wrong() {
    let hub_too = What::Down {
        who: "hub".into(),
        how: How::Killed,
    };
    let fault = What::Fault {
        kind: "cut".into(),
        on: "node-2".into(),
        detail: String::new(),
        for_ms: 1_000,
    };
    let frozen = What::Frozen {
        who: "node-3".into(),
    };
    let stalled = What::Stalled { for_us: 4_000_000 };
    for disturbance in [hub_too, fault, frozen, stalled] {
        let verdict = judge(&moved_after(6_000, Some(disturbance)));
        assert!(verdict.is_clean(), "{verdict}");
    }
}

#[test]
fn torn_lines_and_unknown_events_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let line = |entry: &Entry| serde_json::to_string(entry).unwrap() + "\n";
    let whole = line(&began());
    for (flaw, is_sound) in [
        (String::new(), true),
        (whole[..whole.len() / 2].to_owned() + "\n", false),
        (whole[..whole.len() / 2].to_owned(), false),
        (
            "{\"at_us\":1,\"by\":\"x\",\"what\":\"danced\"}\n".to_owned(),
            false,
        ),
    ] {
        std::fs::write(folder.path().join("a.jsonl"), format!("{whole}{flaw}")).unwrap();
        let history = History::read(folder.path()).unwrap();
        let expected: &[Kind] = if is_sound { &[] } else { &[Kind::Unreadable] };
        assert_eq!(kinds(&history), expected, "{flaw}");
    }
}

#[test]
fn a_last_line_may_be_torn_if_its_writer_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let line = serde_json::to_string(&began()).unwrap();
    let torn = format!("{line}\n{}", &line[..20]);
    std::fs::write(folder.path().join("node-1.2.jsonl"), torn).unwrap();
    let mut scribe = Scribe::began();
    for (who, expected) in [("node-2", &[Kind::Unreadable][..]), ("node-1", &[])] {
        let (who, how) = (who.into(), How::Killed);
        scribe.write("stage", What::Down { who, how });
        let lines = scribe
            .entries
            .iter()
            .map(|of| serde_json::to_string(of).unwrap() + "\n");
        std::fs::write(folder.path().join("stage.jsonl"), lines.collect::<String>()).unwrap();
        assert_eq!(kinds(&History::read(folder.path()).unwrap()), expected);
    }
}

#[test]
fn logs_are_read_in_the_order_of_their_numbers_and_may_end_in_mid_line() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let began = serde_json::to_string(&began()).unwrap();
    write("stage.jsonl", &format!("{began}\n"));
    write(
        "hub-2.log",
        "{\"message\":\"task changed\",\"pool\":\"p\",\"task\":\"t\",\"cause\":\"Enqueued\",\
         \"state\":\"ready\",\"attempt\":0}\n{\"message\":\"task cha",
    );
    write(
        "hub-10.log",
        "leasehold: something for people\n{\"message\":\"task changed\",\"pool\":\"p\",\
         \"task\":\"t\",\"cause\":\"Claimed\",\"state\":\"claimed\",\"attempt\":1,\
         \"lease\":\"1-2-1\"}\n",
    );
    let history = History::read(folder.path()).unwrap();
    assert_eq!(
        history.logs.iter().map(Vec::len).collect::<Vec<_>>(),
        [1, 1]
    );
    assert_eq!(kinds(&history), []);
}

#[test]
fn a_folder_without_a_history_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = History::read(folder.path()).unwrap_err();
    assert!(error.to_string().contains("no history"), "{error}");
}
