//! Requests under way in one session: out to the pools in batches, back as responses.

mod authority;
mod dispatch;

use foldhash::{HashMap, HashMapExt};
use leasehold_core::{PoolId, PoolName, Rejection, RequestId};
use leasehold_wire::{FromHub, Request, Response};

use super::{
    SessionContext,
    backup::Backup,
    gather::{Gather, finish_items},
    guard::{PoolGone, SessionGuard},
    join::{Aim, Share, aim, join, make_room, say_shares},
    route::{route, weight},
    speech::Speech,
    spread::Spread,
};
use crate::{
    auth::Standing,
    directory::PoolRef,
    pool_actor::{Ask, Part, Query},
};

/// Requests under way for which an idle session keeps room.
const IDLE_REQUESTS: usize = 3;

pub(super) struct Requests {
    pub(super) context: SessionContext,
    pub(super) guard: SessionGuard,
    /// What may be asked.
    pub(super) standing: Standing,
    /// Numbers what is sent to pools; a node may use any numbers of its own.
    next: u64,
    pub(super) pending: HashMap<u64, Pending>,
    /// The node's requests that are not answered yet.
    under_way: usize,
    /// What they weigh, in bytes.
    bytes: usize,
    dealings: HashMap<PoolId, Dealings>,
    /// A pool had ended when something was sent to it.
    pub(super) has_lost_a_pool: bool,
    /// That it takes.
    pub(super) backup: Option<Box<Backup>>,
    /// Gathered from one read: one message to each pool.
    pub(super) batches: Vec<Batch>,
}

/// What the session has to do with a pool.
#[derive(Default)]
struct Dealings {
    /// Answers that the pool still owes.
    owed: usize,
    /// The session may hold leases or credit there.
    may_hold: bool,
}

pub(super) struct Batch {
    pub(super) pool: PoolRef,
    pub(super) asks: Vec<(RequestId, Ask)>,
}

pub(super) enum Pending {
    /// Of one pool, whose answer is shared out among requests of one verb.
    Shared(Vec<Share>),
    /// Of any number of pools.
    Gathered {
        /// The node's own number.
        id: u64,
        /// Answers that are still to come.
        left: usize,
        weight: usize,
        gather: Box<Gather>,
    },
    /// Of several partitions of one pool, shared out like the answer of one.
    Spread {
        shares: Vec<Share>,
        /// Answers that are still to come.
        left: usize,
        /// A partition that had to be asked was not there.
        refused: Option<Rejection>,
        spread: Box<Spread>,
    },
    /// The hub's own: how many pools have not come to it yet.
    Fence(usize),
}

impl Requests {
    pub(super) fn new(context: SessionContext, guard: SessionGuard, standing: Standing) -> Self {
        Self {
            context,
            guard,
            standing,
            next: 1,
            pending: HashMap::new(),
            under_way: 0,
            bytes: 0,
            dealings: HashMap::new(),
            has_lost_a_pool: false,
            backup: None,
            batches: Vec::new(),
        }
    }

    /// Whether the session may have more under way.
    pub(super) fn has_room(&self) -> bool {
        let session = &self.context.config.now().session;
        self.under_way < session.requests_max && self.bytes < session.bytes_max
    }

    /// An idle session keeps next to nothing.
    pub(super) fn give_back(&mut self) {
        self.pending.shrink_to(IDLE_REQUESTS);
    }

    /// Takes a request in; what can be answered at once is.
    pub(super) async fn take(&mut self, id: u64, request: Request) -> Option<FromHub> {
        let weight = weight(&request);
        let route = route(request);
        if route.is_rare() {
            self.keep_order();
        }
        match self.dispatch(id, weight, route).await {
            Ok(at_once) => at_once,
            Err(rejection) => Some(response(id, Response::Refused(rejection))),
        }
    }

    /// Sends what was gathered, one message a pool; also to the others if one has ended.
    pub(super) fn send(&mut self) -> Result<(), PoolGone> {
        let mut to_parts = Vec::new();
        for batch in self.batches.drain(..) {
            if batch.pool.parts.is_some() {
                to_parts.push(batch);
                continue;
            }
            self.has_lost_a_pool |= self.guard.ask(&batch.pool, batch.asks).is_err();
        }
        for batch in to_parts {
            self.send_to_parts(batch);
        }
        if self.has_lost_a_pool {
            return Err(PoolGone);
        }
        Ok(())
    }

    /// A pool has failed: whether the session can do without it. It cannot if it is owed answers
    /// or may hold something there, for then its node has to hear of it.
    pub(super) fn can_go_on_without(&mut self, name: &PoolName) -> bool {
        let Some(pool) = self.guard.known(name) else {
            return true;
        };
        let dealings = self.dealings.get(&pool);
        if dealings.is_some_and(|with| with.may_hold || with.owed > 0) {
            return false;
        }
        self.guard.forget(name);
        true
    }

