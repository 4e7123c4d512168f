//! A pool with a bug around it.

use std::collections::BTreeMap;

use leasehold_core::{
    Answer, AttemptEnding, Cause, Change, Claim, Command, Ending, Epoch, Grant, LeaseId, LeaseRef,
    Node, Note, Plan, Policy, Pool, PoolId, PoolSettings, Reply, RequestId, SessionId, Spent,
    State, Task, Timestamp, Transition,
};

use super::{
    Mutation, PRIORITY_MAX,
    later::{self, Keys, Overran, Pauses},
};

/// A pool, sane or with one bug around it.
#[derive(Debug)]
pub(crate) struct Patient {
    pool: Pool,
    bug: Option<Mutation>,
    /// Of the open sessions.
    nodes: BTreeMap<SessionId, Node>,
    last_grant: Option<(SessionId, Grant)>,
    overran: Overran,
    keys: Keys,
    pauses: Pauses,
}

impl Patient {
    pub(crate) fn restore(
        id: PoolId,
        epoch: Epoch,
        mut settings: PoolSettings,
        now: Timestamp,
        mut stored: Vec<Task>,
        bug: Option<Mutation>,
    ) -> Self {
        for task in &mut stored {
            twist_restored(task, bug);
        }
        later::twist_settings(&mut settings, bug);
        Self {
            pool: Pool::restore(id, epoch, settings, now, stored),
            bug,
            nodes: BTreeMap::new(),
            last_grant: None,
            overran: Overran::default(),
            keys: Keys::default(),
            pauses: Pauses::default(),
        }
    }

    pub(crate) fn apply(
        &mut self,
        now: Timestamp,
        session: SessionId,
        request: RequestId,
        command: Command,
    ) -> Transition {
        let mut out = Transition::default();
        if let Command::Open(node) = &command {
            self.nodes.insert(session, node.clone());
        } else if let Command::End(_) = &command {
            self.nodes.remove(&session);
        }
        let hidden = self.hidden(&command);
        let named = later::named(&command);
        let Some((as_session, twisted)) = self.twist_command(session, command, &mut out, request)
        else {
            return out;
        };
        let twisted = match self.bug {
            Some(Mutation::PauseIgnored) => self.pauses.strip(twisted),
            Some(_) | None => twisted,
        };
        self.pool.apply(now, as_session, request, twisted, &mut out);
        self.pauses.pretend(&mut out);
        if as_session != session {
            relabel(&mut out, request, session);
        }
        if let Some((from, to)) = hidden {
            rewrite_ending(&mut out, from, to);
        }
        self.twist_outcome(&mut out);
        if self.bug == Some(Mutation::OverranResumed) {
            self.overran.relent((request, &named), &mut out);
        }
        out
    }

    pub(crate) fn advance(&mut self, now: Timestamp) -> Transition {
        let mut out = Transition::default();
        self.pool.advance(now, &mut out);
        self.twist_outcome(&mut out);
        out
    }

    /// What a store kept of the pool beside its tasks.
    pub(crate) fn recall(&mut self, mut notes: Vec<Note>) {
        if self.bug == Some(Mutation::FiredTwice) {
            notes.iter_mut().for_each(later::forget_instant);
        }
        if self.bug == Some(Mutation::PauseIgnored) {
            self.pauses.recall(&mut notes);
        }
        self.pool.recall(notes);
    }

    /// What is due of its schedules.
    pub(crate) fn plans(&self, now: Timestamp) -> Vec<Plan> {
        self.pool
            .due_schedules()
            .map(|of| later::plan(of, now))
            .collect()
    }

