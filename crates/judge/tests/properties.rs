//! Generated histories: what a hub did that keeps every promise is clean, and whatever is then
//! changed in it is found.

mod support;

use leasehold_judge::{Answer, Change, Found, History, Life, LogLine, Outcome, Terms, What, judge};
use proptest::{collection::vec, prelude::*};
use support::{Scribe, change, claimed, completed, enqueued, requeued};

/// What may happen next, to which of the tasks.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Enqueue,
    Claim,
    Extend,
    Complete,
    Fail,
    GiveBack,
    Cut,
    ComeBack,
    Restart,
}

fn deeds() -> impl Strategy<Value = Vec<(Deed, usize)>> {
    use Deed::{Claim, ComeBack, Complete, Cut, Enqueue, Extend, Fail, GiveBack, Restart};
    let deed = prop_oneof![
        3 => Just(Enqueue),
        6 => Just(Claim),
        1 => Just(Extend),
        3 => Just(Complete),
        1 => Just(Fail),
        1 => Just(GiveBack),
        2 => Just(Cut),
        1 => Just(ComeBack),
        1 => Just(Restart),
    ];
    vec((deed, 0_usize..4), 1..80)
}

#[derive(Debug, Clone, Default)]
struct Task {
    life: Option<Life>,
    attempt: u32,
    failures: u32,
    losses: u32,
    interruptions: u32,
    lease: Option<String>,
    /// Whether the last attempt ended by a cut, so that it may go on.
    was_cut: bool,
    completed_by: Option<String>,
}

/// A hub that keeps every promise, and all who record it. Everything is on disk before the next.
struct Hub {
    tasks: Vec<Task>,
    epoch: u32,
    grants: u32,
    scribe: Scribe,
    logs: Vec<Vec<LogLine>>,
}

impl Hub {
    fn new() -> Self {
        Self {
            tasks: vec![Task::default(); 4],
            epoch: 1,
            grants: 0,
            scribe: Scribe::began(),
            logs: vec![Vec::new()],
        }
    }

    fn log(&mut self, line: LogLine) {
        self.logs.last_mut().expect("there is one").push(line);
    }

    fn run(mut self, deeds: &[(Deed, usize)]) -> History {
        for (deed, at) in deeds {
            self.deed(*deed, *at);
        }
        for at in 0..self.tasks.len() {
            self.end(at);
        }
        let history = History::of(self.scribe.entries);
        self.logs.into_iter().fold(history, History::with_log)
    }

    fn deed(&mut self, deed: Deed, at: usize) {
        let (name, life) = (format!("t{at}"), self.tasks[at].life);
        let is_claimed = life == Some(Life::Claimed);
        match deed {
            Deed::Enqueue if life.is_none() => {
                self.tasks[at].life = Some(Life::Ready);
                self.log(enqueued(&name));
                self.scribe.enqueue(&name);
            }
            Deed::Claim if life == Some(Life::Ready) => self.claim(at, &name),
            Deed::Extend if is_claimed => {
                let task = &self.tasks[at];
                let line = LogLine::Changed(Change {
                    lease: task.lease.clone(),
                    ..change(&name, "Extended", Life::Claimed, task.attempt)
                });
                self.log(line);
            }
            Deed::Complete if is_claimed => self.complete(at, &name),
            Deed::Fail if is_claimed => self.requeue(at, &name, "Failed"),
            Deed::GiveBack if is_claimed => self.requeue(at, &name, "Released"),
            Deed::Cut if is_claimed => self.requeue(at, &name, "Cut"),
            Deed::ComeBack if life == Some(Life::Ready) && self.tasks[at].was_cut => {
                let task = &mut self.tasks[at];
                task.life = Some(Life::Claimed);
                task.losses -= 1;
                task.was_cut = false;
                let line = LogLine::Changed(Change {
                    lease: task.lease.clone(),
                    ..change(&name, "Resumed", Life::Claimed, task.attempt)
                });
                self.log(line);
            }
            Deed::Restart => {
                self.epoch += 1;
                self.logs.push(Vec::new());
                for at in 0..self.tasks.len() {
                    if self.tasks[at].life == Some(Life::Claimed) {
                        self.requeue(at, &format!("t{at}"), "Interrupted");
                    }
                }
            }
            Deed::Enqueue
            | Deed::Claim
            | Deed::Extend
            | Deed::Complete
            | Deed::Fail
            | Deed::GiveBack
            | Deed::Cut
            | Deed::ComeBack => {}
        }
    }

    fn claim(&mut self, at: usize, name: &str) {
        self.grants += 1;
        let lease = format!("1-{}-{}", self.epoch, self.grants);
        let task = &mut self.tasks[at];
        task.life = Some(Life::Claimed);
        task.attempt += 1;
        task.lease = Some(lease.clone());
        task.was_cut = false;
        let attempt = task.attempt;
        self.log(claimed(name, &lease, attempt));
        let started = What::Started {
            task: name.into(),
            lease,
            attempt,
            is_right: true,
        };
        self.scribe.write("node-1", started);
    }

    fn complete(&mut self, at: usize, name: &str) {
        let task = &mut self.tasks[at];
        let lease = task.lease.take().expect("it is claimed");
        task.life = Some(Life::Completed);
        task.completed_by = Some(lease.clone());
        let line = completed(name, &lease, task.attempt);
        self.log(line);
        self.answered(name, &lease, Outcome::Complete);
    }

