//! A pool's single writer: a mailbox around the core.
//!
//! It decides nothing. Commands go to the [`Pool`], changes to the store's thread, replies to
//! their sessions once the outbox lets them go.

mod ahead;
mod ask;
mod door;
mod govern;
pub(crate) mod instants;
mod looks;
mod outlet;
mod schedules;
mod shell;
mod slip;
mod stand_in;
mod view;

use std::sync::Arc;

use leasehold_core::{Ending, Node, PoolName, PoolSettings, Rejection};
use leasehold_core::{RequestId, SessionId};
use tokio::sync::oneshot;

pub(crate) use self::ask::{Ask, Query};
pub(crate) use self::door::Door;
pub use self::instants::clock_time;
pub(crate) use self::outlet::{Out, Outlet, Part};
use self::shell::Shell;
pub(crate) use self::{
    slip::{For, Slip, Want},
    view::status_of_none,
};
use crate::{
    actor::{Actor, ActorProcessingErr, ActorRef},
    clock::Clock,
    config::{ConfigError, HubConfig},
    configured::Configured,
    gauge::Gauge,
    hub_actor::PoolOpener,
    parts::Place,
    payloads::PayloadBudget,
    store_writer::{Payloads, StoreWriter, Written},
};

/// All that a pool is told, in one FIFO: a verb is a [`Command`], never a message of its own.
pub(crate) enum PoolMessage {
    /// A session begins to use this pool. If this is dropped unread, the outlet says so.
    Hello {
        session: SessionId,
        node: Node,
        outlet: Outlet,
    },
    /// All that one read of a socket brought for this pool.
    Batch {
        session: SessionId,
        asks: Vec<(RequestId, Ask)>,
    },
    /// A session ended: posted by its guard, behind all that it had asked. Idempotent.
    Gone { session: SessionId, ending: Ending },
    /// The commit on its way is durable, or has failed.
    Committed(Result<Written, String>),
    /// Some of what was asked for ahead of claims, and whether that is all that could be read.
    ReadAhead(Payloads, bool),
    /// Something is due.
    Tick,
    /// Answer when nothing is on its way to disk.
    Settle(oneshot::Sender<()>),
    /// To a partition: tasks are wanted by those who wait at the front of its pool.
    Grant(Slip),
    /// To a front: what a partition has granted.
    Served(Vec<(Want, Result<u32, Rejection>)>),
    /// To a front: there is a task again.
    Wake,
    /// To itself: a look at all tasks goes on.
    LookOn,
    /// Whether its policy would fit this configuration.
    Fits(Arc<HubConfig>, oneshot::Sender<Result<(), ConfigError>>),
    /// The hub's configuration is another.
    Rebase,
    /// Panic, to show what happens then.
    Panic,
}

/// What a pool is made of.
pub(crate) struct PoolArguments {
    pub(crate) name: PoolName,
    pub(crate) settings: PoolSettings,
    /// Where it is among others, if it is a partition.
    pub(crate) place: Option<Place>,
    pub(crate) clock: Clock,
    pub(crate) writer: StoreWriter,
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) budget: PayloadBudget,
    pub(crate) door: Door,
    /// Told the pool's number once it is restored.
    pub(crate) opened: oneshot::Sender<leasehold_core::PoolId>,
    pub(crate) config: Configured,
    pub(crate) opener: PoolOpener,
    /// Whether it starts because somebody uses it: one that was deleted begins anew then.
    pub(crate) is_used: bool,
}

pub(crate) struct PoolActor;

impl Actor for PoolActor {
    type Msg = PoolMessage;
    type State = Shell;
    type Arguments = PoolArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<PoolMessage>,
        arguments: PoolArguments,
    ) -> Result<Shell, ActorProcessingErr> {
        Shell::restore(myself, arguments).await.map_err(Into::into)
    }

    async fn handle(
        &self,
        _myself: ActorRef<PoolMessage>,
        message: PoolMessage,
        shell: &mut Shell,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PoolMessage::Hello {
                session,
                node,
                outlet,
            } => shell.hello(session, node, outlet),
            PoolMessage::Batch { session, asks } => shell.batch(session, asks),
            PoolMessage::Gone { session, ending } => shell.gone(session, ending),
            PoolMessage::Committed(outcome) => shell.committed(outcome)?,
            PoolMessage::ReadAhead(payloads, is_last) => shell.came_ahead(payloads, is_last),
            PoolMessage::Tick => shell.tick(),
            PoolMessage::Settle(reply) => shell.settle(reply),
            PoolMessage::Grant(slip) => shell.grant(slip),
            PoolMessage::LookOn => shell.look_on(),
            PoolMessage::Fits(config, reply) => {
                // Whoever asked may have given up.
                _ = reply.send(shell.fits(&config));
            }
            PoolMessage::Rebase => shell.rebase(),
            PoolMessage::Served(_) | PoolMessage::Wake => {}
            #[expect(clippy::panic, reason = "that is what was asked for")]
            PoolMessage::Panic => panic!("provoked"),
        }
        if shell.work_off()? {
            // Those who wait for it hear of it before this thread waits for the disk again.
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
