//! Sessions that end, and what holders may say of their leases.

use std::{collections::BTreeSet, time::Duration};

use leasehold_core::{AttemptEnding, Cause, Completion, Ending, LeaseRef, Node, SessionId, TaskId};

use super::{
    Verdict, Violation,
    books::Books,
    replies::{No, Said},
    seen::{By, Phase, Seen},
    step::Step,
    verbs::is_lease,
};

/// How a holder pushes its deadline out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Extension {
    /// To so long from now, or as long as was granted.
    Plain(Option<Duration>),
    /// As long as was granted, with a word on how far it is.
    Progress(u16),
}

impl Books {
    pub(super) fn end_session(
        &mut self,
        step: &mut Step<'_>,
        session: SessionId,
        ending: Ending,
    ) -> Verdict {
        self.sessions.remove(&session);
        self.parked.retain(|_, parked| parked.session != session);
        self.purging.retain(|purging| purging.asked.0 != session);
        let holds = |seen: &&mut Seen| {
            let newest = seen.newest.as_ref();
            newest.is_some_and(|newest| newest.session == Some(session))
                && matches!(seen.phase, Phase::Held(..))
        };
        let mut held: BTreeSet<TaskId> = BTreeSet::new();
        for seen in self.tasks.values_mut().filter(holds) {
            let (now, settings) = (step.now, &self.settings);
            match (ending, seen.phase) {
                (Ending::Bye | Ending::Silence, _) => _ = held.insert(seen.id),
                (Ending::Cut, Phase::Held(until, _)) if until <= now + settings.cut_grace => {}
                (Ending::Cut, _) => seen.phase = Phase::Held(now + settings.cut_grace, By::Cut),
                (Ending::Dismissed, _) => {
                    seen.hold(now, now + settings.restart_grace, By::Hub);
                }
            }
        }
        let by = if ending == Ending::Bye {
            AttemptEnding::Released
        } else {
            AttemptEnding::Silence
        };
        self.end_all(step, held, by)
    }

    fn end_all(
        &mut self,
        step: &mut Step<'_>,
        mut of: BTreeSet<TaskId>,
        ending: AttemptEnding,
    ) -> Verdict {
        while !of.is_empty() {
            let said = step.expect_any(&of, Cause::Requeued(ending))?;
            of.remove(&said.id);
            self.end_attempt(step, said, ending)?;
        }
        Ok(())
    }

    pub(super) fn extend(
        &mut self,
        step: &mut Step<'_>,
        who: (SessionId, &Node),
        leases: &[LeaseRef],
        lease: Option<Duration>,
    ) -> Verdict<Said> {
        if !lease.is_none_or(is_lease) {
            return Ok(Said::Refused(No::OutOfBounds));
        }
        let mut answers = Vec::new();
        for proof in leases {
            answers.push(self.extend_one(step, who, *proof, Extension::Plain(lease))?);
        }
        Ok(Said::Extended(answers))
    }

    pub(super) fn extend_one(
        &mut self,
        step: &mut Step<'_>,
        (session, node): (SessionId, &Node),
        proof: LeaseRef,
        how: Extension,
    ) -> Verdict<Result<Duration, No>> {
        let now = step.now;
        let open: BTreeSet<SessionId> = self.sessions.keys().copied().collect();
        let Some(seen) = self.good(proof, node) else {
            return Ok(Err(No::LeaseLost));
        };
        let is_late = !matches!(seen.phase, Phase::Held(..));
        if is_late {
            seen.take_back_ending();
        }
        let granted_for = seen
            .newest
            .as_ref()
            .map_or(Duration::ZERO, |of| of.lease_for);
        let runs = match how {
            Extension::Plain(Some(lease)) => lease,
            Extension::Plain(None) | Extension::Progress(_) => granted_for,
        };
        seen.hold(now, now + runs, By::Deadline);
        let runs = seen.held_for(now);
        if let Some(newest) = &mut seen.newest {
            // What a node said in an earlier session, and is heard late, takes nothing from the
            // session that it has now.
            let has_it = newest.session.filter(|of| open.contains(of));
            newest.session = has_it.max(Some(session));
        }
        if let Extension::Progress(fraction) = how {
            seen.terms.progress = Some(fraction);
            step.remarks.push("said how far it is");
            let said = step.expect(proof.task, Cause::Progressed)?;
            self.agree(said)?;
        } else if is_late {
            let said = step.expect(proof.task, Cause::Resumed)?;
            self.agree(said)?;
        } else {
            let said = step.expect(proof.task, Cause::Extended)?;
            seen.agrees(said)
                .map_err(|what| Violation::of(proof.task, what))?;
        }
        if is_late {
            self.crowd(proof.task, now)?;
        }
        Ok(Ok(runs))
    }

