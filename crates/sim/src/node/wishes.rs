//! What producers wish for, and what holders say of a failure.

use leasehold_core::{AfterFailure, Wish};

use super::Ctx;
use crate::{
    features::{LIFE, LIMITS, LINKS},
    hub::millis,
};

/// What ties a task of this pool to others.
pub(super) fn links(pool: usize, ctx: &mut Ctx<'_>) -> Vec<Wish> {
    let mut wishes = Vec::new();
    if !LINKS || ctx.less.is_plain {
        return wishes;
    }
    if ctx.rng.chance(25) {
        let keys = ["red", "green"];
        let windows = [None, None, Some(ctx.rng.within(1, 5_000))];
        wishes.push(Wish::Key {
            key: ctx.rng.pick(&keys).unwrap_or("red").into(),
            window_ms: ctx.rng.pick(&windows).flatten(),
        });
    }
    let of_pool = ctx.gossip.tasks.iter().rev().filter(|(of, _)| *of == pool);
    let recent: Vec<_> = of_pool.map(|(_, task)| *task).take(8).collect();
    if !recent.is_empty() && ctx.rng.chance(25) {
        let first = ctx.rng.pick(&recent);
        let second = ctx.rng.pick(&recent).filter(|_| ctx.rng.chance(30));
        let tasks = first.into_iter().chain(second).collect();
        let any_end = ctx.rng.chance(50);
        wishes.push(Wish::After { tasks, any_end });
    }
    wishes
}

/// Whom limits and shares are to count a task to.
pub(super) fn group(ctx: &mut Ctx<'_>) -> Option<Wish> {
    let groups = ["ants", "bees", "cats"];
    let group = ctx.rng.pick(&groups).unwrap_or("ants");
    (LIMITS && ctx.rng.chance(60)).then(|| Wish::Group(group.into()))
}

/// For a task that is delayed or not.
pub(super) fn wishes(is_delayed: bool, ctx: &mut Ctx<'_>) -> Vec<Wish> {
    let mut wishes = Vec::new();
    if !LIFE || ctx.less.is_plain {
        return wishes;
    }
    if !is_delayed && ctx.rng.chance(5) {
        let early = millis(1_000);
        let earliest = ctx.wall.as_millis().saturating_sub(early.as_secs() * 1_000);
        let at = earliest + ctx.rng.within(0, 6_000);
        wishes.push(Wish::RunAt(leasehold_core::Timestamp::from_millis(at)));
    }
    if ctx.rng.chance(15) {
        let spans = [1, ctx.rng.within(2, 500), ctx.rng.within(500, 10_000)];
        let after = ctx.rng.pick(&spans).unwrap_or(1);
        wishes.push(Wish::ExpiresAfter(after));
    }
    if ctx.rng.chance(15) {
        wishes.push(Wish::MaxRuntime(ctx.rng.within(100, 3_000)));
    }
    if ctx.rng.chance(10) {
        wishes.push(back_off(ctx));
    }
    if ctx.rng.chance(10) {
        wishes.push(Wish::LossesMax(ctx.rng.small(1, 4)));
    }
    if ctx.rng.chance(10) {
        wishes.push(Wish::InterruptionsMax(ctx.rng.small(1, 5)));
    }
    wishes
}

fn back_off(ctx: &mut Ctx<'_>) -> Wish {
    let base_ms = ctx.rng.within(0, 500);
    Wish::BackOff {
        base_ms,
        cap_ms: base_ms + ctx.rng.within(0, 3_000),
        factor_percent: ctx.rng.small(100, 400),
        jitter_percent: ctx.rng.small(0, 100),
    }
}

/// What is to become of a task that failed.
pub(super) fn after_failure(ctx: &mut Ctx<'_>) -> AfterFailure {
    if !LIFE || ctx.less.is_plain {
        return AfterFailure::ByPolicy;
    }
    match ctx.rng.within(0, 9) {
        0 => AfterFailure::Never,
        1..4 => AfterFailure::Wait(millis(ctx.rng.within(0, 3_000))),
        _ => AfterFailure::ByPolicy,
    }
}
