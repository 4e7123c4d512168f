//! What kind of world a seed makes.

use leasehold_core::{Aging, BackOff, PoolSettings, Rate};

use crate::{
    features::{LIFE, LIMITS, STOPS},
    hub::millis,
    rng::Rng,
};

/// How many settings a pool may be given in its life.
pub(crate) const VARIANTS: u64 = 3;

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) nodes: usize,
    /// Of each pool the settings that it begins with, and those that it may be given.
    pub(super) pools: Vec<Vec<PoolSettings>>,
    /// How long faults go on.
    pub(super) war_ms: u64,
    pub(super) fault_every_ms: u64,
    pub(super) wake_ms_max: u64,
    pub(super) silence_ms: u64,
    /// The wall clock is set by hours, and no schedule makes up for every instant that it missed.
    pub(super) jumps_far: bool,
    pub(super) commit_fails_percent: u64,
    /// Everything happens at multiples of this, so that much happens at once.
    pub(super) grain_ms: u64,
}

impl Plan {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let pools = rng.within(1, 3);
        let grain_ms = rng.pick(&[1, 1, 20, 100]).unwrap_or(1);
        Self {
            nodes: 3 + rng.index(4),
            pools: (0..pools).map(|_| variants(rng, grain_ms)).collect(),
            war_ms: rng.within(6_000, 25_000),
            fault_every_ms: rng.within(200, 2_000),
            wake_ms_max: rng.within(100, 500),
            silence_ms: rng.within(500, 3_000),
            jumps_far: rng.chance(50),
            grain_ms,
            commit_fails_percent: rng.pick(&[0, 0, 1, 3]).unwrap_or(0),
        }
    }
}

/// What can be changed while the pool runs is another each time; the rest stays.
fn variants(rng: &mut Rng, grain: u64) -> Vec<PoolSettings> {
    let first = settings(rng, grain);
    let mut all = vec![first];
    for _ in 1..VARIANTS {
        let other = settings(rng, grain);
        all.push(PoolSettings {
            completed_kept_for: all[0].completed_kept_for,
            completed_kept_max: all[0].completed_kept_max,
            dead_kept_for: all[0].dead_kept_for,
            tasks_max: all[0].tasks_max,
            payload_bytes_max: all[0].payload_bytes_max,
            result_bytes_max: all[0].result_bytes_max,
            ..other
        });
    }
    all
}

fn settings(rng: &mut Rng, grain: u64) -> PoolSettings {
    let mut settings = first_settings(rng, grain);
    if LIFE {
        let times = [None, None, None, Some(millis(rng.within(1_000, 10_000)))];
        settings.expires_after = rng.pick(&times).flatten();
        settings.max_runtime = rng.pick(&times).flatten();
        settings.losses_max = rng.small(1, 5);
        settings.back_off.factor_percent = rng.small(100, 300);
        settings.back_off.jitter_percent = rng.small(0, 100);
    }
    if LIMITS {
        let most = [None, None, None, Some(rng.small(1, 4))];
        settings.concurrency_max = rng.pick(&most).flatten();
        let of_group = [None, None, Some(rng.small(1, 2))];
        settings.group_concurrency_max = rng.pick(&of_group).flatten();
        settings.rate = rate(rng, 20).filter(|_| rng.chance(20));
        settings.group_rate = rate(rng, 8).filter(|_| rng.chance(20));
        settings.fair_share = rng.chance(30);
    }
    if STOPS {
        settings.cancel_grace = millis(rng.pick(&[0, 200, 2_000]).unwrap_or(0));
    }
    settings
}

fn rate(rng: &mut Rng, most: u32) -> Option<Rate> {
    let tasks = rng.small(1, most);
    Some(Rate {
        tasks,
        per: millis(rng.pick(&[700, 1_000, 3_000]).unwrap_or(1_000)),
        burst: rng.small(1, tasks),
    })
}

fn first_settings(rng: &mut Rng, grain: u64) -> PoolSettings {
    let coarse = |ms: u64| millis(ms.next_multiple_of(grain));
    let steps = [
        Aging::Strict,
        Aging::Step(millis(0)),
        Aging::Step(millis(rng.within(1, 3_000))),
    ];
    let base = rng.pick(&[0, 1, 100, 400]).unwrap_or(0);
    let kept_for = if rng.chance(20) { 5_000 } else { 3_600_000 };
    PoolSettings {
        lease: coarse(rng.within(200, 5_000)),
        attempts_max: rng.small(1, 5),
        interruptions_max: rng.small(1, 8),
        suspect_after: rng.small(1, 3),
        back_off: BackOff {
            base: coarse(base),
            cap: coarse(rng.within(base, 4_000)),
            ..BackOff::default()
        },
        aging: rng.pick(&steps).unwrap_or(Aging::Strict),
        cut_grace: coarse(rng.pick(&[0, 200, 500, 2_000]).unwrap_or(0)),
        restart_grace: coarse(rng.within(0, 4_000)),
        completed_kept_for: millis(kept_for),
        completed_kept_max: if rng.chance(10) {
            rng.within(0, 5)
        } else {
            1_000
        },
        dead_kept_for: millis(kept_for * 2),
        tasks_max: if rng.chance(15) {
            rng.within(5, 15)
        } else {
            10_000
        },
        payload_bytes_max: rng.pick(&[100, 200, 400]).unwrap_or(100),
        result_bytes_max: 100,
        partitions: 1,
        ..PoolSettings::default()
    }
}
