//! What each verb must do and answer.

use std::{collections::BTreeSet, time::Duration};

use leasehold_core::{
    Answer, AttemptEnding, Await, Cause, Claim, Command, Credit, Edit, LeaseRef, NewTask, Node,
    Reply, RequestId, Revive, Revocation, SessionId, StateKind, TaskId,
    limits::{ATTEMPTS_MAX, BATCH_MAX, CLAIM_MAX, LEASE_MAX, LEASE_MIN, PARKED_MAX, WAIT_MAX},
};

use super::{
    Verdict, Violation,
    books::{Books, Parked, Session, Wants},
    expiry::Terms,
    replies::{No, Said, tasks_of},
    seen::{Phase, Seen},
    step::Step,
};

impl Books {
    /// What must be answered at once, if anything.
    pub(super) fn ask(
        &mut self,
        step: &mut Step<'_>,
        session: SessionId,
        request: RequestId,
        command: &Command,
    ) -> Verdict<Option<Said>> {
        if let Command::Open(node) = command {
            self.open(session, node);
            return Ok(None);
        }
        if let Command::Plan(plan) = command {
            self.planned(step, plan)?;
            return Ok(None);
        }
        if let Command::Govern(govern) = command {
            return self.govern(step, govern).map(Some);
        }
        let Some(node) = self.sessions.get(&session).map(|of| of.node.clone()) else {
            let is_end = matches!(command, Command::End(_));
            if is_end {
                return Ok(None);
            }
            step.remarks.push("refused as ended");
            return Ok(Some(Said::Refused(No::SessionEnded)));
        };
        if self.is_deaf_to(session, command) {
            step.remarks.push("refused as left behind");
            return Ok(Some(Said::Refused(No::SessionEnded)));
        }
        if items(command) > BATCH_MAX {
            step.remarks.push("refused as a flood");
            return Ok(Some(Said::Refused(No::OutOfBounds)));
        }
        let who = (session, &node);
        Ok(Some(match command {
            Command::Open(_) => return Ok(None),
            Command::End(ending) => {
                self.end_session(step, session, *ending)?;
                return Ok(None);
            }
            Command::Enqueue(tasks) => self.enqueue(step, tasks)?,
            Command::Claim(claim) => return self.claim(step, session, request, *claim),
            Command::Await(wait) => return Ok(self.await_end(step, session, request, *wait)),
            Command::Credit(credit) => self.credit(session, *credit),
            Command::Extend(leases, lease) => self.extend(step, who, leases, *lease)?,
            Command::Resume(leases) => self.resume(step, who, leases)?,
            Command::Complete(items) => self.complete(step, &node, items)?,
            Command::Fail(items) => {
                let proofs: Vec<LeaseRef> = items.iter().map(|item| item.proof).collect();
                self.give_back(step, &node, &proofs, AttemptEnding::Failed)?
            }
            Command::Release(proofs) => {
                self.give_back(step, &node, proofs, AttemptEnding::Released)?
            }
            Command::Cancel(ids) => self.cancel(step, ids)?,
            Command::Revive(revive) => self.revive(step, revive)?,
            Command::Plan(_) => return Ok(None),
            Command::Schedule(ask) => self.schedule(step, ask)?,
            Command::CancelWithin(ids, grace) => self.cancel_within(step, ids, *grace)?,
            Command::Progress(items) => self.progress(step, who, items)?,
            Command::ReviveWith(revive) => self.revive_with(step, revive)?,
            Command::Purge(which, tasks_max) => {
                return self.purge(step, (session, request), which, *tasks_max);
            }
            Command::Govern(_) => Said::Refused(No::Elsewhere),
        }))
    }

    /// Who is left behind is granted nothing.
    fn is_deaf_to(&self, session: SessionId, command: &Command) -> bool {
        let is_left_behind = |of: &Session| of.is_left_behind;
        matches!(command, Command::Claim(_) | Command::Credit(_))
            && self.sessions.get(&session).is_some_and(is_left_behind)
    }

    fn open(&mut self, session: SessionId, node: &Node) {
        let credit_lease = self.settings.lease;
        self.sessions.entry(session).or_insert(Session {
            node: node.clone(),
            credit: 0,
            credit_lease,
            is_left_behind: false,
        });
    }

    fn enqueue(&mut self, step: &mut Step<'_>, tasks: &[NewTask]) -> Verdict<Said> {
        let mut answers = Vec::new();
        for new in tasks {
            answers.push(match self.tasks.get(&new.id) {
                Some(seen) => Ok((new.id, Some(seen.phase.kind()))),
                None => self.enqueue_one(step, new, 0)?,
            });
        }
        Ok(Said::Enqueued(answers))
    }

