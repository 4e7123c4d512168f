//! Who waits for a task or for the end of one, first come first served.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use crate::{RequestId, SessionId, TaskId, Timestamp};

/// Entries of the line whose owners have left are cleared away once they are so many, and half of
/// all.
const LEFT_FREE: usize = 64;

/// A place among those who are parked; grows.
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

/// What is parked until a time.
#[derive(Debug, Clone, Copy)]
enum Parked {
    Claim(RequestId, u32, Duration),
    Await(RequestId, TaskId),
}

/// In line for a task. Who has left is passed over.
#[derive(Debug, Clone, Copy)]
enum InLine {
    Claim(Ticket),
    Credit(SessionId),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Waiters {
    next: u64,
    parked: BTreeMap<Ticket, (SessionId, Timestamp, Parked)>,
    line: VecDeque<InLine>,
    /// Those in the line who have not left it.
    in_line: usize,
    of_session: BTreeSet<(SessionId, Ticket)>,
    of_task: BTreeSet<(TaskId, Ticket)>,
    until: BTreeSet<(Timestamp, Ticket)>,
}

impl Waiters {
    pub(super) fn park(&mut self, waiter: Waiter) {
        match waiter {
            Waiter::Claim {
                session,
                request,
                tasks_max,
                lease,
                until,
            } => {
                let parked = Parked::Claim(request, tasks_max, lease);
                let ticket = self.park_until(session, until, parked);
                self.join_line(InLine::Claim(ticket));
            }
            Waiter::Credit { session } => self.join_line(InLine::Credit(session)),
            Waiter::Await {
                session,
                request,
                task,
                until,
            } => {
                let ticket = self.park_until(session, until, Parked::Await(request, task));
                self.of_task.insert((task, ticket));
            }
        }
    }

    /// The next in line, who leaves it. Who has credit is for the caller to know.
    pub(super) fn next_in_line(
        &mut self,
        has_credit: impl Fn(SessionId) -> bool,
    ) -> Option<Waiter> {
        while self.in_line > 0 {
            match self.line.pop_front()? {
                InLine::Claim(ticket) => {
                    let claim = self.leave(ticket);
                    if claim.is_some() {
                        return claim;
                    }
                }
                InLine::Credit(session) if has_credit(session) => {
                    self.in_line -= 1;
                    return Some(Waiter::Credit { session });
                }
                InLine::Credit(_) => {}
            }
        }
        None
    }

    pub(super) const fn is_anyone_in_line(&self) -> bool {
        self.in_line > 0
    }

    pub(super) const fn in_line(&self) -> u64 {
        self.in_line as u64
    }

    /// All that a session had parked leaves with it, and the session leaves the line if it was
    /// there for its credit.
    pub(super) fn leave_all(&mut self, session: SessionId, has_credit: bool) {
        self.in_line -= usize::from(has_credit);
        for ticket in self.tickets_of(session) {
            self.leave(ticket);
        }
        if self.line.len() > 2 * self.in_line + LEFT_FREE {
            let parked = &self.parked;
            self.line.retain(|one| match one {
                InLine::Claim(ticket) => parked.contains_key(ticket),
                InLine::Credit(of) => *of != session,
            });
        }
    }

    /// Claims and awaits that a session has parked; its credit is none of them.
    pub(super) fn count_of(&self, session: SessionId) -> usize {
        self.range_of(session).count()
    }

    /// Those who wait for the end of this task leave.
    pub(super) fn awaiting(&mut self, task: TaskId) -> Vec<(SessionId, RequestId)> {
        if self.of_task.is_empty() {
            return Vec::new();
        }
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

    fn park_until(&mut self, session: SessionId, until: Timestamp, what: Parked) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.until.insert((until, ticket));
        self.of_session.insert((session, ticket));
        self.parked.insert(ticket, (session, until, what));
        ticket
    }

    fn join_line(&mut self, one: InLine) {
        self.line.push_back(one);
        self.in_line += 1;
    }

    fn leave(&mut self, ticket: Ticket) -> Option<Waiter> {
        let (session, until, what) = self.parked.remove(&ticket)?;
        self.until.remove(&(until, ticket));
        self.of_session.remove(&(session, ticket));
        Some(match what {
            Parked::Claim(request, tasks_max, lease) => {
                self.in_line -= 1;
                Waiter::Claim {
                    session,
                    request,
                    tasks_max,
                    lease,
                    until,
                }
            }
            Parked::Await(request, task) => {
                self.of_task.remove(&(task, ticket));
                Waiter::Await {
                    session,
                    request,
                    task,
                    until,
                }
            }
        })
    }

    fn tickets_of(&self, session: SessionId) -> Vec<Ticket> {
        self.range_of(session).collect()
    }

    fn range_of(&self, session: SessionId) -> impl Iterator<Item = Ticket> {
        self.of_session
            .range((session, Ticket(0))..)
            .take_while(move |(of, _)| *of == session)
            .map(|(_, ticket)| *ticket)
    }

    /// What is wrong with it, if anything is. These sessions have credit.
    pub(super) fn check(
        &self,
        is_open: impl Fn(SessionId) -> bool,
        creditors: &BTreeSet<SessionId>,
    ) -> Result<(), &'static str> {
        let is_claim = |parked: &Parked| matches!(parked, Parked::Claim(..));
        let claims = self.parked.values().filter(|(.., what)| is_claim(what));
        let claims = claims.count();
        if self.until.len() != self.parked.len() || self.of_task.len() != self.parked.len() - claims
        {
            return Err("the deadlines of the parked are not theirs");
        }
        let mut in_line = BTreeSet::new();
        for one in &self.line {
            match one {
                InLine::Claim(ticket) if self.parked.contains_key(ticket) => {}
                InLine::Credit(of) if creditors.contains(of) && !in_line.insert(*of) => {
                    return Err("somebody is twice in line");
                }
                InLine::Claim(_) | InLine::Credit(_) => {}
            }
        }
        if in_line.len() != creditors.len() || self.in_line != claims + creditors.len() {
            return Err("the line is not made of those who wait for a task");
        }
        if self.of_session.len() != self.parked.len()
            || !self.parked.values().all(|(of, ..)| is_open(*of))
        {
            return Err("somebody waits whose session has ended");
        }
        Ok(())
    }
}
