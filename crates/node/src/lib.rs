//! What a program links to join a Leasehold hub: a [`Producer`] puts tasks in, a [`Worker`] runs
//! them on a lease, an [`Inspector`] looks on.
//!
//! Each has a connection of its own, which it makes by itself and makes again whatever ends it. A
//! lost connection is no error: requests that were not answered are sent again, so that they take
//! effect once, and running tasks run on under the leases that they have. An error is what cannot
//! be mended by trying again, or what took longer than [`NodeOptions::give_up_after`].
//!
//! # A producer
//!
//! ```no_run
//! use std::time::Duration;
//! use leasehold_node::{Endpoint, NewTask, NodeOptions, PoolName, Producer};
//!
//! # async fn produce() -> Result<(), Box<dyn std::error::Error>> {
//! let producer = Producer::new(Endpoint::tcp("127.0.0.1:7654"), NodeOptions::default());
//! let mail = PoolName::new("mail")?;
//!
//! // When this returns, the task is on the hub's disk.
//! let task = producer.enqueue(&mail, NewTask::new("to: ada").priority(10)).await?;
//!
//! let detail = producer.wait(&mail, task.id, Duration::from_secs(60)).await?;
//! println!("{}: {:?}", detail.summary.state, detail.result);
//! # Ok(())
//! # }
//! ```
//!
//! # A worker
//!
//! ```no_run
//! use leasehold_node::{Endpoint, NodeOptions, Outcome, PoolName, Task, Worker};
//!
//! async fn send(task: Task) -> Outcome {
//!     match std::str::from_utf8(&task.payload) {
//!         Ok(_mail) => Outcome::Complete(None),
//!         Err(error) => Outcome::Fail(error.to_string()),
//!     }
//! }
//!
//! # async fn work() -> Result<(), Box<dyn std::error::Error>> {
//! let worker = Worker::builder(Endpoint::tcp("127.0.0.1:7654"), NodeOptions::default())
//!     .pool(PoolName::new("mail")?)
//!     .slots(8)
//!     .handler(send)
//!     .start();
//!
//! tokio::signal::ctrl_c().await?;
//! worker.drain().await?;
//! # Ok(())
//! # }
//! ```
//!
//! A task may run more than once: when a handler's node is gone for longer than the hub waits,
//! another node gets the task. What must not happen twice is fenced by the task's lease, which
//! grows with each grant.

mod back_off;
mod backups;
mod connection;
mod doubt;
mod endpoint;
mod error;
mod inspector;
mod link;
mod options;
mod pools;
mod producer;
mod requests;
mod schedules;
mod split;
mod tls;
mod tokens;
mod worker;

pub use backups::Backup;
pub use endpoint::{Endpoint, Stream};
pub use error::{EnqueueError, RequestError};
pub use inspector::{Inspector, Revivals};
pub use leasehold_core::priority;
pub use leasehold_core::{
    AttemptEnding, BackOff, Death, Edit, Epoch, Incarnation, LeaseId, LeaseRef, Misfire, NameError,
    NodeName, PoolId, PoolName, Rejection, Revocation, ScheduleName, StateKind, TaskId, Timestamp,
    When, Where, Which, Wish,
};
pub use leasehold_wire::{
    AttemptDetail, Fact, HubStatus, PolicyChangeView, PoolStatus, PoolView, Refusal, RefusalCode,
    Role, ScheduleSpec, ScheduleView, Secret, SessionStatus, Setting, SettingView, Status,
    StoreStatus, TaskDetail, TaskSummary, TokenSpec, TokenView,
};
pub use options::NodeOptions;
pub use producer::{Enqueued, Enqueuing, NewTask, Producer};
pub use tls::Tls;
pub use worker::{
    AnyHandler, Outcome, Task, Worker, WorkerBuilder, WorkerError, WorkerEvent, WorkerStats,
};

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ReadmeExamples;
