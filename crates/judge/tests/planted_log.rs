//! Planted violations in the log of the hub: each is found, and what looks alike is not.

mod support;

use leasehold_judge::{
    Answer, Change, Found, History, Kind, Life, LogLine, Outcome, Terms, What, judge,
};
use support::{Scribe, began, change, claimed, clean, completed, enqueued, found, requeued};

/// The kinds that are found.
fn kinds(history: &History) -> Vec<Kind> {
    judge(history).kinds().into_keys().collect()
}

/// What the hub's log alone shows.
fn logged(lines: Vec<LogLine>) -> Vec<Kind> {
    kinds(&History::of([began()]).with_log(lines))
}

#[test]
fn two_live_leases_are_found() {
    let found = logged(vec![
        enqueued("t"),
        claimed("t", "1-1-1", 1),
        claimed("t", "1-1-2", 2),
    ]);
    assert_eq!(found, [Kind::TwoLeases]);
}

#[test]
fn a_lease_that_was_issued_again_is_found() {
    let found = logged(vec![
        enqueued("t"),
        claimed("t", "1-1-1", 1),
        requeued("t", "Cut", Life::Ready, 1, "1-1-1"),
        claimed("t", "1-1-1", 2),
    ]);
    assert_eq!(found, [Kind::TwoLeases]);
}

#[test]
fn a_stale_answer_in_the_log_is_found() {
    let found = logged(vec![
        enqueued("t"),
        claimed("t", "1-1-1", 1),
        requeued("t", "Cut", Life::Ready, 1, "1-1-1"),
        claimed("t", "1-1-2", 2),
        completed("t", "1-1-1", 2),
    ]);
    assert_eq!(found, [Kind::StaleAnswer]);
}

#[test]
fn a_holder_that_comes_back_before_anybody_else_has_it_is_as_it_should_be() {
    let found = logged(vec![
        enqueued("t"),
        claimed("t", "1-1-1", 1),
        requeued("t", "Cut", Life::Ready, 1, "1-1-1"),
        completed("t", "1-1-1", 1),
    ]);
    assert_eq!(found, []);
}

#[test]
fn a_second_end_is_found() {
    let twice = logged(vec![
        enqueued("t"),
        claimed("t", "1-1-1", 1),
        completed("t", "1-1-1", 1),
        completed("t", "1-1-1", 1),
    ]);
    assert_eq!(twice, [Kind::CompletedTwice]);
    let again = logged(vec![
        enqueued("t"),
        claimed("t", "1-1-1", 1),
        completed("t", "1-1-1", 1),
        claimed("t", "1-1-2", 2),
    ]);
    assert_eq!(again, [Kind::EndedTwice]);
}

#[test]
fn attempts_that_are_miscounted_are_found() {
    let skipped = logged(vec![enqueued("t"), claimed("t", "1-1-1", 2)]);
    assert_eq!(skipped, [Kind::Miscounted]);
    let interruption_counted = logged(vec![
        enqueued("t"),
        claimed("t", "1-1-1", 1),
        requeued("t", "Released", Life::Ready, 1, "1-1-1"),
    ]);
    assert_eq!(interruption_counted, [Kind::Miscounted]);
    let failure_not_counted = logged(vec![
        enqueued("t"),
        claimed("t", "1-1-1", 1),
        requeued("t", "Failed", Life::Scheduled, 0, "1-1-1"),
    ]);
    assert_eq!(failure_not_counted, [Kind::Miscounted]);
}

/// So many attempts that end so, and then the last one, which leaves the task in this state.
fn rounds(ending: &str, count: u32, last: Life) -> Vec<Kind> {
    let mut lines = vec![enqueued("t")];
    for round in 1..=count {
        let lease = format!("1-1-{round}");
        let counts = ending != "Interrupted";
        let attempt = if counts { round } else { 1 };
        lines.push(claimed("t", &lease, attempt));
        let life = if round == count { last } else { Life::Ready };
        let after = if counts { attempt } else { 0 };
        lines.push(requeued("t", ending, life, after, &lease));
    }
    logged(lines)
}

#[test]
fn budgets_are_spent_exactly_when_they_should_be() {
    let terms = Terms::default();
    for (ending, spent) in [
        ("Failed", terms.attempts_max),
        ("Expired", terms.attempts_max),
        ("Cut", terms.losses_max),
        ("Silence", terms.losses_max),
        ("Interrupted", terms.interruptions_max + 1),
    ] {
        assert_eq!(rounds(ending, spent, Life::Dead), [], "{ending}");
        let too_late = rounds(ending, spent, Life::Ready);
        assert_eq!(too_late, [Kind::Miscounted], "{ending}");
        let too_early = rounds(ending, spent - 1, Life::Dead);
        assert_eq!(too_early, [Kind::Miscounted], "{ending}");
    }
}

