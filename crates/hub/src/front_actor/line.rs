//! Who waits at a front, first come first served.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;
use leasehold_core::{
    Claim, Credit, PoolSettings, Rejection, RequestId, SessionId, Timestamp,
    limits::{CLAIM_MAX, LEASE_MAX, LEASE_MIN, PARKED_MAX, WAIT_MAX},
    time::millis,
};

use crate::pool_actor::{For, Want};

/// A place in the line; grows.
type Ticket = u64;

#[derive(Debug, Clone)]
enum Waiter {
    Claim(Want),
    Credit(SessionId),
}

#[derive(Debug, Clone, Default)]
struct Member {
    /// Not yet asked of a partition.
    credit: u32,
    /// Asked of a partition on credit, and not answered.
    at_work: u32,
    lease: Option<std::time::Duration>,
    credit_ticket: Option<Ticket>,
    /// Claims in the line.
    claims: BTreeSet<Ticket>,
    /// Claims in the line and those asked of a partition.
    parked: usize,
}

#[derive(Debug, Default)]
pub(super) struct Line {
    next: Ticket,
    waiting: BTreeMap<Ticket, Waiter>,
    members: HashMap<SessionId, Member>,
    until: BTreeSet<(Timestamp, Ticket)>,
}

impl Line {
    pub(super) fn enter(&mut self, session: SessionId) {
        self.members.entry(session).or_default();
    }

