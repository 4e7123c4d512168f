//! Where a request goes: to one pool, to the pools of its leases, or to all.

mod later;

use std::{collections::BTreeMap, time::Duration};

use leasehold_core::{
    AfterFailure, Await, Claim, Command, Completion, Credit, Failure, LeaseRef, NewTask, PoolId,
    PoolName, Revive, Where, limits::BATCH_MAX,
};
use leasehold_wire::{
    BackupVerb, CompleteItem, EnqueueItem, FailItem, Request, Setting, TokenVerb,
};

use crate::pool_actor::{Ask, Query};

/// Where a request goes.
#[derive(Debug)]
pub(super) enum Route {
    /// To this pool, which is made if need be.
    ToOne(PoolName, Ask),
    /// To this pool, if it is there.
    ToKnown(PoolName, Ask),
    /// All items to the pool of their leases.
    ByOneLease(PoolId, Ask, ItemShape, usize),
    /// Each item to the pool of its lease, with its place in the request.
    ByLease(Vec<(PoolId, (Vec<usize>, Ask))>, ItemShape, usize),
    /// The same ask to each pool.
    ToAll(Ask, AllShape),
    /// A status: of one pool or of all, with the hub's own figures.
    Status(Option<PoolName>),
    /// To a pool that is not there yet, which is made with these settings.
    Create(PoolName, Vec<Setting>),
    /// A resume: every pool hears what is held in it, be it nothing.
    Resume(Vec<LeaseRef>),
    /// To the store.
    Backup(BackupVerb),
    /// To the hub's tokens.
    Tokens(TokenVerb),
    /// Nowhere: this hub cannot do it.
    Nowhere(&'static str),
}

impl Route {
    /// Neither an enqueue nor for work.
    pub(super) const fn is_rare(&self) -> bool {
        match self {
            Self::ToOne(..) | Self::ByOneLease(..) | Self::ByLease(..) => false,
            Self::ToKnown(..)
            | Self::ToAll(..)
            | Self::Status(_)
            | Self::Create(..)
            | Self::Resume(_)
            | Self::Backup(_)
            | Self::Tokens(_)
            | Self::Nowhere(_) => true,
        }
    }
}

/// What the items of a split request are answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemShape {
    Done,
    Extended,
}

/// How the answers of all pools make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AllShape {
    /// Item by item the pool's that knows the task.
    Cancel(usize),
    /// The pool's that knows the task.
    Task,
}

pub(super) fn route(request: Request) -> Route {
    match request {
        Request::Enqueue { pool, tasks } => {
            let tasks = tasks.into_iter().map(new_task).collect();
            Route::ToOne(pool, Ask::Command(Command::Enqueue(tasks)))
        }
        Request::Claim {
            pool,
            tasks_max,
            wait_ms,
            lease_ms,
        } => {
            let (wait, lease) = (ms(wait_ms), lease_ms.map(ms));
            let claim = Claim {
                tasks_max,
                wait,
                lease,
            };
            Route::ToOne(pool, Ask::Command(Command::Claim(claim)))
        }
        Request::Credit {
            pool,
            tasks,
            lease_ms,
        } => {
            let credit = Credit {
                tasks,
                lease: lease_ms.map(ms),
            };
            Route::ToOne(pool, Ask::Command(Command::Credit(credit)))
        }
        Request::Extend { leases, lease_ms } => {
            let lease = lease_ms.map(ms);
            let command = |leases| Command::Extend(leases, lease);
            by_lease(leases, |proof| *proof, command, ItemShape::Extended)
        }
        Request::Complete { items } => {
            let items: Vec<Completion> = items.into_iter().map(completion).collect();
            by_lease(items, |item| item.proof, Command::Complete, ItemShape::Done)
        }
        Request::Fail { items } => {
            let items: Vec<Failure> = items.into_iter().map(failure).collect();
            by_lease(items, |item| item.proof, Command::Fail, ItemShape::Done)
        }
        Request::Release { leases } => {
            by_lease(leases, |proof| *proof, Command::Release, ItemShape::Done)
        }
        rare @ (Request::Resume { .. }
        | Request::Cancel { .. }
        | Request::Revive { .. }
        | Request::Await { .. }
        | Request::Status { .. }
        | Request::Tasks { .. }
        | Request::Task { .. }) => route_rare(rare),
        later @ (Request::EnqueueMore { .. }
        | Request::CompleteMore { .. }
        | Request::FailMore { .. }
        | Request::CancelWithin { .. }
        | Request::Progress { .. }
        | Request::TasksWhere { .. }
        | Request::ReviveWhere { .. }
        | Request::Purge { .. }
        | Request::Pool { .. }
        | Request::Schedule { .. }) => later::route(later),
        Request::Authenticate { .. } => Route::Nowhere("authentication"),
        Request::Tokens { verb } => Route::Tokens(verb),
        Request::Backup { verb } => Route::Backup(verb),
    }
}

