//! Replies: as they wait for their commit, and as they leave.

use std::time::Duration;

use bytes::Bytes;
use leasehold_core::{Answer, Await, Command, Grant, LeaseRef, Reply, RequestId, SessionId, Task};
use leasehold_store::Blob;
use leasehold_wire::Response;

use super::{
    super::{
        Ask,
        outlet::{Laden, Out, Outlet, Part, Said},
        view,
    },
    Shell,
};
use crate::{freight::Freight, store_writer::Blobs};

/// In place of a request's number: what was granted on credit answers none.
const ON_CREDIT: RequestId = RequestId(0);

impl Shell {
    /// A reply as it waits in the outbox. What it lacks is read with the next commit.
    pub(super) fn word(&mut self, reply: Reply, said: &mut Vec<(SessionId, Said)>) {
        match reply {
            Reply::Deliver(session, grants) => self.word_delivery(session, grants, said),
            Reply::AskStop(session, proof, within) => {
                said.push((session, Said::AskStop(proof, within)));
            }
            Reply::Revoke(session, proof, why) => said.push((session, Said::Revoke(proof, why))),
            Reply::Answer(session, request, answer) => {
                said.push((session, self.word_answer(session, request, answer)));
            }
        }
    }

    fn word_answer(&mut self, session: SessionId, request: RequestId, answer: Answer) -> Said {
        match answer {
            Answer::Claimed(grants) => self.word_claimed(session, request, grants),
            Answer::Awaited(task) => self.word_awaited(session, request, task),
            answer @ (Answer::Enqueued(_)
            | Answer::Credited(_)
            | Answer::Extended(_)
            | Answer::Done(_)
            | Answer::Revived(_)
            | Answer::Purged(_)
            | Answer::Refused(_)) => Said::Part(request, Part::Whole(view::response(answer))),
        }
    }

    /// All of it or, where there is no room on the way, nothing yet: an answer comes once.
    fn word_claimed(&mut self, session: SessionId, request: RequestId, grants: Vec<Grant>) -> Said {
        let bytes = grants.iter().map(payload_len).sum();
        match self.take_way(session, [bytes]) {
            (1, freight) => Said::Claimed(request, self.laden(grants, freight)),
            _ => Said::Later(request, Ask::Hand(grants.iter().map(proof).collect())),
        }
    }

    fn word_awaited(&mut self, session: SessionId, request: RequestId, task: Box<Task>) -> Said {
        let mut freight = Freight::default();
        if let Some(len) = task.result_len {
            let taken = self.take_way(session, [len as usize]);
            if taken.0 == 0 {
                let (task, wait) = (task.id, Duration::ZERO);
                return Said::Later(request, Ask::Command(Command::Await(Await { task, wait })));
            }
            freight = taken.1;
            self.reads.push((task.id, Blob::Result));
        }
        let moment = self.pool.moment_of(task.id);
        let facts = view::facts_of(&task);
        Said::Task {
            request,
            task,
            moment,
            facts,
            freight,
        }
    }

    /// As many as there is room for on the way; the rest once the session has come to that.
    fn word_delivery(
        &mut self,
        session: SessionId,
        mut grants: Vec<Grant>,
        said: &mut Vec<(SessionId, Said)>,
    ) {
        let (count, freight) = self.take_way(session, grants.iter().map(payload_len));
        let later: Vec<LeaseRef> = grants.drain(count..).map(|grant| proof(&grant)).collect();
        if !grants.is_empty() {
            said.push((session, Said::Deliver(self.laden(grants, freight))));
        }
        if !later.is_empty() {
            said.push((session, Said::Later(ON_CREDIT, Ask::Hand(later))));
        }
    }

    /// Tells a session of leases for which there was no room when it got them, as they are now.
    pub(super) fn hand(&mut self, session: SessionId, request: RequestId, leases: &[LeaseRef]) {
        let now = self.clock.now();
        let granted = |proof: &LeaseRef| self.pool.granted(now, session, *proof);
        let grants: Vec<Grant> = leases.iter().filter_map(granted).collect();
        let reply = if request == ON_CREDIT {
            Reply::Deliver(session, grants)
        } else {
            Reply::Answer(session, request, Answer::Claimed(grants))
        };
        self.transition.replies.push(reply);
        self.take_transition();
    }

