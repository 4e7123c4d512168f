//! Requests under way in this session, and what their responses are about.

use std::{collections::HashMap, time::Duration};

use leasehold_core::{LeaseRef, Rejection, Revocation};
use leasehold_wire::{FromNode, Refusal, RefusalCode, Request, Response};
use tokio::time::Instant;

use super::{WorkerEvent, actor::Actor, leases::Loss};
use crate::requests::{ended_session, retry_after};

/// How long to wait with credit for a pool that refused it.
const CREDIT_PAUSE: Duration = Duration::from_secs(5);

/// What a request was about.
#[derive(Debug)]
pub(super) enum Sent {
    Resume {
        leases: Vec<LeaseRef>,
        /// The first of its session.
        is_first: bool,
    },
    Extend(Vec<LeaseRef>),
    Answers(Vec<LeaseRef>),
    Progress(Vec<LeaseRef>),
    Credit {
        place: usize,
        tasks: usize,
    },
}

#[derive(Debug, Default)]
pub(super) struct UnderWay {
    last_id: u64,
    sent: HashMap<u64, Sent>,
}

impl UnderWay {
    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }

    /// No response of an earlier session will come.
    pub(super) fn forget(&mut self) {
        self.sent.clear();
    }

    fn begin(&mut self, sent: Sent) -> u64 {
        self.last_id += 1;
        self.sent.insert(self.last_id, sent);
        self.last_id
    }
}

impl Actor {
    pub(super) fn request(&mut self, body: Request, sent: Sent) {
        let id = self.under_way.begin(sent);
        if let Err(error) = self.link.send(&FromNode::Request { id, body }) {
            self.link.cut(&error.to_string());
        }
    }

    /// Names all leases: what is not named is taken away.
    pub(super) fn resume(&mut self, is_first: bool) {
        let leases = self.leases.all();
        self.leases.put_off(Instant::now());
        let sent = Sent::Resume {
            leases: leases.clone(),
            is_first,
        };
        self.request(Request::Resume { leases }, sent);
    }

    pub(super) fn extend(&mut self, leases: &[LeaseRef]) {
        let Some(welcome) = self.link.welcome() else {
            return;
        };
        for leases in leases.chunks(welcome.batch_max.max(1) as usize) {
            let (leases, named) = (leases.to_vec(), leases.to_vec());
            let lease_ms = None;
            self.request(Request::Extend { leases, lease_ms }, Sent::Extend(named));
        }
    }

    pub(super) fn on_response(&mut self, id: u64, response: Response) {
        if ended_session(&response) {
            return self.link.cut("the hub ended the session");
        }
        if let Response::Refused(why @ Rejection::Denied(_)) = &response {
            // Another session would not be allowed more.
            let (code, reason) = (RefusalCode::Denied, why.to_string());
            self.denied.get_or_insert(Refusal { code, reason });
        }
        match self.under_way.sent.remove(&id) {
            Some(Sent::Resume { leases, is_first }) => {
                self.on_resumed(leases, is_first, response);
            }
            Some(Sent::Extend(leases)) => {
                self.on_extended(leases, response);
            }
            Some(Sent::Progress(leases)) => self.on_progressed(leases, response),
            Some(Sent::Answers(leases)) => self.on_answered(leases, response),
            Some(Sent::Credit { place, tasks }) => self.on_credited(place, tasks, &response),
            None => {}
        }
    }

    fn on_resumed(&mut self, leases: Vec<LeaseRef>, is_first: bool, response: Response) {
        let (resumed, lost, again) = self.on_extended(leases, response);
        self.resume_at = again;
        if is_first {
            self.stats.resumed += resumed as u64;
            self.tell_connected(resumed, lost);
        }
    }

    /// How many go on, as far as the hub can tell; how many are lost; and when to ask again if it
    /// could not tell of all.
    fn on_extended(
        &mut self,
        leases: Vec<LeaseRef>,
        response: Response,
    ) -> (usize, usize, Option<Instant>) {
        let Some(items) = items_of(response, leases.len()) else {
            self.link.cut("an answer did not fit what was asked");
            return (0, 0, None);
        };
        let (mut good, mut lost, mut again) = (0, 0, None);
        for (proof, item) in leases.into_iter().zip(items) {
            match item {
                Ok(ms) => {
                    self.leases.extended(proof, Duration::from_millis(ms));
                    good += 1;
                }
                Err(rejection) => match retry_after(&rejection) {
                    Some(pause) => {
                        again = self.extend_again(proof, pause).max(again);
                        good += 1;
                    }
                    None => lost += usize::from(self.lose(proof, Revocation::Lost)),
                },
            }
        }
        (good, lost, again)
    }

    fn extend_again(&mut self, proof: LeaseRef, pause: Duration) -> Option<Instant> {
        let at = Instant::now() + pause;
        self.leases.set_due(proof, at);
        Some(at)
    }

    /// Whether it was held, and nothing else is to be heard of it.
    pub(super) fn lose(&mut self, proof: LeaseRef, why: Revocation) -> bool {
        match self.leases.lose(proof, why) {
            Loss::None => return false,
            Loss::Waiting(place) => self.credit.ended(place),
            Loss::Running => {}
        }
        self.stats.lost += 1;
        true
    }

    fn on_credited(&mut self, place: usize, tasks: usize, response: &Response) {
        let Response::Refused(rejection) = response else {
            return;
        };
        let soon = retry_after(rejection);
        let pause = soon.unwrap_or(CREDIT_PAUSE);
        tracing::warn!(%rejection, ?pause, "the pool takes no credit");
        if soon.is_none() {
            let (pool, why) = (self.credit.pool_at(place), rejection.clone());
            self.tell(|| WorkerEvent::Refused { pool, why });
        }
        self.credit.refused(place, tasks, pause);
    }

    pub(super) fn tell_connected(&mut self, resumed: usize, lost: usize) {
        let Some(session) = self.link.welcome().map(|welcome| welcome.session) else {
            return;
        };
        self.tell(|| WorkerEvent::Connected {
            session,
            resumed,
            lost,
        });
    }
}

/// What was said of each lease, in milliseconds; a request refused as a whole was refused for each.
fn items_of(response: Response, count: usize) -> Option<Vec<Result<u64, Rejection>>> {
    if let Response::Refused(rejection) = response {
        return Some(vec![Err(rejection); count]);
    }
    let Response::Extended(items) = response else {
        return None;
    };
    (items.len() == count).then_some(items)
}
