//! The root: starts everything, and starts again what fails.

mod pools;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use leasehold_core::{PoolName, Rejection};
use tokio::{net::TcpListener, sync::oneshot};

use self::pools::Pools;
use crate::{
    actor::{Actor, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent, spawn_under},
    config::HubConfig,
    directory::PoolRef,
    listener_actor::{ListenerActor, ListenerArguments},
    pool_actor::PoolMessage,
    session::{Connection, Dismissal, SessionContext},
    session_numbers::SessionNumbers,
    sessions_actor::{SessionsActor, SessionsMessage},
    store_writer::StoreWriter,
};

/// All that the root is told.
pub(crate) enum HubMessage {
    /// Make the pool if it is not there.
    OpenPool(PoolName, oneshot::Sender<Result<PoolRef, Rejection>>),
    /// Start the pool again after a failure.
    RestartPool(PoolName),
    /// A connection from inside this process.
    Accepted(Connection),
    /// To the supervisor of sessions.
    Sessions(SessionsMessage),
    /// Panic a pool, to show what happens then.
    PanicPool(PoolName),
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
        let (reply, answer) = oneshot::channel();
        // If the hub is ending, the reply is dropped, and the answer says so.
        _ = self.hub.cast(HubMessage::OpenPool(name, reply));
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
    pub(crate) config: Arc<HubConfig>,
    pub(crate) clock: crate::clock::Clock,
    pub(crate) writer: StoreWriter,
    pub(crate) gauge: Arc<crate::gauge::Gauge>,
    pub(crate) listener: Option<TcpListener>,
}

pub(crate) struct HubActor;

pub(crate) struct HubState {
    pools: Pools,
    context: SessionContext,
    numbers: SessionNumbers,
    sessions: ActorRef<SessionsMessage>,
    listener: Option<Arc<TcpListener>>,
    accepting: Option<ActorRef<()>>,
    writer: StoreWriter,
}

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
            HubMessage::RestartPool(name) => hub.pools.restart(&myself, name).await,
            HubMessage::Accepted(connection) => hub.tell(SessionsMessage::Accepted(connection)),
            HubMessage::Sessions(message) => hub.tell(message),
            HubMessage::PanicPool(name) => {
                if let Some(Ok(pool)) = hub.context.directory.get(&name) {
                    _ = pool.actor.cast(PoolMessage::Panic);
                }
            }
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

impl HubState {
    /// Every pool that the store knows is up before the first connection is accepted: a node that
    /// comes back finds its leases.
    async fn start(
        myself: &ActorRef<HubMessage>,
        arguments: HubArguments,
    ) -> Result<Self, ActorProcessingErr> {
        let HubArguments {
            config,
            clock,
            writer,
            gauge,
            listener,
        } = arguments;
        let is_draining = Arc::new(AtomicBool::new(false));
        let opener = PoolOpener {
            hub: myself.clone(),
            is_draining,
        };
        let context = SessionContext {
            config,
            clock,
            directory: crate::directory::Directory::default(),
            registry: crate::session::Registry::default(),
            gauge,
            opener,
        };
        let numbers = SessionNumbers::default();
        let started = (context.clone(), numbers.clone());
        let sessions = spawn_under(myself.get_cell(), SessionsActor, started).await?;
        let mut hub = Self {
            pools: Pools::new(context.clone(), writer.clone()),
            context,
            numbers,
            sessions,
            listener: listener.map(Arc::new),
            accepting: None,
            writer,
        };
        for name in hub.writer.pools().await? {
            hub.pools.open(myself, name).await?;
        }
        hub.listen(myself).await?;
        Ok(hub)
    }

    async fn listen(&mut self, myself: &ActorRef<HubMessage>) -> Result<(), ActorProcessingErr> {
        let Some(listener) = self.listener.clone() else {
            return Ok(());
        };
        let arguments = ListenerArguments {
            listener,
            sessions: self.sessions.clone(),
            silence_after: self.context.config.session.silence_after,
        };
        self.accepting = Some(spawn_under(myself.get_cell(), ListenerActor, arguments).await?);
        Ok(())
    }

    fn tell(&self, message: SessionsMessage) {
        if self.sessions.cast(message).is_err() {
            tracing::error!("the supervisor of sessions is not there");
        }
    }

    async fn drain(&mut self, dismissal: Dismissal, drained: oneshot::Sender<()>) {
        self.context.opener.is_draining.store(true, Relaxed);
        // The port closes with the last handle on it.
        self.listener = None;
        if let Some(accepting) = self.accepting.take() {
            _ = accepting.stop_and_wait(None, None).await;
        }
        self.tell(SessionsMessage::Drain(dismissal, drained));
    }

    /// Sessions first, so that what they did is in the pools; then the pools, so that what they
    /// did is in the store; then the store.
    async fn stop(&mut self, myself: &ActorRef<HubMessage>) {
        self.context.opener.is_draining.store(true, Relaxed);
        self.listener = None;
        self.accepting = None;
        self.sessions
            .get_cell()
            .stop_children_and_wait(None, None)
            .await;
        self.pools.settle().await;
        myself.get_cell().stop_children_and_wait(None, None).await;
        self.writer.stop().await;
    }

    async fn child_ended(
        &mut self,
        myself: &ActorRef<HubMessage>,
        who: ActorId,
        reason: &str,
    ) -> Result<(), ActorProcessingErr> {
        if self.context.opener.is_draining() {
            return Ok(());
        }
        if who == self.sessions.get_id() {
            tracing::error!(
                reason,
                "the supervisor of sessions ended; it is started again"
            );
            let started = (self.context.clone(), self.numbers.clone());
            self.sessions = spawn_under(myself.get_cell(), SessionsActor, started).await?;
            // The listener sends to the old one: it goes, too.
            match self.accepting.take() {
                Some(accepting) => accepting.stop(None),
                None => self.listen(myself).await?,
            }
        } else if self
            .accepting
            .as_ref()
            .is_none_or(|actor| actor.get_id() == who)
            && !self.pools.is_pool(who)
        {
            tracing::warn!(reason, "the listener ended; it is started again");
            self.listen(myself).await?;
        } else {
            self.pools.ended(myself, who, reason);
        }
        Ok(())
    }
}
