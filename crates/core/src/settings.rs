//! What the owner of a pool decides.

use core::time::Duration;

/// The policy of a pool. Every duration has millisecond resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSettings {
    /// How long a task is invisible to others without an extension ("visibility timeout"), where
    /// the claim names no lease of its own.
    pub lease: Duration,
    /// Failures (failed, past the lease's deadline, overran) after which a task is dead that names
    /// no number of its own.
    pub attempts_max: u32,
    /// Interruptions (released, or the hub's doing) after which a task is dead.
    pub interruptions_max: u32,
    /// Losses (cut or silence), in a row or not, after which a task is dead.
    pub losses_max: u32,
    /// Losses in a row (cut or silence) from which on a task is suspected of killing its nodes:
    /// it backs off and loses its place.
    pub suspect_after: u32,
    /// How long a failed task waits.
    pub back_off: BackOff,
    /// How much younger a more urgent task may be and still go first.
    pub aging: Aging,
    /// How long the leases of a cut session stay good without a resume.
    pub cut_grace: Duration,
    /// How long leases stay good without a resume after the hub restarted or ended the session.
    pub restart_grace: Duration,
    /// How long completed and cancelled tasks are remembered; completed ones without their payloads.
    pub completed_kept_for: Duration,
    /// How many completed and cancelled tasks are remembered; the oldest go first.
    pub completed_kept_max: u64,
    /// How long dead tasks are remembered.
    pub dead_kept_for: Duration,
    /// Tasks that a pool holds at the most, ended ones that are remembered included.
    pub tasks_max: u64,
    /// The longest payload, in bytes.
    pub payload_bytes_max: usize,
    /// The longest result, in bytes.
    pub result_bytes_max: usize,
    /// How long a task may wait to be claimed, if it says nothing else; none: for ever.
    pub expires_after: Option<Duration>,
    /// How long an attempt may run, if its task says nothing else; none: as long as its lease is
    /// extended.
    pub max_runtime: Option<Duration>,
    /// How long the holder of a task that is called off has to end it.
    pub cancel_grace: Duration,
    /// Bytes of payload of live tasks, at the most.
    pub bytes_max: Option<u64>,
    /// Tasks on lease at once.
    pub concurrency_max: Option<u32>,
    /// Tasks of one group on lease at once.
    pub group_concurrency_max: Option<u32>,
    /// How fast tasks are granted.
    pub rate: Option<Rate>,
    /// How fast tasks of one group are granted.
    pub group_rate: Option<Rate>,
    /// Whether groups take turns.
    pub fair_share: bool,
    /// In how many partitions the hub keeps it. Each is a [`crate::Pool`] of its own, which looks
    /// at this no further.
    pub partitions: u32,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            attempts_max: 5,
            interruptions_max: 100,
            losses_max: 5,
            suspect_after: 3,
            back_off: BackOff::default(),
            aging: Aging::Step(Duration::from_secs(60)),
            cut_grace: Duration::from_millis(500),
            restart_grace: Duration::from_secs(10),
            completed_kept_for: Duration::from_secs(24 * 3600),
            completed_kept_max: 1_000_000,
            dead_kept_for: Duration::from_secs(30 * 24 * 3600),
            tasks_max: 10_000_000,
            payload_bytes_max: 1024 * 1024,
            result_bytes_max: 1024 * 1024,
            expires_after: None,
            max_runtime: None,
            cancel_grace: Duration::from_secs(10),
            bytes_max: None,
            concurrency_max: None,
            group_concurrency_max: None,
            rate: None,
            group_rate: None,
            fair_share: false,
            partitions: 1,
        }
    }
}

/// Exponential back-off with jitter: after the n-th failure a task waits up to
/// `base × factor^(n-1)`, at most `cap`; the jitter's share of that is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOff {
    /// The longest wait after the first failure.
    pub base: Duration,
    /// The longest wait of all.
    pub cap: Duration,
    /// What each further failure multiplies the wait by, in percent.
    pub factor_percent: u32,
    /// How much of the wait is drawn, in percent.
    pub jitter_percent: u32,
}

impl Default for BackOff {
    fn default() -> Self {
        Self {
            base: Duration::from_secs(1),
            cap: Duration::from_secs(300),
            factor_percent: 200,
            jitter_percent: 50,
        }
    }
}

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So many times.
    pub tasks: u32,
    /// In this time.
    pub per: Duration,
    /// So many at once after a rest.
    pub burst: u32,
}

/// Order among ready tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aging {
    /// Sorts by `ready_at + priority × step`: a task of priority p is overtaken only by tasks that
    /// become ready less than p × step after it. Zero is order by age alone.
    Step(Duration),
    /// Sorts by priority, then by age: the less urgent may starve.
    Strict,
}
