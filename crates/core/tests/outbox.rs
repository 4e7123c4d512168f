//! Nothing is said before it is durable.

#[expect(dead_code, reason = "most of the harness serves the other tests")]
mod harness;

use std::collections::VecDeque;

use leasehold_core::*;
use proptest::prelude::*;

use crate::harness::{START, claim, id, secs, task};

/// A pool whose replies go through an outbox, numbered as they come.
struct Desk {
    pool: Pool,
    outbox: Outbox<u64>,
    spoken: u64,
}

const NODE: SessionId = SessionId(1);

impl Desk {
    fn new() -> Self {
        let settings = PoolSettings::default();
        let mut desk = Self {
            pool: Pool::restore(PoolId(1), Epoch(1), settings, START, vec![]),
            outbox: Outbox::default(),
            spoken: 0,
        };
        desk.ask(Command::Open(harness::node("crane", 1)));
        desk
    }

    /// Puts what comes of a command into the outbox: a number for each reply.
    fn ask(&mut self, command: Command) {
        let mut out = Transition::default();
        self.pool
            .apply(START, NODE, RequestId(0), command, &mut out);
        let spoken = &mut self.spoken;
        self.outbox.push(&mut out, |_| {
            *spoken += 1;
            *spoken
        });
        assert!(out.changes.is_empty() && out.replies.is_empty());
    }

    fn enqueue(&mut self, number: u128) {
        self.ask(Command::Enqueue(vec![task(number)]));
    }

    /// The tasks of the next commit.
    fn commit(&mut self) -> Option<Vec<TaskId>> {
        let changes = self.outbox.next_commit()?;
        Some(changes.iter().filter_map(Change::task_id).collect())
    }

    /// The same, behind others.
    fn commit_behind(&mut self) -> Option<Vec<TaskId>> {
        let changes = self.outbox.next_commit_behind()?;
        Some(changes.iter().filter_map(Change::task_id).collect())
    }
}

#[test]
fn a_reply_never_leaves_before_the_changes_before_it_are_durable() {
    let mut desk = Desk::new();
    desk.enqueue(1);
    assert!(desk.outbox.take_free().is_empty());
    assert_eq!(desk.commit(), Some(vec![id(1)]));
    assert!(desk.outbox.take_free().is_empty(), "it is on its way only");
    assert_eq!(desk.outbox.committed(), [1]);
}

#[test]
fn while_one_commit_is_on_its_way_the_next_gathers() {
    let mut desk = Desk::new();
    desk.enqueue(1);
    assert_eq!(desk.commit(), Some(vec![id(1)]));
    desk.enqueue(2);
    desk.enqueue(3);
    assert_eq!(desk.commit(), None, "one at a time");
    assert_eq!(desk.outbox.committed(), [1]);
    assert!(desk.outbox.take_free().is_empty());
    assert_eq!(desk.commit(), Some(vec![id(2), id(3)]));
    assert_eq!(desk.outbox.committed(), [2, 3]);
    assert!(desk.outbox.is_idle());
}

#[test]
fn what_joins_a_commit_leaves_with_it() {
    let mut desk = Desk::new();
    desk.enqueue(1);
    let mut begun = desk.outbox.next_commit().unwrap();
    desk.enqueue(2);
    desk.outbox.join_commit(&mut begun);
    let tasks: Vec<TaskId> = begun.iter().filter_map(Change::task_id).collect();
    assert_eq!(tasks, [id(1), id(2)]);
    assert_eq!(desk.outbox.waiting(), 2);
    desk.enqueue(3);
    assert_eq!(desk.outbox.committed(), [1, 2], "the third came too late");
    assert_eq!(desk.commit(), Some(vec![id(3)]));
}