    /// Where so many that are known are about to be forgotten.
    pub(super) fn enqueue_one(
        &mut self,
        step: &mut Step<'_>,
        new: &NewTask,
        forgotten: u64,
    ) -> Verdict<Result<(TaskId, Option<StateKind>), No>> {
        let mut terms = Terms::of(new, &self.settings);
        terms.links.enqueued_at = step.now;
        if let Some((key, _)) = &terms.links.key
            && let Some(holder) = self.key_holder(key, step.now)
        {
            step.remarks.push("known by its key");
            let kind = self.seen(holder)?.phase.kind();
            return Ok(Ok((holder, Some(kind))));
        }
        let attempts_max = new.attempts_max.unwrap_or(self.settings.attempts_max);
        if self.tasks.len() as u64 >= self.settings.tasks_max + forgotten {
            return Ok(Err(No::PoolFull));
        }
        if !(1..=ATTEMPTS_MAX).contains(&attempts_max)
            || new.payload.len() > self.settings.payload_bytes_max
        {
            return Ok(Err(No::OutOfBounds));
        }
        if !self.knows_parents(&terms.links.left) {
            return Ok(Err(No::UnknownParent));
        }
        let said = step.expect(new.id, Cause::Enqueued)?;
        let ready_at = terms.ready_at(step.now, new.delay);
        let mut seen = Seen {
            id: new.id,
            order: self.next_order,
            priority: new.priority,
            attempts_max,
            payload_bytes: new.payload.len() as u64,
            ready_at,
            attempt: 0,
            interruptions: 0,
            losses: 0,
            lost: 0,
            phase: if ready_at > step.now {
                Phase::Scheduled(ready_at)
            } else {
                Phase::Ready
            },
            newest: None,
            ends: Vec::new(),
            terms,
        };
        self.next_order += 1;
        self.beside_parents(&mut seen);
        self.tasks.insert(new.id, seen);
        self.agree(said)?;
        self.settle_new_child(step, new.id)?;
        Ok(Ok((new.id, None)))
    }

    fn claim(
        &mut self,
        step: &mut Step<'_>,
        session: SessionId,
        request: RequestId,
        claim: Claim,
    ) -> Verdict<Option<Said>> {
        let is_fair = (1..=CLAIM_MAX).contains(&claim.tasks_max) && claim.wait <= WAIT_MAX;
        if is_fair && !claim.wait.is_zero() && self.parked_by(session) >= PARKED_MAX {
            step.remarks.push("refused to park more");
            return Ok(Some(Said::Refused(No::OutOfBounds)));
        }
        if !is_fair || !claim.lease.is_none_or(is_lease) {
            return Ok(Some(Said::Refused(No::OutOfBounds)));
        }
        let own = step.replies().iter().find_map(|reply| match reply {
            Reply::Answer(of, to, Answer::Claimed(grants)) if (*of, *to) == (session, request) => {
                Some(tasks_of(grants))
            }
            Reply::Answer(..) | Reply::Deliver(..) | Reply::Revoke(..) | Reply::AskStop(..) => None,
        });
        let own = own.unwrap_or_default();
        let granted = own.len();
        if granted as u64 > u64::from(claim.tasks_max) {
            return Err(Violation::general(
                "a claim was granted more than it asked for",
            ));
        }
        self.check_weight(&own)?;
        step.cut_short = ((granted as u64) < u64::from(claim.tasks_max)).then_some(own);
        if granted > 0 || claim.wait.is_zero() {
            return Ok(Some(Said::Claimed(granted)));
        }
        let wants = Wants::Tasks {
            max: claim.tasks_max,
            lease: claim.lease.unwrap_or(self.settings.lease),
        };
        self.park(step, (session, request), claim.wait, wants);
        Ok(None)
    }

    fn await_end(
        &mut self,
        step: &Step<'_>,
        session: SessionId,
        request: RequestId,
        wait: Await,
    ) -> Option<Said> {
        let Some(seen) = self.tasks.get(&wait.task) else {
            return Some(Said::Refused(No::Unknown));
        };
        if seen.phase.has_ended() || wait.wait.is_zero() {
            return Some(Said::Awaited(wait.task, seen.phase.kind()));
        }
        if wait.wait > WAIT_MAX || self.parked_by(session) >= PARKED_MAX {
            return Some(Said::Refused(No::OutOfBounds));
        }
        self.park(step, (session, request), wait.wait, Wants::EndOf(wait.task));
        None
    }

    fn parked_by(&self, session: SessionId) -> usize {
        let parked = self.parked.values();
        parked.filter(|parked| parked.session == session).count()
    }

    fn park(
        &mut self,
        step: &Step<'_>,
        (session, request): (SessionId, RequestId),
        wait: Duration,
        wants: Wants,
    ) {
        let until = step.now + wait;
        let parked = Parked {
            session,
            request,
            until,
            wants,
        };
        self.parked.insert(self.next_ticket, parked);
        self.next_ticket += 1;
    }