#[test]
fn a_grant_out_of_order_is_found() {
    let place = |line: LogLine, priority: u32, ready_at: u64| match line {
        LogLine::Changed(of) => LogLine::Changed(Change {
            priority: Some(priority),
            ready_at: Some(ready_at),
            ..of
        }),
        other @ (LogLine::Forgotten { .. }
        | LogLine::Failed { .. }
        | LogLine::Panicked(_)
        | LogLine::Other) => other,
    };
    // Of the same age, the more urgent goes first; a minute a step makes up for it.
    for (ready_at, is_fair) in [(1_000, false), (1_000 + 2 * 60_000, true)] {
        let found = logged(vec![
            place(enqueued("plain"), 4, 1_000),
            place(enqueued("urgent"), 2, ready_at),
            place(claimed("plain", "1-1-1", 1), 4, 1_000),
        ]);
        let expected: &[Kind] = if is_fair { &[] } else { &[Kind::OutOfOrder] };
        assert_eq!(found, expected, "{ready_at}");
    }
}

#[test]
fn a_lease_that_was_never_granted_is_found() {
    let mut history = clean();
    history.logs.clear();
    let history = history.with_log([enqueued("t")]);
    let found = kinds(&history);
    assert!(found.contains(&Kind::Ungranted), "{found:?}");
}

#[test]
fn a_change_that_nothing_explains_is_found() {
    assert_eq!(logged(vec![claimed("t", "1-1-1", 1)]), [Kind::Unexplained]);
    let unknown = change("t", "Teleported", Life::Ready, 0);
    assert_eq!(
        logged(vec![enqueued("t"), LogLine::Changed(unknown)]),
        [Kind::Unexplained]
    );
}

#[test]
fn a_task_that_is_forgotten_too_early_is_lost() {
    let forgotten = LogLine::Forgotten { task: "t".into() };
    assert_eq!(logged(vec![enqueued("t"), forgotten]), [Kind::Lost]);
}

#[test]
fn what_was_not_on_disk_may_be_gone_after_a_restart_and_what_was_may_not() {
    let first = vec![
        enqueued("t"),
        claimed("t", "1-1-1", 1),
        completed("t", "1-1-1", 1),
    ];
    let second = vec![
        requeued("t", "Interrupted", Life::Ready, 0, "1-1-1"),
        claimed("t", "1-2-1", 1),
        completed("t", "1-2-1", 1),
    ];
    let with = |answer| {
        let mut scribe = Scribe::began();
        scribe.enqueue("t");
        scribe.run("t", "1-1-1", "node-1", Outcome::Complete, answer);
        let history = History::of(scribe.entries);
        let verdict = judge(&history.with_log(first.clone()).with_log(second.clone()));
        verdict
            .violations
            .iter()
            .map(|of| of.kind)
            .filter(|kind| *kind != Kind::Lost)
            .collect()
    };
    let untold: Vec<Kind> = with(Answer::Refused("nobody knows".into()));
    assert_eq!(untold, [], "nobody was told of the first completion");
    let told: Vec<Kind> = with(Answer::Taken);
    assert_eq!(told, [Kind::EndedTwice], "it was on disk");
}

#[test]
fn a_pool_that_fails_falls_back_without_a_restart() {
    let lines = |failure: Option<LogLine>| {
        let mut lines = vec![enqueued("t"), claimed("t", "1-1-1", 1)];
        lines.extend(failure);
        lines.push(claimed("t", "1-2-1", 1));
        lines
    };
    let failed = LogLine::Failed { pool: "p".into() };
    assert_eq!(logged(lines(Some(failed))), []);
    assert_eq!(logged(lines(None)), [Kind::TwoLeases]);
}

#[test]
fn partitions_of_a_pool_are_written_each_for_itself() {
    // "a" was on disk, and "b" before it was not: in one pool that cannot be.
    let lines = [enqueued("b"), claimed("b", "1-1-1", 1), enqueued("a")];
    let again = [enqueued("b")];
    for (is_plain_order, expected) in [(true, &[Kind::Unexplained][..]), (false, &[])] {
        let mut scribe = Scribe::began();
        if let What::Began(began) = &mut scribe.entries[0].what {
            began.terms.is_plain_order = is_plain_order;
        }
        scribe.enqueue("a");
        let ended = Found {
            life: Life::Ready,
            attempt: 0,
            ..found("a", "1-1-1")
        };
        scribe.at(9_000, "stage", What::Found(ended));
        let history = History::of(scribe.entries);
        let history = history.with_log(lines.clone()).with_log(again.clone());
        let mut kinds = kinds(&history);
        kinds.retain(|kind| *kind != Kind::NeverEnded);
        assert_eq!(kinds, expected);
    }
}
