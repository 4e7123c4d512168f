//! What is said, against what must be.

use std::{collections::BTreeMap, time::Duration};

use leasehold_core::{
    Answer, Grant, LeaseId, Rejection, Reply, RequestId, SessionId, StateKind, Task, TaskId,
};

use super::{
    Verdict, Violation,
    books::{Books, Wants},
    step::Step,
    stops::check_asked,
};

/// A grant among replies.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) session: SessionId,
    /// The claim that it answers; none if it goes against credit.
    pub(super) request: Option<RequestId>,
    pub(super) grant: Grant,
}

pub(super) fn tasks_of(grants: &[Grant]) -> Vec<TaskId> {
    grants.iter().map(|grant| grant.task).collect()
}

/// An answer, brought down to what the oracle foretells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Enqueued(Vec<Result<(TaskId, Option<StateKind>), No>>),
    Claimed(usize),
    Credited(u32),
    Extended(Vec<Result<Duration, No>>),
    Done(Vec<Result<(), No>>),
    Revived(Vec<(TaskId, Result<(), No>)>),
    Awaited(TaskId, StateKind),
    Refused(No),
}

/// A refusal without its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum No {
    LeaseLost,
    Unknown,
    Ended(StateKind),
    NotDead(StateKind),
    PoolFull,
    OutOfBounds,
    SessionEnded,
    UnknownParent,
    KeyTaken,
    Elsewhere,
}

pub(super) fn grants(replies: &[Reply]) -> impl Iterator<Item = &Grant> {
    replies.iter().flat_map(|reply| match reply {
        Reply::Answer(_, _, Answer::Claimed(grants)) | Reply::Deliver(_, grants) => &grants[..],
        Reply::Answer(..) | Reply::Revoke(..) | Reply::AskStop(..) => &[],
    })
}

pub(super) fn granted(replies: &[Reply]) -> BTreeMap<LeaseId, Granted> {
    let mut by_lease = BTreeMap::new();
    for reply in replies {
        let session = reply.session();
        let request = match reply {
            Reply::Answer(_, request, _) => Some(*request),
            Reply::Deliver(..) | Reply::Revoke(..) | Reply::AskStop(..) => None,
        };
        for grant in grants(std::slice::from_ref(reply)).cloned() {
            let lease = grant.lease;
            let granted = Granted {
                session,
                request,
                grant,
            };
            by_lease.insert(lease, granted);
        }
    }
    by_lease
}

pub(super) fn refusals(replies: &[Reply]) -> Vec<No> {
    let of = |reply: &Reply| match reply {
        Reply::Answer(_, _, answer) => said(answer),
        Reply::Deliver(..) | Reply::Revoke(..) | Reply::AskStop(..) => Said::Claimed(0),
    };
    let refusals = |said| match said {
        Said::Enqueued(items) => items.into_iter().filter_map(Result::err).collect(),
        Said::Extended(items) => items.into_iter().filter_map(Result::err).collect(),
        Said::Done(items) => items.into_iter().filter_map(Result::err).collect(),
        Said::Revived(items) => items
            .into_iter()
            .filter_map(|(_, item)| item.err())
            .collect(),
        Said::Refused(no) => vec![no],
        Said::Claimed(_) | Said::Credited(_) | Said::Awaited(..) => Vec::new(),
    };
    replies.iter().map(of).flat_map(refusals).collect()
}

pub(super) fn said(answer: &Answer) -> Said {
    match answer {
        Answer::Enqueued(items) => {
            let known = |item: &Result<leasehold_core::Accepted, _>| match item {
                Ok(accepted) => Ok((accepted.id, accepted.known_as)),
                Err(refusal) => Err(no(refusal)),
            };
            Said::Enqueued(items.iter().map(known).collect())
        }
        Answer::Claimed(grants) => Said::Claimed(grants.len()),
        Answer::Credited(total) => Said::Credited(*total),
        Answer::Extended(items) => Said::Extended(items.iter().map(item).collect()),
        Answer::Done(items) => Said::Done(items.iter().map(item).collect()),
        Answer::Revived(items) => {
            Said::Revived(items.iter().map(|(id, one)| (*id, item(one))).collect())
        }
        Answer::Awaited(task) => Said::Awaited(task.id, task.state.kind()),
        // Nobody asks for it.
        Answer::Purged(_) => Said::Refused(No::Elsewhere),
        Answer::Refused(refusal) => Said::Refused(no(refusal)),
    }
}

fn item<T: Copy>(item: &Result<T, Rejection>) -> Result<T, No> {
    item.as_ref().copied().map_err(no)
}

const fn no(refusal: &Rejection) -> No {
    match refusal {
        Rejection::LeaseLost => No::LeaseLost,
        Rejection::NoSuchTask => No::Unknown,
        Rejection::Ended(kind) => No::Ended(*kind),
        Rejection::NotDead(kind) => No::NotDead(*kind),
        Rejection::PoolFull { .. } | Rejection::Full { .. } => No::PoolFull,
        Rejection::OutOfBounds { .. } => No::OutOfBounds,
        Rejection::SessionEnded => No::SessionEnded,
        Rejection::UnknownParent(_) => No::UnknownParent,
        Rejection::KeyTaken(_) => No::KeyTaken,
        Rejection::NoSuchPool(_)
        | Rejection::DiskNearlyFull { .. }
        | Rejection::Unavailable { .. }
        | Rejection::Unsupported(_)
        | Rejection::Cycle(_)
        | Rejection::NoSuchSchedule(_)
        | Rejection::NotEmpty { .. }
        | Rejection::Invalid(_)
        | Rejection::Denied(_) => No::Elsewhere,
    }
}