#[test]
fn each_commit_on_its_way_releases_its_own() {
    let mut desk = Desk::new();
    desk.enqueue(1);
    assert_eq!(desk.commit(), Some(vec![id(1)]));
    assert_eq!(desk.outbox.next_commit_behind(), None, "nothing gathered");
    desk.enqueue(2);
    desk.enqueue(3);
    assert_eq!(desk.outbox.changes(), 2);
    assert_eq!(desk.commit_behind(), Some(vec![id(2), id(3)]));
    assert_eq!(desk.outbox.waiting(), 2);
    desk.enqueue(1);
    assert_eq!(desk.outbox.waiting(), 3, "it says what it saw, behind all");
    desk.enqueue(4);
    assert_eq!(desk.outbox.committed(), [1]);
    assert!(desk.outbox.take_free().is_empty());
    assert_eq!(desk.commit(), None, "one is still on its way");
    assert_eq!(desk.outbox.committed(), [2, 3, 4]);
    assert_eq!(desk.commit(), Some(vec![id(4)]));
    assert_eq!(desk.outbox.committed(), [5]);
    assert!(desk.outbox.is_idle());
}

#[test]
fn what_changes_nothing_is_free_when_nothing_is_on_its_way() {
    let mut desk = Desk::new();
    desk.ask(claim(1));
    assert_eq!(desk.commit(), None);
    assert_eq!(desk.outbox.take_free(), [1]);
    assert!(desk.outbox.is_idle());
}

/// It reports of a state that is not durable yet: the same task enqueued again.
#[test]
fn what_changes_nothing_waits_for_the_changes_before_it() {
    let mut desk = Desk::new();
    desk.enqueue(1);
    desk.enqueue(1);
    assert!(desk.outbox.take_free().is_empty());
    assert_eq!(desk.commit(), Some(vec![id(1)]));
    desk.enqueue(1);
    assert!(desk.outbox.take_free().is_empty());
    assert_eq!(desk.outbox.committed(), [1, 2, 3]);
}

#[test]
fn a_free_reply_leaves_though_changes_gather_behind_it() {
    let mut desk = Desk::new();
    desk.ask(claim(1));
    desk.enqueue(1);
    assert_eq!(desk.outbox.take_free(), [1]);
    desk.commit();
    assert_eq!(desk.outbox.committed(), [2]);
}

#[test]
fn what_is_not_durable_holds_nothing_back() {
    let mut desk = Desk::new();
    desk.enqueue(1);
    desk.ask(claim(1));
    desk.commit();
    desk.outbox.committed();
    let lease = desk.pool.task(id(1)).and_then(|task| task.lease.clone());
    let lease = lease.expect("it was claimed").id;
    let proof = LeaseRef { task: id(1), lease };
    desk.ask(Command::Extend(vec![proof], Some(secs(5))));
    assert_eq!(desk.commit(), None);
    assert_eq!(desk.outbox.take_free(), [3]);
}

#[test]
fn a_grant_does_not_overtake_the_enqueue() {
    let mut desk = Desk::new();
    desk.enqueue(1);
    desk.ask(claim(1));
    assert!(desk.outbox.take_free().is_empty());
    assert_eq!(desk.commit(), Some(vec![id(1), id(1)]));
    assert_eq!(desk.outbox.committed(), [1, 2]);
}

#[test]
fn what_is_said_waits_its_turn() {
    let mut outbox: Outbox<&str> = Outbox::default();
    outbox.say("free");
    assert!(!outbox.is_idle());
    assert_eq!(outbox.take_free(), ["free"]);
    let mut desk = Desk::new();
    desk.enqueue(1);
    desk.outbox.say(77);
    desk.commit();
    desk.outbox.say(78);
    assert_eq!(desk.outbox.committed(), [1, 77, 78]);
}

#[test]
fn what_is_said_while_held_waits_for_a_commit_without_changes() {
    let mut outbox: Outbox<&str> = Outbox::default();
    outbox.say("free");
    outbox.hold();
    outbox.say("held");
    assert_eq!(outbox.take_free(), ["free"]);
    assert_eq!(outbox.next_commit(), Some(vec![]));
    assert!(outbox.take_free().is_empty());
    assert_eq!(outbox.committed(), ["held"]);
    outbox.say("free again");
    assert_eq!(outbox.take_free(), ["free again"]);
    assert_eq!(outbox.next_commit(), None, "one hold, one commit");
    assert!(outbox.is_idle());
}

#[test]
fn a_hold_goes_with_the_changes_of_its_time() {
    let mut desk = Desk::new();
    desk.enqueue(1);
    desk.outbox.hold();
    desk.ask(claim(9));
    assert_eq!(desk.commit(), Some(vec![id(1), id(1)]));
    assert_eq!(desk.commit(), None);
    assert_eq!(desk.outbox.committed(), [1, 2]);
    assert_eq!(desk.commit(), None);
}

