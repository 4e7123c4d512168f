//! What the disk holds, and what was said on the strength of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use leasehold_core::{
    Answer, AttemptEnding, Command, Grant, LeaseId, LeaseRef, Policy, Reply, RequestId, Schedule,
    ScheduleName, SessionId, StateKind, Task, TaskId, Timestamp,
};

use super::{
    Verdict, Violation,
    books::Books,
    links::waits_on_disk,
    replies,
    schedules::Schedules,
    seen::{Phase, Seen},
};

#[derive(Debug, Default)]
pub(super) struct Durable {
    /// Changes that are in the pool's memory only, oldest first.
    pending: VecDeque<Pending>,
    disk: BTreeMap<TaskId, Seen>,
    notes: Schedules,
    policy: Option<Policy>,
    /// The newest time of what was stored.
    pub(super) latest: Timestamp,
    made: u64,
    stored: u64,
    /// What the disk has held at any time.
    ever: Ever,
    /// What nodes were told, and must stay true.
    told: Told,
    asked: BTreeMap<(SessionId, RequestId), Command>,
}

/// A change on its way to the disk.
#[derive(Debug)]
enum Pending {
    Task(TaskId, Option<Box<Seen>>),
    Note(ScheduleName, Option<Schedule>),
    Policy(Box<Policy>),
}

#[derive(Debug, Default)]
struct Ever {
    tasks: BTreeSet<TaskId>,
    leases: BTreeSet<LeaseId>,
    endings: BTreeMap<LeaseId, AttemptEnding>,
    ends: BTreeSet<(TaskId, StateKind)>,
}

#[derive(Debug, Default)]
struct Told {
    accepted: BTreeSet<TaskId>,
    completed: BTreeMap<TaskId, LeaseId>,
    cancelled: BTreeSet<TaskId>,
}

impl Durable {
    pub(super) fn will_hold(&mut self, id: TaskId, seen: Option<Seen>) {
        self.made += 1;
        self.pending
            .push_back(Pending::Task(id, seen.map(Box::new)));
    }

    pub(super) fn will_note(&mut self, of: ScheduleName, kept: Option<Schedule>) {
        self.made += 1;
        self.pending.push_back(Pending::Note(of, kept));
    }

    pub(super) fn will_govern(&mut self, policy: Policy) {
        self.made += 1;
        self.pending.push_back(Pending::Policy(Box::new(policy)));
    }

    /// The policy that a restart finds.
    pub(super) fn policy(&self) -> Option<Policy> {
        self.policy.clone()
    }

    /// The schedules that a restart finds.
    pub(super) fn noted(&self) -> Schedules {
        self.notes.clone()
    }

    /// What a restart finds.
    pub(super) fn recall(&mut self) -> BTreeMap<TaskId, Seen> {
        self.pending.clear();
        self.stored = self.made;
        self.disk.clone()
    }

    fn note(&mut self, of: ScheduleName, kept: Option<Schedule>) {
        self.stored += 1;
        match kept {
            Some(kept) => _ = self.notes.insert(of, kept),
            None => _ = self.notes.remove(&of),
        }
    }

    fn store(&mut self, id: TaskId, seen: Option<Seen>) {
        self.stored += 1;
        let Some(seen) = seen else {
            self.disk.remove(&id);
            self.told.accepted.remove(&id);
            self.told.completed.remove(&id);
            self.told.cancelled.remove(&id);
            return;
        };
        self.ever.tasks.insert(id);
        self.ever
            .leases
            .extend(seen.newest.as_ref().map(|of| of.lease));
        let last = seen.ends.last();
        self.ever
            .endings
            .extend(last.map(|end| (end.lease, end.ending)));
        self.ever.ends.insert((id, seen.phase.kind()));
        self.disk.insert(id, seen);
    }

    fn told_accepted(&mut self, id: TaskId) -> Verdict {
        if !self.ever.tasks.contains(&id) {
            return Err(Violation::of(
                id,
                "it was accepted, and the disk does not know it",
            ));
        }
        if self.disk.contains_key(&id) {
            self.told.accepted.insert(id);
        }
        Ok(())
    }

