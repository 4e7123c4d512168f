//! Requests under way in one session: out to the pools in batches, back as responses.

use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

use leasehold_core::{
    Command, LeaseRef, PoolId, PoolName, Rejection, RequestId, limits::BATCH_MAX,
};
use leasehold_wire::{FromHub, Request, Response};

use super::{
    SessionContext,
    gather::{Gather, finish_items},
    guard::{PoolGone, SessionGuard},
    route::{AllShape, ItemShape, Route, route, weight},
};
use crate::{
    directory::PoolRef,
    pool_actor::{Ask, Part, Query},
};

pub(super) struct Requests {
    context: SessionContext,
    pub(super) guard: SessionGuard,
    /// Numbers what is sent to pools; a node may use any numbers of its own.
    next: u64,
    pending: HashMap<u64, Pending>,
    /// What the requests under way weigh, in bytes.
    bytes: usize,
    /// Answers that each pool still owes.
    owed: HashMap<PoolId, usize>,
    /// Pools in which the session may hold leases or credit.
    leased: HashSet<PoolId>,
    /// A pool had ended when something was sent to it.
    has_lost_a_pool: bool,
    /// Gathered from one read: one message to each pool.
    batches: BTreeMap<PoolName, (PoolRef, Vec<(RequestId, Ask)>)>,
}

struct Pending {
    /// The node's own number; none for the hub's own fence.
    id: Option<u64>,
    /// Answers that are still to come.
    left: usize,
    weight: usize,
    gather: Gather,
}

/// What an answer brought about.
pub(super) enum Answered {
    /// More is to come.
    Partly,
    /// This may go to the node.
    Response(FromHub),
    /// Everything that was asked before the fence is answered.
    Fence,
}

impl Answered {
    fn response(self) -> Option<FromHub> {
        match self {
            Self::Response(response) => Some(response),
            Self::Partly | Self::Fence => None,
        }
    }
}

impl Requests {
    pub(super) fn new(context: SessionContext, guard: SessionGuard) -> Self {
        Self {
            context,
            guard,
            next: 1,
            pending: HashMap::new(),
            bytes: 0,
            owed: HashMap::new(),
            leased: HashSet::new(),
            has_lost_a_pool: false,
            batches: BTreeMap::new(),
        }
    }

    /// Whether the session may have more under way.
    pub(super) fn has_room(&self) -> bool {
        let session = &self.context.config.session;
        self.pending.len() < session.requests_max && self.bytes < session.bytes_max
    }

    /// Takes a request in; what can be answered at once is.
    pub(super) async fn take(&mut self, id: u64, request: Request) -> Option<FromHub> {
        let weight = weight(&request);
        match self.dispatch(id, weight, route(request)).await {
            Ok(at_once) => at_once,
            Err(rejection) => Some(response(id, Response::Refused(rejection))),
        }
    }