    /// All that a session waited for goes with it. What is asked of a partition for it meanwhile
    /// comes back to nobody.
    pub(super) fn leave(&mut self, session: SessionId) {
        let Some(of) = self.members.remove(&session) else {
            return;
        };
        for ticket in of.claims.into_iter().chain(of.credit_ticket) {
            self.take_out(ticket);
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.waiting.len() as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.until.first().map(|(until, _)| *until)
    }

    /// Under the bounds that a pool has.
    pub(super) fn claim(
        &mut self,
        now: Timestamp,
        session: SessionId,
        request: RequestId,
        claim: Claim,
    ) -> Result<(), Rejection> {
        let (tasks, max) = (claim.tasks_max.into(), CLAIM_MAX.into());
        within("the number of tasks claimed", tasks, 1, max)?;
        let (wait, max) = (millis(claim.wait), millis(WAIT_MAX));
        within("the wait in milliseconds", wait, 0, max)?;
        check_lease(claim.lease)?;
        let of = self.members.get_mut(&session);
        let of = of.ok_or(Rejection::SessionEnded)?;
        let parked = (of.parked + usize::from(!claim.wait.is_zero())) as u64;
        let max = PARKED_MAX as u64;
        within("the number of requests parked in a pool", parked, 0, max)?;
        of.parked += 1;
        self.next += 1;
        self.put_claim(Want {
            session,
            tasks: claim.tasks_max,
            lease: claim.lease,
            of: For::Claim {
                request,
                ticket: self.next,
                tasks_max: claim.tasks_max,
                until: now + claim.wait,
            },
        });
        Ok(())
    }

    /// The credit that the session has from now on.
    pub(super) fn credit(
        &mut self,
        session: SessionId,
        credit: Credit,
        settings: &PoolSettings,
    ) -> Result<u32, Rejection> {
        check_lease(credit.lease)?;
        let of = self.members.get_mut(&session);
        let of = of.ok_or(Rejection::SessionEnded)?;
        let total = (of.credit + of.at_work).saturating_add(credit.tasks);
        let max = CLAIM_MAX.into();
        within("the credit of a session in a pool", total.into(), 0, max)?;
        of.credit += credit.tasks;
        if credit.tasks > 0 || credit.lease.is_some() {
            of.lease = credit.lease.or(Some(settings.lease));
        }
        self.rejoin(session);
        Ok(total)
    }

    /// Tasks that are waited for, counted until there are enough.
    pub(super) fn demand(&self, enough: u32) -> u32 {
        let mut demand: u32 = 0;
        for waiter in self.waiting.values() {
            demand = demand.saturating_add(match waiter {
                Waiter::Claim(want) => want.tasks,
                Waiter::Credit(session) => self.members.get(session).map_or(0, |of| of.credit),
            });
            if demand >= enough {
                return enough;
            }
        }
        demand
    }

    /// The first in the line, as far as so many tasks go. On credit one task at a time goes to
    /// each, and who has more goes to the end of the line.
    pub(super) fn take(&mut self, mut room: u32) -> Vec<Want> {
        let mut wants: Vec<Want> = Vec::new();
        while room > 0 {
            let Some((&ticket, _)) = self.waiting.first_key_value() else {
                break;
            };
            match self.take_out(ticket) {
                Some(Waiter::Claim(mut want)) => {
                    want.tasks = want.tasks.min(room);
                    room -= want.tasks;
                    wants.push(want);
                }
                Some(Waiter::Credit(session)) => {
                    room -= 1;
                    self.take_credit(session, &mut wants);
                }
                None => {}
            }
        }
        wants
    }

    fn take_credit(&mut self, session: SessionId, wants: &mut Vec<Want>) {
        let Some(of) = self.members.get_mut(&session) else {
            return;
        };
        of.credit -= 1;
        of.at_work += 1;
        let is_its = |want: &&mut Want| want.session == session && want.of == For::Credit;
        match wants.iter_mut().find(is_its) {
            Some(want) => want.tasks += 1,
            None => wants.push(Want {
                session,
                tasks: 1,
                lease: of.lease,
                of: For::Credit,
            }),
        }
        self.rejoin(session);
    }

    /// A partition has answered; returns what is to be said to the session instead of it.
    pub(super) fn served(
        &mut self,
        want: Want,
        outcome: Result<u32, Rejection>,
    ) -> Option<(RequestId, Rejection)> {
        let session = want.session;
        let of = self.members.get_mut(&session)?;
        match (want.of, outcome) {
            (For::Claim { tasks_max, .. }, Ok(0)) => self.put_claim(Want {
                tasks: tasks_max,
                ..want
            }),
            (For::Claim { .. }, Ok(_)) => of.parked -= 1,
            (For::Claim { request, .. }, Err(rejection)) => {
                of.parked -= 1;
                return Some((request, rejection));
            }
            (For::Credit, Ok(granted)) => {
                of.at_work -= want.tasks;
                of.credit += want.tasks.saturating_sub(granted);
                self.rejoin(session);
            }
            // The session is over, or another has taken over from it.
            (For::Credit, Err(_)) => {
                of.at_work -= want.tasks;
                of.credit = 0;
                if let Some(ticket) = of.credit_ticket {
                    self.take_out(ticket);
                }
            }
        }
        None
    }

    /// A claim whose wait is over, which leaves.
    pub(super) fn next_overdue(&mut self, now: Timestamp) -> Option<(SessionId, RequestId)> {
        let (until, ticket) = *self.until.first()?;
        if until > now {
            return None;
        }
        let Some(Waiter::Claim(want)) = self.take_out(ticket) else {
            return None;
        };
        if let Some(of) = self.members.get_mut(&want.session) {
            of.parked -= 1;
        }
        match want.of {
            For::Claim { request, .. } => Some((want.session, request)),
            For::Credit => None,
        }
    }

    /// Into the line, at the place that its ticket gives it.
    fn put_claim(&mut self, want: Want) {
        let For::Claim { ticket, until, .. } = want.of else {
            return;
        };
        if let Some(of) = self.members.get_mut(&want.session) {
            of.claims.insert(ticket);
        }
        self.until.insert((until, ticket));
        self.waiting.insert(ticket, Waiter::Claim(want));
    }

    /// Who has credit is in the line, once.
    fn rejoin(&mut self, session: SessionId) {
        let Some(of) = self.members.get_mut(&session) else {
            return;
        };
        if of.credit > 0 && of.credit_ticket.is_none() {
            self.next += 1;
            of.credit_ticket = Some(self.next);
            self.waiting.insert(self.next, Waiter::Credit(session));
        }
    }

    fn take_out(&mut self, ticket: Ticket) -> Option<Waiter> {
        let waiter = self.waiting.remove(&ticket)?;
        match &waiter {
            Waiter::Claim(want) => {
                if let For::Claim { until, .. } = want.of {
                    self.until.remove(&(until, ticket));
                }
                if let Some(of) = self.members.get_mut(&want.session) {
                    of.claims.remove(&ticket);
                }
            }
            Waiter::Credit(session) => {
                if let Some(of) = self.members.get_mut(session) {
                    of.credit_ticket = None;
                }
            }
        }
        Some(waiter)
    }
}

fn check_lease(lease: Option<std::time::Duration>) -> Result<(), Rejection> {
    let Some(lease) = lease else { return Ok(()) };
    let (min, max) = (millis(LEASE_MIN), millis(LEASE_MAX));
    within("the lease in milliseconds", millis(lease), min, max)
}

fn within(what: &str, value: u64, min: u64, max: u64) -> Result<(), Rejection> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(Rejection::OutOfBounds {
        what: what.to_owned(),
        value,
        min,
        max,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CRANE: SessionId = SessionId(1);
    const HOIST: SessionId = SessionId(2);
    const NOW: Timestamp = Timestamp::from_millis(1000);

    fn line() -> Line {
        let mut line = Line::default();
        line.enter(CRANE);
        line.enter(HOIST);
        line
    }

    fn claim(line: &mut Line, session: SessionId, request: u64, tasks_max: u32) {
        let (wait, lease) = (Duration::from_secs(1), None);
        let claim = Claim {
            tasks_max,
            wait,
            lease,
        };
        line.claim(NOW, session, RequestId(request), claim).unwrap();
    }

    fn credit(line: &mut Line, session: SessionId, tasks: u32) -> u32 {
        let lease = None;
        let settings = PoolSettings::default();
        let total = line.credit(session, Credit { tasks, lease }, &settings);
        total.unwrap()
    }

    fn of(wants: &[Want]) -> Vec<(SessionId, u32)> {
        wants
            .iter()
            .map(|want| (want.session, want.tasks))
            .collect()
    }

    #[test]
    fn a_claim_that_got_nothing_has_its_place_again() {
        let mut line = line();
        claim(&mut line, CRANE, 7, 5);
        claim(&mut line, HOIST, 8, 1);
        let first = line.take(2).remove(0);
        assert_eq!((first.session, first.tasks), (CRANE, 2));
        assert_eq!(line.served(first, Ok(0)), None);
        assert_eq!(of(&line.take(6)), [(CRANE, 5), (HOIST, 1)]);
        assert!(line.is_empty());
        assert_eq!(line.next_deadline(), None);
    }

    #[test]
    fn credit_goes_round_and_what_was_not_granted_comes_back() {
        let mut line = line();
        credit(&mut line, CRANE, 5);
        credit(&mut line, HOIST, 2);
        assert_eq!(line.demand(100), 7);
        let wants = line.take(6);
        assert_eq!(of(&wants), [(CRANE, 4), (HOIST, 2)]);
        assert_eq!(credit(&mut line, CRANE, 0), 5, "it may all be granted");
        for want in wants {
            line.served(want, Ok(1));
        }
        assert_eq!(credit(&mut line, CRANE, 0), 4);
        assert_eq!(credit(&mut line, HOIST, 0), 1);
        assert_eq!(of(&line.take(100)), [(CRANE, 4), (HOIST, 1)]);
    }

    #[test]
    fn who_has_left_gets_nothing_back() {
        let mut line = line();
        credit(&mut line, CRANE, 5);
        claim(&mut line, CRANE, 7, 1);
        claim(&mut line, CRANE, 8, 1);
        let wants = line.take(6);
        line.leave(CRANE);
        for want in wants {
            assert_eq!(line.served(want, Ok(0)), None);
        }
        assert!(line.is_empty());
        assert_eq!(line.next_overdue(NOW + Duration::from_secs(9)), None);
    }

    #[test]
    fn whom_a_partition_refuses_is_told_and_waits_no_more() {
        let mut line = line();
        claim(&mut line, CRANE, 7, 1);
        credit(&mut line, CRANE, 5);
        for want in line.take(2) {
            let refused = line.served(want, Err(Rejection::SessionEnded));
            assert!(refused.is_none_or(|(request, _)| request == RequestId(7)));
        }
        assert!(line.is_empty());
        assert_eq!(credit(&mut line, CRANE, 0), 0);
    }

    #[test]
    fn so_many_are_parked_and_no_more() {
        let mut line = line();
        (0..PARKED_MAX as u64).for_each(|request| claim(&mut line, CRANE, request, 1));
        let wants = line.take(10);
        let (wait, lease) = (Duration::from_secs(1), None);
        let more = Claim {
            tasks_max: 1,
            wait,
            lease,
        };
        assert!(line.claim(NOW, CRANE, RequestId(999), more).is_err());
        for want in wants {
            line.served(want, Ok(1));
        }
        assert!(line.claim(NOW, CRANE, RequestId(999), more).is_ok());
    }
}
