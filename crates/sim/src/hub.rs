//! The hub: real pools, real outboxes, one writer to one store.

mod govern;
mod life;

use std::time::Duration;

use leasehold_core::{
    Command, Epoch, Outbox, PoolName, PoolSettings, Reply, RequestId, SessionId, StateKind,
    Timestamp, Transition,
};
use leasehold_store::{
    Blob, Faults, FaultyStore, MemoryDisk, MemoryStore, Moment, PoolBatch, Store, StoreError,
};

use crate::{
    Boundary, describe,
    mutation::{Mutation, Patient},
    oracle::{Call, Oracle, Verdict, Violation},
    trace::Trace,
};

/// The hub itself, which asks without a session.
const HUB: SessionId = SessionId(0);

/// A request that nobody answers.
const NO_REQUEST: RequestId = RequestId(0);

/// What becomes of the commit on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is durable, and the hub hears so.
    Kept,
    /// It failed, and is there or not.
    Failed(Moment),
    /// The hub dies with it.
    Crash(Boundary),
}

/// A reply, and after how many durable changes of its pool it was worded.
#[derive(Debug)]
struct Worded {
    reply: Reply,
    after: u64,
}

/// Who looks on.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) oracle: Oracle,
    pub(crate) trace: Trace,
}

#[derive(Debug)]
pub(crate) struct Hub {
    disk: MemoryDisk,
    /// Of each pool those that it begins with, and those that it may be given.
    settings: Vec<Vec<PoolSettings>>,
    bug: Option<Mutation>,
    /// A process that was given up, and may still try to write.
    ghost: Option<Life>,
    /// None while it is down.
    life: Option<Life>,
    /// Replies that have left since they were last taken.
    left: Vec<(usize, Reply)>,
}

/// All that dies with the process.
#[derive(Debug)]
struct Life {
    store: FaultyStore<MemoryStore>,
    faults: Faults,
    seats: Vec<Seat>,
    /// Commits that wait for the writer.
    queue: Vec<(usize, PoolBatch)>,
    flying: Vec<(usize, PoolBatch)>,
}

#[derive(Debug)]
struct Seat {
    id: leasehold_core::PoolId,
    epoch: Epoch,
    pool: Patient,
    outbox: Outbox<Worded>,
}

impl Hub {
    pub(crate) fn new(settings: Vec<Vec<PoolSettings>>, bug: Option<Mutation>) -> Self {
        Self {
            disk: MemoryDisk::default(),
            settings,
            bug,
            ghost: None,
            life: None,
            left: Vec::new(),
        }
    }

    pub(crate) const fn is_up(&self) -> bool {
        self.life.is_some()
    }

    /// Nothing is to be written, and nothing waits to be said.
    pub(crate) fn is_idle(&self) -> bool {
        self.life.as_ref().is_some_and(|life| {
            life.flying.is_empty()
                && life.queue.is_empty()
                && life.seats.iter().all(|seat| seat.outbox.is_idle())
        })
    }

    pub(crate) const fn pools(&self) -> usize {
        self.settings.len()
    }

    /// Begins a life with what the disk holds.
    pub(crate) fn start(&mut self, now: Timestamp, witness: &mut Witness) -> Verdict {
        let (mut store, faults) = FaultyStore::new(MemoryStore::on(self.disk.clone()));
        let mut seats = Vec::new();
        for (index, settings) in self.settings.iter().enumerate() {
            let opened = store.open_pool(&name(index)?).map_err(broken)?;
            witness.trace.fault(
                now,
                format_args!("*** pool {index} is restored, epoch {}", opened.epoch.0),
            );
            let (id, epoch) = (opened.id, opened.epoch);
            let tasks = opened.tasks.all().map_err(broken)?;
            let settings = govern::settings(settings, &opened.notes, self.bug);
            let mut pool = Patient::restore(id, epoch, settings, now, tasks, self.bug);
            pool.recall(opened.notes);
            seats.push(Seat {
                id,
                epoch,
                pool,
                outbox: Outbox::default(),
            });
            witness.oracle.restored(index, now)?;
        }
        self.haunt(witness)?;
        self.life = Some(Life {
            store,
            faults,
            seats,
            queue: Vec::new(),
            flying: Vec::new(),
        });
        (0..self.pools()).try_for_each(|pool| self.plan(pool, now, witness))
    }

