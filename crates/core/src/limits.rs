//! Every fixed bound, in one place. Bounds that an owner may choose are in [`crate::PoolSettings`].

use core::time::Duration;

/// Ended attempts kept with a task.
pub const HISTORY_MAX: usize = 8;

/// Bytes kept of a reason; longer ones are cut at a character.
pub const REASON_BYTES_MAX: usize = 1024;

/// Items in one command: tasks enqueued, leases answered, ids cancelled.
pub const BATCH_MAX: usize = 4096;

/// Tasks that one claim may ask for, and credit that a session may hold in a pool.
pub const CLAIM_MAX: u32 = 4096;

/// Claims and awaits that one session may have parked in a pool.
pub const PARKED_MAX: usize = 256;

/// The longest a claim or an await may be parked.
pub const WAIT_MAX: Duration = Duration::from_secs(3600);

/// The shortest lease.
pub const LEASE_MIN: Duration = Duration::from_millis(100);

/// The longest lease.
pub const LEASE_MAX: Duration = Duration::from_secs(24 * 3600);

/// The most attempts that a task may be given.
pub const ATTEMPTS_MAX: u32 = 1000;

/// The most interruptions that a task may be given.
pub const INTERRUPTIONS_MAX: u32 = 1_000_000;

/// The longest that a task may be scheduled ahead: a hundred years.
pub const DELAY_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The longest that the holder of a task may be given to end it.
pub const GRACE_MAX: Duration = Duration::from_secs(3600);

/// The most tasks that any pool holds, whatever its owner allows: they are numbered in 32 bits.
pub const TASKS_MAX: u64 = 4_000_000_000;

/// Deadlines that one call of [`crate::Pool::advance`] does: a hundred thousand leases that end at
/// once are done in slices, and other work goes on in between.
pub const DUE_MAX: usize = 1024;

/// The longest payload or result that any pool may allow, in bytes.
pub const BLOB_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of a key that a task is told apart by, or is counted to.
pub const KEY_BYTES_MAX: usize = 128;

/// Tasks that one task may wait for.
pub const AFTER_MAX: usize = 64;

/// Tasks that a completion may enqueue. Together they have no more payload than [`BLOB_BYTES_MAX`].
pub const FOLLOW_UPS_MAX: usize = 64;

/// Bytes kept of a note on progress; longer ones are cut at a character.
pub const NOTE_BYTES_MAX: usize = 256;

/// The shortest trace context, in bytes.
pub const TRACE_BYTES_MIN: u64 = 55;

/// The longest trace context, in bytes.
pub const TRACE_BYTES_MAX: usize = 128;

/// Schedules of one pool.
pub const SCHEDULES_MAX: usize = 256;

/// The longest payload of a schedule's tasks, in bytes.
pub const SCHEDULE_PAYLOAD_BYTES_MAX: usize = 32 * 1024;

/// Missed instants of a schedule that are made up for at the most.
pub const CATCH_UP_MAX: usize = 1000;

/// An instant of a schedule that is planned no later than this is on time: it was not missed.
pub const ON_TIME: Duration = Duration::from_secs(60);

/// The shortest interval of a schedule.
pub const EVERY_MIN: Duration = Duration::from_secs(1);

/// The longest interval of a schedule.
pub const EVERY_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Changes of its policy that are kept with a pool.
pub const POLICY_HISTORY_MAX: usize = 32;

/// Conditions in one filter.
pub const WHERE_MAX: usize = 8;

/// The longest that an attempt may be allowed to run: thirty days.
pub const RUNTIME_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// The longest that a task may be allowed to wait to be claimed: ten years.
pub const EXPIRES_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The most partitions that a pool may be kept in.
pub const PARTITIONS_MAX: u32 = 16;

const _: () = assert!(CLAIM_MAX as usize <= BATCH_MAX);
const _: () = assert!(LEASE_MIN.as_millis() < LEASE_MAX.as_millis());