    fn told_granted(&self, grant: &Grant) -> Verdict {
        if self.ever.leases.contains(&grant.lease) {
            return Ok(());
        }
        let what = format!("{} was granted, and the disk does not know it", grant.lease);
        Err(Violation::of(grant.task, what))
    }

    fn told_ended(&mut self, proof: LeaseRef, ending: AttemptEnding) -> Verdict {
        let id = proof.task;
        if self.ever.endings.get(&proof.lease) != Some(&ending) {
            let what = format!(
                "{} was {ending:?}, and the disk does not know it",
                proof.lease
            );
            return Err(Violation::of(id, what));
        }
        let disk = self.disk.get(&id);
        let last = disk.and_then(|seen| seen.ends.last()).map(|end| end.lease);
        if ending != AttemptEnding::Completed || last != Some(proof.lease) {
            return Ok(());
        }
        match self.told.completed.insert(id, proof.lease) {
            Some(other) if other != proof.lease => Err(Violation::of(
                id,
                format!("completed under {other} and {}", proof.lease),
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn told_state(&self, id: TaskId, kind: StateKind) -> Verdict {
        if !kind.is_end() || self.ever.ends.contains(&(id, kind)) {
            return Ok(());
        }
        Err(Violation::of(
            id,
            format!("it was said to be {kind}, and the disk does not know it"),
        ))
    }

    fn told_done(&mut self, of: (SessionId, RequestId), done: &[bool]) -> Verdict {
        let Some(command) = self.asked.get(&of).cloned() else {
            return Ok(());
        };
        let (proofs, ending) = match command {
            Command::Complete(items) => {
                let proofs = items.iter().map(|item| item.proof).collect();
                (proofs, AttemptEnding::Completed)
            }
            Command::Fail(items) => {
                let proofs = items.iter().map(|item| item.proof).collect();
                (proofs, AttemptEnding::Failed)
            }
            Command::Release(proofs) => (proofs, AttemptEnding::Released),
            Command::Cancel(ids) => return self.told_cancelled(&ids, done),
            Command::Open(_)
            | Command::End(_)
            | Command::Enqueue(_)
            | Command::Claim(_)
            | Command::Credit(_)
            | Command::Extend(..)
            | Command::Resume(_)
            | Command::Revive(_)
            | Command::Await(_)
            | Command::CancelWithin(..)
            | Command::Progress(_)
            | Command::ReviveWith(_)
            | Command::Purge(..)
            | Command::Schedule(_)
            | Command::Plan(_)
            | Command::Govern(_) => return Ok(()),
        };
        let mut done = proofs.iter().zip(done).filter(|(_, done)| **done);
        done.try_for_each(|(proof, _)| self.told_ended(*proof, ending))
    }

    fn told_cancelled(&mut self, ids: &[TaskId], done: &[bool]) -> Verdict {
        for (id, _) in ids.iter().zip(done).filter(|(_, done)| **done) {
            self.told_state(*id, StateKind::Cancelled)?;
            // It may have been forgotten since, and put in again.
            let disk = self.disk.get(id).map(|seen| seen.phase.kind());
            if disk == Some(StateKind::Cancelled) {
                self.told.cancelled.insert(*id);
            }
        }
        Ok(())
    }

    /// What was promised of a task, against what the disk says in the end.
    fn check_promises(&self, now: Timestamp, is_at_it: bool) -> Verdict {
        let kind = |id: &TaskId| self.disk.get(id).map(|seen| seen.phase.kind());
        for id in &self.told.accepted {
            let waits = self.disk.get(id).is_some_and(|seen| {
                // Also for a moment that this world does not live to see.
                waits_on_disk(seen) || matches!(seen.phase, Phase::Scheduled(at) if at > now)
            });
            let waits = waits || is_at_it && self.disk.contains_key(id);
            if !waits && !kind(id).is_some_and(StateKind::is_end) {
                return Err(Violation::of(
                    *id,
                    format!("it was accepted, and is {:?}", kind(id)),
                ));
            }
        }
        for (id, lease) in &self.told.completed {
            let last = self.disk.get(id).and_then(|seen| seen.ends.last());
            let is_it = last.is_some_and(|end| end.lease == *lease);
            if kind(id) != Some(StateKind::Completed) || !is_it {
                let what = format!("it was completed under {lease}, and is {:?}", kind(id));
                return Err(Violation::of(*id, what));
            }
        }
        match self
            .told
            .cancelled
            .iter()
            .find(|id| kind(id) != Some(StateKind::Cancelled))
        {
            Some(id) => Err(Violation::of(
                *id,
                format!("cancelled, and is {:?}", kind(id)),
            )),
            None => Ok(()),
        }
    }

    /// The disk itself, against the books.
    fn check_disk(&self, disk: &[Task]) -> Verdict {
        if let Some(lost) = self
            .disk
            .keys()
            .find(|id| !disk.iter().any(|of| of.id == **id))
        {
            return Err(Violation::of(*lost, "it is not on the disk"));
        }
        for task in disk {
            let Some(seen) = self.disk.get(&task.id) else {
                return Err(Violation::of(
                    task.id,
                    "it is on the disk, and was forgotten",
                ));
            };
            seen.agrees(task)
                .map_err(|what| Violation::of(task.id, format!("on the disk, {what}")))?;
        }
        Ok(())
    }
}

impl Books {
    pub(super) fn remember(&mut self, of: (SessionId, RequestId), command: &Command) {
        self.durable.asked.insert(of, command.clone());
    }

    pub(super) fn stored(&mut self, at: Timestamp, changes: usize, kept: usize) {
        if kept > 0 {
            self.durable.latest = self.durable.latest.max(at);
        }
        let pending = &mut self.durable.pending;
        let batch: Vec<_> = pending.drain(..changes.min(pending.len())).collect();
        for change in batch.into_iter().take(kept) {
            match change {
                Pending::Task(id, seen) => self.durable.store(id, seen.map(|seen| *seen)),
                Pending::Note(of, kept) => self.durable.note(of, kept),
                Pending::Policy(policy) => {
                    self.durable.stored += 1;
                    self.durable.policy = Some(*policy);
                }
            }
        }
    }

    pub(super) fn changes_made(&self) -> u64 {
        self.durable.made
    }

    /// Everything that is said is on the disk when it is said.
    pub(super) fn left(&mut self, reply: &Reply, after: u64) -> Verdict {
        let books = &mut self.durable;
        match reply {
            Reply::Answer(session, request, answer) => match answer {
                Answer::Enqueued(items) => {
                    let mut accepted = items.iter().flatten();
                    accepted.try_for_each(|item| books.told_accepted(item.id))?;
                }
                Answer::Done(items) => {
                    let done: Vec<bool> = items.iter().map(Result::is_ok).collect();
                    books.told_done((*session, *request), &done)?;
                }
                Answer::Awaited(task) => books.told_state(task.id, task.state.kind())?,
                Answer::Claimed(_)
                | Answer::Credited(_)
                | Answer::Extended(_)
                | Answer::Revived(_)
                | Answer::Purged(_)
                | Answer::Refused(_) => {}
            },
            Reply::Deliver(..) | Reply::Revoke(..) | Reply::AskStop(..) => {}
        }
        replies::grants(std::slice::from_ref(reply)).try_for_each(|of| books.told_granted(of))?;
        if after > books.stored {
            return Err(Violation::general(
                "a reply left before what it depends on was durable",
            ));
        }
        Ok(())
    }

    pub(super) fn finish(&self, now: Timestamp, disk: &[Task]) -> Verdict {
        self.check_on_time(now)?;
        let is_open = |seen: &&Seen| {
            let is_over = seen.phase.has_ended() || self.is_stuck(seen);
            !is_over && !self.is_for_later(seen, now) && !self.is_at_it(now)
        };
        if let Some(seen) = self.tasks.values().find(is_open) {
            return Err(Violation::of(
                seen.id,
                format!("it never ended: {:?}", seen.phase),
            ));
        }
        self.durable.check_promises(now, self.is_at_it(now))?;
        self.durable.check_disk(disk)
    }
}
