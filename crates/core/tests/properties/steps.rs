//! What may happen, drawn at random.

use std::ops::Range;

use leasehold_core::*;
use proptest::{
    collection::vec,
    prelude::*,
    sample::{self, select},
};

use crate::harness::*;

/// Seats: each has a session at a time, or the id of one that ended.
pub(crate) const SEATS: usize = 4;

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Open {
        seat: usize,
        node: u64,
    },
    End(usize, Ending),
    Enqueue(usize, Vec<NewTask>),
    Claim {
        seat: usize,
        tasks_max: u32,
        wait: u64,
    },
    Credit(usize, u32),
    Answer(usize, Verb, Pick),
    Resume(usize, Vec<Pick>),
    Cancel(usize, u128),
    Revive(usize, Option<u128>),
    Await {
        seat: usize,
        task: u128,
        wait: u64,
    },
    /// So many milliseconds pass, from deadline to deadline.
    Pass(u64),
    /// So many milliseconds pass at once: the hub was frozen.
    Jump(u64),
    Restart,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Verb {
    Complete,
    Fail,
    Release,
    Extend,
}

/// Which lease to show: the so manieth before the last that was granted, to this node or to any;
/// far enough back is one that nobody was granted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pick {
    pub(crate) own: bool,
    pub(crate) back: usize,
}

pub(crate) fn settings() -> impl Strategy<Value = PoolSettings> {
    let aging = select(vec![
        Aging::Strict,
        Aging::Step(ms(0)),
        Aging::Step(secs(1)),
    ]);
    (1..4_u32, 0..5_u32, 0..6_u64, 3..12_u64, aging).prop_map(settings_of)
}

fn settings_of(
    (attempts_max, interruptions_max, kept, tasks_max, aging): (u32, u32, u64, u64, Aging),
) -> PoolSettings {
    PoolSettings {
        lease: secs(3),
        attempts_max,
        interruptions_max,
        suspect_after: 2,
        back_off: BackOff {
            base: ms(200),
            cap: secs(2),
            ..BackOff::default()
        },
        aging,
        restart_grace: secs(2),
        completed_kept_for: secs(20),
        completed_kept_max: kept,
        dead_kept_for: secs(30),
        tasks_max,
        ..PoolSettings::default()
    }
}

pub(crate) fn steps(count: Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let seat = || 0..SEATS;
    let number = || 0..10_u128;
    let wait = || select(vec![0, 0, 500, 5_000]);
    let step = prop_oneof![
        4 => (seat(), 0..3_u64).prop_map(|(seat, node)| Step::Open { seat, node }),
        2 => (seat(), ending()).prop_map(|(seat, ending)| Step::End(seat, ending)),
        4 => (seat(), vec(new_task(), 1..4)).prop_map(|(seat, tasks)| Step::Enqueue(seat, tasks)),
        4 => (seat(), 1..4_u32, wait())
            .prop_map(|(seat, tasks_max, wait)| Step::Claim { seat, tasks_max, wait }),
        2 => (seat(), 0..4_u32).prop_map(|(seat, tasks)| Step::Credit(seat, tasks)),
        6 => (seat(), verb(), pick()).prop_map(|(seat, verb, pick)| Step::Answer(seat, verb, pick)),
        2 => (seat(), vec(pick(), 0..4)).prop_map(|(seat, picks)| Step::Resume(seat, picks)),
        1 => (seat(), number()).prop_map(|(seat, task)| Step::Cancel(seat, task)),
        1 => (seat(), proptest::option::of(number()))
            .prop_map(|(seat, task)| Step::Revive(seat, task)),
        1 => (seat(), number(), wait())
            .prop_map(|(seat, task, wait)| Step::Await { seat, task, wait }),
        3 => time().prop_map(Step::Pass),
        1 => time().prop_map(Step::Jump),
        1 => Just(Step::Restart),
    ];
    vec(step, count)
}

fn time() -> impl Strategy<Value = u64> {
    select(vec![1, 100, 499, 500, 501, 2_000, 3_000, 3_001, 25_000])
}

fn ending() -> impl Strategy<Value = Ending> {
    select(vec![
        Ending::Bye,
        Ending::Cut,
        Ending::Silence,
        Ending::Dismissed,
    ])
}

fn verb() -> impl Strategy<Value = Verb> {
    select(vec![
        Verb::Complete,
        Verb::Fail,
        Verb::Release,
        Verb::Extend,
    ])
}

fn pick() -> impl Strategy<Value = Pick> {
    (proptest::bool::weighted(0.8), 0..5_usize).prop_map(|(own, back)| Pick { own, back })
}

fn new_task() -> impl Strategy<Value = NewTask> {
    let attempts = proptest::option::of(1..4_u32);
    let delay = select(vec![0, 0, 0, 100, 5_000]);
    let of = (0..10_u128, 0..3_u32, attempts, delay, wishes());
    of.prop_map(|(number, priority, attempts_max, delay, wishes)| NewTask {
        priority,
        attempts_max,
        delay: ms(delay),
        wishes,
        ..task(number)
    })
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let all = vec![
        Wish::ExpiresAfter(500),
        Wish::ExpiresAfter(4_000),
        Wish::MaxRuntime(400),
        Wish::MaxRuntime(3_500),
        Wish::LossesMax(1),
        Wish::LossesMax(3),
        Wish::InterruptionsMax(1),
    ];
    let of_each_kind_one = |mut wishes: Vec<Wish>| {
        wishes.dedup_by_key(|wish| std::mem::discriminant(wish));
        wishes
    };
    sample::subsequence(all, 0..4).prop_map(of_each_kind_one)
}