    fn answered(&mut self, name: &str, lease: &str, outcome: Outcome) {
        self.scribe.asks(name, lease, "node-1", outcome);
        self.scribe
            .answered(name, lease, "node-1", outcome, Answer::Taken);
    }

    fn requeue(&mut self, at: usize, name: &str, ending: &str) {
        let terms = Terms::default();
        let task = &mut self.tasks[at];
        let lease = task.lease.clone().expect("it is claimed");
        let is_spent = match ending {
            "Failed" => {
                task.failures += 1;
                task.failures >= terms.attempts_max
            }
            "Cut" => {
                task.losses += 1;
                task.losses >= terms.losses_max
            }
            _ => {
                task.interruptions += 1;
                task.attempt -= 1;
                task.interruptions > terms.interruptions_max
            }
        };
        let life = if is_spent { Life::Dead } else { Life::Ready };
        task.life = Some(life);
        task.was_cut = ending == "Cut" && !is_spent;
        let line = requeued(name, ending, life, task.attempt, &lease);
        self.log(line);
        match ending {
            "Failed" => self.answered(name, &lease, Outcome::Fail),
            "Released" => self.answered(name, &lease, Outcome::Release),
            _ => {}
        }
    }

    /// All that is left is worked off, and looked at.
    fn end(&mut self, at: usize) {
        let name = format!("t{at}");
        if self.tasks[at].life == Some(Life::Ready) {
            self.claim(at, &name);
        }
        if self.tasks[at].life == Some(Life::Claimed) {
            self.complete(at, &name);
        }
        let task = &self.tasks[at];
        let Some(life) = task.life else { return };
        let found = Found {
            task: name,
            life,
            attempt: task.attempt,
            interruptions: task.interruptions,
            completed_by: task.completed_by.iter().cloned().collect(),
            result: task.completed_by.clone(),
            reason: String::new(),
        };
        self.scribe.write("stage", What::Found(found));
    }
}

/// The positions of lines of the log that are changes of one of these causes.
fn lines_of(history: &History, causes: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (log, lines) in history.logs.iter().enumerate() {
        for (line, logged) in lines.iter().enumerate() {
            if let LogLine::Changed(change) = &logged.line
                && causes.iter().any(|cause| change.cause.starts_with(cause))
            {
                found.push((log, line));
            }
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_hub_that_keeps_its_promises_is_found_to(deeds in deeds()) {
        let verdict = judge(&Hub::new().run(&deeds));
        prop_assert!(verdict.is_clean(), "{verdict}");
    }

    #[test]
    fn a_miscounted_attempt_is_found_wherever_it_is(deeds in deeds(), at in any::<prop::sample::Index>()) {
        let mut history = Hub::new().run(&deeds);
        let lines = lines_of(&history, &["Claimed", "Requeued", "Completed"]);
        prop_assume!(!lines.is_empty());
        let (log, line) = lines[at.index(lines.len())];
        if let LogLine::Changed(change) = &mut history.logs[log][line].line {
            change.attempt += 1;
        }
        prop_assert!(!judge(&history).is_clean());
    }

    #[test]
    fn a_change_that_is_not_there_or_there_twice_is_found(
        deeds in deeds(),
        at in any::<prop::sample::Index>(),
        is_twice in any::<bool>(),
    ) {
        let mut history = Hub::new().run(&deeds);
        let lines = lines_of(&history, &["Enqueued", "Claimed", "Completed", "Requeued(Failed)"]);
        prop_assume!(!lines.is_empty());
        let (log, line) = lines[at.index(lines.len())];
        if is_twice {
            let again = history.logs[log][line].clone();
            history.logs[log].insert(line, again);
        } else {
            history.logs[log].remove(line);
        }
        prop_assert!(!judge(&history).is_clean());
    }

    #[test]
    fn an_end_that_nobody_found_is_found(deeds in deeds(), at in any::<prop::sample::Index>()) {
        let mut history = Hub::new().run(&deeds);
        let is_end = |what: &What| matches!(what, What::Found(_));
        let ends: Vec<usize> = (0..history.entries.len())
            .filter(|at| is_end(&history.entries[*at].entry.what))
            .collect();
        prop_assume!(!ends.is_empty());
        history.entries.remove(ends[at.index(ends.len())]);
        prop_assert_eq!(judge(&history).summary.lost, 1);
    }

    #[test]
    fn an_answer_under_an_older_lease_is_found(deeds in deeds()) {
        let mut history = Hub::new().run(&deeds);
        // A completion that was taken, of a task that was started before under another lease.
        let mut first: std::collections::HashMap<String, String> = std::collections::HashMap::new();
        let mut has_planted = false;
        for recorded in &mut history.entries {
            if let What::Started { task, lease, .. } = &recorded.entry.what {
                first.entry(task.clone()).or_insert_with(|| lease.clone());
            }
            if let What::Answered { task, lease, outcome: Outcome::Complete, .. } =
                &mut recorded.entry.what
                && !has_planted
                && first.get(task).is_some_and(|first| first != lease)
            {
                lease.clone_from(&first[task]);
                has_planted = true;
            }
        }
        prop_assume!(has_planted);
        prop_assert!(judge(&history).summary.completed_twice > 0);
    }
}
