//! The line of those who wait, and the rounds in which they are served.

use std::collections::BTreeMap;

use leasehold_core::{Command, Rejection, RequestId, SessionId, Timestamp};
use leasehold_wire::{PoolStatus, Response};
use tokio::task::AbortHandle;

use super::{FrontArguments, line::Line};
use crate::{
    actor::ActorRef,
    freight::Freight,
    parts::{Head, whole_of},
    pool_actor::{Ask, Out, Outlet, Part, PoolMessage, Query, Slip, Want, status_of_none},
};

/// Tasks that a partition is asked for in a round.
pub(super) const SLICE: u32 = 64;

pub(crate) struct Front {
    of: FrontArguments,
    line: Line,
    outlets: BTreeMap<SessionId, Outlet>,
    /// Partitions that have not answered in this round.
    at_work: usize,
    heads: Vec<Head>,
    myself: ActorRef<PoolMessage>,
    /// Set for the first wait that is over, or earlier.
    alarm: Option<(Timestamp, AbortHandle)>,
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some((_, alarm)) = self.alarm.take() {
            alarm.abort();
        }
    }
}

impl Front {
    pub(super) fn new(myself: ActorRef<PoolMessage>, of: FrontArguments) -> Self {
        of.parts.board.take_over(myself.clone());
        Self {
            of,
            line: Line::default(),
            outlets: BTreeMap::new(),
            at_work: 0,
            heads: Vec::new(),
            myself,
            alarm: None,
        }
    }

    pub(super) fn hello(&mut self, session: SessionId, outlet: Outlet) {
        if let Some(earlier) = self.outlets.insert(session, outlet) {
            earlier.close();
        }
        self.line.enter(session);
    }

    pub(super) fn gone(&mut self, session: SessionId) {
        self.line.leave(session);
        if let Some(outlet) = self.outlets.remove(&session) {
            outlet.close();
        }
    }

    pub(super) fn ask(&mut self, session: SessionId, request: RequestId, ask: Ask) {
        let part = match ask {
            Ask::Command(Command::Claim(claim)) => {
                let now = self.of.clock.now();
                let Err(refusal) = self.line.claim(now, session, request, claim) else {
                    return;
                };
                Part::Whole(Response::Refused(refusal))
            }
            Ask::Command(Command::Credit(credit)) => {
                let total = self.line.credit(session, credit, &self.of.settings);
                Part::Whole(total.map_or_else(Response::Refused, Response::Credited))
            }
            Ask::Query(Query::Status(_)) => Part::Status(Box::new(self.status()), Vec::new()),
            Ask::Query(Query::Fence) => Part::Fence,
            // No lease and no task is here; partitions answer for theirs.
            Ask::Command(_) | Ask::Query(_) | Ask::Schedule(_) | Ask::Pool(_) | Ask::Hand(_) => {
                Part::Whole(Response::Refused(Rejection::LeaseLost))
            }
        };
        self.say(session, request, part);
    }

    /// The hub's configuration is another.
    pub(super) fn rebase(&mut self) {
        let name = whole_of(&self.of.parts.front);
        self.of.settings = self.of.config.now().settings_of(&name).clone();
    }

    pub(super) fn tick(&mut self) {
        self.alarm = None;
    }

    /// Those who wait; partitions add all else.
    fn status(&self) -> PoolStatus {
        status_of_none(whole_of(&self.of.parts.front), self.line.len())
    }

    pub(super) fn served(&mut self, outcomes: Vec<(Want, Result<u32, Rejection>)>) {
        self.at_work -= 1;
        for (want, outcome) in outcomes {
            let session = want.session;
            if let Some((request, refusal)) = self.line.served(want, outcome) {
                self.say(session, request, Part::Whole(Response::Refused(refusal)));
            }
        }
    }

    /// The next round, if this one is over.
    pub(super) fn serve(&mut self) {
        if self.at_work == 0 && !self.line.is_empty() {
            self.of.parts.board.look(&mut self.heads);
            let first = |index: usize| Some((self.heads[index].first?, index));
            let mut order: Vec<_> = (0..self.heads.len()).filter_map(first).collect();
            order.sort_unstable();
            if order.is_empty() {
                self.answer_overdue();
            }
            let ready = u32::try_from(order.len()).unwrap_or(1).max(1);
            let part = self.line.demand(SLICE * ready).div_ceil(ready);
            for (_, index) in order {
                self.ask_partition(index, part);
            }
        }
        self.set_alarm();
    }

    fn ask_partition(&mut self, index: usize, tasks_max: u32) {
        let Head { epoch, ready, .. } = self.heads[index];
        let room = tasks_max.min(u32::try_from(ready).unwrap_or(tasks_max));
        let wants = self.line.take(room);
        if wants.is_empty() {
            return;
        }
        self.at_work += 1;
        let (parts, front) = (self.of.parts.clone(), self.myself.clone());
        let slip = Slip::new(front, wants, move || parts.board.clear(index, epoch));
        if let Some(Ok(part)) = self.of.directory.get(&self.of.parts.names[index]) {
            // If it has ended, the slip that is dropped says so.
            _ = part.actor.cast(PoolMessage::Grant(slip));
        }
    }

    /// Nothing is ready for those whose wait is over.
    fn answer_overdue(&mut self) {
        let now = self.of.clock.now();
        while let Some((session, request)) = self.line.next_overdue(now) {
            self.say(session, request, Part::Whole(Response::Claimed(Vec::new())));
        }
    }

    fn say(&self, session: SessionId, request: RequestId, part: Part) {
        if let Some(outlet) = self.outlets.get(&session) {
            outlet.say(Out::Answer(request, self.of.id, part, Freight::default()));
        }
    }

    /// While partitions are at work the end of the round comes first.
    fn set_alarm(&mut self) {
        if self.at_work > 0 {
            return;
        }
        let Some(due) = self.line.next_deadline() else {
            return;
        };
        if self.alarm.as_ref().is_some_and(|(at, _)| *at <= due) {
            return;
        }
        if let Some((_, late)) = self.alarm.take() {
            late.abort();
        }
        let wait = due.since(self.of.clock.now());
        let alarm = self.myself.send_after(wait, || PoolMessage::Tick);
        self.alarm = Some((due, alarm.abort_handle()));
    }
}