/// Requests that are rare or only look.
fn route_rare(request: Request) -> Route {
    match request {
        Request::Resume { leases } => Route::Resume(leases),
        Request::Cancel { tasks } => {
            let shape = AllShape::Cancel(tasks.len());
            Route::ToAll(Ask::Command(Command::Cancel(tasks)), shape)
        }
        Request::Revive { pool, tasks } => {
            let revive = tasks.map_or(Revive::All, Revive::Tasks);
            Route::ToKnown(pool, Ask::Command(Command::Revive(revive)))
        }
        Request::Await {
            pool,
            task,
            wait_ms,
        } => {
            let wait = Await {
                task,
                wait: ms(wait_ms),
            };
            Route::ToKnown(pool, Ask::Command(Command::Await(wait)))
        }
        Request::Status { pool } => Route::Status(pool),
        Request::Tasks {
            pool,
            state,
            after,
            tasks_max,
        } => {
            let tasks_max = (tasks_max as usize).min(BATCH_MAX);
            Route::ToKnown(
                pool,
                Ask::Query(Query::Tasks {
                    which: state.map(Where::State).into_iter().collect(),
                    after,
                    tasks_max,
                }),
            )
        }
        Request::Task { task } => Route::ToAll(Ask::Query(Query::Task(task)), AllShape::Task),
        Request::Enqueue { .. }
        | Request::Claim { .. }
        | Request::Credit { .. }
        | Request::Extend { .. }
        | Request::Complete { .. }
        | Request::Fail { .. }
        | Request::Release { .. }
        | Request::EnqueueMore { .. }
        | Request::CompleteMore { .. }
        | Request::FailMore { .. }
        | Request::CancelWithin { .. }
        | Request::Progress { .. }
        | Request::TasksWhere { .. }
        | Request::ReviveWhere { .. }
        | Request::Purge { .. }
        | Request::Pool { .. }
        | Request::Schedule { .. }
        | Request::Authenticate { .. }
        | Request::Tokens { .. }
        | Request::Backup { .. } => unreachable!("routed by the caller"),
    }
}

fn by_lease<T>(
    items: Vec<T>,
    proof: impl Fn(&T) -> LeaseRef,
    command: impl Fn(Vec<T>) -> Command,
    shape: ItemShape,
) -> Route {
    let count = items.len();
    if let Some(first) = items.first()
        && let pool = proof(first).lease.pool
        && items.iter().all(|item| proof(item).lease.pool == pool)
    {
        // As nearly always.
        let ask = Ask::Command(command(items));
        return Route::ByOneLease(pool, ask, shape, count);
    }
    let mut pools: BTreeMap<PoolId, (Vec<usize>, Vec<T>)> = BTreeMap::new();
    for (place, item) in items.into_iter().enumerate() {
        let (places, share) = pools.entry(proof(&item).lease.pool).or_default();
        places.push(place);
        share.push(item);
    }
    let ask = |(pool, (places, share))| (pool, (places, Ask::Command(command(share))));
    Route::ByLease(pools.into_iter().map(ask).collect(), shape, count)
}

pub(super) fn completion(item: CompleteItem) -> Completion {
    Completion {
        proof: item.proof,
        result: item.result,
        then: vec![],
    }
}

fn failure(item: FailItem) -> Failure {
    Failure {
        proof: item.proof,
        reason: item.reason,
        then: AfterFailure::ByPolicy,
    }
}

pub(super) fn new_task(item: EnqueueItem) -> NewTask {
    NewTask {
        id: item.id,
        priority: item.priority,
        attempts_max: item.attempts_max,
        delay: ms(item.delay_ms),
        payload: item.payload,
        wishes: vec![],
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What is known of one task in a list of them, roughly, in bytes.
const SUMMARY: usize = 160;

/// What an id weighs that a pool is asked for, with its answer, roughly, in bytes.
const ASKED: usize = 64;

/// What a request weighs that goes with all these ids to as many pools, in bytes.
pub(super) const fn weight_of_all(ids: usize, pools: usize) -> usize {
    ASKED.saturating_mul(ids).saturating_mul(pools)
}

/// What a request weighs in memory, roughly, in bytes; with its answer, where that is the longer.
pub(super) fn weight(request: &Request) -> usize {
    /// All that is known of one task, its payload or result among it: as long as those may be by
    /// default. It waits in memory for a node that asks and does not read.
    const DETAIL: usize = 1 << 20;
    /// Of a request or an item beside its bytes.
    const BASE: usize = 64;
    let listed = |tasks_max: u32| SUMMARY * (tasks_max as usize).min(BATCH_MAX);
    match request {
        Request::Enqueue { tasks, .. } => {
            BASE + tasks
                .iter()
                .map(|task| BASE + task.payload.len())
                .sum::<usize>()
        }
        Request::Complete { items } => {
            let bytes =
                |item: &CompleteItem| BASE + item.result.as_ref().map_or(0, bytes::Bytes::len);
            BASE + items.iter().map(bytes).sum::<usize>()
        }
        Request::Fail { items } => {
            BASE + items
                .iter()
                .map(|item| BASE + item.reason.len())
                .sum::<usize>()
        }
        Request::Extend { leases, .. }
        | Request::Release { leases }
        | Request::Resume { leases } => BASE + leases.len() * BASE,
        Request::Cancel { tasks } => BASE + tasks.len() * BASE,
        Request::EnqueueMore { .. }
        | Request::CompleteMore { .. }
        | Request::FailMore { .. }
        | Request::CancelWithin { .. }
        | Request::Progress { .. }
        | Request::TasksWhere { .. }
        | Request::ReviveWhere { .. }
        | Request::Purge { .. }
        | Request::Pool { .. }
        | Request::Schedule { .. }
        | Request::Authenticate { .. }
        | Request::Tokens { .. }
        | Request::Backup { .. } => BASE + later::bytes(request),
        Request::Claim { .. }
        | Request::Credit { .. }
        | Request::Revive { .. }
        | Request::Await { .. }
        | Request::Status { .. } => BASE,
        Request::Tasks { tasks_max, .. } => BASE + listed(*tasks_max),
        Request::Task { .. } => DETAIL,
    }
}
