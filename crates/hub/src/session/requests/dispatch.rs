//! Requests on their way out: to the pools that their route names.

use std::{collections::BTreeMap, sync::Arc};

use leasehold_core::{Command, LeaseRef, PoolId, PoolName, Rejection, limits::BATCH_MAX};
use leasehold_wire::{FromHub, PoolVerb, Setting};

use super::{Pending, Requests};
use crate::{
    directory::PoolRef,
    pool_actor::{Ask, Query},
    session::{
        gather::Gather,
        join::Share,
        route::{AllShape, ItemShape, Route, weight_of_all},
    },
};

impl Requests {
    pub(super) async fn dispatch(
        &mut self,
        id: u64,
        weight: usize,
        route: Route,
    ) -> Result<Option<FromHub>, Rejection> {
        let mut share = Share {
            id,
            items: 0,
            weight,
            shape: None,
        };
        match route {
            Route::ToOne(name, ask) => {
                share.items = items_of(&ask);
                let pool = self.open_pool(&name).await?;
                Ok(self.ask_one(share, pool, ask))
            }
            Route::ToKnown(name, ask) => {
                let pool = self.context.known_pool(&name)?;
                Ok(self.ask_one(share, pool, ask))
            }
            Route::ByOneLease(pool, ask, shape, count) => {
                check_batch(count)?;
                (share.items, share.shape) = (count, Some(shape));
                if let Some(Ok(pool)) = self.context.directory.by_id(pool) {
                    return Ok(self.ask_one(share, pool, ask));
                }
                let all = vec![(pool, ((0..count).collect(), ask))];
                Ok(self.ask_by_lease(share, all, shape))
            }
            Route::ByLease(shares, shape, count) => {
                check_batch(count)?;
                (share.items, share.shape) = (count, Some(shape));
                Ok(self.ask_by_lease(share, shares, shape))
            }
            Route::ToAll(ask, AllShape::Cancel(count)) => {
                check_batch(count)?;
                let weight = self.check_spread(count)?;
                let none = vec![Err(self.context.nowhere()); count];
                Ok(self.ask_all(id, weight, &ask, Gather::Cancel(none)))
            }
            Route::ToAll(ask, AllShape::Task) => {
                let none = Gather::Task(Err(self.context.nowhere()));
                Ok(self.ask_all(id, weight, &ask, none))
            }
            Route::Create(name, settings) => {
                let pool = self.create_pool(&name, &settings).await?;
                let verb = PoolVerb::Create(settings);
                Ok(self.ask_one(share, pool, Ask::Pool(verb)))
            }
            Route::Backup(verb) => self.backup(id, verb).await,
            Route::Tokens(verb) => {
                let body = self.see_to_tokens(verb).await?;
                Ok(Some(FromHub::Response { id, body }))
            }
            Route::Nowhere(what) => Err(Rejection::Unsupported(what.to_owned())),
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

    /// Nothing is made with settings that cannot be, nor what takes none but the configuration's.
    async fn create_pool(
        &mut self,
        name: &PoolName,
        settings: &[Setting],
    ) -> Result<PoolRef, Rejection> {
        let value = |of: &Setting| Some((of.key.clone(), of.value.clone()?));
        let set: Vec<_> = settings.iter().filter_map(value).collect();
        let config = self.context.config.now();
        if config.settings_of(name).partitions > 1 {
            let what = "changes of a pool in partitions";
            return Err(Rejection::Unsupported(what.to_owned()));
        }
        let checked = config.governed(name, &set);
        checked.map_err(|error| Rejection::Invalid(error.to_string()))?;
        // A pool that is gone is heard of at the end of the turn.
        _ = self.send();
        self.context.opener.create(name.clone()).await
    }

    fn ask_one(&mut self, share: Share, pool: PoolRef, ask: Ask) -> Option<FromHub> {
        self.under_way += 1;
        self.bytes += share.weight;
        let request = self.begin(Pending::Shared(vec![share]));
        self.batch(pool, request, ask);
        None
    }

    fn ask_by_lease(
        &mut self,
        share: Share,
        shares: Vec<(PoolId, (Vec<usize>, Ask))>,
        shape: ItemShape,
    ) -> Option<FromHub> {
        let mut gather = Gather::items(shape, share.items);
        let mut asks = Vec::new();
        for (pool, (places, ask)) in shares {
            match self.context.directory.by_id(pool) {
                Some(Ok(pool)) => {
                    gather.expect(pool.id, places);
                    asks.push((pool, ask));
                }
                Some(Err(down)) => gather.refuse(&places, &down),
                None => {}
            }
        }
        self.ask_each(share.id, share.weight, asks, gather)
    }

    /// Nobody knows which pool has these tasks, so each is asked for all of them: what that weighs, if
    /// it is not too much.
    fn check_spread(&self, ids: usize) -> Result<usize, Rejection> {
        let (pools, bytes_max) = (
            self.pools().count(),
            self.context.config.now().session.bytes_max,
        );
        let weight = weight_of_all(ids, pools);
        if weight <= bytes_max || ids <= 1 {
            return Ok(weight);
        }
        Err(Rejection::OutOfBounds {
            what: format!("the number of tasks asked for in {pools} pools"),
            value: ids as u64,
            min: 0,
            max: (bytes_max / weight_of_all(1, pools)).max(1) as u64,
        })
    }

    fn ask_all(&mut self, id: u64, weight: usize, ask: &Ask, gather: Gather) -> Option<FromHub> {
        let asks = self.pools().map(|pool| (pool, ask.clone())).collect();
        self.ask_each(id, weight, asks, gather)
    }

    fn ask_status(
        &mut self,
        id: u64,
        weight: usize,
        name: Option<PoolName>,
    ) -> Result<Option<FromHub>, Rejection> {
        let pools = match name {
            Some(name) => self.context.whole_pool(&name)?,
            None => self.pools().collect(),
        };
        let of: Arc<[_]> = if self.standing.sees_all() {
            self.context.registry.first(BATCH_MAX).into()
        } else {
            [self.guard.session].into()
        };
        let gather = Gather::Status(Vec::new(), of.iter().map(|id| (*id, 0)).collect());
        let ask = |pool| (pool, Ask::Query(Query::Status(of.clone())));
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
        let pools: Vec<PoolRef> = self.pools().collect();
        for pool in pools {
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

    /// All that are up and that the session may reach.
    fn pools(&self) -> impl Iterator<Item = PoolRef> + use<'_> {
        let pools = self.context.directory.up().into_iter();
        pools.filter(|pool| self.standing.reaches(&pool.name))
    }

    /// With no pool to ask, the response is what the gather begins with.
    fn ask_each(
        &mut self,
        id: u64,
        weight: usize,
        asks: Vec<(PoolRef, Ask)>,
        gather: Gather,
    ) -> Option<FromHub> {
        self.under_way += 1;
        self.bytes += weight;
        let pending = Pending::Gathered {
            id,
            left: asks.len(),
            weight,
            gather: Box::new(gather),
        };
        if asks.is_empty() {
            return Some(self.finish(pending));
        }
        let request = self.begin(pending);
        for (pool, ask) in asks {
            self.batch(pool, request, ask);
        }
        None
    }
}

/// Items that are answered one by one.
const fn items_of(ask: &Ask) -> usize {
    match ask {
        Ask::Command(Command::Enqueue(tasks)) => tasks.len(),
        Ask::Command(_) | Ask::Query(_) | Ask::Schedule(_) | Ask::Pool(_) | Ask::Hand(_) => 0,
    }
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
