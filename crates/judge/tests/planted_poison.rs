//! Planted violations of tasks that kill their nodes, and of tasks that were sent twice: each is
//! found, and what is as it should be is not.

mod support;

use leasehold_judge::{
    Answer, Change, Found, History, How, Kind, Life, LogLine, Outcome, What, judge,
};
use support::{Scribe, change, claimed, completed, enqueued, found, requeued};

/// The kinds that are found.
fn kinds(history: &History) -> Vec<Kind> {
    judge(history).kinds().into_keys().collect()
}

/// What a task dies of that was lost too often.
const LOST: &str = "lost with its node too often: its connection was cut";

/// The own budget of the poison.
const LOSSES_MAX: u32 = 4;

/// A poison that kills so many nodes while so many others come, of which so many complete.
fn poisoned(kills: u32, others: u32, done: u32) -> Scribe {
    let mut scribe = Scribe::began();
    scribe.write("stage", up("hub"));
    scribe.write(
        "stage",
        What::EnqueueAsked {
            pool: "p".into(),
            task: "poison".into(),
            priority: 4,
            attempts_max: None,
            losses_max: Some(LOSSES_MAX),
            is_poison: true,
        },
    );
    scribe.write("stage", acknowledged("poison", None));
    for kill in 1..=kills {
        let lease = format!("1-1-{kill}");
        // The grace of its node, and its own back-off.
        scribe.now += 1_000;
        scribe.write("stage", up("node-1"));
        scribe.started("poison", &lease, "node-1");
        let task = "poison".into();
        scribe.write("node-1", What::Poisoned { task, lease });
        scribe.write("stage", fell("node-1"));
        if kill == 1 {
            for other in 0..others {
                let task = format!("t{other}");
                scribe.enqueue(&task);
                if other < done {
                    let lease = format!("1-2-{}", other + 1);
                    scribe.run(&task, &lease, "node-2", Outcome::Complete, Answer::Taken);
                }
            }
        }
    }
    scribe.at(90_000, "stage", What::Calm);
    for other in 0..others {
        let end = found(&format!("t{other}"), &format!("1-2-{}", other + 1));
        scribe.write("stage", What::Found(end));
    }
    scribe
}

fn up(who: &str) -> What {
    let who = who.into();
    What::Up { who, pid: 1 }
}

fn fell(who: &str) -> What {
    let (who, how) = (who.into(), How::Itself);
    What::Down { who, how }
}

fn acknowledged(task: &str, known_as: Option<Life>) -> What {
    let task = task.into();
    What::Acknowledged { task, known_as }
}

/// The poison, dead of its losses.
fn dead() -> Found {
    Found {
        life: Life::Dead,
        attempt: LOSSES_MAX,
        completed_by: vec![],
        result: None,
        reason: LOST.into(),
        ..found("poison", "1-1-1")
    }
}

fn ended(mut scribe: Scribe, found: Found) -> Vec<Kind> {
    scribe.at(99_000, "stage", What::Found(found));
    kinds(&History::of(scribe.entries))
}

#[test]
fn a_poison_that_dies_within_its_budget_is_as_it_should_be() {
    let mut scribe = poisoned(LOSSES_MAX, 12, 12);
    scribe.at(99_000, "stage", What::Found(dead()));
    let verdict = judge(&History::of(scribe.entries));
    assert!(verdict.is_clean(), "{verdict}");
    let faults = &verdict.summary.faults;
    assert_eq!(faults["poison task"], 1);
    assert_eq!(faults["node killed by its task"], u64::from(LOSSES_MAX));
    let told = verdict.to_string().replace('\n', " ");
    assert!(
        told.contains("1 task that killed 4 nodes in all died of it"),
        "{told}"
    );
}

#[test]
fn an_interruption_spends_no_loss() {
    let scribe = poisoned(LOSSES_MAX + 1, 12, 12);
    let interrupted = Found {
        interruptions: 1,
        ..dead()
    };
    assert_eq!(ended(scribe, interrupted), []);
}