    /// Which instants are due: the pool knows no calendar.
    fn plan(&mut self, pool: usize, now: Timestamp, witness: &mut Witness) -> Verdict {
        let seat = self.life.as_ref().map(|life| &life.seats[pool]);
        let plans = seat.map_or(Vec::new(), |seat| seat.pool.plans(now));
        for plan in plans {
            let asked = (HUB, NO_REQUEST, Command::Plan(Box::new(plan)));
            self.hear(pool, now, asked, witness)?;
        }
        Ok(())
    }

    /// The process dies; the commit on its way is on the disk, whole, or is not.
    pub(crate) fn crash(&mut self, is_kept: bool, witness: &mut Witness) {
        let Some(mut life) = self.life.take() else {
            return;
        };
        if is_kept && !life.flying.is_empty() {
            life.write(self.bug, Fate::Kept, witness);
        }
        self.ghost = Some(life);
        self.left.clear();
    }

    /// The process before this one was not dead after all: nothing that it writes is taken.
    fn haunt(&mut self, witness: &mut Witness) -> Verdict {
        let Some(mut ghost) = self.ghost.take().filter(|ghost| !ghost.flying.is_empty()) else {
            return Ok(());
        };
        let batches: Vec<PoolBatch> = ghost.flying.drain(..).map(|(_, batch)| batch).collect();
        match ghost.store.commit(&batches) {
            Err(StoreError::Fenced { .. }) => {
                witness.oracle.count("fenced");
                Ok(())
            }
            other => Err(Violation::general(format!(
                "an older owner wrote: {other:?}"
            ))),
        }
    }

    /// A session asks something of a pool.
    pub(crate) fn apply(
        &mut self,
        pool: usize,
        now: Timestamp,
        asked: (SessionId, RequestId, Command),
        witness: &mut Witness,
    ) -> Verdict {
        self.hear(pool, now, asked, witness)?;
        self.plan(pool, now, witness)
    }

    fn hear(
        &mut self,
        pool: usize,
        now: Timestamp,
        asked: (SessionId, RequestId, Command),
        witness: &mut Witness,
    ) -> Verdict {
        let Some(seat) = self.life.as_mut().and_then(|life| life.seats.get_mut(pool)) else {
            return Ok(());
        };
        let (session, request, command) = asked;
        let who = witness.trace.who(session);
        let what = describe::command(&command);
        witness
            .trace
            .asked(now, format_args!("{who} to pool {pool}: {what}"));
        let outcome = seat.pool.apply(now, session, request, command.clone());
        let call = Call {
            now,
            asked: Some((session, request, &command)),
            outcome: &outcome,
        };
        witness.judge(pool, &call)?;
        self.bring_out(pool, now, outcome, witness)
    }

