//! The knobs of a pool. The type is the core's; here is how it is written.

use std::time::Duration;

use leasehold_core::{PoolName, PoolSettings, limits};

use super::{
    kinds::{AgingStep, Count, Optional, RateKind, Size, Span, Truth},
    knob::{Section, knobs},
    near,
};

/// The heading of the sections that name pools, as in `[pool.NAME]`.
pub(super) const NAMED: &str = "pool";

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const TEN_YEARS: Duration = Duration::from_secs(3650 * 24 * 3600);
const TASKS_MAX: u64 = 1_000_000_000;
const BLOB_BYTES_MAX: u64 = limits::BLOB_BYTES_MAX as u64;

/// The knobs of `[pool_defaults]`, and of each `[pool.NAME]`.
pub(super) static SECTION: Section<PoolSettings> = knobs!(
    PoolSettings,
    "pool_defaults",
    "The policy of every pool, as far as its own [pool.NAME] says nothing else.",
    {
        /// How long a claimed task is invisible to others unless its node extends the lease
        /// ("visibility timeout"), where the claim names no lease of its own. Longer needs fewer
        /// extensions; shorter moves the task of a handler that hangs sooner.
        lease => lease: Span { min: limits::LEASE_MIN, max: limits::LEASE_MAX };
        /// Failures of a task that names no number of its own, after which it is dead: failed,
        /// past the deadline of their lease, or longer than they may run.
        attempts_max => attempts_max: Count { min: 1, max: limits::ATTEMPTS_MAX as u64 };
        /// Interruptions of a task (released by its node, or the hub's doing) after which it is
        /// dead. They are no attempts; the bound keeps a task from going round for ever.
        interruptions_max => interruptions_max: Count { min: 1, max: 1_000_000 };
        /// Losses of a task (its node was cut off or fell silent), in a row or not, after which it is
        /// dead.
        losses_max => losses_max: Count { min: 1, max: limits::ATTEMPTS_MAX as u64 };
        /// Losses in a row (its node was cut off or fell silent) from which on a task is suspected
        /// of killing its nodes: it backs off and its neighbours go first.
        suspect_after => suspect_after: Count { min: 1, max: limits::ATTEMPTS_MAX as u64 };
        /// The longest wait after the first failure; each further failure multiplies it by
        /// `back_off_factor_percent`.
        back_off_base => back_off.base: Span { min: MS, max: DAY };
        /// The longest wait of all after a failure. Must be at least `back_off_base`.
        back_off_cap => back_off.cap: Span { min: MS, max: TEN_YEARS };
        /// What each further failure multiplies the wait by, in percent: 200 doubles it, 100 leaves
        /// it as it is.
        back_off_factor_percent => back_off.factor_percent: Count { min: 100, max: 1000 };
        /// How much of the wait is drawn, in percent: at 50 it is between half of it and the whole.
        back_off_jitter_percent => back_off.jitter_percent: Count { min: 0, max: 100 };
        /// How long a task that says nothing else may wait to be claimed; then it is dead.
        expires_after => expires_after: Optional(Span { min: MS, max: limits::EXPIRES_MAX });
        /// How long an attempt of a task that says nothing else may run, however often its lease is
        /// extended.
        max_runtime => max_runtime: Optional(Span { min: limits::LEASE_MIN, max: limits::RUNTIME_MAX });
        /// How long the node that holds a task has to end it after it was called off.
        cancel_grace => cancel_grace: Span { min: Duration::ZERO, max: HOUR };
        /// How much younger a task may be, for each step of priority that it is more urgent, and
        /// still go first: what is ready longer than priority x step goes before all that is newly
        /// ready. "0s" is order by age alone; "strict" is by priority alone, and the less urgent
        /// may starve.
        aging_step => aging: AgingStep { max: DAY };
        /// How long the leases of a cut connection stay good without the node coming back. Shorter
        /// moves the tasks of a dead process sooner; longer spares a node whose network blinks.
        cut_grace => cut_grace: Span { min: Duration::ZERO, max: HOUR };
        /// How long leases stay good without the node coming back after the hub restarted. Nodes
        /// come back at once when it listens; longer is for a hub that is up before its
        /// network is.
        restart_grace => restart_grace: Span { min: Duration::ZERO, max: HOUR };
        /// How long completed and cancelled tasks are remembered, with their results; completed
        /// ones without their payloads. While they are, a repeated enqueue of the same task makes
        /// no second one.
        completed_kept_for => completed_kept_for: Span { min: Duration::ZERO, max: TEN_YEARS };
        /// How many completed and cancelled tasks are remembered; the oldest go first. Must be less
        /// than `tasks_max`: they count.
        completed_kept_max => completed_kept_max: Count { min: 0, max: TASKS_MAX };
        /// How long dead tasks are remembered, and can be revived.
        dead_kept_for => dead_kept_for: Span { min: Duration::ZERO, max: TEN_YEARS };
        /// Tasks that a pool holds at the most, remembered ones included; past it enqueues are
        /// refused. Memory holds an index entry for each.
        tasks_max => tasks_max: Count { min: 1, max: TASKS_MAX };
        /// Bytes of payload of all tasks that have not ended, at the most; past it enqueues are
        /// refused. Payloads of dead tasks do not count.
        bytes_max => bytes_max: Optional(Size { min: 1 << 10, max: 16 << 40 });
        /// Tasks that are claimed at a time, at the most.
        concurrency_max => concurrency_max: Optional(Count { min: 1, max: 1_000_000 });
        /// Tasks of one group that are claimed at a time, at the most.
        group_concurrency_max => group_concurrency_max: Optional(Count { min: 1, max: 1_000_000 });
        /// How fast tasks are granted: so many in a time, and so many at once after a rest, which is
        /// the same number unless it says "burst".
        rate => rate: Optional(RateKind);
        /// How fast tasks of one group are granted.
        group_rate => group_rate: Optional(RateKind);
        /// Whether groups take turns, so that none waits for all tasks of another.
        fair_share => fair_share: Truth;
        /// The longest payload. Larger things belong in a store of files, their address in the
        /// payload.
        payload_bytes_max => payload_bytes_max: Size { min: 0, max: BLOB_BYTES_MAX };
        /// The longest result that a completion may leave.
        result_bytes_max => result_bytes_max: Size { min: 0, max: BLOB_BYTES_MAX };
        /// In how many partitions the pool is kept, each with a share of its tasks by their ids. One
        /// is right unless one pool alone keeps a core busy: more share its work out among cores,
        /// and then order is exact within a partition and close to it across them. It can be
        /// changed only while the pool has no task; each partition counts as a pool for
        /// `pools.pools_max`, and has an even part of `tasks_max`, `bytes_max` and
        /// `completed_kept_max`: one may be full before the others are.
        partitions => partitions: Count { min: 1, max: limits::PARTITIONS_MAX as u64 };
    }
);

/// What the section of a named pool is called.
pub(super) fn section_of(name: &PoolName) -> String {
    format!("{NAMED}.{}", near::key(name.as_str()))
}