#[test]
fn a_poison_that_does_not_die_of_its_losses_is_found() {
    let ends = [
        Found {
            life: Life::Completed,
            reason: String::new(),
            ..dead()
        },
        Found {
            life: Life::Cancelled,
            ..dead()
        },
        Found {
            reason: "attempts spent".into(),
            ..dead()
        },
        Found {
            attempt: LOSSES_MAX - 1,
            interruptions: 1,
            ..dead()
        },
        Found {
            attempt: 3 * LOSSES_MAX,
            ..dead()
        },
    ];
    for end in ends {
        let scribe = poisoned(LOSSES_MAX, 12, 12);
        assert_eq!(ended(scribe, end.clone()), [Kind::Undying], "{end:?}");
    }
}

#[test]
fn a_poison_that_kills_more_nodes_than_are_counted_is_found() {
    let scribe = poisoned(LOSSES_MAX + 1, 12, 12);
    assert_eq!(ended(scribe, dead()), [Kind::Undying]);
}

#[test]
fn a_poison_that_lives_on_is_found_in_the_log_by_its_own_budget() {
    let log = |last, kills: u32| {
        let mut lines = vec![enqueued("poison")];
        for kill in 1..=kills {
            let lease = format!("1-1-{kill}");
            lines.push(claimed("poison", &lease, kill));
            let life = if kill == kills { last } else { Life::Ready };
            lines.push(requeued("poison", "Cut", life, kill, &lease));
        }
        // The scribe says when it was asked; the rest is the log's.
        let history = History::of(poisoned(0, 0, 0).entries).with_log(lines);
        let mut kinds = kinds(&history);
        kinds.retain(|kind| *kind != Kind::Lost);
        kinds
    };
    assert_eq!(log(Life::Dead, LOSSES_MAX), []);
    assert_eq!(log(Life::Ready, LOSSES_MAX), [Kind::Miscounted]);
    assert_eq!(log(Life::Dead, LOSSES_MAX - 1), [Kind::Miscounted]);
}

#[test]
fn a_poison_that_does_not_back_off_is_found() {
    // By default from the third loss on, and 500 ms of a second are not drawn.
    for (attempt, waited, expected) in [
        (3, 900, vec![Kind::Unsuspected]),
        (3, 1_000, vec![]),
        (2, 510, vec![]),
    ] {
        let mut scribe = poisoned(0, 0, 0);
        let leases = [attempt, attempt + 1].map(|of| format!("1-1-{of}"));
        scribe.now = 9_000;
        scribe.started("poison", &leases[0], "node-1");
        let (task, lease) = ("poison".into(), leases[0].clone());
        scribe.at(10_000, "node-1", What::Poisoned { task, lease });
        scribe.write("stage", fell("node-1"));
        scribe.now = 10_000 + waited;
        scribe.started("poison", &leases[1], "node-2");
        assert_eq!(ended(scribe, dead()), expected, "{attempt} {waited}");
    }
}

#[test]
fn a_poison_that_holds_up_all_others_is_found() {
    let mut scribe = poisoned(LOSSES_MAX, 12, 0);
    scribe.at(99_000, "stage", What::Found(dead()));
    let found = kinds(&History::of(scribe.entries));
    assert!(found.contains(&Kind::HeldUp), "{found:?}");
    let one_went_on = ended(poisoned(LOSSES_MAX, 12, 1), dead());
    assert!(!one_went_on.contains(&Kind::HeldUp), "{one_went_on:?}");
    let hardly_any_came = ended(poisoned(LOSSES_MAX, 3, 0), dead());
    assert!(!hardly_any_came.contains(&Kind::HeldUp));
}

#[test]
fn a_node_falls_by_its_task_and_by_nothing_else() {
    let mut scribe = poisoned(1, 0, 0);
    scribe.write("stage", up("node-1"));
    scribe.write("stage", fell("node-1"));
    let again = ended(scribe, dead());
    assert_eq!(again, [Kind::Fell], "the next start had no such task");
    let mut scribe = poisoned(1, 0, 0);
    scribe.write("stage", up("node-2"));
    scribe.write("stage", fell("node-2"));
    let another = ended(scribe, dead());
    assert_eq!(another, [Kind::Fell], "another node had it");
}

