//! The root: starts everything, and starts again what fails.

mod pools;
mod state;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use leasehold_core::{PoolName, Rejection};
use tokio::{net::TcpListener, sync::oneshot};

use self::state::HubState;
use crate::{
    actor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent},
    config::{ConfigError, HubConfig},
    configured::Configured,
    directory::PoolRef,
    pool_actor::PoolMessage,
    session::{Connection, Dismissal},
    sessions_actor::SessionsMessage,
    store_writer::StoreWriter,
};

/// All that the root is told.
pub(crate) enum HubMessage {
    /// Make the pool if it is not there, and may be made by its first use.
    OpenPool(PoolName, oneshot::Sender<Result<PoolRef, Rejection>>),
    /// Make the pool, which is not there.
    CreatePool(PoolName, oneshot::Sender<Result<PoolRef, Rejection>>),
    /// Nothing is left of a pool that was deleted.
    PoolOver(PoolName),
    /// Another configuration, as a whole or not at all; what it changes.
    Reload(
        Box<HubConfig>,
        oneshot::Sender<Result<Vec<String>, ConfigError>>,
    ),
    /// Start the pool again after a failure.
    RestartPool(PoolName),
    /// A connection from inside this process.
    Accepted(Connection),
    /// To the supervisor of sessions.
    Sessions(SessionsMessage),
    /// Panic a pool, to show what happens then.
    PanicPool(PoolName),
    /// Kill the listener, to show what happens then.
    KillListener,
    /// Kill the supervisor of sessions, to show what happens then.
    KillSupervisor,
    /// Take no more and end the sessions; answer when they have ended.
    Drain(Dismissal, oneshot::Sender<()>),
    /// End now: pools, then the store.
    Stop,
}

/// How sessions ask for pools.
#[derive(Clone)]
pub(crate) struct PoolOpener {
    pub(crate) hub: ActorRef<HubMessage>,
    pub(crate) is_draining: Arc<AtomicBool>,
}

impl PoolOpener {
    pub(crate) async fn open(&self, name: PoolName) -> Result<PoolRef, Rejection> {
        self.ask(|reply| HubMessage::OpenPool(name, reply)).await
    }

    pub(crate) async fn create(&self, name: PoolName) -> Result<PoolRef, Rejection> {
        self.ask(|reply| HubMessage::CreatePool(name, reply)).await
    }

    async fn ask(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<PoolRef, Rejection>>) -> HubMessage,
    ) -> Result<PoolRef, Rejection> {
        let (reply, answer) = oneshot::channel();
        // If the hub is ending, the reply is dropped, and the answer says so.
        _ = self.hub.cast(message(reply));
        answer
            .await
            .unwrap_or_else(|_| Err(pools::unavailable("the hub is going down")))
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Relaxed)
    }
}

/// What the root is made of.
pub(crate) struct HubArguments {
    pub(crate) config: Configured,
    pub(crate) clock: crate::clock::Clock,
    pub(crate) writer: StoreWriter,
    pub(crate) gauge: Arc<crate::gauge::Gauge>,
    pub(crate) listener: Option<TcpListener>,
    pub(crate) door: crate::tls::TlsDoor,
    pub(crate) auth: crate::auth::Auth,
}

pub(crate) struct HubActor;

impl Actor for HubActor {
    type Msg = HubMessage;
    type State = HubState;
    type Arguments = HubArguments;

    async fn pre_start(
        &self,
        myself: ActorRef<HubMessage>,
        arguments: HubArguments,
    ) -> Result<HubState, ActorProcessingErr> {
        HubState::start(&myself, arguments).await
    }

    async fn handle(
        &self,
        myself: ActorRef<HubMessage>,
        message: HubMessage,
        hub: &mut HubState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            HubMessage::OpenPool(name, reply) => {
                // A session that has ended meanwhile needs no pool.
                _ = reply.send(hub.pools.open(&myself, name).await);
            }
            HubMessage::CreatePool(name, reply) => {
                // A session that has ended meanwhile has made it all the same.
                _ = reply.send(hub.pools.create(&myself, name).await);
            }
            HubMessage::PoolOver(name) => hub.pools.over(&name),
            HubMessage::Reload(config, reply) => {
                // Whoever asked may have given up.
                _ = reply.send(hub.pools.reload(*config).await);
            }
            HubMessage::RestartPool(name) => hub.pools.restart(&myself, name).await,
            HubMessage::Accepted(connection) => hub.tell(SessionsMessage::Accepted(connection)),
            HubMessage::Sessions(message) => hub.tell(message),
            HubMessage::PanicPool(name) => {
                if let Some(Ok(pool)) = hub.context.directory.get(&name) {
                    _ = pool.actor.cast(PoolMessage::Panic);
                }
            }
            HubMessage::KillListener => hub.kill_listener(),
            HubMessage::KillSupervisor => hub.sessions.kill(),
            HubMessage::Drain(dismissal, drained) => hub.drain(dismissal, drained).await,
            HubMessage::Stop => {
                hub.stop(&myself).await;
                myself.stop(None);
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<HubMessage>,
        event: SupervisionEvent,
        hub: &mut HubState,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorTerminated(who, _, reason) => {
                let reason = reason.unwrap_or_else(|| "it ended".to_owned());
                hub.child_ended(&myself, who.get_id(), &reason).await
            }
            SupervisionEvent::ActorFailed(who, error) => {
                hub.child_ended(&myself, who.get_id(), &error.to_string())
                    .await
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => Ok(()),
        }
    }
}