    /// Asks every pool to answer behind everything else. False if there is none to ask.
    pub(super) fn fence(&mut self) -> Result<bool, PoolGone> {
        let pools = self.guard.pools();
        if pools.is_empty() {
            return Ok(false);
        }
        let request = self.begin(Pending::Fence(pools.len()));
        for pool in pools {
            self.batch(pool, request, Ask::Query(Query::Fence));
        }
        self.send().map(|()| true)
    }

    /// Says what an answer makes ready to be said. True if it was the last one to the fence.
    pub(super) fn answered(
        &mut self,
        request: RequestId,
        pool: PoolId,
        part: Part,
        speech: &mut Speech,
    ) -> bool {
        if let Some(dealings) = self.dealings.get_mut(&pool) {
            dealings.owed = dealings.owed.saturating_sub(1);
        }
        let Some(mut pending) = self.pending.remove(&request.0) else {
            return false;
        };
        match &mut pending {
            Pending::Shared(shares) => {
                self.are_over(shares);
                say_shares(shares, part, speech);
                return false;
            }
            Pending::Gathered { left, gather, .. } => {
                gather.add(pool, part);
                *left -= 1;
                if *left == 0 {
                    speech.say(&self.finish(pending));
                    return false;
                }
            }
            Pending::Spread { left, spread, .. } => {
                spread.add(pool, part);
                *left -= 1;
                if *left == 0 {
                    self.say_spread(pending, speech);
                    return false;
                }
            }
            Pending::Fence(left) => {
                *left -= 1;
                if *left == 0 {
                    return true;
                }
            }
        }
        self.pending.insert(request.0, pending);
        false
    }

    fn are_over(&mut self, shares: &[Share]) {
        self.under_way -= shares.len();
        self.bytes -= shares.iter().map(|share| share.weight).sum::<usize>();
    }

    /// What all partitions together have answered.
    fn say_spread(&mut self, pending: Pending, speech: &mut Speech) {
        let Pending::Spread {
            shares,
            refused,
            spread,
            ..
        } = pending
        else {
            unreachable!("nothing else was spread")
        };
        self.are_over(&shares);
        let answer = refused.map_or_else(|| spread.finish(), Response::Refused);
        say_shares(&shares, Part::Whole(answer), speech);
    }

    /// The pool owes so many more answers.
    pub(super) fn is_owed(&mut self, pool: &PoolRef, more: isize) {
        let dealings = self.dealings.entry(pool.id).or_default();
        dealings.owed = dealings.owed.saturating_add_signed(more);
    }

    pub(super) fn may_hold_in(&mut self, pool: &PoolRef) {
        self.dealings.entry(pool.id).or_default().may_hold = true;
    }

    /// Adds the items of the request to one of its verb that is about to go to the same pool, if
    /// there is one.
    pub(super) fn join(&mut self, id: u64, request: &mut Request) -> bool {
        let is_it = |batch: &&mut Batch| match aim(request) {
            Some(Aim::Named(name)) => batch.pool.name == *name,
            Some(Aim::Numbered(pool)) => batch.pool.id == pool,
            None => false,
        };
        let batch = self.batches.iter_mut().find(is_it);
        let Some((to, ask)) = batch.and_then(|batch| batch.asks.last_mut()) else {
            return false;
        };
        let Some(Pending::Shared(shares)) = self.pending.get_mut(&to.0) else {
            return false;
        };
        let weight = weight(request);
        let Some((items, shape)) = join(ask, request) else {
            return false;
        };
        make_room(shares);
        shares.push(Share {
            id,
            items,
            weight,
            shape,
        });
        self.under_way += 1;
        self.bytes += weight;
        true
    }

    fn begin(&mut self, pending: Pending) -> RequestId {
        let request = self.next;
        self.next += 1;
        self.pending.insert(request, pending);
        RequestId(request)
    }

    fn batch(&mut self, pool: PoolRef, request: RequestId, ask: Ask) {
        let dealings = self.dealings.entry(pool.id).or_default();
        dealings.owed += 1;
        dealings.may_hold |= ask.may_hold();
        match self.batches.iter_mut().find(|b| b.pool.id == pool.id) {
            Some(batch) => batch.asks.push((request, ask)),
            None => self.batches.push(Batch {
                pool,
                asks: vec![(request, ask)],
            }),
        }
    }

    /// The response, when every pool has answered.
    fn finish(&mut self, pending: Pending) -> FromHub {
        let Pending::Gathered {
            id, weight, gather, ..
        } = pending
        else {
            unreachable!("nothing else was gathered")
        };
        self.under_way -= 1;
        self.bytes -= weight;
        let body = match *gather {
            Gather::Task(Ok(task)) => *task,
            Gather::Task(Err(rejection)) => Response::Refused(rejection),
            Gather::Items { shape, done, .. } => finish_items(shape, done),
            Gather::Cancel(best) => Response::Done(best),
            Gather::Status(pools, holdings) => self.context.status(pools, &holdings),
        };
        response(id, body)
    }
}

const fn response(id: u64, body: Response) -> FromHub {
    FromHub::Response { id, body }
}
