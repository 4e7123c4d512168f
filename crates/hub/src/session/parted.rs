//! Requests to a pool in partitions: each goes to the partitions that it is for.

use leasehold_core::{Rejection, RequestId};
use leasehold_wire::Response;

use super::{
    requests::{Batch, Pending, Requests},
    spread::{Plan, Spread, not_there, plan},
};
use crate::{
    directory::PoolRef,
    freight::Freight,
    parts::Parts,
    pool_actor::{Ask, Out, Part},
};

impl Requests {
    /// What was gathered under the pool's name is sent to its partitions and its front.
    pub(super) fn send_to_parts(&mut self, batch: Batch) {
        let Batch { pool, asks } = batch;
        let Some(parts) = pool.parts.clone() else {
            return;
        };
        let mut out = Vec::new();
        for (request, ask) in asks {
            self.is_owed(&pool, -1);
            match plan(&parts, ask) {
                Plan::Here(ask) => self.add(&mut out, pool.clone(), request, ask),
                Plan::Front(ask) => match self.greet_all(&parts) {
                    Ok(front) => self.add(&mut out, front, request, ask),
                    Err(refusal) => self.refuse(&pool, request, refusal),
                },
                Plan::One(part, ask) => match self.part(&parts, part) {
                    Ok(part) => self.add(&mut out, part, request, ask),
                    Err(refusal) => self.refuse(&pool, request, refusal),
                },
                Plan::Several(shares, spread) => {
                    self.add_shares(&mut out, &pool, &parts, request, shares, spread);
                }
            }
        }
        for Batch { pool, asks } in out {
            self.has_lost_a_pool |= self.guard.ask(&pool, asks).is_err();
        }
    }

    /// What was gathered under a pool's name and what was gathered for its partitions go one behind
    /// the other, so what may be about the same tasks begins with the ones before it.
    pub(super) fn keep_order(&mut self) {
        let of_parts = |pool: &PoolRef| pool.parts.is_some() || pool.name.parts().is_some();
        if self.batches.iter().any(|batch| of_parts(&batch.pool)) {
            // A pool that is gone is heard of at the end of the turn.
            _ = self.send();
        }
    }

    fn add_shares(
        &mut self,
        out: &mut Vec<Batch>,
        pool: &PoolRef,
        parts: &Parts,
        request: RequestId,
        shares: Vec<(usize, Vec<usize>, Ask)>,
        mut spread: Spread,
    ) {
        let Some(Pending::Shared(of)) = self.pending.remove(&request.0) else {
            return;
        };
        let mut left = 0;
        let mut refused = None;
        for (part, places, ask) in shares {
            match self.part(parts, part) {
                Ok(part) => {
                    left += 1;
                    spread.expect(part.id, places);
                    self.add(out, part, request, ask);
                }
                // Without items of its own it is refused as a whole.
                Err(refusal) if places.is_empty() => refused = Some(refusal),
                Err(refusal) => spread.refuse(&places, &refusal),
            }
        }
        let none = left == 0;
        let pending = Pending::Spread {
            shares: of,
            left: left.max(1),
            refused,
            spread: Box::new(spread),
        };
        self.pending.insert(request.0, pending);
        if none {
            // Nobody else will say anything.
            self.guard.say(Out::Answer(
                request,
                pool.id,
                Part::Fence,
                Freight::default(),
            ));
        }
    }

    fn add(&mut self, out: &mut Vec<Batch>, pool: PoolRef, request: RequestId, ask: Ask) {
        self.is_owed(&pool, 1);
        match out.iter_mut().find(|batch| batch.pool.id == pool.id) {
            Some(batch) => batch.asks.push((request, ask)),
            None => out.push(Batch {
                pool,
                asks: vec![(request, ask)],
            }),
        }
    }

    fn part(&self, parts: &Parts, part: usize) -> Result<PoolRef, Rejection> {
        let name = &parts.names[part];
        let known = self.context.directory.get(name);
        known.ok_or_else(|| not_there(name))?
    }

    /// Whoever waits at the front may be granted tasks by each partition, so each is to know the
    /// session first: one that is being restored does not.
    fn greet_all(&mut self, parts: &Parts) -> Result<PoolRef, Rejection> {
        let all = (0..parts.names.len()).map(|part| self.part(parts, part));
        let all = all.collect::<Result<Vec<_>, _>>()?;
        let front = self.context.directory.get(&parts.front);
        let front = front.ok_or_else(|| not_there(&parts.front))??;
        for part in &all {
            self.has_lost_a_pool |= self.guard.greet(part).is_err();
            self.may_hold_in(part);
        }
        self.may_hold_in(&front);
        Ok(front)
    }

    /// Answers instead of a partition that is not there, in the order of all that is said.
    fn refuse(&mut self, pool: &PoolRef, request: RequestId, refusal: Rejection) {
        let refused = Part::Whole(Response::Refused(refusal));
        self.is_owed(pool, 1);
        self.guard
            .say(Out::Answer(request, pool.id, refused, Freight::default()));
    }
}