#[test]
fn what_a_task_took_with_it_runs_again_in_time() {
    for (millis, another, expected) in [
        (600, false, vec![]),
        // Another node had it meanwhile, and died before it had begun.
        (3_800, true, vec![]),
        (3_800, false, vec![Kind::LateRequeue]),
    ] {
        let mut scribe = Scribe::began();
        for node in ["node-1", "node-2"] {
            scribe.at(0, "stage", up(node));
        }
        scribe.enqueue("t");
        scribe.now = 10_000;
        scribe.started("t", "1-1-1", "node-1");
        let (task, lease) = ("poison".into(), "1-1-9".into());
        scribe.at(11_000, "node-1", What::Poisoned { task, lease });
        scribe.write("stage", fell("node-1"));
        scribe.now = 11_000 + millis;
        // In these histories the number of a lease is that of the attempt.
        let lease = if another { "1-1-3" } else { "1-1-2" };
        scribe.started("t", lease, "node-2");
        scribe.answered("t", lease, "node-2", Outcome::Complete, Answer::Taken);
        scribe.at(99_000, "stage", What::Calm);
        scribe.write("stage", What::Found(found("t", lease)));
        assert_eq!(kinds(&History::of(scribe.entries)), expected, "{millis}");
    }
}

/// A hub that dies after a node gives it `restart_grace`; meanwhile the node is started and dies anew.
#[test]
fn what_an_earlier_start_of_a_node_held_is_not_held_by_the_next() {
    let mut scribe = Scribe::began();
    for node in ["node-1", "node-2"] {
        scribe.at(0, "stage", up(node));
    }
    scribe.enqueue("t");
    scribe.now = 10_000;
    scribe.started("t", "1-1-1", "node-1");
    let (task, lease) = ("poison".into(), "1-1-9".into());
    scribe.at(10_100, "node-1", What::Poisoned { task, lease });
    for (who, how) in [("node-1", How::Itself), ("hub", How::Killed)] {
        let who = who.into();
        scribe.write("stage", What::Down { who, how });
    }
    for who in ["node-1", "hub"] {
        scribe.write("stage", up(who));
    }
    let (who, how) = ("node-1".into(), How::Killed);
    scribe.at(15_000, "stage", What::Down { who, how });
    scribe.now = 20_200;
    scribe.started("t", "1-1-2", "node-2");
    scribe.answered("t", "1-1-2", "node-2", Outcome::Complete, Answer::Taken);
    scribe.at(99_000, "stage", What::Calm);
    scribe.write("stage", What::Found(found("t", "1-1-2")));
    assert_eq!(kinds(&History::of(scribe.entries)), []);
}

#[test]
fn a_last_line_may_be_torn_if_a_task_killed_its_writer() {
    let folder = tempfile::tempdir().unwrap();
    for (what, expected) in [("poisoned", &[][..]), ("started", &[Kind::Unreadable])] {
        let head = "\"by\":\"node-1\",\"task\":\"t\",\"lease\":\"1-1-1\"";
        let rest = "\"attempt\":1,\"is_right\":true";
        let line = format!("{{\"at_us\":1,{head},{rest},\"what\":\"{what}\"}}");
        let torn = format!("{line}\n{}", &line[..20]);
        std::fs::write(folder.path().join("node-1.2.jsonl"), torn).unwrap();
        let history = History::read(folder.path()).unwrap();
        assert_eq!(kinds(&history), expected, "{what}");
    }
}

/// A task that is sent, has run or not, and is sent again with this answer.
fn twice(has_run: bool, answer: What) -> Scribe {
    let mut scribe = Scribe::began();
    scribe.enqueue("t");
    if has_run {
        scribe.run("t", "1-1-1", "node-1", Outcome::Complete, Answer::Taken);
    }
    scribe.asked("t");
    scribe.write("producer-1", answer);
    if !has_run {
        scribe.run("t", "1-1-1", "node-1", Outcome::Complete, Answer::Taken);
    }
    scribe.at(99_000, "stage", What::Found(found("t", "1-1-1")));
    scribe
}