    fn credit(&mut self, session: SessionId, credit: Credit) -> Said {
        let lease = self.lease_of(credit);
        let Some(of) = self.sessions.get_mut(&session) else {
            return Said::Refused(No::SessionEnded);
        };
        let total = of.credit.saturating_add(credit.tasks);
        if !credit.lease.is_none_or(is_lease) || total > CLAIM_MAX {
            return Said::Refused(No::OutOfBounds);
        }
        of.credit = total;
        of.credit_lease = lease.unwrap_or(of.credit_lease);
        Said::Credited(total)
    }

    fn cancel(&mut self, step: &mut Step<'_>, ids: &[TaskId]) -> Verdict<Said> {
        let mut answers = Vec::new();
        for id in ids {
            answers.push(match self.tasks.get(id).map(|seen| seen.phase) {
                None => Err(No::Unknown),
                Some(Phase::Cancelled(_)) => Ok(()),
                Some(phase) if phase.has_ended() => Err(No::Ended(phase.kind())),
                Some(phase) => {
                    self.cancel_one(step, *id, phase)?;
                    Ok(())
                }
            });
        }
        Ok(Said::Done(answers))
    }

    pub(super) fn cancel_one(&mut self, step: &mut Step<'_>, id: TaskId, phase: Phase) -> Verdict {
        let seen = self.seen(id)?;
        if matches!(phase, Phase::Held(..)) {
            seen.record_end(AttemptEnding::Cancelled);
        }
        seen.phase = Phase::Cancelled(step.now);
        self.lose_lease(step, id, Revocation::Cancelled)?;
        let said = step.expect(id, Cause::Cancelled)?;
        step.ended.insert(id);
        self.agree(said)?;
        self.forget_some(step)
    }

    fn revive(&mut self, step: &mut Step<'_>, revive: &Revive) -> Verdict<Said> {
        let ids = match revive {
            Revive::Tasks(ids) => ids.clone(),
            Revive::All => self.all_dead(),
        };
        let mut answers = Vec::new();
        for id in ids {
            let answer = self.revive_edited(step, id, &[])?;
            answers.push((id, answer));
        }
        Ok(Said::Revived(answers))
    }

    pub(super) fn revive_edited(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        edits: &[Edit],
    ) -> Verdict<Result<(), No>> {
        Ok(match self.tasks.get(&id).map(|seen| seen.phase) {
            None => Err(No::Unknown),
            Some(Phase::Dead(_)) if self.key_is_taken(id, step.now) => Err(No::KeyTaken),
            Some(Phase::Dead(_)) => {
                self.edit(step, id, edits)?;
                self.revive_one(step, id)?;
                Ok(())
            }
            Some(phase) => Err(No::NotDead(phase.kind())),
        })
    }

    pub(super) fn all_dead(&self) -> Vec<TaskId> {
        let died = |seen: &Seen| {
            let Phase::Dead(at) = seen.phase else {
                return None;
            };
            Some((at, seen.id))
        };
        let dead: BTreeSet<_> = self.tasks.values().filter_map(died).collect();
        dead.into_iter().map(|(_, id)| id).take(BATCH_MAX).collect()
    }

    fn revive_one(&mut self, step: &mut Step<'_>, id: TaskId) -> Verdict {
        let now = step.now;
        let seen = self.seen(id)?;
        (seen.attempt, seen.interruptions) = (0, 0);
        (seen.losses, seen.lost) = (0, 0);
        (seen.phase, seen.ready_at) = (Phase::Ready, now);
        seen.lives_again();
        let mut waiting = seen.clone();
        self.wait_again(&mut waiting);
        *self.seen(id)? = waiting;
        let said = step.expect(id, Cause::Revived)?;
        self.agree(said)
    }

    pub(super) fn forget_some(&mut self, step: &mut Step<'_>) -> Verdict {
        while let Some(id) = step.next_forgotten() {
            self.forget(step.now, id)?;
        }
        Ok(())
    }
}

/// How many are asked for at once.
fn items(command: &Command) -> usize {
    match command {
        Command::Enqueue(tasks) => tasks.len(),
        Command::Complete(items) => items.len(),
        Command::Fail(items) => items.len(),
        Command::Progress(items) => items.len(),
        Command::Extend(leases, _) | Command::Release(leases) | Command::Resume(leases) => {
            leases.len()
        }
        Command::Cancel(ids)
        | Command::CancelWithin(ids, _)
        | Command::Revive(Revive::Tasks(ids)) => ids.len(),
        Command::ReviveWith(_)
        | Command::Open(_)
        | Command::End(_)
        | Command::Claim(_)
        | Command::Credit(_)
        | Command::Revive(Revive::All)
        | Command::Await(_)
        | Command::Purge(..)
        | Command::Schedule(_)
        | Command::Plan(_)
        | Command::Govern(_) => 0,
    }
}

pub(super) fn is_lease(lease: Duration) -> bool {
    (LEASE_MIN..=LEASE_MAX).contains(&lease)
}
