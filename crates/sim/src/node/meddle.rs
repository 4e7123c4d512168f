//! What a good node would not do, and what the idle do to others.

use std::time::Duration;

use leasehold_core::{
    AfterFailure, Await, Claim, Command, Completion, Credit, Failure, LeaseRef, Misfire, Revive,
    Schedule, ScheduleAsk, ScheduleName, TaskId, Timestamp, When,
};

use super::{Ctx, Node, tamper};
use crate::{features::STOPS, hub::millis};

impl Node {
    pub(super) fn touch_schedule(&mut self, ctx: &mut Ctx<'_>) {
        let pool = ctx.rng.index(ctx.pools);
        let Ok(name) = ScheduleName::new("tick") else {
            return;
        };
        let ask = match ctx.rng.within(0, 9) {
            0 => ScheduleAsk::Remove(name),
            1 | 2 => ScheduleAsk::Pause(name, ctx.rng.chance(50)),
            _ => ScheduleAsk::Put(Box::new(tick(name, ctx))),
        };
        self.ask(pool, Command::Schedule(ask), ctx);
    }

    /// Leases that are named are not what is held: some missing, some old, some of others.
    pub(super) fn confuse(&self, pool: usize, leases: &mut Vec<LeaseRef>, ctx: &mut Ctx<'_>) {
        leases.retain(|_| ctx.rng.chance(60));
        for from in [&self.past, &ctx.gossip.leases] {
            if let Some((of, proof)) = ctx.rng.pick(from)
                && of == pool
            {
                leases.push(proof);
            }
        }
    }

    pub(super) fn touch_tasks(&mut self, ctx: &mut Ctx<'_>) {
        let Some((pool, task)) = ctx.rng.pick(&ctx.gossip.tasks) else {
            return;
        };
        let kinds = if STOPS { 15 } else { 6 };
        let command = match ctx.rng.within(0, kinds) {
            13.. => tamper::tamper(task, ctx),
            7.. => cancel_within(task, ctx),
            0 => Command::Cancel(vec![task]),
            1 => Command::Cancel(vec![task, TaskId::from_u128(1 << 80), task]),
            2 => Command::Revive(Revive::All),
            3 => Command::Revive(Revive::Tasks(vec![task, task])),
            _ => Command::Await(Await {
                task,
                wait: millis(ctx.rng.within(0, 5000)),
            }),
        };
        self.ask(pool, command, ctx);
    }

    /// Answers under a lease that is old, another node's, or made up.
    pub(super) fn lie(&mut self, ctx: &mut Ctx<'_>) {
        let held: Vec<_> = self
            .works
            .iter()
            .map(|work| (work.pool, work.proof))
            .collect();
        let found = match ctx.rng.within(0, 9) {
            0..3 => ctx.rng.pick(&self.past),
            3..5 => ctx.rng.pick(&held),
            _ => ctx.rng.pick(recent(&ctx.gossip.leases)),
        };
        let Some((pool, mut proof)) = found else {
            return;
        };
        let pool = forge(pool, &mut proof, ctx);
        let command = match ctx.rng.within(0, 9) {
            0..4 => Command::Complete(vec![Completion {
                proof,
                result: None,
                then: vec![],
            }]),
            4..6 => Command::Fail(vec![Failure {
                proof,
                reason: "a lie".into(),
                then: AfterFailure::ByPolicy,
            }]),
            6 => Command::Release(vec![proof, proof]),
            7 => Command::Resume(vec![proof]),
            8 => Command::Complete(self.all_and(pool, proof)),
            _ => Command::Extend(vec![proof, proof], Some(millis(500))),
        };
        self.ask(pool, command, ctx);
    }

    fn all_and(&self, pool: usize, proof: LeaseRef) -> Vec<Completion> {
        let all = self.held_in(pool).into_iter().chain([proof, proof]);
        let complete = |proof| Completion {
            proof,
            result: None,
            then: vec![],
        };
        all.map(complete).collect()
    }

    pub(super) fn ask_nonsense(&mut self, ctx: &mut Ctx<'_>) {
        let pool = ctx.rng.index(ctx.pools);
        let week = Some(Duration::from_secs(7 * 24 * 3600));
        let claim = Claim {
            tasks_max: 0,
            wait: Duration::ZERO,
            lease: None,
        };
        let command = match ctx.rng.within(0, 4) {
            0 => Command::Claim(claim),
            1 => Command::Claim(Claim {
                tasks_max: 1,
                lease: week,
                ..claim
            }),
            2 => Command::Credit(Credit {
                tasks: 5000,
                lease: None,
            }),
            3 => Command::Credit(Credit {
                tasks: 0,
                lease: None,
            }),
            _ => Command::Extend(self.held_in(pool), week),
        };
        self.ask(pool, command, ctx);
    }
}

/// A lease as it was never granted, or not here: which pool it is shown to.
fn forge(pool: usize, proof: &mut LeaseRef, ctx: &mut Ctx<'_>) -> usize {
    match ctx.rng.within(0, 29) {
        0..3 => proof.lease.number += ctx.rng.within(1, 3),
        3 => proof.lease.epoch.0 += 1,
        4 => proof.lease.pool.0 += 1,
        5 => {
            let other = ctx.rng.pick(&ctx.gossip.tasks);
            proof.task = other.map_or(proof.task, |(_, task)| task);
        }
        6 | 7 => return ctx.rng.index(ctx.pools),
        _ => {}
    }
    pool
}

fn cancel_within(task: TaskId, ctx: &mut Ctx<'_>) -> Command {
    let graces = [None, Some(0), Some(300), Some(3_000)];
    let grace = ctx.rng.pick(&graces).flatten();
    Command::CancelWithin(vec![task, task], grace.map(millis))
}

/// What may still matter to somebody.
fn recent<T>(all: &[T]) -> &[T] {
    &all[all.len().saturating_sub(6)..]
}

/// One of two intervals, which all nodes agree on.
fn tick(name: ScheduleName, ctx: &mut Ctx<'_>) -> Schedule {
    let ms = ctx.rng.pick(&[1_000, 1_700]).unwrap_or(1_000);
    let policies = if ctx.jumps_far {
        [Misfire::Skip, Misfire::Once, Misfire::Once]
    } else {
        [Misfire::Skip, Misfire::Once, Misfire::All]
    };
    Schedule {
        name,
        seed: TaskId::from_u128(4),
        when: When::Every {
            ms,
            from: Timestamp::from_millis(1_700_000_000_500),
        },
        misfire: ctx.rng.pick(&policies).unwrap_or(Misfire::Once),
        priority: ctx.rng.small(0, 3),
        attempts_max: None,
        wishes: vec![],
        payload: vec![7; 20].into(),
        paused: false,
        done_until: Timestamp::default(),
        fired: 0,
        skipped: 0,
        last: None,
    }
}