#[test]
fn a_task_that_is_sent_twice_and_answered_as_one_is_as_it_should_be() {
    for (has_run, life) in [(true, Life::Completed), (false, Life::Ready)] {
        let scribe = twice(has_run, acknowledged("t", Some(life)));
        let verdict = judge(&History::of(scribe.entries));
        assert!(verdict.is_clean(), "{verdict}");
        assert_eq!(verdict.summary.faults["sent twice"], 1);
        assert_eq!(
            (verdict.summary.tasks, verdict.summary.acknowledged),
            (1, 1)
        );
    }
}

#[test]
fn a_second_that_nobody_answered_is_no_violation() {
    let unknown = What::EnqueueUnknown {
        task: "t".into(),
        why: "the hub is gone".into(),
    };
    assert_eq!(kinds(&History::of(twice(true, unknown).entries)), []);
}

#[test]
fn a_second_that_is_refused_is_found() {
    let refused = What::EnqueueRefused {
        task: "t".into(),
        why: "no".into(),
    };
    for has_run in [true, false] {
        let scribe = twice(has_run, refused.clone());
        assert_eq!(kinds(&History::of(scribe.entries)), [Kind::SentTwice]);
    }
}

#[test]
fn a_second_that_is_taken_for_a_new_task_is_found() {
    let scribe = twice(true, acknowledged("t", None));
    let history = History::of(scribe.entries);
    assert_eq!(kinds(&history), [Kind::SentTwice]);
    let forgotten = history.with_log([
        enqueued("t"),
        claimed("t", "1-1-1", 1),
        completed("t", "1-1-1", 1),
        LogLine::Forgotten { task: "t".into() },
        enqueued("t"),
    ]);
    let kinds = kinds(&forgotten);
    assert!(!kinds.contains(&Kind::SentTwice), "{kinds:?}");
}

#[test]
fn a_second_that_is_answered_with_a_state_before_the_end_is_found() {
    let scribe = twice(true, acknowledged("t", Some(Life::Ready)));
    assert_eq!(kinds(&History::of(scribe.entries)), [Kind::SentTwice]);
}

#[test]
fn a_task_that_is_sent_twice_and_runs_to_two_ends_is_found() {
    let mut scribe = twice(true, acknowledged("t", Some(Life::Completed)));
    scribe.run("t", "1-1-2", "node-2", Outcome::Complete, Answer::Taken);
    let seen = kinds(&History::of(scribe.entries));
    assert!(seen.contains(&Kind::CompletedTwice), "{seen:?}");
    // And where no node says so, in the log.
    let scribe = twice(true, acknowledged("t", Some(Life::Completed)));
    let anew = LogLine::Changed(Change {
        ended: Some("1-1-2".into()),
        ..change("t", "Completed", Life::Completed, 1)
    });
    let history = History::of(scribe.entries).with_log([
        enqueued("t"),
        claimed("t", "1-1-1", 1),
        completed("t", "1-1-1", 1),
        enqueued("t"),
        claimed("t", "1-1-2", 1),
        anew,
    ]);
    assert_eq!(kinds(&history), [Kind::EndedTwice]);
}

#[test]
fn what_was_sent_again_after_the_death_of_the_hub_is_counted_apart() {
    let mut scribe = Scribe::began();
    scribe.enqueue("t");
    scribe.write("stage", up("hub"));
    let (who, how) = ("hub".into(), How::Killed);
    scribe.write("stage", What::Down { who, how });
    scribe.asked("t");
    scribe.write("producer-1", acknowledged("t", Some(Life::Ready)));
    scribe.run("t", "1-1-1", "node-1", Outcome::Complete, Answer::Taken);
    scribe.at(99_000, "stage", What::Found(found("t", "1-1-1")));
    let faults = judge(&History::of(scribe.entries)).summary.faults;
    assert_eq!(faults["sent twice over a hub's death"], 1);
    assert!(!faults.contains_key("sent twice"), "{faults:?}");
}
