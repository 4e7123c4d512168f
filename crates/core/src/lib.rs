//! The life of a task, pure: no clock, no I/O, no runtime, no randomness, which `no_std` holds.
//!
//! A [`Pool`] is a state machine with three calls: [`Pool::apply`] does what a session asks,
//! [`Pool::advance`] does what is due, [`Pool::next_deadline`] says when something will be. They
//! put [`Change`]s and [`Reply`]s into a [`Transition`]; an [`Outbox`] holds each reply back until
//! every change before it is durable.
//!
//! ```
//! use leasehold_core::*;
//!
//! let (pool_id, epoch) = (PoolId(1), Epoch(1));
//! let mut now = Timestamp::from_millis(1_000);
//! let mut pool = Pool::restore(pool_id, epoch, PoolSettings::default(), now, vec![]);
//! let mut out = Transition::default();
//!
//! let (session, request) = (SessionId(1), RequestId(1));
//! let node = Node { name: NodeName::new("crane-1")?, incarnation: Incarnation(7) };
//! pool.apply(now, session, request, Command::Open(node), &mut out);
//!
//! let task = NewTask {
//!     id: TaskId::from_u128(42),
//!     priority: 0,
//!     attempts_max: None,
//!     delay: std::time::Duration::ZERO,
//!     payload: "lift".into(),
//!     wishes: vec![],
//! };
//! pool.apply(now, session, request, Command::Enqueue(vec![task]), &mut out);
//! let claim = Claim { tasks_max: 1, wait: std::time::Duration::ZERO, lease: None };
//! pool.apply(now, session, request, Command::Claim(claim), &mut out);
//! assert_eq!(pool.summary().counts.of(StateKind::Claimed), 1);
//!
//! // Nobody extends the lease: its deadline passes, and the task is ready again.
//! now = pool.next_deadline().expect("a lease runs out");
//! pool.advance(now, &mut out);
//! assert_eq!(pool.summary().counts.of(StateKind::Ready), 1);
//! # Ok::<(), NameError>(())
//! ```
#![no_std]

extern crate alloc;

mod command;
mod extras;
mod id;
pub mod limits;
mod outbox;
mod policy;
mod pool;
pub mod priority;
mod rejection;
mod retry;
mod schedule;
mod settings;
mod task;
pub mod time;
mod transition;
mod wish;

pub use command::*;
pub use extras::{After, Extra, Extras, ExtrasError, Key, Progress, Retry, Stop};
pub use id::*;
pub use outbox::Outbox;
pub use policy::{Govern, Note, NoteName, Policy, PolicyChange};
pub use pool::{Counts, Listed, Listing, Pool, PoolSummary, Spent};
pub use rejection::Rejection;
pub use schedule::{Misfire, Plan, Schedule, ScheduleAsk, When};
pub use settings::{Aging, BackOff, PoolSettings, Rate};
pub use task::{Attempt, AttemptEnding, Death, Lease, State, StateKind, Task};
pub use time::Timestamp;
pub use transition::*;
pub use wish::{Wish, trace_id};