    /// How many of these lengths there is room for on the way to the session.
    fn take_way(
        &self,
        session: SessionId,
        lengths: impl IntoIterator<Item = usize>,
    ) -> (usize, Freight) {
        match self.outlets.get(&session) {
            Some(outlet) => outlet.way.take(lengths),
            // It has ended, and hears nothing of it.
            None => (lengths.into_iter().count(), Freight::default()),
        }
    }

    /// A payload is taken out of memory with its first grant; a second one reads it back.
    fn laden(&mut self, grants: Vec<Grant>, freight: Freight) -> Laden {
        self.ahead.moves();
        let with_payload = |grant: Grant| {
            let payload = self.payloads.take(grant.task);
            if payload.is_none() {
                self.reads.push((grant.task, Blob::Payload));
            }
            (grant, payload)
        };
        let grants = grants.into_iter().map(with_payload).collect();
        Laden { grants, freight }
    }

    pub(super) fn leave(&mut self, replies: Vec<(SessionId, Said)>, blobs: &Blobs) {
        for (session, said) in replies {
            if let Some(outlet) = self.outlets.get(&session) {
                outlet.say(self.finish(outlet, said, blobs));
            }
        }
    }

    /// Fills in what only the store had.
    fn finish(&self, outlet: &Outlet, said: Said, blobs: &Blobs) -> Out {
        let answer = |request, part, freight| Out::Answer(request, self.pool.id(), part, freight);
        match said {
            Said::Part(request, part) => answer(request, part, Freight::default()),
            Said::Claimed(request, Laden { grants, freight }) => {
                let response = if has_facts(&grants) {
                    Response::ClaimedMore(self.deliveries(grants, blobs, view::delivery_more))
                } else {
                    Response::Claimed(self.deliveries(grants, blobs, view::delivery))
                };
                answer(request, Part::Whole(response), freight)
            }
            Said::Deliver(Laden { grants, freight }) if has_facts(&grants) => {
                let tasks = self.deliveries(grants, blobs, view::delivery_more);
                Out::DeliverMore(self.name.clone(), tasks, freight)
            }
            Said::Deliver(Laden { grants, freight }) => {
                let tasks = self.deliveries(grants, blobs, view::delivery);
                Out::Deliver(self.name.clone(), tasks, freight)
            }
            Said::Later(request, ask) => Out::Later(outlet.pool.clone(), request, ask),
            Said::AskStop(proof, within) => Out::AskStop(proof, within),
            Said::Revoke(proof, why) => Out::Revoke(proof, why),
            Said::Task {
                request,
                task,
                moment,
                facts,
                freight,
            } => {
                let payload = blobs.get(&(task.id, Blob::Payload)).cloned();
                let result = blobs.get(&(task.id, Blob::Result)).cloned();
                let detail = Box::new(view::detail(&self.name, &task, moment, payload, result));
                let response = if facts.is_empty() {
                    Response::Task(detail)
                } else {
                    Response::TaskMore { detail, facts }
                };
                answer(request, Part::Whole(response), freight)
            }
        }
    }

    /// A task without its payload was forgotten after it was granted, so it is not delivered: the
    /// lease is over. One that was granted twice since the last commit is delivered twice.
    fn deliveries<T>(
        &self,
        grants: Vec<(Grant, Option<Bytes>)>,
        blobs: &Blobs,
        view: impl Fn(&Grant, Bytes) -> T,
    ) -> Vec<T> {
        let deliver = |(grant, payload): (Grant, Option<Bytes>)| {
            let from_store = || blobs.get(&(grant.task, Blob::Payload)).cloned();
            let Some(payload) = payload.or_else(from_store) else {
                tracing::warn!(pool = %self.name, task = %grant.task, "its payload is gone");
                return None;
            };
            Some(view(&grant, payload))
        };
        grants.into_iter().filter_map(deliver).collect()
    }
}

const fn payload_len(grant: &Grant) -> usize {
    grant.payload_len as usize
}

const fn proof(grant: &Grant) -> LeaseRef {
    LeaseRef {
        task: grant.task,
        lease: grant.lease,
    }
}

/// Plain tasks are told of in the words of the first version, and at its cost.
fn has_facts(grants: &[(Grant, Option<Bytes>)]) -> bool {
    let has = |grant: &Grant| grant.extras.is_some() && !view::facts_of_grant(grant).is_empty();
    grants.iter().any(|(grant, _)| has(grant))
}
