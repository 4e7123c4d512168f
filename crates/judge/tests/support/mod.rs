//! Histories by hand.

#![expect(
    dead_code,
    reason = "each test is a program of its own, and takes what it needs"
)]

use leasehold_judge::{
    Answer, Began, Change, Entry, Found, History, Life, LogLine, Outcome, Terms, What,
};

/// Used by no test, so that the expectation above is one that every test fulfils.
const TAKEN_BY_NONE: () = ();

/// The first entry.
pub(crate) fn began() -> Entry {
    Entry {
        at_us: 0,
        by: "stage".into(),
        what: What::Began(Began {
            scene: "by hand".into(),
            seed: 7,
            terms: Terms::default(),
        }),
    }
}

/// Writes a history, a millisecond an entry.
#[derive(Debug)]
pub(crate) struct Scribe {
    pub(crate) entries: Vec<Entry>,
    /// In milliseconds.
    pub(crate) now: u64,
}

impl Scribe {
    pub(crate) fn began() -> Self {
        Self {
            entries: vec![began()],
            now: 1,
        }
    }

    pub(crate) fn at(&mut self, millis: u64, by: &str, what: What) {
        self.now = millis;
        self.write(by, what);
    }

    pub(crate) fn write(&mut self, by: &str, what: What) {
        self.entries.push(Entry {
            at_us: self.now * 1_000,
            by: by.into(),
            what,
        });
        self.now += 1;
    }

    pub(crate) fn asked(&mut self, task: &str) {
        let asked = What::EnqueueAsked {
            pool: "p".into(),
            task: task.into(),
            priority: 4,
            attempts_max: None,
            losses_max: None,
            is_poison: false,
        };
        self.write("producer-1", asked);
    }

    pub(crate) fn enqueue(&mut self, task: &str) {
        self.asked(task);
        let acknowledged = What::Acknowledged {
            task: task.into(),
            known_as: None,
        };
        self.write("producer-1", acknowledged);
    }

    pub(crate) fn started(&mut self, task: &str, lease: &str, node: &str) {
        let attempt = number_of(lease);
        let started = What::Started {
            task: task.into(),
            lease: lease.into(),
            attempt,
            is_right: true,
        };
        self.write(node, started);
    }

    pub(crate) fn asks(&mut self, task: &str, lease: &str, node: &str, outcome: Outcome) {
        let asked = What::AnswerAsked {
            task: task.into(),
            lease: lease.into(),
            outcome,
        };
        self.write(node, asked);
    }

    pub(crate) fn answered(
        &mut self,
        task: &str,
        lease: &str,
        node: &str,
        outcome: Outcome,
        answer: Answer,
    ) {
        let answered = What::Answered {
            task: task.into(),
            lease: lease.into(),
            outcome,
            answer,
        };
        self.write(node, answered);
    }

    /// Started, asked and answered.
    pub(crate) fn run(
        &mut self,
        task: &str,
        lease: &str,
        node: &str,
        outcome: Outcome,
        answer: Answer,
    ) {
        self.started(task, lease, node);
        self.asks(task, lease, node, outcome);
        self.answered(task, lease, node, outcome, answer);
    }
}

/// The end of a task that completed under this lease.
pub(crate) fn found(task: &str, lease: &str) -> Found {
    Found {
        task: task.into(),
        life: Life::Completed,
        attempt: number_of(lease),
        interruptions: 0,
        completed_by: vec![lease.into()],
        result: Some(lease.into()),
        reason: String::new(),
    }
}

pub(crate) fn change(task: &str, cause: &str, life: Life, attempt: u32) -> Change {
    Change {
        pool: "p".into(),
        task: task.into(),
        cause: cause.into(),
        life,
        attempt,
        lease: None,
        ended: None,
        died: None,
        priority: None,
        ready_at: None,
    }
}

pub(crate) fn enqueued(task: &str) -> LogLine {
    LogLine::Changed(change(task, "Enqueued", Life::Ready, 0))
}

pub(crate) fn claimed(task: &str, lease: &str, attempt: u32) -> LogLine {
    LogLine::Changed(Change {
        lease: Some(lease.into()),
        ..change(task, "Claimed", Life::Claimed, attempt)
    })
}

pub(crate) fn completed(task: &str, lease: &str, attempt: u32) -> LogLine {
    LogLine::Changed(Change {
        ended: Some(lease.into()),
        ..change(task, "Completed", Life::Completed, attempt)
    })
}

pub(crate) fn requeued(task: &str, ending: &str, life: Life, attempt: u32, lease: &str) -> LogLine {
    let cause = format!("Requeued({ending})");
    let by_holder = matches!(ending, "Failed" | "Released");
    LogLine::Changed(Change {
        lease: (!by_holder && !life.is_end()).then(|| lease.into()),
        ended: Some(lease.into()),
        ..change(task, &cause, life, attempt)
    })
}

/// One task, enqueued, worked on and completed, with the log of it.
pub(crate) fn clean() -> History {
    let mut scribe = Scribe::began();
    scribe.enqueue("t");
    scribe.run("t", "1-1-1", "node-1", Outcome::Complete, Answer::Taken);
    scribe.at(9_000, "stage", What::Found(found("t", "1-1-1")));
    History::of(scribe.entries).with_log([
        enqueued("t"),
        claimed("t", "1-1-1", 1),
        LogLine::Changed(Change {
            lease: Some("1-1-1".into()),
            ..change("t", "Extended", Life::Claimed, 1)
        }),
        completed("t", "1-1-1", 1),
    ])
}

/// The number of a lease, which in these histories is that of the attempt.
fn number_of(lease: &str) -> u32 {
    let number = lease.rsplit('-').next().expect("a lease has parts");
    number.parse().expect("the last one is a number")
}
