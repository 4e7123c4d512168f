//! What the root holds together: the order of starting, of ending, and of starting again.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use tokio::{net::TcpListener, sync::oneshot};

use super::{HubArguments, HubMessage, PoolOpener, pools::Pools};
use crate::{
    actor::{ActorId, ActorProcessingErr, ActorRef, spawn_under},
    listener_actor::{ListenerActor, ListenerArguments},
    session::{Dismissal, SessionContext},
    session_numbers::SessionNumbers,
    sessions_actor::{SessionsActor, SessionsMessage},
    store_writer::StoreWriter,
};

pub(crate) struct HubState {
    pub(super) pools: Pools,
    pub(super) context: SessionContext,
    numbers: SessionNumbers,
    pub(super) sessions: ActorRef<SessionsMessage>,
    listener: Option<Arc<TcpListener>>,
    accepting: Option<ActorRef<()>>,
    writer: StoreWriter,
}

impl HubState {
    /// Every pool that the store knows is up before the first connection is accepted: a node that
    /// comes back finds its leases.
    pub(super) async fn start(
        myself: &ActorRef<HubMessage>,
        arguments: HubArguments,
    ) -> Result<Self, ActorProcessingErr> {
        let HubArguments {
            config,
            clock,
            writer,
            gauge,
            listener,
            door,
            auth,
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
            arrivals: crate::session::Arrivals::default(),
            leavers: crate::session::Leavers::default(),
            gauge,
            opener,
            door,
            backups: crate::session::Backups::new(writer.clone(), clock.started_at().as_millis()),
            auth,
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
        hub.pools.start_all(myself).await?;
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
            silence_after: self.context.config.now().session.silence_after,
        };
        self.accepting = Some(spawn_under(myself.get_cell(), ListenerActor, arguments).await?);
        Ok(())
    }

    pub(super) fn tell(&self, message: SessionsMessage) {
        if self.sessions.cast(message).is_err() {
            tracing::error!("the supervisor of sessions is not there");
        }
    }

    pub(super) async fn drain(&mut self, dismissal: Dismissal, drained: oneshot::Sender<()>) {
        self.context.opener.is_draining.store(true, Relaxed);
        self.stop_listening().await;
        self.tell(SessionsMessage::Drain(dismissal, drained));
    }

    pub(super) fn kill_listener(&self) {
        if let Some(accepting) = &self.accepting {
            accepting.kill();
        }
    }

    /// The port closes with the last handle on it.
    async fn stop_listening(&mut self) {
        self.listener = None;
        if let Some(accepting) = self.accepting.take() {
            // It may have ended by itself.
            _ = accepting.stop_and_wait(None, None).await;
        }
    }

    /// Sessions first, so that what they did is in the pools; then the pools, so that what they
    /// did is in the store; then the store.
    pub(super) async fn stop(&mut self, myself: &ActorRef<HubMessage>) {
        self.context.opener.is_draining.store(true, Relaxed);
        self.stop_listening().await;
        self.sessions
            .get_cell()
            .stop_children_and_wait(None, None)
            .await;
        self.pools.settle().await;
        myself.get_cell().stop_children_and_wait(None, None).await;
        self.writer.stop().await;
        self.context.auth.close().await;
    }

    pub(super) async fn child_ended(
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
