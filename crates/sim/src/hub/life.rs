//! What the hub does with its store, and who watches.

use leasehold_core::Timestamp;
use leasehold_store::{Moment, PoolBatch, Store};

use super::{Fate, Life, Witness, broken, name};
use crate::{
    describe,
    mutation::Mutation,
    oracle::{Call, Verdict},
};

impl Life {
    /// Lets the store do what fate has in mind, and tells the oracle what the disk has now.
    pub(super) fn write(
        &mut self,
        bug: Option<Mutation>,
        fate: Fate,
        witness: &mut Witness,
    ) -> Vec<(usize, PoolBatch)> {
        if let Fate::Failed(moment) = fate {
            self.faults.fail_commit(moment);
        }
        let batches = std::mem::take(&mut self.flying);
        let first = batches.first().map(|(pool, _)| *pool);
        let kept = |pool: usize, changes: usize| match (bug, fate) {
            (_, Fate::Failed(Moment::Before)) => 0,
            (Some(Mutation::PoolsTorn), _) if Some(pool) != first => 0,
            (Some(Mutation::CommitTorn), _) => changes.div_ceil(2),
            (Some(_) | None, _) => changes,
        };
        let written: Vec<PoolBatch> = batches
            .iter()
            .map(|(pool, batch)| {
                let mut batch = batch.clone();
                batch.changes.truncate(kept(*pool, batch.changes.len()));
                batch
            })
            .collect();
        // An error here is the one that fate sent.
        _ = self.store.commit(&written);
        for (pool, batch) in &batches {
            let changes = batch.changes.len();
            let kept = kept(*pool, changes);
            witness.oracle.stored(*pool, batch.at, changes, kept);
        }
        batches
    }

    pub(super) fn reopen(&mut self, now: Timestamp) -> Verdict {
        self.store.reopen().map_err(broken)?;
        for (index, seat) in self.seats.iter_mut().enumerate() {
            seat.epoch = self.store.open_pool(&name(index)?).map_err(broken)?.epoch;
        }
        for (_, batch) in &mut self.queue {
            batch.at = now;
            batch.epoch.0 += 1;
        }
        Ok(())
    }
}

impl Witness {
    pub(super) fn judge(&mut self, pool: usize, call: &Call<'_>) -> Verdict {
        let verdict = self.oracle.called(pool, call);
        if verdict.is_err() {
            for change in &call.outcome.changes {
                let change = describe::change(change);
                self.trace
                    .judged(call.now, format_args!("pool {pool}: {change}  <-- judged"));
            }
            for reply in &call.outcome.replies {
                let to = self.trace.who(reply.session());
                let reply = describe::reply(reply);
                self.trace.judged(
                    call.now,
                    format_args!("pool {pool} says to {to}: {reply}  <-- judged"),
                );
            }
        }
        verdict
    }
}
