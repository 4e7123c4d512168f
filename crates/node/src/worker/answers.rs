//! Outcomes to the hub, in as few requests as fit, until it has had its say on each.

use std::time::Duration;

use bytes::Bytes;
use leasehold_core::{
    LeaseRef, Rejection,
    limits::{self, DELAY_MAX, FOLLOW_UPS_MAX, REASON_BYTES_MAX},
    time::millis,
};
use leasehold_wire::{
    CompleteItem, CompleteMoreItem, FailItem, FailMoreItem, FailThen, Request, Response,
};
use tokio::time::Instant;

use super::{Outcome, WorkerEvent, actor::Actor, sent::Sent};
use crate::{
    NewTask,
    requests::{Limits, retry_after},
    split::split,
};

/// The payloads of all that follows one completion, in bytes.
const FOLLOW_UPS_BYTES_MAX: usize = limits::BLOB_BYTES_MAX;

/// How long to wait for more room: on the disk, or in the pool for what is to follow.
const DISK_PAUSE: Duration = Duration::from_secs(1);

/// The version of the protocol from which on a failure may say what is to become of its task, and a
/// completion what is to follow.
const MORE_SINCE: u16 = 2;

/// What a follow-up takes in a frame beside its payload, about: a few wishes, or 64 parents.
const WISHES_BYTES: usize = 2048;

/// What a frame takes beside one result, at most.
const COMPLETE_BYTES: usize = 512;

impl Actor {
    /// Sends all outcomes that wait to be sent.
    pub(super) fn send_answers(&mut self) {
        let Some(welcome) = self.link.welcome() else {
            return;
        };
        let limits = Limits::from(welcome);
        let result_bytes_max = (welcome.result_bytes_max as usize)
            .min(limits.frame_bytes_max.saturating_sub(COMPLETE_BYTES));
        let (mut completed, mut failed, mut released) = (Vec::new(), Vec::new(), Vec::new());
        let (mut failed_so, mut followed) = (Vec::new(), Vec::new());
        let version = welcome.version;
        let fit = |outcome| fitting(in_words_of(version, outcome), result_bytes_max);
        for (proof, outcome) in self.leases.take_outbox(fit) {
            match outcome {
                Outcome::Complete(result) => completed.push(CompleteItem { proof, result }),
                Outcome::Fail(reason) => failed.push(FailItem { proof, reason }),
                Outcome::FailAfter(reason, wait) => {
                    failed_so.push(failure(proof, reason, FailThen::Wait(millis(wait))));
                }
                Outcome::Hopeless(reason) => {
                    failed_so.push(failure(proof, reason, FailThen::Never));
                }
                Outcome::Then(result, then) => {
                    let item = CompleteItem { proof, result };
                    let then = then.into_iter().map(Into::into).collect();
                    followed.push(CompleteMoreItem { item, then });
                }
                Outcome::Release => released.push(proof),
            }
        }
        for items in split(completed, limits, result_bytes) {
            let proofs = items.iter().map(|item| item.proof).collect();
            self.request(Request::Complete { items }, Sent::Answers(proofs));
        }
        for items in split(followed, limits, followed_bytes) {
            let proofs = items.iter().map(|of| of.item.proof).collect();
            self.request(Request::CompleteMore { items }, Sent::Answers(proofs));
        }
        for items in split(failed, limits, |item: &FailItem| item.reason.len()) {
            let proofs = items.iter().map(|item| item.proof).collect();
            self.request(Request::Fail { items }, Sent::Answers(proofs));
        }
        for items in split(failed_so, limits, |of: &FailMoreItem| of.item.reason.len()) {
            let proofs = items.iter().map(|of| of.item.proof).collect();
            self.request(Request::FailMore { items }, Sent::Answers(proofs));
        }
        for leases in split(released, limits, |_| 0) {
            let proofs = leases.clone();
            self.request(Request::Release { leases }, Sent::Answers(proofs));
        }
    }

    pub(super) fn on_answered(&mut self, proofs: Vec<LeaseRef>, response: Response) {
        let Some(items) = items_of(response, proofs.len()) else {
            return self.link.cut("an answer did not fit what was asked");
        };
        for (proof, item) in proofs.into_iter().zip(items) {
            self.on_verdict(proof, item);
        }
    }

    fn on_verdict(&mut self, proof: LeaseRef, verdict: Result<(), Rejection>) {
        let Err(rejection) = &verdict else {
            return self.settle(proof, verdict);
        };
        if let Some(pause) = pause_after(rejection) {
            return self.leases.send_later(proof, Instant::now() + pause);
        }
        let what = match self.leases.outcome(proof) {
            Some(Outcome::Complete(_)) if matches!(rejection, Rejection::OutOfBounds { .. }) => {
                "the result was rejected"
            }
            Some(Outcome::Then(..)) if *rejection != Rejection::LeaseLost => {
                "what was to follow was rejected"
            }
            Some(_) | None => return self.settle(proof, verdict),
        };
        // Without an answer the task would be held until its lease runs out.
        let reason = format!("{what}: {rejection}");
        self.leases.finish(proof, Outcome::Fail(reason));
    }

