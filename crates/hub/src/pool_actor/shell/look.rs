//! Looking without touching.

use leasehold_core::{Listing, RequestId, SessionId, Task, TaskId};
use leasehold_store::Blob;
use leasehold_wire::{Fact, Response};

use super::{
    super::{
        PoolMessage, Query,
        looks::Look,
        outlet::{Part, Said},
        view,
    },
    Shell,
};
use crate::freight::Freight;

impl Shell {
    pub(super) fn look(&mut self, session: SessionId, request: RequestId, query: Query) {
        let said = match query {
            Query::Status(of) => {
                let status = Box::new(view::status(&self.name, &self.pool.summary()));
                let held = |id: &SessionId| (*id, self.pool.held_by(*id));
                Said::Part(request, Part::Status(status, of.iter().map(held).collect()))
            }
            Query::Tasks {
                which,
                after,
                tasks_max,
            } => match Listing::filtered(which, after, tasks_max) {
                Ok(listing) => return self.look_through(session, request, Look::List(listing)),
                Err(refusal) => Said::Part(request, Part::Whole(Response::Refused(refusal))),
            },
            Query::Task(id) => self.look_at(request, id),
            Query::Fence if self.looks.are_for(session) => {
                return self.look_through(session, request, Look::Fence);
            }
            Query::Fence => Said::Part(request, Part::Fence),
        };
        self.outbox.say((session, said));
    }

    fn look_through(&mut self, session: SessionId, request: RequestId, look: Look) {
        if self.looks.begin(session, request, look) {
            self.go_on_looking();
        }
    }

    /// Behind what has come meanwhile.
    fn go_on_looking(&self) {
        // This actor is the one that runs.
        _ = self.myself.cast(PoolMessage::LookOn);
    }

    pub(in crate::pool_actor) fn look_on(&mut self) {
        if let Some(said) = self.looks.go_on(&self.pool) {
            self.outbox.say(said);
        }
        if !self.looks.are_over() {
            self.go_on_looking();
        }
    }

    fn look_at(&mut self, request: RequestId, id: TaskId) -> Said {
        let Some(task) = self.pool.task(id) else {
            return Said::Part(request, Part::Whole(view::no_such_task()));
        };
        self.reads.push((id, Blob::Payload));
        if task.result_len.is_some() {
            self.reads.push((id, Blob::Result));
        }
        self.outbox.hold();
        Said::Task {
            request,
            facts: self.facts_known(&task),
            task: Box::new(task),
            moment: self.pool.moment_of(id),
            // Sessions count it for each request of this kind.
            freight: Freight::default(),
        }
    }

    /// All that is known of it beside what is known of any task.
    fn facts_known(&self, task: &Task) -> Vec<Fact> {
        let mut facts = view::facts_known(task, self.pool.settings());
        let explained = self.pool.explain_waiting(task);
        facts.extend(explained.and_then(|why| view::after_of(task, why)));
        facts
    }
}
