//! What an onlooker knows of a pool who sees commands, changes and replies, and nothing within.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_core::*;

use crate::harness::answer_to;

/// The newest lease of a task.
#[derive(Debug, Clone)]
pub(super) struct Newest {
    pub(super) proof: LeaseRef,
    pub(super) node: Node,
    /// Its holder may answer.
    pub(super) good: bool,
    /// Whose hands it is in, or was in.
    pub(super) session: SessionId,
    /// When it runs out.
    pub(super) until: Timestamp,
}

pub(crate) struct Model {
    /// All leases ever granted, and to whom.
    pub(crate) granted: Vec<(LeaseRef, Node)>,
    pub(super) settings: PoolSettings,
    pub(super) tasks: BTreeMap<TaskId, Task>,
    pub(super) newest: BTreeMap<TaskId, Newest>,
    pub(super) open: BTreeMap<SessionId, Node>,
    pub(super) parked: BTreeSet<(SessionId, RequestId)>,
    /// A later session of their node has resumed: nothing more is granted to these.
    pub(super) superseded: BTreeSet<SessionId>,
    /// Who resumes in the step that is observed, and under what.
    pub(super) resuming: Option<(SessionId, Vec<LeaseRef>)>,
}

impl Model {
    pub(crate) fn new(settings: PoolSettings) -> Self {
        Self {
            granted: vec![],
            settings,
            tasks: BTreeMap::new(),
            newest: BTreeMap::new(),
            open: BTreeMap::new(),
            parked: BTreeSet::new(),
            superseded: BTreeSet::new(),
            resuming: None,
        }
    }

    pub(crate) fn is_open(&self, session: SessionId) -> bool {
        self.open.contains_key(&session)
    }

    pub(crate) fn known_as(&self, kind: StateKind) -> usize {
        self.tasks
            .values()
            .filter(|task| task.state.kind() == kind)
            .count()
    }

    pub(crate) fn held_by(&self, session: SessionId) -> Vec<LeaseRef> {
        self.held()
            .filter(|newest| newest.session == session)
            .map(|newest| newest.proof)
            .collect()
    }

    pub(crate) fn nobody_was_left_waiting(&self) {
        assert_eq!(self.parked, BTreeSet::new());
    }

    /// The newest leases of claimed tasks.
    fn held(&self) -> impl Iterator<Item = &Newest> {
        let is_claimed = |id: &TaskId| {
            self.tasks
                .get(id)
                .is_some_and(|task| task.state == State::Claimed)
        };
        self.newest
            .iter()
            .filter(move |(id, _)| is_claimed(id))
            .map(|(_, newest)| newest)
    }

    pub(crate) fn applied(
        &mut self,
        now: Timestamp,
        session: SessionId,
        request: RequestId,
        command: &Command,
        out: &Transition,
    ) {
        let expected = self.expected(session, command);
        self.asked(now, session, request, command);
        let answer = answer_to(&out.replies, session, request);
        if self.is_deaf_to(session, command) {
            self.parked.remove(&(session, request));
            assert_eq!(answer, Some(&Answer::Refused(Rejection::SessionEnded)));
            assert_eq!((out.changes.len(), out.replies.len()), (0, 1));
            return;
        }
        if let Some(expected) = expected {
            assert_eq!(answer.map(goodness), Some(expected), "{command:?}");
        }
        if let (Command::Extend(proofs, _) | Command::Resume(proofs), Some(answer)) =
            (command, answer)
        {
            self.extended(now, session, proofs, answer);
        }
        let granted_before = self.granted.len();
        if let Command::Resume(named) = command {
            self.supersede_earlier(session);
            self.resuming = Some((session, named.clone()));
        }
        self.observe(now, out);
        self.resuming = None;
        if let Command::Resume(named) = command {
            self.only_named_are_left(session, named, granted_before);
        }
    }

    fn asked(&mut self, now: Timestamp, session: SessionId, request: RequestId, asked: &Command) {
        if let Command::Open(node) = asked {
            self.open.insert(session, node.clone());
        } else if let Command::End(ending) = asked {
            self.ends(now, session, *ending);
        } else if self.is_open(session) {
            self.parked.insert((session, request));
        }
    }

    /// Whether this is refused, whatever it says.
    fn is_deaf_to(&self, session: SessionId, command: &Command) -> bool {
        match command {
            Command::Open(_) | Command::End(_) | Command::Plan(_) | Command::Govern(_) => false,
            Command::Claim(_) | Command::Credit(_) if self.superseded.contains(&session) => true,
            Command::Enqueue(_)
            | Command::Claim(_)
            | Command::Credit(_)
            | Command::Extend(..)
            | Command::Complete(_)
            | Command::Fail(_)
            | Command::Release(_)
            | Command::Resume(_)
            | Command::Cancel(_)
            | Command::Revive(_)
            | Command::Await(_)
            | Command::CancelWithin(..)
            | Command::Progress(_)
            | Command::ReviveWith(_)
            | Command::Purge(..)
            | Command::Schedule(_) => !self.is_open(session),
        }
    }

    /// The node has moved on: what its earlier sessions had parked is never answered.
    fn supersede_earlier(&mut self, session: SessionId) {
        let node = &self.open[&session];
        let earlier = self.open.range(..session).filter(|(_, of)| *of == node);
        let earlier: BTreeSet<SessionId> = earlier.map(|(id, _)| *id).collect();
        self.parked.retain(|(of, _)| !earlier.contains(of));
        self.superseded.extend(earlier);
    }