    pub(crate) const fn policy(&self) -> &Policy {
        self.pool.policy()
    }

    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.pool.next_deadline()
    }

    /// Takes back what is left of its changes.
    pub(crate) fn reuse(&mut self, spent: Spent) {
        self.pool.reuse(spent);
    }

    /// The core's own opinion of itself.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.pool.check()
    }

    /// Which ending is to be hidden behind which, so that only what follows from the bug shows.
    fn hidden(&self, command: &Command) -> Option<(AttemptEnding, AttemptEnding)> {
        match (self.bug?, command) {
            (Mutation::FailureUncounted, Command::Fail(_)) => {
                Some((AttemptEnding::Released, AttemptEnding::Failed))
            }
            (Mutation::CutWithoutGrace, Command::End(Ending::Cut)) => {
                Some((AttemptEnding::Silence, AttemptEnding::Cut))
            }
            (Mutation::ByeCounted, Command::End(Ending::Bye)) => {
                Some((AttemptEnding::Silence, AttemptEnding::Released))
            }
            _ => None,
        }
    }

    /// The command that the pool hears, and from whom; none if it hears nothing.
    fn twist_command(
        &self,
        session: SessionId,
        mut command: Command,
        out: &mut Transition,
        request: RequestId,
    ) -> Option<(SessionId, Command)> {
        let Some(bug) = self.bug else {
            return Some((session, command));
        };
        if let Some(answer) = self.answer_by_key(&command) {
            out.replies.push(Reply::Answer(session, request, answer));
            return None;
        }
        let mut as_session = session;
        later::twist_wishes(bug, &mut command);
        match (bug, &mut command) {
            (Mutation::HolderUnchecked, _) => {
                as_session = self.holder(&command).unwrap_or(session);
            }
            (Mutation::EndUnnoticed, Command::End(_)) => return None,
            (Mutation::CutWithoutGrace, Command::End(ending)) if *ending == Ending::Cut => {
                *ending = Ending::Silence;
            }
            (Mutation::ByeCounted, Command::End(ending)) if *ending == Ending::Bye => {
                *ending = Ending::Silence;
            }
            (Mutation::FailureUncounted, Command::Fail(items)) => {
                command = Command::Release(items.iter().map(|item| item.proof).collect());
            }
            (Mutation::OneAttemptTooMany, Command::Enqueue(tasks)) => {
                let usual = self.pool.settings().attempts_max;
                for task in tasks {
                    task.attempts_max = Some(task.attempts_max.unwrap_or(usual) + 1);
                }
            }
            (Mutation::PriorityInverted, Command::Enqueue(tasks)) => {
                for task in tasks {
                    task.priority = PRIORITY_MAX - task.priority;
                }
            }
            (Mutation::NeverArrivedKept, Command::Resume(leases)) => {
                command = Command::Extend(leases.clone(), None);
            }
            (Mutation::ParkedClaimForgotten, Command::Claim(Claim { wait, .. }))
                if !wait.is_zero() =>
            {
                return None;
            }
            (Mutation::ExtensionForgotten, Command::Extend(leases, Some(lease))) => {
                let held = |proof: &LeaseRef| self.is_claimed_under(session, *proof);
                if leases.iter().all(held) {
                    self.pretend_extension(leases, out);
                    let answers = leases.iter().map(|_| Ok(*lease)).collect();
                    let answer = Answer::Extended(answers);
                    out.replies.push(Reply::Answer(session, request, answer));
                    return None;
                }
            }
            (Mutation::StaleLeaseAccepted | Mutation::LeaseReissued, _) => {
                for proof in proofs(&mut command) {
                    self.freshen(session, proof);
                }
            }
            _ => {}
        }
        Some((as_session, command))
    }

    /// As if a key were a task's after its end, if that is the bug.
    fn answer_by_key(&self, command: &Command) -> Option<Answer> {
        if let Command::Enqueue(tasks) = command
            && self.bug == Some(Mutation::KeyOutlives)
        {
            return self.keys.answer(tasks, &self.pool);
        }
        None
    }

    /// Whose lease an answer names, if another session has it in hand.
    fn holder(&self, command: &Command) -> Option<SessionId> {
        if matches!(command, Command::Resume(_)) {
            return None;
        }
        let mut command = command.clone();
        let proof = *proofs(&mut command).into_iter().next()?;
        let task = self.pool.task(proof.task)?;
        let lease = task.lease.as_ref().filter(|of| of.id == proof.lease)?;
        let mut of_node = self.nodes.iter().filter(|(_, node)| **node == lease.node);
        of_node.next_back().map(|(session, _)| *session)
    }

    fn is_claimed_under(&self, session: SessionId, proof: LeaseRef) -> bool {
        let node = self.nodes.get(&session);
        self.pool.task(proof.task).is_some_and(|task| {
            // Of others the answer alone would tell: it may be shorter than what was asked for.
            let is_plain = task.extras.is_none();
            is_plain
                && task.state == State::Claimed
                && task.is_held_under(proof)
                && task.node() == node
        })
    }

    fn pretend_extension(&self, leases: &[LeaseRef], out: &mut Transition) {
        let tasks = leases.iter().filter_map(|proof| self.pool.task(proof.task));
        out.changes.extend(tasks.map(|task| Change::Put {
            task: Box::new(task),
            cause: Cause::Extended,
            blob: None,
        }));
    }

    /// Makes an old lease into the newest one, if the bug takes it for that.
    fn freshen(&self, session: SessionId, proof: &mut LeaseRef) {
        let node = self.nodes.get(&session);
        let task = self.pool.task(proof.task);
        let Some(task) = task else { return };
        let newest = task.lease.as_ref();
        let last = task.history.last();
        let found = match self.bug {
            Some(Mutation::LeaseReissued) => newest
                .map(|lease| lease.id)
                .into_iter()
                .chain(last.map(|attempt| attempt.lease))
                .find(|lease| lease.number == proof.lease.number),
            _ => newest
                .filter(|lease| Some(&lease.node) == node && lease.id > proof.lease)
                .map(|lease| lease.id),
        };
        proof.lease = found.unwrap_or(proof.lease);
    }

    fn twist_outcome(&mut self, out: &mut Transition) {
        match self.bug {
            Some(Mutation::GrantedTwice) => self.grant_twice(out),
            Some(Mutation::OneAttemptTooMany) => each_task(out, |task| task.attempts_max -= 1),
            Some(Mutation::PriorityInverted) => {
                each_task(out, |task| task.priority = PRIORITY_MAX - task.priority);
                each_grant(out, |grant| grant.priority = PRIORITY_MAX - grant.priority);
            }
            Some(Mutation::LeaseReissued) => strip_epochs(out),
            Some(Mutation::OverranResumed) => self.overran.note(out),
            Some(Mutation::KeyOutlives) => self.keys.note(out),
            Some(Mutation::PayloadKept) => later::keep_payloads(out),
            Some(Mutation::PermitLeaked) => later::leak_permits(&mut self.pool, out),
            Some(Mutation::RevocationUnsaid) => {
                out.replies
                    .retain(|reply| !matches!(reply, Reply::Revoke(..)));
            }
            Some(_) | None => {}
        }
    }

    /// A claim that found nothing is given what somebody else was granted last.
    fn grant_twice(&mut self, out: &mut Transition) {
        for reply in &mut out.replies {
            let Reply::Answer(session, _, Answer::Claimed(grants)) = reply else {
                continue;
            };
            match (grants.last(), &self.last_grant) {
                (Some(grant), _) => self.last_grant = Some((*session, grant.clone())),
                (None, Some((holder, grant))) if holder != session => grants.push(grant.clone()),
                (None, _) => {}
            }
        }
    }
}