#[test]
fn a_hold_while_a_commit_is_on_its_way_is_for_the_next() {
    let mut desk = Desk::new();
    desk.enqueue(1);
    desk.commit();
    desk.outbox.say(2);
    desk.outbox.hold();
    desk.outbox.say(3);
    assert_eq!(desk.commit(), None, "one at a time");
    assert_eq!(desk.outbox.committed(), [1, 2]);
    assert!(!desk.outbox.is_idle());
    assert_eq!(desk.commit(), Some(vec![]));
    assert_eq!(desk.outbox.committed(), [3]);
    assert!(desk.outbox.is_idle());
}

#[test]
fn idle() {
    let mut desk = Desk::new();
    assert!(desk.outbox.is_idle());
    desk.enqueue(1);
    assert!(!desk.outbox.is_idle(), "changes gather");
    desk.commit();
    assert!(!desk.outbox.is_idle(), "a commit is on its way");
    desk.outbox.committed();
    assert!(desk.outbox.is_idle());
    desk.outbox.hold();
    assert!(!desk.outbox.is_idle(), "a commit is wanted");
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Change,
    Say,
    Hold,
    Commit,
    CommitBehind,
    Committed,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Replies leave in order, each once, and none before the changes that came before it.
    #[test]
    fn order_is_kept(steps in prop::collection::vec(
        prop::sample::select(
            vec![
                Step::Change,
                Step::Say,
                Step::Hold,
                Step::Commit,
                Step::CommitBehind,
                Step::Committed,
            ],
        ),
        0..60,
    )) {
        Story::default().run(&steps);
    }
}

/// Changes and holds so far, how many of them each commit on its way takes along, how many are
/// durable, and how many each reply waits for.
#[derive(Default)]
struct Story {
    /// Which task each put in; a hold none.
    events: Vec<Option<TaskId>>,
    flying: VecDeque<usize>,
    durable: usize,
    left: u64,
    waits_for: Vec<usize>,
}

impl Story {
    fn run(mut self, steps: &[Step]) {
        let mut desk = Desk::new();
        for step in steps {
            self.step(&mut desk, *step);
        }
        while !self.flying.is_empty() {
            self.step(&mut desk, Step::Committed);
        }
        for step in [Step::Commit, Step::Committed] {
            self.step(&mut desk, step);
        }
        assert!(desk.outbox.is_idle());
        assert_eq!(self.left, desk.spoken, "nothing is held back for ever");
    }

    fn step(&mut self, desk: &mut Desk, step: Step) {
        match step {
            Step::Change => {
                let number = self.events.len() as u128 + 1;
                desk.enqueue(number);
                self.events.push(Some(id(number)));
                self.waits_for.push(self.events.len());
            }
            Step::Say => {
                desk.ask(Command::Cancel(vec![id(0)]));
                self.waits_for.push(self.events.len());
            }
            Step::Hold => {
                desk.outbox.hold();
                self.events.push(None);
            }
            Step::Commit => {
                let is_free = self.flying.is_empty();
                let tasks = desk.commit();
                self.take_off(tasks, is_free);
            }
            Step::CommitBehind => {
                let tasks = desk.commit_behind();
                self.take_off(tasks, true);
            }
            Step::Committed => {
                if let Some(durable) = self.flying.pop_front() {
                    self.durable = durable;
                    let said = desk.outbox.committed();
                    self.leave(&said);
                }
            }
        }
        let free = desk.outbox.take_free();
        self.leave(&free);
    }

    fn take_off(&mut self, tasks: Option<Vec<TaskId>>, is_allowed: bool) {
        let begun = self.flying.back().copied().unwrap_or(self.durable);
        assert_eq!(tasks.is_some(), is_allowed && begun < self.events.len());
        if let Some(tasks) = tasks {
            assert!(self.events[begun..].iter().flatten().eq(&tasks));
            self.flying.push_back(self.events.len());
        }
    }

    fn leave(&mut self, replies: &[u64]) {
        for reply in replies {
            self.left += 1;
            assert_eq!(*reply, self.left);
            let of = usize::try_from(reply - 1).expect("few replies");
            assert!(self.waits_for[of] <= self.durable);
        }
    }
}
