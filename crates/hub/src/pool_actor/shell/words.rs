//! Replies: as they wait for their commit, and as they leave.

use bytes::Bytes;
use leasehold_core::{Answer, Grant, Reply, RequestId, SessionId};
use leasehold_store::Blob;
use leasehold_wire::Response;

use super::{
    super::{
        outlet::{Out, Part, Said},
        view,
    },
    Shell,
};
use crate::store_writer::Blobs;

impl Shell {
    /// A reply as it waits in the outbox. What it lacks is read with the next commit.
    pub(super) fn word(&mut self, reply: Reply) -> (SessionId, Said) {
        match reply {
            Reply::Deliver(session, grants) => (session, Said::Deliver(self.with_payloads(grants))),
            Reply::AskStop(session, proof, within) => (session, Said::AskStop(proof, within)),
            Reply::Revoke(session, proof, why) => (session, Said::Revoke(proof, why)),
            Reply::Answer(session, request, answer) => (session, self.word_answer(request, answer)),
        }
    }

    fn word_answer(&mut self, request: RequestId, answer: Answer) -> Said {
        match answer {
            Answer::Claimed(grants) => Said::Claimed(request, self.with_payloads(grants)),
            Answer::Awaited(task) => {
                if task.result_len.is_some() {
                    self.reads.push((task.id, Blob::Result));
                }
                let moment = self.pool.moment_of(task.id);
                let facts = view::facts_of(&task);
                Said::Task {
                    request,
                    task,
                    moment,
                    facts,
                }
            }
            answer @ (Answer::Enqueued(_)
            | Answer::Credited(_)
            | Answer::Extended(_)
            | Answer::Done(_)
            | Answer::Revived(_)
            | Answer::Purged(_)
            | Answer::Refused(_)) => Said::Part(request, Part::Whole(view::response(answer))),
        }
    }

    /// A payload is taken out of memory with its first grant; a second one reads it back.
    fn with_payloads(&mut self, grants: Vec<Grant>) -> Vec<(Grant, Option<Bytes>)> {
        self.ahead.moves();
        let with_payload = |grant: Grant| {
            let payload = self.payloads.take(grant.task);
            if payload.is_none() {
                self.reads.push((grant.task, Blob::Payload));
            }
            (grant, payload)
        };
        grants.into_iter().map(with_payload).collect()
    }

    pub(super) fn leave(&mut self, replies: Vec<(SessionId, Said)>, blobs: &Blobs) {
        for (session, said) in replies {
            let out = self.finish(said, blobs);
            if let Some(outlet) = self.outlets.get(&session) {
                outlet.say(out);
            }
        }
    }

    /// Fills in what only the store had.
    fn finish(&self, said: Said, blobs: &Blobs) -> Out {
        let pool = self.pool.id();
        match said {
            Said::Part(request, part) => Out::Answer(request, pool, part),
            Said::Claimed(request, grants) => {
                let response = if has_facts(&grants) {
                    Response::ClaimedMore(self.deliveries(grants, blobs, view::delivery_more))
                } else {
                    Response::Claimed(self.deliveries(grants, blobs, view::delivery))
                };
                Out::Answer(request, pool, Part::Whole(response))
            }
            Said::Deliver(grants) if has_facts(&grants) => {
                let tasks = self.deliveries(grants, blobs, view::delivery_more);
                Out::DeliverMore(self.name.clone(), tasks)
            }
            Said::Deliver(grants) => {
                let tasks = self.deliveries(grants, blobs, view::delivery);
                Out::Deliver(self.name.clone(), tasks)
            }
            Said::AskStop(proof, within) => Out::AskStop(proof, within),
            Said::Revoke(proof, why) => Out::Revoke(proof, why),
            Said::Task {
                request,
                task,
                moment,
                facts,
            } => {
                let payload = blobs.get(&(task.id, Blob::Payload)).cloned();
                let result = blobs.get(&(task.id, Blob::Result)).cloned();
                let detail = Box::new(view::detail(&self.name, &task, moment, payload, result));
                let response = if facts.is_empty() {
                    Response::Task(detail)
                } else {
                    Response::TaskMore { detail, facts }
                };
                Out::Answer(request, pool, Part::Whole(response))
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

/// Plain tasks are told of in the words of the first version, and at its cost.
fn has_facts(grants: &[(Grant, Option<Bytes>)]) -> bool {
    let has = |grant: &Grant| grant.extras.is_some() && !view::facts_of_grant(grant).is_empty();
    grants.iter().any(|(grant, _)| has(grant))
}
