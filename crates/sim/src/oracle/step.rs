//! One call of a pool while it is judged.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use leasehold_core::{
    AttemptEnding, Cause, Change, Command, LeaseId, LeaseRef, Reply, Revocation, SessionId, Task,
    TaskId, Timestamp,
};

use super::{
    Call, Verdict, Violation,
    replies::{self, Granted},
    stops::Asked,
};
use crate::describe;

/// The changes are taken from the front one after the other; what must be among the replies is
/// gathered meanwhile.
pub(super) struct Step<'a> {
    pub(super) now: Timestamp,
    /// The time that no clock shows.
    pub(super) real: Timestamp,
    pub(super) call: &'a Call<'a>,
    changes: VecDeque<&'a Change>,
    /// Grants among the replies whose change was not seen yet.
    pub(super) grants: BTreeMap<LeaseId, Granted>,
    /// What holders must be told.
    pub(super) revocations: Vec<(SessionId, LeaseRef, Revocation)>,
    /// What holders must be asked to stop.
    pub(super) stops: Vec<Asked>,
    /// Tasks that must be given up with their parents in this call.
    pub(super) orphans: BTreeSet<TaskId>,
    /// Tasks that ended in this call.
    pub(super) ended: BTreeSet<TaskId>,
    /// What the claim that was asked was granted, if that is less than it asked for.
    pub(super) cut_short: Option<Vec<TaskId>>,
    /// What was asked was heard.
    pub(super) is_heard: bool,
    /// What is worth counting.
    pub(super) remarks: Vec<&'static str>,
}

impl<'a> Step<'a> {
    pub(super) fn new(call: &'a Call<'a>, real: Timestamp) -> Self {
        Self {
            now: call.now,
            real,
            call,
            changes: call.outcome.changes.iter().collect(),
            grants: replies::granted(&call.outcome.replies),
            revocations: Vec::new(),
            stops: Vec::new(),
            orphans: BTreeSet::new(),
            ended: BTreeSet::new(),
            cut_short: None,
            is_heard: false,
            remarks: Vec::new(),
        }
    }

    pub(super) fn replies(&self) -> &'a [Reply] {
        &self.call.outcome.replies
    }

    /// The next change, if it is one that time brings about, or serving those who wait.
    /// Until a purge is heard, what is forgotten before its time is its own.
    pub(super) fn next_of_time(&mut self, is_due: impl Fn(TaskId) -> bool) -> Option<&'a Change> {
        let asked = self.call.asked.map(|(_, _, command)| command);
        let is_unheard = matches!(asked, Some(Command::Purge(..))) && !self.is_heard;
        let of_time = |change: &Change| match change {
            Change::Forget(id) => !is_unheard || is_due(*id),
            Change::Note { .. } => false,
            Change::Put { cause, .. } => matches!(
                cause,
                Cause::Due
                    | Cause::Claimed
                    | Cause::Expired
                    | Cause::Freed
                    | Cause::ParentGone
                    | Cause::Requeued(
                        AttemptEnding::Expired
                            | AttemptEnding::Cut
                            | AttemptEnding::Interrupted
                            | AttemptEnding::Overran
                    )
            ),
        };
        self.changes.pop_front_if(|change| of_time(change))
    }

    /// The next change, if it calls off a task that is to be called off now without being asked.
    pub(super) fn next_forced(&mut self, is_forced: impl Fn(TaskId) -> bool) -> Option<&'a Task> {
        let forces = |change: &mut &Change| matches!(change, Change::Put { task, cause: Cause::Cancelled, .. } if is_forced(task.id));
        match self.changes.pop_front_if(forces) {
            Some(Change::Put { task, .. }) => Some(task),
            Some(Change::Forget(_) | Change::Note { .. }) | None => None,
        }
    }

    /// The next change, if it forgets a task.
    pub(super) fn next_forgotten(&mut self) -> Option<TaskId> {
        let forgets = |change: &mut &Change| matches!(change, Change::Forget(_));
        self.changes.pop_front_if(forgets)?.task_id()
    }

    /// The next change, which must have this cause and be of this task.
    pub(super) fn expect(&mut self, id: TaskId, cause: Cause) -> Verdict<&'a Task> {
        let (task, said) = self.expect_put(id, &format!("{cause:?}"))?;
        if task.id == id && said == cause {
            return Ok(task);
        }
        let what = format!("{cause:?} was to come, not {said:?} of {}", task.id);
        Err(Violation::of(id, what))
    }

    /// The next change, which must have this cause and be of one of these tasks.
    pub(super) fn expect_any(&mut self, of: &BTreeSet<TaskId>, cause: Cause) -> Verdict<&'a Task> {
        let first = of.first().copied().unwrap_or(TaskId::from_u128(0));
        let (task, said) = self.expect_put(first, &format!("{cause:?}"))?;
        if of.contains(&task.id) && said == cause {
            return Ok(task);
        }
        let what = format!("{cause:?} was to come, not {said:?} of {}", task.id);
        Err(Violation::of(first, what))
    }

    /// The next change, which must be this very one.
    pub(super) fn expect_change(&mut self, wanted: &Change) -> Verdict {
        match self.changes.pop_front() {
            Some(change) if change == wanted => Ok(()),
            other => Err(Violation::general(format!(
                "{wanted:?} was to come, not {other:?}"
            ))),
        }
    }

    /// Of which task the next change is.
    pub(super) fn next_id(&self) -> Option<TaskId> {
        self.changes.front().and_then(|change| change.task_id())
    }

    fn expect_put(&mut self, id: TaskId, what: &str) -> Verdict<(&'a Task, Cause)> {
        match self.changes.pop_front() {
            Some(Change::Put { task, cause, .. }) => Ok((task, *cause)),
            Some(other @ (Change::Forget(_) | Change::Note { .. })) => {
                let what = format!("{what} was to come, not {}", describe::change(other));
                Err(Violation::of(id, what))
            }
            None => Err(Violation::of(
                id,
                format!("{what} was to come, and nothing came"),
            )),
        }
    }

    /// Nobody asked for more.
    pub(super) fn expect_no_more(&mut self) -> Verdict {
        self.changes.pop_front().map_or(Ok(()), |change| {
            let what = format!("nobody asked for {}", describe::change(change));
            Err(match change.task_id() {
                Some(id) => Violation::of(id, what),
                None => Violation::general(what),
            })
        })
    }
}