fn twist_restored(task: &mut Task, bug: Option<Mutation>) {
    match (bug, task.state) {
        (Some(Mutation::AttemptsForgotten), State::Ready | State::Scheduled { .. }) => {
            task.attempt = 0;
        }
        (Some(Mutation::CompletionForgotten), State::Completed { .. }) => {
            task.state = State::Ready;
            task.attempt = 0;
        }
        (Some(Mutation::StopForgotten), _) => later::forget_stop(task),
        (Some(Mutation::ProgressForgotten), _) => later::forget_progress(task),
        (Some(Mutation::OneAttemptTooMany), _) => task.attempts_max += 1,
        (Some(Mutation::PriorityInverted), _) => task.priority = PRIORITY_MAX - task.priority,
        _ => {}
    }
}

/// The answer goes to the one who asked.
fn relabel(out: &mut Transition, asked: RequestId, session: SessionId) {
    for reply in &mut out.replies {
        if let Reply::Answer(to, request, _) = reply
            && *request == asked
        {
            *to = session;
        }
    }
}

fn each_task(out: &mut Transition, mut twist: impl FnMut(&mut Task)) {
    for change in &mut out.changes {
        if let Change::Put { task, .. } = change {
            twist(task);
        }
    }
}

fn each_grant(out: &mut Transition, mut twist: impl FnMut(&mut Grant)) {
    for reply in &mut out.replies {
        if let Reply::Answer(_, _, Answer::Claimed(grants)) | Reply::Deliver(_, grants) = reply {
            grants.iter_mut().for_each(&mut twist);
        }
    }
}

fn rewrite_ending(out: &mut Transition, from: AttemptEnding, to: AttemptEnding) {
    for change in &mut out.changes {
        if let Change::Put { task, cause, .. } = change
            && *cause == Cause::Requeued(from)
        {
            *cause = Cause::Requeued(to);
            if let Some(last) = task.history.last_mut() {
                last.ending = to;
            }
        }
    }
}

fn strip_epochs(out: &mut Transition) {
    let strip = |lease: &mut LeaseId| lease.epoch = Epoch(1);
    each_task(out, |task| {
        task.lease.iter_mut().for_each(|lease| strip(&mut lease.id));
        task.history.iter_mut().for_each(|of| strip(&mut of.lease));
    });
    each_grant(out, |grant| strip(&mut grant.lease));
    for reply in &mut out.replies {
        if let Reply::Revoke(_, proof, _) = reply {
            strip(&mut proof.lease);
        }
    }
}

fn proofs(command: &mut Command) -> Vec<&mut LeaseRef> {
    match command {
        Command::Complete(items) => items.iter_mut().map(|item| &mut item.proof).collect(),
        Command::Progress(items) => items.iter_mut().map(|item| &mut item.proof).collect(),
        Command::Fail(items) => items.iter_mut().map(|item| &mut item.proof).collect(),
        Command::Extend(leases, _) | Command::Release(leases) | Command::Resume(leases) => {
            leases.iter_mut().collect()
        }
        Command::Open(_)
        | Command::End(_)
        | Command::Enqueue(_)
        | Command::Claim(_)
        | Command::Credit(_)
        | Command::Cancel(_)
        | Command::Revive(_)
        | Command::Await(_)
        | Command::CancelWithin(..)
        | Command::ReviveWith(_)
        | Command::Purge(..)
        | Command::Schedule(_)
        | Command::Plan(_)
        | Command::Govern(_) => Vec::new(),
    }
}
