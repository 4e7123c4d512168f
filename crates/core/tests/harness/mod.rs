//! A pool, a store that keeps its durable changes, and a clock that is moved by hand.

mod words;

use std::{collections::BTreeMap, time::Duration};

use leasehold_core::*;

pub(crate) use words::*;

/// Where every story begins.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_000_000);

/// All that a store is to the core: the last state of each task and each note, from durable changes
/// alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Store(
    pub(crate) BTreeMap<TaskId, Task>,
    pub(crate) BTreeMap<NoteName, Note>,
);

impl Store {
    pub(crate) fn commit(&mut self, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.is_durable()) {
            match change {
                Change::Put { task, .. } => _ = self.0.insert(task.id, Task::clone(task)),
                Change::Forget(id) => _ = self.0.remove(id),
                Change::Note { name, body } => match body {
                    Some(note) => _ = self.1.insert(name.clone(), Note::clone(note)),
                    None => _ = self.1.remove(name),
                },
            }
        }
    }

    pub(crate) fn load(&self) -> Vec<Task> {
        self.0.values().cloned().collect()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) pool: Pool,
    pub(crate) now: Timestamp,
    pub(crate) store: Store,
    /// The changes of the last step.
    pub(crate) changes: Vec<Change>,
    /// All that was said in the last step.
    pub(crate) heard: Vec<Reply>,
    requests: u64,
}

impl World {
    pub(crate) fn new(settings: PoolSettings) -> Self {
        Self {
            pool: Pool::restore(PoolId(1), Epoch(1), settings, START, vec![]),
            now: START,
            store: Store::default(),
            changes: vec![],
            heard: vec![],
            requests: 0,
        }
    }

    /// One call of the core: what it says, after what it changed went to the store.
    fn step(&mut self, call: impl FnOnce(&mut Pool, Timestamp, &mut Transition)) -> Vec<Reply> {
        let mut out = Transition::default();
        call(&mut self.pool, self.now, &mut out);
        self.store.commit(&out.changes);
        self.pool.reuse(out.changes.clone().into());
        self.changes = out.changes;
        self.heard.clone_from(&out.replies);
        assert_eq!(self.pool.check(), Ok(()));
        out.replies
    }

    /// All that is said to anybody because of this command.
    pub(crate) fn send(&mut self, session: SessionId, command: Command) -> Vec<Reply> {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.step(|pool, now, out| pool.apply(now, session, request, command, out))
    }

    /// The answer to this command, where it comes at once.
    pub(crate) fn ask(&mut self, session: SessionId, command: Command) -> Answer {
        let replies = self.send(session, command);
        let request = RequestId(self.requests);
        let answer = answer_to(&replies, session, request).cloned();
        answer.expect("the command is answered at once")
    }

    /// Lets time pass as a hub does: from one deadline to the next.
    pub(crate) fn pass(&mut self, time: Duration) -> Vec<Reply> {
        let until = self.now + time;
        let mut replies = vec![];
        let mut changes = vec![];
        while let Some(at) = self.pool.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            replies.extend(self.step(advance));
            changes.append(&mut self.changes);
            let next = self.pool.next_deadline();
            assert!(
                next.is_none_or(|next| next > self.now),
                "{at:?} is left due"
            );
        }
        self.now = until;
        replies.extend(self.step(advance));
        changes.append(&mut self.changes);
        self.changes = changes;
        self.heard.clone_from(&replies);
        replies
    }

    /// Does what is due now, as far as one call goes.
    pub(crate) fn look(&mut self) -> Vec<Reply> {
        self.step(advance)
    }

    /// Ends this pool and restores it from what was durable, under the next epoch.
    pub(crate) fn restart(&mut self) {
        let epoch = Epoch(self.pool.epoch().0 + 1);
        let settings = self.pool.settings().clone();
        self.pool = Pool::restore(PoolId(1), epoch, settings, self.now, self.store.load());
        self.pool.recall(self.store.1.values().cloned());
        self.step(advance);
    }

    pub(crate) fn open(&mut self, number: u64, node: &Node) -> SessionId {
        let session = SessionId(number);
        assert_eq!(self.send(session, Command::Open(node.clone())), []);
        session
    }

    pub(crate) fn end(&mut self, session: SessionId, ending: Ending) -> Vec<Reply> {
        self.send(session, Command::End(ending))
    }

    pub(crate) fn state(&self, number: u128) -> Option<StateKind> {
        self.pool.state(id(number)).map(|state| state.kind())
    }

    pub(crate) fn task(&self, number: u128) -> Task {
        self.pool.task(id(number)).expect("the task is known")
    }

    pub(crate) fn count(&self, kind: StateKind) -> u64 {
        self.pool.summary().counts.of(kind)
    }

    /// How long from now something is next to happen to this task.
    pub(crate) fn due_in(&self, number: u128) -> Option<Duration> {
        let moment = self.pool.moment_of(id(number))?;
        Some(moment.since(self.now))
    }
}

/// [`Pool::advance`] as a step.
fn advance(pool: &mut Pool, now: Timestamp, out: &mut Transition) {
    pool.advance(now, out);
}