    /// Sends what was gathered, one message a pool; also to the others if one has ended.
    pub(super) fn send(&mut self) -> Result<(), PoolGone> {
        for (_, (pool, asks)) in std::mem::take(&mut self.batches) {
            self.has_lost_a_pool |= self.guard.ask(&pool, asks).is_err();
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
        if self.leased.contains(&pool) || self.owed.contains_key(&pool) {
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
        let request = self.begin(None, 0, pools.len(), Gather::Fence);
        for pool in pools {
            self.batch(pool, request, Ask::Query(Query::Fence));
        }
        self.send().map(|()| true)
    }

    pub(super) fn answered(&mut self, request: RequestId, pool: PoolId, part: Part) -> Answered {
        let Some(pending) = self.pending.get_mut(&request.0) else {
            return Answered::Partly;
        };
        if let Entry::Occupied(mut owed) = self.owed.entry(pool) {
            *owed.get_mut() -= 1;
            if *owed.get() == 0 {
                owed.remove();
            }
        }
        pending.gather.add(pool, part);
        pending.left -= 1;
        if pending.left > 0 {
            return Answered::Partly;
        }
        self.finish(request)
    }

    async fn dispatch(
        &mut self,
        id: u64,
        weight: usize,
        route: Route,
    ) -> Result<Option<FromHub>, Rejection> {
        match route {
            Route::ToOne(name, ask) => {
                let pool = self.open_pool(&name).await?;
                Ok(self.ask_each(id, weight, vec![(pool, ask)], Gather::Whole(None)))
            }
            Route::ToKnown(name, ask) => {
                let pool = self.context.known_pool(&name)?;
                Ok(self.ask_each(id, weight, vec![(pool, ask)], Gather::Whole(None)))
            }
            Route::ByLease(shares, shape, count) => {
                check_batch(count)?;
                Ok(self.ask_by_lease(id, weight, shares, (shape, count)))
            }
            Route::ToAll(ask, AllShape::Cancel(count)) => {
                check_batch(count)?;
                let none = vec![Err(self.context.nowhere()); count];
                Ok(self.ask_all(id, weight, &ask, Gather::Cancel(none)))
            }
            Route::ToAll(ask, AllShape::Task) => {
                let none = Gather::Task(Err(self.context.nowhere()));
                Ok(self.ask_all(id, weight, &ask, none))
            }
            Route::Status(pool) => self.ask_status(id, weight, pool),
            Route::Resume(leases) => {
                check_batch(leases.len())?;
                Ok(self.ask_resume(id, weight, &leases))
            }
        }
    }

    /// What was asked before does not wait for the pool to be made.
    async fn open_pool(&mut self, name: &PoolName) -> Result<PoolRef, Rejection> {
        if let Some(known) = self.context.directory.get(name) {
            return known;
        }
        // A pool that is gone is heard of at the end of the turn.
        _ = self.send();
        self.context.opener.open(name.clone()).await
    }

    fn ask_by_lease(
        &mut self,
        id: u64,
        weight: usize,
        shares: BTreeMap<PoolId, (Vec<usize>, Ask)>,
        (shape, count): (ItemShape, usize),
    ) -> Option<FromHub> {
        let mut gather = Gather::items(shape, count);
        let mut asks = Vec::new();
        for (pool, (share, ask)) in shares {
            match self.context.directory.by_id(pool) {
                Some(Ok(pool)) => {
                    gather.expect(pool.id, share);
                    asks.push((pool, ask));
                }
                Some(Err(down)) => gather.refuse(&share, &down),
                None => {}
            }
        }
        self.ask_each(id, weight, asks, gather)
    }

    fn ask_all(&mut self, id: u64, weight: usize, ask: &Ask, gather: Gather) -> Option<FromHub> {
        let pools = self.context.directory.up();
        let asks = pools.into_iter().map(|pool| (pool, ask.clone()));
        self.ask_each(id, weight, asks.collect(), gather)
    }

    fn ask_status(
        &mut self,
        id: u64,
        weight: usize,
        name: Option<PoolName>,
    ) -> Result<Option<FromHub>, Rejection> {
        let pools = match name {
            Some(name) => vec![self.context.known_pool(&name)?],
            None => self.context.directory.up(),
        };
        let ask = |pool| (pool, Ask::Query(Query::Status));
        let gather = Gather::Status(Vec::new(), BTreeMap::new());
        Ok(self.ask_each(id, weight, pools.into_iter().map(ask).collect(), gather))
    }

    /// Every pool hears which leases in it the node still has, be it none: what it does not name
    /// never arrived.
    fn ask_resume(&mut self, id: u64, weight: usize, leases: &[LeaseRef]) -> Option<FromHub> {
        let mut gather = Gather::items(ItemShape::Extended, leases.len());
        let mut shares: BTreeMap<PoolId, Vec<usize>> = BTreeMap::new();
        for (at, proof) in leases.iter().enumerate() {
            shares.entry(proof.lease.pool).or_default().push(at);
        }
        let mut asks = Vec::new();
        for pool in self.context.directory.up() {
            let share = shares.remove(&pool.id).unwrap_or_default();
            let proofs = share.iter().map(|at| leases[*at]).collect();
            gather.expect(pool.id, share);
            asks.push((pool, Ask::Command(Command::Resume(proofs))));
        }
        for (pool, share) in shares {
            if let Some(Err(down)) = self.context.directory.by_id(pool) {
                gather.refuse(&share, &down);
            }
        }
        self.ask_each(id, weight, asks, gather)
    }

    /// With no pool to ask, the response is what the gather begins with.
    fn ask_each(
        &mut self,
        id: u64,
        weight: usize,
        asks: Vec<(PoolRef, Ask)>,
        gather: Gather,
    ) -> Option<FromHub> {
        let request = self.begin(Some(id), weight, asks.len(), gather);
        if asks.is_empty() {
            return self.finish(request).response();
        }
        for (pool, ask) in asks {
            self.batch(pool, request, ask);
        }
        None
    }

    fn begin(&mut self, id: Option<u64>, weight: usize, left: usize, gather: Gather) -> RequestId {
        let request = self.next;
        self.next += 1;
        self.bytes += weight;
        self.pending.insert(
            request,
            Pending {
                id,
                left,
                weight,
                gather,
            },
        );
        RequestId(request)
    }

    fn batch(&mut self, pool: PoolRef, request: RequestId, ask: Ask) {
        *self.owed.entry(pool.id).or_default() += 1;
        if ask.may_hold() {
            self.leased.insert(pool.id);
        }
        let batch = self.batches.entry(pool.name.clone());
        batch
            .or_insert_with(|| (pool, Vec::new()))
            .1
            .push((request, ask));
    }

    fn finish(&mut self, request: RequestId) -> Answered {
        let Some(pending) = self.pending.remove(&request.0) else {
            return Answered::Partly;
        };
        self.bytes -= pending.weight;
        let Some(id) = pending.id else {
            return Answered::Fence;
        };
        let body = match pending.gather {
            Gather::Whole(Some(response)) => response,
            Gather::Task(Ok(task)) => Response::Task(task),
            Gather::Task(Err(rejection)) => Response::Refused(rejection),
            Gather::Items { shape, done, .. } => finish_items(shape, done),
            Gather::Cancel(best) => Response::Done(best),
            Gather::Status(pools, holdings) => self.context.status(pools, &holdings),
            Gather::Whole(None) | Gather::Fence => unreachable!("it was asked of one pool"),
        };
        Answered::Response(response(id, body))
    }
}

const fn response(id: u64, body: Response) -> FromHub {
    FromHub::Response { id, body }
}

fn check_batch(count: usize) -> Result<(), Rejection> {
    if count <= BATCH_MAX {
        return Ok(());
    }
    Err(Rejection::OutOfBounds {
        what: "the length of a batch".to_owned(),
        value: count as u64,
        min: 0,
        max: BATCH_MAX as u64,
    })
}
