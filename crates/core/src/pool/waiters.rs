//! Who waits for a task or for the end of one, first come first served.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use crate::{RequestId, SessionId, TaskId, Timestamp};

/// A place in the line; grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiter {
    /// A parked claim.
    Claim {
        session: SessionId,
        request: RequestId,
        tasks_max: u32,
        lease: Duration,
        until: Timestamp,
    },
    /// A session with credit; after each grant it goes to the end of the line.
    Credit { session: SessionId },
    /// A parked await.
    Await {
        session: SessionId,
        request: RequestId,
        task: TaskId,
        until: Timestamp,
    },
}

impl Waiter {
    const fn session(&self) -> SessionId {
        match self {
            Self::Claim { session, .. }
            | Self::Credit { session }
            | Self::Await { session, .. } => *session,
        }
    }

    const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Claim { until, .. } | Self::Await { until, .. } => Some(*until),
            Self::Credit { .. } => None,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Waiters {
    next: u64,
    all: BTreeMap<Ticket, Waiter>,
    /// Those that wait for a task, in order.
    line: BTreeSet<Ticket>,
    of_session: BTreeSet<(SessionId, Ticket)>,
    of_task: BTreeSet<(TaskId, Ticket)>,
    until: BTreeSet<(Timestamp, Ticket)>,
}

impl Waiters {
    pub(super) fn park(&mut self, waiter: Waiter) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        match waiter {
            Waiter::Claim { .. } | Waiter::Credit { .. } => _ = self.line.insert(ticket),
            Waiter::Await { task, .. } => _ = self.of_task.insert((task, ticket)),
        }
        if let Some(until) = waiter.until() {
            self.until.insert((until, ticket));
        }
        self.of_session.insert((waiter.session(), ticket));
        self.all.insert(ticket, waiter);
        ticket
    }

    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waiter> {
        let waiter = self.all.remove(&ticket)?;
        match waiter {
            Waiter::Claim { .. } | Waiter::Credit { .. } => _ = self.line.remove(&ticket),
            Waiter::Await { task, .. } => _ = self.of_task.remove(&(task, ticket)),
        }
        if let Some(until) = waiter.until() {
            self.until.remove(&(until, ticket));
        }
        self.of_session.remove(&(waiter.session(), ticket));
        Some(waiter)
    }

    /// The next in line, who leaves it.
    pub(super) fn next_in_line(&mut self) -> Option<Waiter> {
        let ticket = *self.line.first()?;
        self.leave(ticket)
    }

    pub(super) fn is_anyone_in_line(&self) -> bool {
        !self.line.is_empty()
    }

    pub(super) fn in_line(&self) -> u64 {
        self.line.len() as u64
    }

    /// All that a session had parked leave with it.
    pub(super) fn leave_all(&mut self, session: SessionId) {
        for ticket in self.tickets_of(session) {
            self.leave(ticket);
        }
    }

    /// Claims and awaits that a session has parked; its credit is none of them.
    pub(super) fn count_of(&self, session: SessionId) -> usize {
        self.of_session
            .range((session, Ticket(0))..)
            .take_while(|(of, _)| *of == session)
            .filter(|(_, ticket)| self.all.get(ticket).is_some_and(|w| w.until().is_some()))
            .count()
    }

    fn tickets_of(&self, session: SessionId) -> Vec<Ticket> {
        self.of_session
            .range((session, Ticket(0))..)
            .take_while(|(of, _)| *of == session)
            .map(|(_, ticket)| *ticket)
            .collect()
    }

    /// Those who wait for the end of this task leave.
    pub(super) fn awaiting(&mut self, task: TaskId) -> Vec<(SessionId, RequestId)> {
        let tickets: Vec<Ticket> = self
            .of_task
            .range((task, Ticket(0))..)
            .take_while(|(of, _)| *of == task)
            .map(|(_, ticket)| *ticket)
            .collect();
        let leave = |ticket| match self.leave(ticket)? {
            Waiter::Await {
                session, request, ..
            } => Some((session, request)),
            Waiter::Claim { .. } | Waiter::Credit { .. } => None,
        };
        tickets.into_iter().filter_map(leave).collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.until.first().map(|(until, _)| *until)
    }

    /// One whose wait is over at `now`, who leaves.
    pub(super) fn next_overdue(&mut self, now: Timestamp) -> Option<Waiter> {
        let (until, ticket) = *self.until.first()?;
        if until > now {
            return None;
        }
        self.leave(ticket)
    }

    /// What is wrong with the indexes, if anything is.
    pub(super) fn check(&self, is_open: impl Fn(SessionId) -> bool) -> Result<(), &'static str> {
        let waits = |waiter: &Waiter| waiter.until().is_some();
        let awaits = |waiter: &Waiter| matches!(waiter, Waiter::Await { .. });
        let count = |of: &dyn Fn(&Waiter) -> bool| self.all.values().filter(|w| of(w)).count();
        if self.until.len() != count(&waits) {
            return Err("the deadlines of the parked are not theirs");
        }
        if self.of_task.len() != count(&awaits)
            || self.line.len() != self.all.len() - count(&awaits)
        {
            return Err("the line is not made of those who wait for a task");
        }
        if self.of_session.len() != self.all.len()
            || !self.all.values().all(|w| is_open(w.session()))
        {
            return Err("somebody waits whose session has ended");
        }
        Ok(())
    }
}