    /// Which items of an answer under leases are to be good.
    fn expected(&self, session: SessionId, command: &Command) -> Option<Vec<bool>> {
        use AttemptEnding::{Completed, Failed, Released};
        let node = self.open.get(&session)?;
        let good = |proof: &LeaseRef| self.is_good(node, *proof);
        let either =
            |proof, ending| self.is_good(node, proof) || self.ended_so(node, proof, ending);
        match command {
            Command::Extend(of, _) | Command::Resume(of) => Some(of.iter().map(good).collect()),
            Command::Complete(items) => Some(each(items, |item| either(item.proof, Completed))),
            Command::Fail(items) => Some(each(items, |item| either(item.proof, Failed))),
            Command::Release(of) => Some(each(of, |proof| either(*proof, Released))),
            Command::Open(_)
            | Command::End(_)
            | Command::Enqueue(_)
            | Command::Claim(_)
            | Command::Credit(_)
            | Command::Cancel(_)
            | Command::Revive(_)
            | Command::Await(_)
            | Command::CancelWithin(..)
            | Command::Progress(_)
            | Command::ReviveWith(_)
            | Command::Purge(..)
            | Command::Schedule(_)
            | Command::Plan(_)
            | Command::Govern(_) => None,
        }
    }

    fn is_good(&self, node: &Node, proof: LeaseRef) -> bool {
        let newest = self.newest.get(&proof.task);
        newest.is_some_and(|of| of.good && of.proof == proof && of.node == *node)
    }

    /// Whether the last ending of its task is this one of this lease.
    fn ended_so(&self, node: &Node, proof: LeaseRef, ending: AttemptEnding) -> bool {
        let task = self.tasks.get(&proof.task);
        let last = task.and_then(|task| task.history.last());
        last.is_some_and(|last| {
            (last.lease, last.ending, &last.node) == (proof.lease, ending, node)
        })
    }

    fn extended(
        &mut self,
        now: Timestamp,
        session: SessionId,
        proofs: &[LeaseRef],
        answer: &Answer,
    ) {
        let Answer::Extended(items) = answer else {
            panic!("{answer:?} answers no extension")
        };
        for (proof, item) in proofs.iter().zip(items) {
            if let (Ok(runs), Some(newest)) = (item, self.newest.get_mut(&proof.task)) {
                let later = Some(newest.session).filter(|of| self.open.contains_key(of));
                newest.session = later.map_or(session, |of| of.max(session));
                newest.until = now + *runs;
            }
        }
    }

    /// Of the leases that this session's node was granted in earlier sessions; what was released
    /// may have been granted anew at once.
    fn only_named_are_left(&self, session: SessionId, named: &[LeaseRef], granted_before: usize) {
        for (proof, node) in &self.granted[..granted_before] {
            let is_held = self
                .held()
                .any(|held| held.proof == *proof && held.session < session);
            let is_its_own = *node == self.open[&session];
            assert!(
                !is_held || !is_its_own || named.contains(proof),
                "{proof:?} never arrived"
            );
        }
    }

    fn ends(&mut self, now: Timestamp, session: SessionId, ending: Ending) {
        if self.open.remove(&session).is_none() {
            return;
        }
        self.parked.retain(|(of, _)| *of != session);
        let grace = now + self.settings.restart_grace;
        let cut = now + self.settings.cut_grace;
        for newest in self
            .newest
            .values_mut()
            .filter(|newest| newest.session == session)
        {
            match ending {
                Ending::Bye | Ending::Silence => (),
                Ending::Cut => newest.until = newest.until.min(cut),
                Ending::Dismissed => newest.until = grace,
            }
        }
    }

    pub(crate) fn restarted(&mut self, now: Timestamp) {
        self.open.clear();
        self.parked.clear();
        for newest in self.newest.values_mut() {
            newest.until = now + self.settings.restart_grace;
        }
    }

    pub(crate) fn agrees_with(&self, pool: &Pool) {
        assert!(
            pool.tasks(None, None, usize::MAX)
                .iter()
                .eq(self.tasks.values()),
            "a task is not what was told of it"
        );
        for kind in StateKind::ALL {
            assert_eq!(
                pool.summary().counts.of(kind),
                self.known_as(kind) as u64,
                "{kind}"
            );
        }
        for newest in self.held() {
            assert_eq!(
                pool.moment_of(newest.proof.task),
                Some(newest.until),
                "{newest:?}"
            );
        }
        for (session, tasks) in pool.holdings() {
            assert_eq!(tasks, self.held_by(session).len() as u64, "{session:?}");
        }
    }
}

fn each<T>(items: &[T], is_good: impl Fn(&T) -> bool) -> Vec<bool> {
    items.iter().map(is_good).collect()
}

/// Which items of an answer are good.
fn goodness(answer: &Answer) -> Vec<bool> {
    match answer {
        Answer::Extended(items) => items.iter().map(Result::is_ok).collect(),
        Answer::Done(items) => items.iter().map(Result::is_ok).collect(),
        Answer::Enqueued(_)
        | Answer::Claimed(_)
        | Answer::Credited(_)
        | Answer::Revived(_)
        | Answer::Awaited(_)
        | Answer::Purged(_)
        | Answer::Refused(_) => vec![],
    }
}