    fn settle(&mut self, proof: LeaseRef, accepted: Result<(), Rejection>) {
        let Some(outcome) = self.leases.settle(proof) else {
            return;
        };
        let stats = &mut self.stats;
        match (&accepted, &outcome) {
            (Ok(()), Outcome::Complete(_) | Outcome::Then(..)) => stats.completed += 1,
            (Ok(()), Outcome::Fail(_) | Outcome::FailAfter(..) | Outcome::Hopeless(_)) => {
                stats.failed += 1
            }
            (Ok(()), Outcome::Release) => stats.released += 1,
            (Err(Rejection::LeaseLost), _) => stats.lost += 1,
            (Err(rejection), _) => tracing::warn!(%rejection, ?proof, "an outcome was rejected"),
        }
        self.tell(|| WorkerEvent::Finished {
            proof,
            outcome,
            accepted,
        });
    }
}

/// What was said of each; a request refused as a whole was refused for each.
fn items_of(response: Response, count: usize) -> Option<Vec<Result<(), Rejection>>> {
    if let Response::Refused(rejection) = response {
        return Some(vec![Err(rejection); count]);
    }
    let Response::Done(items) = response else {
        return None;
    };
    (items.len() == count).then_some(items)
}

fn followed_bytes(of: &CompleteMoreItem) -> usize {
    let then = of
        .then
        .iter()
        .map(|more| more.item.payload.len() + WISHES_BYTES);
    result_bytes(&of.item) + then.sum::<usize>()
}

fn result_bytes(item: &CompleteItem) -> usize {
    item.result.as_ref().map_or(0, Bytes::len)
}

/// The outcome as the hub can take it.
fn fitting(outcome: Outcome, result_bytes_max: usize) -> Outcome {
    match outcome {
        Outcome::Complete(Some(result)) | Outcome::Then(Some(result), _)
            if result.len() > result_bytes_max =>
        {
            let bytes = result.len();
            Outcome::Fail(format!(
                "the result is {bytes} bytes, and may be {result_bytes_max}"
            ))
        }
        Outcome::Fail(reason) => Outcome::Fail(cut(reason)),
        Outcome::FailAfter(reason, wait) => Outcome::FailAfter(cut(reason), wait.min(DELAY_MAX)),
        Outcome::Hopeless(reason) => Outcome::Hopeless(cut(reason)),
        Outcome::Then(result, then) if then.is_empty() => {
            fitting(Outcome::Complete(result), result_bytes_max)
        }
        Outcome::Then(_, then) if !is_one_frame(&then) => Outcome::Fail(format!(
            "{} tasks were to follow; there may be {FOLLOW_UPS_MAX}, with {FOLLOW_UPS_BYTES_MAX} \
             bytes of payload",
            then.len()
        )),
        fits @ (Outcome::Complete(_) | Outcome::Then(..) | Outcome::Release) => fits,
    }
}

fn is_one_frame(then: &[NewTask]) -> bool {
    let bytes: usize = then.iter().map(|new| new.payload.len()).sum();
    then.len() <= FOLLOW_UPS_MAX && bytes <= FOLLOW_UPS_BYTES_MAX
}

fn cut(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
    reason
}

/// A hub of version 1 knows failures and nothing more: that it failed is true in any case, and what
/// is to become of the task is then as the pool has it.
fn in_words_of(version: u16, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::FailAfter(reason, _) | Outcome::Hopeless(reason) if version < MORE_SINCE => {
            Outcome::Fail(reason)
        }
        Outcome::Then(_, then) if version < MORE_SINCE && !then.is_empty() => {
            let why = "tasks were to follow, and the hub speaks version 1, which cannot say so";
            Outcome::Fail(why.to_owned())
        }
        Outcome::Complete(_)
        | Outcome::Fail(_)
        | Outcome::FailAfter(..)
        | Outcome::Hopeless(_)
        | Outcome::Then(..)
        | Outcome::Release => outcome,
    }
}

const fn failure(proof: LeaseRef, reason: String, then: FailThen) -> FailMoreItem {
    let item = FailItem { proof, reason };
    FailMoreItem { item, then }
}

/// After how long the same answer may be taken.
fn pause_after(rejection: &Rejection) -> Option<Duration> {
    let is_full = matches!(
        rejection,
        Rejection::DiskNearlyFull { .. } | Rejection::PoolFull { .. }
    );
    is_full
        .then_some(DISK_PAUSE)
        .or_else(|| retry_after(rejection))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_hub_cannot_take_is_made_to_fit() {
        let long = Outcome::Complete(Some(Bytes::from_static(b"too long")));
        assert!(matches!(fitting(long.clone(), 7), Outcome::Fail(_)));
        assert_eq!(fitting(long.clone(), 8), long);
        let Outcome::Fail(reason) = fitting(Outcome::Fail("é".repeat(1000)), 0) else {
            panic!("a failure stays one");
        };
        assert_eq!(reason.len(), REASON_BYTES_MAX);
        let late = Outcome::FailAfter("é".repeat(1000), Duration::MAX);
        let Outcome::FailAfter(reason, wait) = fitting(late, 0) else {
            panic!("a failure stays one");
        };
        assert_eq!((reason.len(), wait), (REASON_BYTES_MAX, DELAY_MAX));
    }
}