impl Books {
    pub(super) fn check_replies(
        &mut self,
        step: &mut Step<'_>,
        expected: Option<&Said>,
    ) -> Verdict {
        let mut expected = expected;
        for reply in step.replies() {
            match reply {
                Reply::Answer(session, request, answer) => {
                    let asked = step
                        .call
                        .asked
                        .map(|(session, request, _)| (session, request));
                    if asked == Some((*session, *request)) && expected.is_some() {
                        check_own(expected.take(), answer)?;
                    } else {
                        self.check_parked(step, (*session, *request), answer)?;
                    }
                }
                Reply::AskStop(session, proof, within) => {
                    check_asked(&mut step.stops, (*session, *proof, *within))?;
                }
                Reply::Deliver(session, grants) => self.use_credit(*session, grants)?,
                Reply::Revoke(session, proof, why) => {
                    let told = (*session, *proof, *why);
                    let before = step.revocations.len();
                    step.revocations.retain(|must| *must != told);
                    if step.revocations.len() == before {
                        let what = format!("{} was revoked ({why:?}) untruly", proof.lease);
                        return Err(Violation::of(proof.task, what));
                    }
                }
            }
        }
        if let Some(expected) = expected {
            return Err(Violation::general(format!(
                "no answer came, expected {expected:?}"
            )));
        }
        self.check_all_told(step)
    }

    fn check_all_told(&self, step: &Step<'_>) -> Verdict {
        if let Some((_, proof, _)) = step.revocations.first() {
            let what = format!("the holder of {} was not told that it is lost", proof.lease);
            return Err(Violation::of(proof.task, what));
        }
        if let Some((_, proof, _)) = step.stops.first() {
            return Err(Violation::of(
                proof.task,
                "its holder was not asked to stop it",
            ));
        }
        if let Some(granted) = step.grants.values().next() {
            let what = format!(
                "{} was said to be granted, and was not",
                granted.grant.lease
            );
            return Err(Violation::of(granted.grant.task, what));
        }
        let waits_for = |id: &&TaskId| {
            self.parked
                .values()
                .any(|parked| matches!(parked.wants, Wants::EndOf(of) if of == **id))
        };
        match step.ended.iter().find(waits_for) {
            Some(id) => Err(Violation::of(
                *id,
                "it ended, and who awaited that was not told",
            )),
            None => Ok(()),
        }
    }

    fn use_credit(&mut self, session: SessionId, grants: &[Grant]) -> Verdict {
        let Some(of) = self.sessions.get_mut(&session) else {
            return Err(Violation::general("a delivery to a session that is closed"));
        };
        let used = u32::try_from(grants.len()).unwrap_or(u32::MAX);
        of.credit = of
            .credit
            .checked_sub(used)
            .ok_or_else(|| Violation::general("more was delivered than there was credit"))?;
        Ok(())
    }

    /// An answer to one who has waited: it comes once, with what was wanted or when time is up.
    fn check_parked(
        &mut self,
        step: &Step<'_>,
        of: (SessionId, RequestId),
        answer: &Answer,
    ) -> Verdict {
        let is_it =
            |(_, parked): &(&u64, &super::books::Parked)| (parked.session, parked.request) == of;
        let Some(ticket) = self.parked.iter().find(is_it).map(|(ticket, _)| *ticket) else {
            return Err(Violation::general(format!(
                "nobody waits for {:?}",
                said(answer)
            )));
        };
        let Some(parked) = self.parked.remove(&ticket) else {
            return Ok(());
        };
        if let Answer::Claimed(grants) = answer {
            self.check_weight(&tasks_of(grants))?;
        }
        let is_over = parked.until <= step.now;
        let is_right = match (parked.wants, answer) {
            (Wants::Tasks { max, .. }, Answer::Claimed(grants)) => {
                let passed_over = self
                    .parked
                    .range(..ticket)
                    .any(|(_, other)| matches!(other.wants, Wants::Tasks { .. }));
                let fits = u32::try_from(grants.len()).is_ok_and(|n| n <= max);
                fits && if grants.is_empty() {
                    is_over
                } else {
                    !passed_over
                }
            }
            (Wants::EndOf(id), Answer::Awaited(task)) => {
                task.id == id && (is_over || step.ended.contains(&id)) && self.is_as_said(task)
            }
            _ => false,
        };
        if is_right {
            return Ok(());
        }
        Err(Violation::general(format!(
            "{parked:?} was answered by {:?}",
            said(answer)
        )))
    }

    fn is_as_said(&self, task: &Task) -> bool {
        let seen = self.tasks.get(&task.id);
        seen.is_none_or(|seen| seen.agrees(task).is_ok())
    }
}

fn check_own(expected: Option<&Said>, answer: &Answer) -> Verdict {
    let said = said(answer);
    if expected == Some(&said) {
        return Ok(());
    }
    Err(Violation::general(format!(
        "the answer was {said:?}, expected {expected:?}"
    )))
}