    /// Time passes in every pool that waits for this moment.
    pub(crate) fn advance(&mut self, now: Timestamp, witness: &mut Witness) -> Verdict {
        for pool in 0..self.pools() {
            let Some(life) = &mut self.life else { break };
            let seat = &mut life.seats[pool];
            if seat.pool.next_deadline().is_none_or(|at| at > now) {
                continue;
            }
            let outcome = seat.pool.advance(now);
            let call = Call {
                now,
                asked: None,
                outcome: &outcome,
            };
            witness.judge(pool, &call)?;
            self.bring_out(pool, now, outcome, witness)?;
            self.plan(pool, now, witness)?;
        }
        Ok(())
    }

    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        let seats = self.life.as_ref().map(|life| life.seats.iter());
        seats?.filter_map(|seat| seat.pool.next_deadline()).min()
    }

    /// Whether something has gathered for the writer, and it is free.
    pub(crate) fn would_commit(&self) -> bool {
        let life = self.life.as_ref();
        life.is_some_and(|life| life.flying.is_empty() && !life.queue.is_empty())
    }

    /// Hands what has gathered to the writer.
    pub(crate) fn begin_commit(&mut self) {
        if let Some(life) = &mut self.life {
            life.flying = std::mem::take(&mut life.queue);
        }
    }

    /// The newest time that the disk has seen.
    pub(crate) fn latest(&self) -> Timestamp {
        MemoryStore::on(self.disk.clone()).latest()
    }

    /// The commit on its way comes to its end; says whether the hub lives on.
    pub(crate) fn end_commit(
        &mut self,
        fate: Fate,
        now: Timestamp,
        witness: &mut Witness,
    ) -> Verdict<bool> {
        let Some(life) = &mut self.life else {
            return Ok(true);
        };
        let batches = life.write(self.bug, fate, witness);
        let is_fine = !matches!(fate, Fate::Failed(_));
        let pools = batches.len();
        let what = format!("commit of {pools} pools: {fate:?}");
        if is_fine {
            witness.trace.stored(now, format_args!("{what}"));
        } else {
            witness.trace.fault(now, format_args!("{what}"));
        }
        if !is_fine {
            witness.oracle.count("commit failed");
        }
        if !is_fine && self.bug != Some(Mutation::FailedCommitIgnored) {
            return Ok(false);
        }
        if !is_fine {
            // The bug reopens the store behind the pools' back, as if nothing had been.
            life.reopen(now)?;
        }
        let durable: Vec<(usize, Vec<Worded>)> = batches
            .iter()
            .map(|(pool, _)| (*pool, life.seats[*pool].outbox.committed()))
            .collect();
        for (pool, batch) in batches {
            life.seats[pool].pool.reuse(batch.changes.into());
        }
        for (pool, said) in durable {
            self.leave(pool, said, witness)?;
            self.pump(pool, now, witness)?;
        }
        Ok(true)
    }

    /// What left the hub since this was last asked.
    pub(crate) fn take_left(&mut self) -> Vec<(usize, Reply)> {
        std::mem::take(&mut self.left)
    }

    /// What the disk holds of a pool, read by a stranger.
    pub(crate) fn read_disk(&self, pool: usize) -> Verdict<Vec<leasehold_core::Task>> {
        let mut store = MemoryStore::on(self.disk.clone());
        let opened = store.open_pool(&name(pool)?).map_err(broken)?;
        let tasks = opened.tasks.all().map_err(broken)?;
        for task in &tasks {
            let blob = store
                .blob(opened.id, task.id, Blob::Payload)
                .map_err(broken)?;
            let length = blob.map(|bytes| bytes.len() as u64);
            let has_completed = task.state.kind() == StateKind::Completed;
            if length != (!has_completed).then_some(task.payload_len.into()) {
                let what = format!("its payload has {length:?} bytes");
                return Err(Violation::of(task.id, what));
            }
        }
        Ok(tasks)
    }

    fn bring_out(
        &mut self,
        pool: usize,
        now: Timestamp,
        mut outcome: Transition,
        witness: &mut Witness,
    ) -> Verdict {
        for change in &outcome.changes {
            witness.trace.changed(
                now,
                format_args!("  pool {pool}: {}", describe::change(change)),
            );
        }
        let Some(life) = &mut self.life else {
            return Ok(());
        };
        let seat = &mut life.seats[pool];
        if self.bug.is_none() {
            // A planted bug is for the oracle to find.
            seat.pool.check().map_err(Violation::general)?;
        }
        let after = witness.oracle.changes_made(pool);
        if self.bug == Some(Mutation::ReplyBeforeCommit) {
            let early = outcome
                .replies
                .drain(..)
                .map(|reply| Worded { reply, after });
            let early: Vec<Worded> = early.collect();
            self.leave(pool, early, witness)?;
            return self.push(pool, now, outcome, witness);
        }
        self.push(pool, now, outcome, witness)
    }

    fn push(
        &mut self,
        pool: usize,
        now: Timestamp,
        mut outcome: Transition,
        witness: &mut Witness,
    ) -> Verdict {
        let after = witness.oracle.changes_made(pool);
        if let Some(life) = &mut self.life {
            let outbox = &mut life.seats[pool].outbox;
            outbox.push(&mut outcome, |reply| Worded { reply, after });
        }
        self.pump(pool, now, witness)
    }

    /// What is free leaves, and what has gathered goes to the writer.
    fn pump(&mut self, pool: usize, now: Timestamp, witness: &mut Witness) -> Verdict {
        let Some(life) = &mut self.life else {
            return Ok(());
        };
        let seat = &mut life.seats[pool];
        let free = seat.outbox.take_free();
        if let Some(changes) = seat.outbox.next_commit() {
            let batch = PoolBatch {
                pool: seat.id,
                epoch: seat.epoch,
                at: now,
                changes,
            };
            life.queue.push((pool, batch));
        }
        self.leave(pool, free, witness)
    }

    fn leave(&mut self, pool: usize, said: Vec<Worded>, witness: &mut Witness) -> Verdict {
        for worded in said {
            witness.oracle.left(pool, &worded.reply, worded.after)?;
            self.left.push((pool, worded.reply));
        }
        Ok(())
    }
}

fn name(pool: usize) -> Verdict<PoolName> {
    PoolName::new(&format!("pool-{pool}")).map_err(|error| Violation::general(error.to_string()))
}

fn broken(error: StoreError) -> Violation {
    Violation::general(format!("the store failed by itself: {error}"))
}

/// So many milliseconds, as a world counts.
pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