    /// The node goes on under what it names; what it holds by the books and does not name never
    /// arrived.
    pub(super) fn resume(
        &mut self,
        step: &mut Step<'_>,
        who: (SessionId, &Node),
        leases: &[LeaseRef],
    ) -> Verdict<Said> {
        let mut answers = Vec::new();
        for proof in leases {
            answers.push(self.extend_one(step, who, *proof, Extension::Plain(None))?);
        }
        let (session, node) = who;
        self.ask_again(step, session, leases);
        self.leave_behind(step, session, node);
        let is_unnamed = |seen: &&Seen| {
            let newest = seen.newest.as_ref();
            matches!(seen.phase, Phase::Held(..))
                && newest.is_some_and(|of| of.node == *node)
                && !leases.iter().any(|proof| {
                    proof.task == seen.id && newest.is_some_and(|of| of.lease == proof.lease)
                })
        };
        let mut never_arrived = BTreeSet::new();
        for seen in self.tasks.values().filter(is_unnamed) {
            match seen.newest.as_ref().and_then(|of| of.session) {
                Some(of) if of > session && !self.sessions.contains_key(&of) => {
                    step.remarks.push("spared by a late resume");
                }
                Some(of) if of >= session => {}
                Some(_) | None => _ = never_arrived.insert(seen.id),
            }
        }
        self.end_all(step, never_arrived, AttemptEnding::Released)?;
        Ok(Said::Extended(answers))
    }

    /// A node that went on in a later session reads nothing in the ones before: they have no
    /// credit, and what they wait for is nobody's concern.
    fn leave_behind(&mut self, step: &mut Step<'_>, later: SessionId, node: &Node) {
        for (id, session) in &mut self.sessions {
            if *id >= later || session.node != *node {
                continue;
            }
            let had_parked = self.parked.len();
            self.parked.retain(|_, parked| parked.session != *id);
            if session.credit > 0 || self.parked.len() < had_parked {
                step.remarks.push("left behind");
            }
            (session.credit, session.is_left_behind) = (0, true);
        }
    }

    pub(super) fn complete(
        &mut self,
        step: &mut Step<'_>,
        node: &Node,
        items: &[Completion],
    ) -> Verdict<Said> {
        let mut answers = Vec::new();
        for item in items {
            answers.push(self.complete_one(step, node, item)?);
        }
        Ok(Said::Done(answers))
    }

    fn complete_one(
        &mut self,
        step: &mut Step<'_>,
        node: &Node,
        item: &Completion,
    ) -> Verdict<Result<(), No>> {
        let (proof, ending) = (item.proof, AttemptEnding::Completed);
        if self.is_repeat(proof, node, ending) {
            return Ok(Ok(()));
        }
        let bytes = item.result.as_ref().map_or(0, |bytes| bytes.len());
        if bytes > self.settings.result_bytes_max {
            return Ok(Err(No::OutOfBounds));
        }
        if self.good(proof, node).is_some()
            && let Some(no) = self.refuses_follow_ups(item)
        {
            return Ok(Err(no));
        }
        let now = step.now;
        self.lose_turn(proof.task);
        let Some(seen) = self.good(proof, node) else {
            return Ok(Err(No::LeaseLost));
        };
        if !matches!(seen.phase, Phase::Held(..)) {
            seen.take_back_ending();
        }
        seen.record_end(ending);
        seen.phase = Phase::Completed(now);
        seen.newest = None;
        let said = step.expect(proof.task, Cause::Completed)?;
        step.ended.insert(proof.task);
        self.agree(said)?;
        self.follow_up(step, &item.then)?;
        self.forget_some(step)?;
        Ok(Ok(()))
    }

    pub(super) fn give_back(
        &mut self,
        step: &mut Step<'_>,
        node: &Node,
        proofs: &[LeaseRef],
        ending: AttemptEnding,
    ) -> Verdict<Said> {
        let mut answers = Vec::new();
        for proof in proofs {
            if self.is_repeat(*proof, node, ending) {
                answers.push(Ok(()));
                continue;
            }
            self.lose_turn(proof.task);
            let Some(seen) = self.good(*proof, node) else {
                answers.push(Err(No::LeaseLost));
                continue;
            };
            if !matches!(seen.phase, Phase::Held(..)) {
                seen.take_back_ending();
            }
            let said = step.expect(proof.task, Cause::Requeued(ending))?;
            self.end_attempt(step, said, ending)?;
            answers.push(Ok(()));
        }
        Ok(Said::Done(answers))
    }

    fn good(&mut self, proof: LeaseRef, node: &Node) -> Option<&mut Seen> {
        let seen = self.tasks.get_mut(&proof.task)?;
        seen.is_good(proof, node).then_some(seen)
    }

    fn is_repeat(&self, proof: LeaseRef, node: &Node, ending: AttemptEnding) -> bool {
        let seen = self.tasks.get(&proof.task);
        seen.is_some_and(|seen| seen.is_repeat(proof, node, ending))
    }
}
